/* x86 SHA instructions with SSE4.1, for CPUs without AVX-512. */
#include <stdint.h>

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("sse4.1,sha"))), apply_to = function)
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#pragma GCC push_options
#pragma GCC target("sse4.1,sha")
#define UNROLL _Pragma("GCC unroll 16")
#endif

#include <immintrin.h>

#define INLINE static inline __attribute__((always_inline))

typedef __m128i vec;

typedef struct {
    vec abef, cdgh; /* as sha256rnds2 wants them: a and c in the highest lanes */
} state;

INLINE vec add(vec x, vec y)
{
    return _mm_add_epi32(x, y);
}

INLINE vec load(const uint32_t *words)
{
    return _mm_loadu_si128((const __m128i *)words);
}

INLINE vec quad(uint32_t a, uint32_t b, uint32_t c, uint32_t d)
{
    return _mm_setr_epi32((int)a, (int)b, (int)c, (int)d);
}

INLINE state load_state(const uint32_t s[8])
{
    return (state){quad(s[5], s[4], s[1], s[0]), quad(s[7], s[6], s[3], s[2])};
}

INLINE state with_nonce(state s, uint32_t word)
{
    return (state){add(s.abef, quad(0, word, 0, word)), s.cdgh};
}

INLINE void four_rounds(state *s, vec wk)
{
    s->cdgh = _mm_sha256rnds2_epu32(s->cdgh, s->abef, wk);
    s->abef = _mm_sha256rnds2_epu32(s->abef, s->cdgh, _mm_shuffle_epi32(wk, 0x0e));
}

INLINE vec schedule(vec w0, vec w1, vec w2, vec w3)
{
    return _mm_sha256msg2_epu32(add(_mm_sha256msg1_epu32(w0, w1), _mm_alignr_epi8(w3, w2, 4)), w3);
}

INLINE void digest_message(state s, state midstate, vec w[2])
{
    vec abef = add(s.abef, midstate.abef), cdgh = add(s.cdgh, midstate.cdgh);
    w[0] = _mm_shuffle_epi32(_mm_unpackhi_epi64(cdgh, abef), 0x1b);
    w[1] = _mm_shuffle_epi32(_mm_unpacklo_epi64(cdgh, abef), 0x1b);
}

/* The round instruction that follows does not change this lane, and the compiler drops it. */
INLINE uint32_t last_word(state s)
{
    return (uint32_t)_mm_cvtsi128_si32(s.cdgh);
}

#include "two_phase.h"

#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

const hj_variant hj_shani = {"shani", CHAINS, HJ_SSE41 | HJ_SHA, plain, rolled};
