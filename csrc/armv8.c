/* ARMv8 SHA-2 instructions. */
#include <stdint.h>

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("sha2"))), apply_to = function)
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#pragma GCC push_options
#pragma GCC target("+crypto") /* in gcc 12 the SHA-2 intrinsics ask for AES too; none of it is used */
#define UNROLL _Pragma("GCC unroll 16")
#endif

#include <arm_neon.h>

#define INLINE static inline __attribute__((always_inline))

typedef uint32x4_t vec;

typedef struct {
    vec abcd, efgh; /* a and e in the lowest lanes */
} state;

INLINE vec add(vec x, vec y)
{
    return vaddq_u32(x, y);
}

INLINE vec load(const uint32_t *words)
{
    return vld1q_u32(words);
}

INLINE vec quad(uint32_t a, uint32_t b, uint32_t c, uint32_t d)
{
    return load((const uint32_t[4]){a, b, c, d});
}

INLINE state load_state(const uint32_t s[8])
{
    return (state){load(s), load(s + 4)};
}

INLINE state with_nonce(state s, uint32_t word)
{
    const vec nonce = quad(word, 0, 0, 0);
    return (state){add(s.abcd, nonce), add(s.efgh, nonce)};
}

INLINE void four_rounds(state *s, vec wk)
{
    const vec abcd = s->abcd;
    s->abcd = vsha256hq_u32(abcd, s->efgh, wk);
    s->efgh = vsha256h2q_u32(s->efgh, abcd, wk);
}

INLINE vec schedule(vec w0, vec w1, vec w2, vec w3)
{
    return vsha256su1q_u32(vsha256su0q_u32(w0, w1), w2, w3);
}

INLINE void digest_message(state s, state midstate, vec w[2])
{
    w[0] = add(s.abcd, midstate.abcd);
    w[1] = add(s.efgh, midstate.efgh);
}

INLINE uint32_t last_word(state s)
{
    return vgetq_lane_u32(s.efgh, 3);
}

#include "two_phase.h"

#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

const hj_variant hj_armv8 = {"armv8", CHAINS, HJ_ARM_SHA2, plain, rolled};
