/* What the lane-generic searches share: one source for every instruction set without SHA instructions, plain C included.
 *
 * A V holds one word of LANES hashes. Plain: the lanes are consecutive nonces of one midstate. Rolled: they are
 * midstates (versions) that share one nonce, so the message schedule of the header's second chunk is computed once for
 * each nonce, for LANES nonces at a time.
 *
 * A round is a chain of dependent instructions; to fill a core, something independent must run beside it. There are
 * two ways, each in a file of its own: beside-inl.h and loops-inl.h. A variant includes one of them, and defines
 *
 *   LANES           1, 4, 8 or 16
 *   REGISTER        the inline-assembly constraint for a V
 *   ZERO_LANES(x)   a number with bit i set where lane i of x is zero
 *
 * and those of ROTR, XOR3, CH and MAJ (see sha256_rounds.h) that its instruction set does better than the defaults. */
#ifndef LANES
#error "define LANES before including this template"
#endif
#ifndef REGISTER
#error "define REGISTER before including this template"
#endif
#ifndef ZERO_LANES
#error "define ZERO_LANES before including this template"
#endif

#include <string.h>

#include "inline.h"
#include "sha256.h"
#include "variants.h"

typedef uint32_t uint; /* as OpenCL calls it */

#if LANES == 1
typedef uint V;
#else
typedef uint V __attribute__((vector_size(4 * LANES)));
#endif

static const uint H0[8] = {HJ_SHA256_H};
static const uint K[64] = {HJ_SHA256_K};

#define SPLAT(x) ((V){0} + (x))
#define ADD(x, y) in_order((x) + (y))
#define SHR(x, n) ((x) >> (n))
#ifndef ROTR
#define ROTR(x, n) (((x) >> (n)) | ((x) << (32 - (n))))
#endif
#ifndef XOR3
#define XOR3(x, y, z) ((x) ^ (y) ^ (z))
#endif
#ifndef CH
#define CH(e, f, g) ((g) ^ ((e) & ((f) ^ (g))))
#endif
#ifndef MAJ
#define MAJ(a, b, c) (((a) & (b)) | ((c) & ((a) | (b))))
#endif

/* Makes a sum opaque: compilers would reorder the additions of a round, and let the last term wait for more. */
INLINE V in_order(V sum)
{
    __asm__("" : "+" REGISTER(sum));
    return sum;
}

#include "sha256_rounds.h"

typedef union {
    V v;
    uint lane[LANES];
} words;

/* LANES midstates, and the states a, b, ..., h after rounds 0 to 3 with a nonce of 0. */
typedef struct {
    V midstate[8];
    V start[8];
} group;

/* What is the same for every hash of a job. */
typedef struct {
    uint kw[18];    /* K[t] + W[t] of the first hash, as far as the nonce does not reach W[t] */
    uint known[34]; /* from 16 on: the part of W[t] that the nonce does not reach */
} job_words;

static void prepare_job(job_words *j, const hj_job *job)
{
    uint w[34] = {job->tail[0], job->tail[1], job->tail[2], 0, 0x80000000u};
    w[15] = 80 * 8;
    for (int t = 16; t < 34; t++) {
        j->known[t] = hj_next_word(w[t - 16], w[t - 15], w[t - 7], w[t - 2]);
        w[t] = t < 18 ? j->known[t] : 0;
    }
    for (int t = 0; t < 18; t++) {
        j->kw[t] = K[t] + w[t];
    }
}

/* Lanes beyond the last midstate begin again with the first: a plain job has its one midstate in every lane, and
 * hj_candidate drops what a rolled job finds twice. */
static void load_group(group *group, const hj_job *job, uint first)
{
    words midstates[8], starts[8];
    for (uint n = 0; n < LANES; n++) {
        const uint *midstate = job->midstates + 8 * (size_t)((first + n) % job->n_midstates);
        uint start[8];
        hj_start(start, midstate, job->tail);
        for (int i = 0; i < 8; i++) {
            midstates[i].lane[n] = midstate[i];
            starts[i].lane[n] = start[i];
        }
    }
    for (int i = 0; i < 8; i++) {
        group->midstate[i] = midstates[i].v;
        group->start[i] = starts[i].v;
    }
}

/* LANES consecutive nonces. */
static V nonces_from(uint first)
{
    words nonces;
    for (uint n = 0; n < LANES; n++) {
        nonces.lane[n] = first + n;
    }
    return nonces.v;
}

/* A nonce as W3: the header has it in little-endian order. */
INLINE V nonce_word(V nonce)
{
    return (ROTR(nonce, 8) & 0xff00ff00u) | (ROTR(nonce, 24) & 0x00ff00ffu);
}

/* K[t] of the second hash and, where it is padding, W[t]. */
INLINE uint second_known(int t)
{
    return K[t] + (t == 8 ? 0x80000000u : t == 15 ? 32 * 8 : 0);
}

/* Puts K[t] + W[t] of LANES first hashes into kw[t], t >= 3. Only kw[3] is W3 alone: K[3] is in the group's start. */
static __attribute__((noinline)) void first_schedule(words *kw, V nonces, const job_words *j)
{
    V w[64]; /* of which a WORD that goes around uses 16 */
    kw[3].v = w[3] = nonce_word(nonces);
    for (int t = 4; t < 18; t++) {
        kw[t].v = SPLAT(j->kw[t]);
    }
#define NEXT(t) \
    WORD(w, t) = first_word(w, t, j->known[t]); \
    kw[t].v = ADD(WORD(w, t), K[t]);
    NEXT(18) NEXT(19) NEXT(20) NEXT(21) NEXT(22) NEXT(23) NEXT(24) NEXT(25) NEXT(26) NEXT(27) NEXT(28) NEXT(29)
    NEXT(30) NEXT(31) NEXT(32) NEXT(33)
#undef NEXT
    for (int t = 34; t < 64; t++) {
        WORD(w, t) = next_word(w, t);
        kw[t].v = ADD(WORD(w, t), K[t]);
    }
}

/* The state at round 4, which has the nonce in no more than the last additions of round 3. */
INLINE void first_start(V s[8], const group *group, V w3)
{
    for (int i = 0; i < 8; i++) {
        s[i] = i % 4 ? group->start[i] : ADD(group->start[i], w3);
    }
}

INLINE void first_end(V digest[8], const V s[8], const group *group)
{
    for (int i = 0; i < 8; i++) {
        digest[i] = ADD(s[i], group->midstate[i]);
    }
}

/* A state a, b, ..., h in the places that it has at round t, and back. */
INLINE void to_places(V places[8], const V s[8], int t)
{
    for (int i = 0; i < 8; i++) {
        VARIABLE(places, i, t) = s[i];
    }
}

INLINE void from_places(V s[8], const V places[8], int t)
{
    for (int i = 0; i < 8; i++) {
        s[i] = VARIABLE(places, i, t);
    }
}
