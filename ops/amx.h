/*
 * amx.h: float32 products on the bf16 tiles of x86 processors that have them (Intel AMX). amx.c
 * says how, and how exact they are. Built where RGI_AMX is defined.
 */
#ifndef RG_OPS_AMX_H
#define RG_OPS_AMX_H

#include "kernels.h"

/* Blocks of C that are computed the same way whatever else is computed. */
enum { RGI_AMX_BLOCK = 32 };

/* Whether tiles may be used, for a cpu level of RGI_CPU_AMX. The first call asks the system, whose
 * answer holds for the process; it refuses if a signal stack is too small for the tiles. */
bool rgi_amx_permitted(void);

/* Products as exact as those of the other kernels, and products of about 16 bits. */
rgi_matmul rgi_amx_matmul, rgi_amx_matmul_high;

#endif
