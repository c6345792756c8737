#include "family.h"
rgi_family rgi_index_family = {NULL};
