/*
 * special.h: functions that the C library has not, or not accurately enough, in double (private).
 *
 * Errors below are in units in the last place, measured on tests/reference/cases/precise_*.txt.
 */
#ifndef RG_OPS_SPECIAL_H
#define RG_OPS_SPECIAL_H

#include "real_ops.h" /* rgi_gauss, which fused statements call */

/* The standard normal distribution: cdf(x) = erfc(-x / sqrt 2) / 2, density e^(-x^2 / 2) /
 * sqrt(2 pi), both accurate in the tails. */
double rgi_normal_cdf(double x);
double rgi_normal_density(double x);

/* ln |Gamma(x)|, without the C library's global sign. */
double rgi_lgamma(double x);

/* The derivative of order n >= 0 of digamma, itself the derivative of lgamma: NaN at 0, -1, ..,
 * and below -50 for n > 30. */
double rgi_polygamma(double n, double x);

/* x tanh(softplus(x)) and its first two derivatives. */
double rgi_mish(double x);
double rgi_mish_slope(double x);
double rgi_mish_bend(double x);

/* x / 2 (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) and its first three derivatives. */
double rgi_gelu_tanh(double x);
double rgi_gelu_tanh_slope(double x);
double rgi_gelu_tanh_bend(double x);
double rgi_gelu_tanh_third(double x);

/* 1 / (1 + e^(b - a)), accurate where a - b rounds; and its derivative to a. */
double rgi_sigmoid_difference(double a, double b);
double rgi_sigmoid_difference_slope(double a, double b);

#endif
