/* 4 lanes with NEON, which every 64-bit Arm has. */
#include <arm_neon.h>
#include <stdint.h>

typedef uint32_t V __attribute__((vector_size(16)));
#define LANES 4
#define STREAMS 2
#define REGISTER "w"

static inline uint32_t zero_lanes(uint32x4_t x)
{
    const uint32x4_t bits = {1, 2, 4, 8};
    return vaddvq_u32(vandq_u32(vceqzq_u32(x), bits));
}
#define ZERO_LANES(x) zero_lanes((uint32x4_t)(x))
#define CH(e, f, g) ((V)vbslq_u32((uint32x4_t)(e), (uint32x4_t)(f), (uint32x4_t)(g)))

#include "lanes.h"

const hj_variant hj_neon = {"neon", STREAMS * LANES, HJ_NEON, plain, rolled};
