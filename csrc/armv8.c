/* ARMv8 SHA-2 instructions. */
#include <stdint.h>

#include <arm_neon.h>

#include "inline.h"

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

INLINE void digest_message(state s, state midstate, vec w[2])
{
    w[0] = add(s.abcd, midstate.abcd);
    w[1] = add(s.efgh, midstate.efgh);
}

INLINE void four_rounds(state *s, const vec *wk)
{
    const vec abcd = s->abcd;
    s->abcd = vsha256hq_u32(abcd, s->efgh, *wk);
    s->efgh = vsha256h2q_u32(s->efgh, abcd, *wk);
}

INLINE void four_rounds_of(state *s, const vec *w, const vec *k)
{
    const vec wk = add(*w, *k);
    four_rounds(s, &wk);
}

INLINE uint32_t last_rounds(state *s, const vec *w, const vec *k)
{
    four_rounds_of(s, w, k);
    return vgetq_lane_u32(s->efgh, 3);
}

INLINE void schedule(vec *w, vec *last)
{
    *last = w[4] = vsha256su1q_u32(vsha256su0q_u32(w[0], w[1]), w[2], *last);
}

#include "two-phase-inl.h"

const hj_variant hj_armv8 = {"armv8", CHAINS, HJ_ARM_SHA2, plain, rolled};
