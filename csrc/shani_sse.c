/* x86 SHA instructions for CPUs without AVX (Atoms from Goldmont to Tremont). */
#include "shani-inl.h"

const hj_variant hj_shani_sse = {"shani_sse", CHAINS, HJ_SSE41 | HJ_SHA, plain, rolled};
