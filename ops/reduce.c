#include "family.h"
rgi_family rgi_reduce_family = {NULL};
