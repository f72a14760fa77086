/* The lane-generic search: one source for every instruction set without SHA instructions, scalar C included.
 *
 * A batch is LANES hashes, one in each lane of a V. Plain: the lanes are consecutive nonces of one midstate.
 * Rolled: they are midstates (versions) that share one nonce, so the message schedule of the header's second chunk
 * is computed once per nonce, for LANES nonces at a time, and each of its words is broadcast.
 *
 * One step runs the first hash of a batch and the second hash of the batch before it. They do not depend on each
 * other, so with HJ_BESIDE they go round by round, which fills the pipelines of a wide core; where registers are
 * few they go one after the other.
 *
 * The includer defines LANES, V and the primitives of sha256_rounds.h that differ from the defaults below, and
 * ZERO_LANES(x), which has bit i set where lane i of x is zero. */
#include <string.h>

#include "core.h"
#include "sha256_constants.h"

typedef uint32_t uint; /* as OpenCL calls it */

static const uint H0[8] = {HJ_SHA256_H};
static const uint K[64] = {HJ_SHA256_K};

#define INLINE static inline __attribute__((always_inline))
#define SPLAT(x) ((V){0} + (x))
#define ADD(x, y) ((x) + (y))
#define SHR(x, n) ((x) >> (n))
#ifndef ROTR
#define ROTR(x, n) ((x) >> (n) | (x) << (32 - (n)))
#endif
#ifndef XOR3
#define XOR3(x, y, z) ((x) ^ (y) ^ (z))
#define CH(e, f, g) ((g) ^ ((e) & ((f) ^ (g))))
#define MAJ(a, b, c) (((a) & (b)) | ((c) & ((a) | (b))))
#endif

#include "sha256_rounds.h"

/* The rounds of the first hash that come after the nonce. */
#define EACH_ROUND(X) \
    X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13) X(14) X(15) X(16) X(17) X(18) X(19) X(20) X(21) X(22) X(23) \
    X(24) X(25) X(26) X(27) X(28) X(29) X(30) X(31) X(32) X(33) X(34) X(35) X(36) X(37) X(38) X(39) X(40) X(41) X(42) \
    X(43) X(44) X(45) X(46) X(47) X(48) X(49) X(50) X(51) X(52) X(53) X(54) X(55) X(56) X(57) X(58) X(59) X(60) X(61) \
    X(62) X(63)

/* FIRST and SECOND are the two hashes' rounds in terms of t; the second hash's 60 rounds are 1 to 60. */
#ifdef HJ_BESIDE
#define BOTH_ROUNDS(t) FIRST(t) SECOND(t)
#define BOTH_HASHES EACH_ROUND(BOTH_ROUNDS)
#else
#define BOTH_HASHES EACH_ROUND(FIRST) EACH_ROUND(SECOND)
#endif
#define SECOND(t) second_round(r, w, (t) - 3);

typedef union {
    V v;
    uint lane[LANES];
} words;

/* LANES midstates, and what becomes of them in rounds 0 to 3 with a nonce of 0. */
typedef struct {
    V midstate[8];
    V start[8];
} group;

/* What the nonce does not reach in the first hash: K[t] + W[t] for t < 18, then its part of W[t]. */
typedef struct {
    uint at[34];
} known_words;

static uint rotr(uint x, int n)
{
    return x >> n | x << (32 - n);
}

static known_words known_part(const hj_job *job)
{
    uint w[34] = {job->tail[0], job->tail[1], job->tail[2], 0, 0x80000000u};
    known_words known;
    w[15] = 80 * 8;
    for (int t = 0; t < 34; t++) {
        if (t >= 16) {
            uint s0 = rotr(w[t - 15], 7) ^ rotr(w[t - 15], 18) ^ w[t - 15] >> 3;
            uint s1 = rotr(w[t - 2], 17) ^ rotr(w[t - 2], 19) ^ w[t - 2] >> 10;
            known.at[t] = s1 + w[t - 7] + s0 + w[t - 16];
        }
        if (t < 18) {
            w[t] = t < 16 ? w[t] : known.at[t];
            known.at[t] = K[t] + w[t];
        }
    }
    return known;
}

/* Lanes beyond the last midstate begin again with the first: a plain job has its one midstate in every lane, and
 * what a rolled job finds twice is dropped by hj_candidate. */
static void load_group(group *group, const hj_job *job, uint first, const known_words *known)
{
    for (int i = 0; i < 8; i++) {
        words word;
        for (uint n = 0; n < LANES; n++) {
            word.lane[n] = job->midstates[8 * (size_t)((first + n) % job->n_midstates) + i];
        }
        group->midstate[i] = group->start[i] = word.v;
    }
    for (int t = 0; t < 4; t++) {
        TAKE(group->start, t, known->at[t]);
        full_round(group->start, t);
    }
}

/* W3 for LANES consecutive nonces: the header has them in little-endian order. */
static V nonce_words(uint first)
{
    words nonce;
    for (uint n = 0; n < LANES; n++) {
        nonce.lane[n] = hj_bswap32(first + n);
    }
    return nonce.v;
}

