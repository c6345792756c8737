#include "family.h"
rgi_family rgi_shape_family = {NULL};
