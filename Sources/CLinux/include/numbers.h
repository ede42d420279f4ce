#pragma once
#include <math.h>

/* libm's functions that Swift's standard library has none for. */
static inline double linux_power(double base, double exponent) { return pow(base, exponent); }
