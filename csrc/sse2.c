/* 4 lanes with SSE2, which every 64-bit x86 has. */
#include <emmintrin.h>
#include <stdint.h>

typedef uint32_t V __attribute__((vector_size(16)));
#define LANES 4
#define STREAMS 2
#define REGISTER "x"
#define ZERO_LANES(x) ((uint32_t)_mm_movemask_ps((__m128)((x) == 0)))

#include "lanes.h"

const hj_variant hj_sse2 = {"sse2", STREAMS * LANES, HJ_SSE2, plain, rolled};
