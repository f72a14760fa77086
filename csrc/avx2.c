/* 8 lanes with AVX2. */
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2"))), apply_to = function)
#else
#pragma GCC target("avx2")
#endif

#include <immintrin.h>
#include <stdint.h>

typedef uint32_t V __attribute__((vector_size(32)));
#define LANES 8
#define STREAMS 2
#define REGISTER "x"
#define ZERO_LANES(x) ((uint32_t)_mm256_movemask_ps((__m256)((x) == 0)))

#include "lanes.h"

const hj_variant hj_avx2 = {"avx2", STREAMS * LANES, HJ_AVX2, plain, rolled};

#if defined(__clang__)
#pragma clang attribute pop
#endif
