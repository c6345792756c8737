/* nn.h: neural networks. */
#ifndef RG_NN_NN_H
#define RG_NN_NN_H
#endif
