/* 4 lanes with NEON, which every 64-bit Arm has. */
#include <arm_neon.h>

#define LANES 4
#define STREAMS 2
#define REGISTER "w"
#define ZERO_LANES(x) zero_lanes((uint32x4_t)(x))
#define CH(e, f, g) ((V)vbslq_u32((uint32x4_t)(e), (uint32x4_t)(f), (uint32x4_t)(g)))
#define ROUNDS "rounds-c-inl.h"

static inline uint32_t zero_lanes(uint32x4_t x)
{
    const uint32x4_t bits = {1, 2, 4, 8};
    return vaddvq_u32(vandq_u32(vceqzq_u32(x), bits));
}

#include "loops-inl.h"

const hj_variant hj_neon = {"neon", BATCH, HJ_NEON, plain, rolled};
