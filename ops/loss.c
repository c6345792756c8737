#include "family.h"
rgi_family rgi_loss_family = {NULL};
