/* The search of c:avx512 for any CPU, so that it is tested where there is no AVX-512. */
#define LANES 4
#include "generic-inl.h"

#include "beside-inl.h"

const hj_variant hj_generic_beside = {"generic_beside", BATCH, 0, plain, rolled};
