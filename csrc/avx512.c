/* 16 lanes with AVX-512: a rotate or any logic of three inputs is one instruction, and there are 32 registers. */
#include <immintrin.h>

#define LANES 16
#define REGISTER "v"
#define ROTR(x, n) ((V)_mm512_ror_epi32((__m512i)(x), n))
#define TERNARY(x, y, z, table) ((V)_mm512_ternarylogic_epi32((__m512i)(x), (__m512i)(y), (__m512i)(z), table))
#define XOR3(x, y, z) TERNARY(x, y, z, 0x96)
#define CH(e, f, g) TERNARY(e, f, g, 0xca)
#define MAJ(a, b, c) TERNARY(a, b, c, 0xe8)
#define ZERO_LANES(x) _mm512_testn_epi32_mask((__m512i)(x), (__m512i)(x))

#include "beside-inl.h"

const hj_variant hj_avx512 = {"avx512", BATCH, HJ_AVX512F, plain, rolled};
