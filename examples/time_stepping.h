/* time_stepping.h: the grid of both time stepping programs. */
#ifndef EXAMPLES_TIME_STEPPING_H
#define EXAMPLES_TIME_STEPPING_H

enum { POINTS = 100 };

#define COURANT 0.125 /* wave speed times time step over grid spacing */
#define RATIO   0.1   /* time step over grid spacing */

#endif
