#include "family.h"
rgi_family rgi_softmax_family = {NULL};
