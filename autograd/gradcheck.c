#include "gradcheck.h"
