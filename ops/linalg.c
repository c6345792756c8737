#include "family.h"
rgi_family rgi_linalg_family = {NULL};
