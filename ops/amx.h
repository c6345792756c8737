/*
 * amx.h: float32 products on the bf16 tiles of x86 processors that have them (Intel AMX). amx.c
 * says how, and how exact they are. Built where RGI_AMX is defined.
 */
#ifndef RG_OPS_AMX_H
#define RG_OPS_AMX_H

#include "kernels.h"

/* Blocks of C that are computed the same way whatever else is computed. */
enum { RGI_AMX_BLOCK = 32 };

/* Whether the system lets the process use tiles, for a cpu level of RGI_CPU_AMX. It refuses if a
 * signal stack is too small for their state; having agreed, it refuses smaller ones. */
bool rgi_amx_permitted(void);

/* Whether tiles can be used for a product, and gain. */
bool rgi_amx_suits(rg_matmul_precision precision, int64_t m, int64_t n, int64_t k,
                   const rgi_matrix *a, const rgi_matrix *b);

/* Products as exact as those of the other kernels, and products of about 16 bits. One step of A is
 * 1, and one of B. */
rgi_matmul rgi_amx_matmul, rgi_amx_matmul_high;

#endif
