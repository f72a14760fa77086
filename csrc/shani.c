/* x86 SHA instructions among AVX instructions, which have a third operand and so need fewer moves. */
#include "shani-inl.h"

const hj_variant hj_shani = {"shani", CHAINS, HJ_AVX | HJ_SHA, plain, rolled};
