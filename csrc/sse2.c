/* 4 lanes with SSE2, which every 64-bit x86 has. */
#include <emmintrin.h>

#define LANES 4
#define STREAMS 1
#define REGISTER "x"
#define ZERO_LANES(x) ((uint32_t)_mm_movemask_ps((__m128)((x) == 0)))
#define ROUNDS "rounds-x86-inl.h"

#include "loops-inl.h"

const hj_variant hj_sse2 = {"sse2", BATCH, HJ_SSE2, plain, rolled};