/* K[t] + W[t] of the first hash for LANES nonces. */
static void schedule(words kw[64], V nonces, const known_words *known)
{
    V w[16];
    w[3] = nonces;
    for (int t = 4; t < 18; t++) {
        kw[t].v = SPLAT(known->at[t]);
    }
#define SCHEDULE(t) \
    if (t >= 18) { \
        WORD(w, t) = first_word(w, t, known->at[t < 34 ? t : 0]); \
        kw[t].v = ADD(WORD(w, t), K[t]); \
    }
    EACH_ROUND(SCHEDULE)
}

/* Round 3 has the nonce in no more than its last additions. */
INLINE void first_start(V *s, const group *group, V nonce)
{
    memcpy(s, group->start, sizeof group->start);
    VARIABLE(s, 0, 4) = ADD(VARIABLE(s, 0, 4), nonce);
    VARIABLE(s, 4, 4) = ADD(VARIABLE(s, 4, 4), nonce);
}

INLINE void first_round(V *s, V *u, const known_words *known, int t)
{
    if (t < 18) {
        TAKE(s, t, known->at[t]);
    } else {
        WORD(u, t) = first_word(u, t, known->at[t < 34 ? t : 0]);
        TAKE(s, t, K[t]);
        TAKE(s, t, WORD(u, t));
    }
    full_round(s, t);
}

/* Both steps take the digests of the last batch's first hash from `digest` and leave there those of this batch.
 * Their result has a bit set for each candidate of the last batch. */
static __attribute__((noinline)) uint plain_step(V digest[8], const group *group, V nonces, const known_words *known,
                                                 uint filter)
{
    V s[8], u[16], r[8], w[16];
    memcpy(w, digest, 8 * sizeof *w);
    second_start(r, w[0]);
    first_start(s, group, nonces);
    u[3] = nonces;
#define FIRST(t) first_round(s, u, known, t);
    BOTH_HASHES
#undef FIRST
    for (int i = 0; i < 8; i++) {
        digest[i] = ADD(s[i], group->midstate[i]);
    }
    return ZERO_LANES(VARIABLE(r, 4, 61) & filter);
}

static __attribute__((noinline)) uint rolled_step(V digest[8], const group *group, uint nonce, const words *kw,
                                                  uint n, uint filter)
{
    V s[8], r[8], w[16];
    memcpy(w, digest, 8 * sizeof *w);
    second_start(r, w[0]);
    first_start(s, group, SPLAT(nonce));
#define FIRST(t) TAKE(s, t, kw[t].lane[n]); full_round(s, t);
    BOTH_HASHES
#undef FIRST
    for (int i = 0; i < 8; i++) {
        digest[i] = ADD(s[i], group->midstate[i]);
    }
    return ZERO_LANES(VARIABLE(r, 4, 61) & filter);
}

/* Reports lane n of a batch as the pair (midstate + n, offset) or (midstate, offset + n). */
static void report(hj_task *task, uint found, uint midstate, uint64_t offset)
{
    const int is_rolled = task->job->n_midstates > 1;
    for (uint n = 0; found; n++, found >>= 1) {
        if (found & 1) {
            hj_candidate(task, is_rolled ? midstate + n : 0, is_rolled ? offset : offset + n);
        }
    }
}

/* Searches run one step more than they have batches, to finish the last. What the first step finds is nothing:
 * its offset lies beyond every range, so hj_candidate drops it. */
static void plain(hj_task *task)
{
    const known_words known = known_part(task->job);
    V digest[8];
    group group;
    memset(digest, 0, sizeof digest);
    load_group(&group, task->job, 0, &known);
    for (uint64_t offset = 0; offset < task->count + LANES; offset += LANES) {
        uint found = plain_step(digest, &group, nonce_words(task->first + (uint)offset), &known, task->filter);
        report(task, found, 0, offset - LANES);
    }
}

static void rolled(hj_task *task)
{
    const known_words known = known_part(task->job);
    const uint n_groups = (task->job->n_midstates + LANES - 1) / LANES;
    group groups[HJ_MAX_MIDSTATES / LANES];
    words nonces, kw[64];
    V digest[8];
    uint64_t last_offset = task->count;
    uint last_midstate = 0;
    memset(digest, 0, sizeof digest);
    for (uint g = 0; g < n_groups; g++) {
        load_group(&groups[g], task->job, g * LANES, &known);
    }
    for (uint64_t offset = 0; offset < task->count; offset++) {
        uint n = offset % LANES;
        if (n == 0) {
            nonces.v = nonce_words(task->first + (uint)offset);
            schedule(kw, nonces.v, &known);
        }
        for (uint g = 0; g < n_groups; g++) {
            uint found = rolled_step(digest, &groups[g], nonces.lane[n], kw, n, task->filter);
            report(task, found, last_midstate, last_offset);
            last_midstate = g * LANES;
            last_offset = offset;
        }
    }
    report(task, rolled_step(digest, groups, 0, kw, 0, task->filter), last_midstate, last_offset);
}
