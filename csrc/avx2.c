/* 8 lanes with AVX2. */
#include <immintrin.h>

#define LANES 8
#define STREAMS 1
#define REGISTER "x"
#define ZERO_LANES(x) ((uint32_t)_mm256_movemask_ps((__m256)((x) == 0)))
#define ROUNDS "rounds-x86-inl.h"

#include "loops-inl.h"

const hj_variant hj_avx2 = {"avx2", BATCH, HJ_AVX2, plain, rolled};
