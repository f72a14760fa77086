/* x86 SHA instructions. They take the state as a, b, e, f and c, d, g, h, and K + W in xmm0.
 *
 * Compilers make up to 300 needless register moves of the intrinsics, for xmm0 is an operand that they cannot choose.
 * So rounds and schedule are statements of assembly, with the words in memory, where loading them costs nothing. */
#include <immintrin.h>
#include <stdint.h>

#include "inline.h"

typedef __m128i vec;

typedef struct {
    vec abef, cdgh; /* a and c in the highest lanes */
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

INLINE void digest_message(state s, state midstate, vec w[2])
{
    vec abef = add(s.abef, midstate.abef), cdgh = add(s.cdgh, midstate.cdgh);
    w[0] = _mm_shuffle_epi32(_mm_unpackhi_epi64(cdgh, abef), 0x1b);
    w[1] = _mm_shuffle_epi32(_mm_unpacklo_epi64(cdgh, abef), 0x1b);
}

#ifdef __AVX__
#define MOVE(x, z) "vmovdqa " x ", " z "\n\t"
#define ADD_TO(x, z) "vpaddd " x ", " z ", " z "\n\t"
#define UPPER_HALF(z) "vpshufd $0x0e, " z ", " z "\n\t"
#define ALIGN(low, high, z) "vpalignr $4, " low ", " high ", " z "\n\t"
#else
#define MOVE(x, z) "movdqa " x ", " z "\n\t"
#define ADD_TO(x, z) "paddd " x ", " z "\n\t"
#define UPPER_HALF(z) "pshufd $0x0e, " z ", " z "\n\t"
#define ALIGN(low, high, z) MOVE(high, z) "palignr $4, " low ", " z "\n\t"
#endif
#define TWO_ROUNDS(x, z) "sha256rnds2 %%xmm0, " x ", " z "\n\t"
#define FOUR_ROUNDS TWO_ROUNDS("%[abef]", "%[cdgh]") UPPER_HALF("%%xmm0") TWO_ROUNDS("%[cdgh]", "%[abef]")

INLINE void four_rounds(state *s, const vec *wk)
{
    __asm__ volatile(MOVE("%[wk]", "%%xmm0") FOUR_ROUNDS
                     : [abef] "+x"(s->abef), [cdgh] "+x"(s->cdgh)
                     : [wk] "m"(*wk)
                     : "xmm0");
}

INLINE void four_rounds_of(state *s, const vec *w, const vec *k)
{
    __asm__ volatile(MOVE("%[w]", "%%xmm0") ADD_TO("%[k]", "%%xmm0") FOUR_ROUNDS
                     : [abef] "+x"(s->abef), [cdgh] "+x"(s->cdgh)
                     : [w] "m"(*w), [k] "m"(*k)
                     : "xmm0");
}

/* Rounds 62 and 63 only move the e of round 60 to the place of h. */
INLINE uint32_t last_rounds(state *s, const vec *w, const vec *k)
{
    __asm__ volatile(MOVE("%[w]", "%%xmm0") ADD_TO("%[k]", "%%xmm0") TWO_ROUNDS("%[abef]", "%[cdgh]")
                     : [cdgh] "+x"(s->cdgh)
                     : [abef] "x"(s->abef), [w] "m"(*w), [k] "m"(*k)
                     : "xmm0");
    return (uint32_t)_mm_cvtsi128_si32(s->cdgh);
}

INLINE void schedule(vec *w, vec *last)
{
    vec next, aligned;
    __asm__ volatile(MOVE("%[w0]", "%[next]") "sha256msg1 %[w1], %[next]\n\t" ALIGN("%[w2]", "%[last]", "%[aligned]")
                     ADD_TO("%[aligned]", "%[next]") "sha256msg2 %[last], %[next]\n\t" MOVE("%[next]", "%[w4]")
                     : [next] "=&x"(next), [aligned] "=&x"(aligned), [w4] "=m"(w[4])
                     : [w0] "m"(w[0]), [w1] "m"(w[1]), [w2] "m"(w[2]), [last] "x"(*last));
    *last = next;
}

#include "two-phase-inl.h"
