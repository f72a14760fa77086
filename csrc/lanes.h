/* The lane-generic search: one source for every instruction set without SHA instructions, scalar C included.
 *
 * A step works on STREAMS times LANES hashes, one hash in each lane of a V. Plain: they are consecutive nonces of one
 * midstate. Rolled: they are midstates (versions) that share one nonce, so the message schedule of the header's
 * second chunk is computed once per nonce, for LANES nonces at a time, and each of its words is broadcast.
 *
 * A round is a chain of dependent instructions, and a core is filled by two or more chains side by side. There are
 * two ways to have them:
 * - BESIDE: the first hashes of one batch go beside the first half of the second hashes of the batch before and the
 *   second half of those of the one before that, round by round, in one straight line. Best where a round is short
 *   and there are 32 registers (AVX-512).
 * - otherwise: STREAMS hashes side by side, in loops of eight rounds, the second hashes of the batch before and then
 *   the first of its own. Best where a round takes many instructions: in a straight line they no longer fit the cache
 *   of decoded instructions, and then decoding takes the time.
 *
 * The includer defines LANES, STREAMS (1 or 2), V, REGISTER (the inline-assembly constraint for a V), ZERO_LANES(x),
 * which has bit i set where lane i of x is zero, and those primitives of sha256_rounds.h for which it has something
 * better than the defaults below. */
#include <string.h>

#include "core.h"
#include "sha256_constants.h"

typedef uint32_t uint; /* as OpenCL calls it */

static const uint H0[8] = {HJ_SHA256_H};
static const uint K[64] = {HJ_SHA256_K};

#define INLINE static inline __attribute__((always_inline))
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
#ifndef MAJ /* b ^ c is the a ^ b of the round before */
#define MAJ(a, b, c) ((b) ^ (((a) ^ (b)) & ((b) ^ (c))))
#endif

/* Makes a sum opaque: compilers would reorder the additions of a round, and let the last term wait for more. */
INLINE V in_order(V sum)
{
    __asm__("" : "+" REGISTER(sum));
    return sum;
}

#include "sha256_rounds.h"

/* The words that both schedules compute. */
#define WORDS_18_TO_60(X) \
    X(18) X(19) X(20) X(21) X(22) X(23) X(24) X(25) X(26) X(27) X(28) X(29) X(30) X(31) X(32) X(33) X(34) X(35) X(36) \
    X(37) X(38) X(39) X(40) X(41) X(42) X(43) X(44) X(45) X(46) X(47) X(48) X(49) X(50) X(51) X(52) X(53) X(54) X(55) \
    X(56) X(57) X(58) X(59) X(60)

typedef union {
    V v;
    uint lane[LANES];
} words;

/* LANES midstates, and what rounds 0 to 3 make of them with a nonce of 0. */
typedef struct {
    V midstate[8];
    V start[8];
} group;

/* What is the same for every hash of a job. */
typedef struct {
    uint kw[18];    /* K[t] + W[t] of the first hash, as far as the nonce does not reach W[t] */
    uint known[34]; /* from 18 on: the part of W[t] that the nonce does not reach */
    uint k[64];     /* K as memory operands: compilers would put constants through integer registers */
} job_words;

static uint rotr(uint x, int n)
{
    return x >> n | x << (32 - n);
}

/* K[t] and, where W[t] of the second hash is padding, W[t]. */
INLINE uint second_known(const job_words *j, int t)
{
    return j->k[t] + (t == 8 ? 0x80000000u : t == 15 ? 32 * 8 : 0);
}

static void prepare_job(job_words *j, const hj_job *job)
{
    uint w[34] = {job->tail[0], job->tail[1], job->tail[2], 0, 0x80000000u};
    w[15] = 80 * 8;
    memcpy(j->k, K, sizeof K);
    for (int t = 16; t < 34; t++) {
        uint s0 = rotr(w[t - 15], 7) ^ rotr(w[t - 15], 18) ^ w[t - 15] >> 3;
        uint s1 = rotr(w[t - 2], 17) ^ rotr(w[t - 2], 19) ^ w[t - 2] >> 10;
        j->known[t] = s1 + w[t - 7] + s0 + w[t - 16];
        w[t] = t < 18 ? j->known[t] : 0;
    }
    for (int t = 0; t < 18; t++) {
        j->kw[t] = K[t] + w[t];
    }
}

/* Lanes beyond the last midstate begin again with the first: a plain job has its one midstate in every lane, and
 * what a rolled job finds twice is dropped by hj_candidate. */
static void load_group(group *group, const hj_job *job, uint first, const job_words *j)
{
    for (int i = 0; i < 8; i++) {
        words word;
        for (uint n = 0; n < LANES; n++) {
            word.lane[n] = job->midstates[8 * (size_t)((first + n) % job->n_midstates) + i];
        }
        group->midstate[i] = group->start[i] = word.v;
    }
    for (int t = 0; t < 4; t++) {
        TAKE(group->start, t, j->kw[t]);
        full_round(group->start, t);
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

/* K[t] + W[t] of LANES first hashes goes to kw[t * step]. Only kw[3] is W3 alone: K[3] is in the group's start. */
static __attribute__((noinline)) void first_schedule(words *kw, int step, V nonces, const job_words *j)
{
    V w[16];
    kw[3 * step].v = w[3] = nonce_word(nonces);
    for (int t = 4; t < 18; t++) {
        kw[t * step].v = SPLAT(j->kw[t]);
    }
#define NEXT(t) \
    WORD(w, t) = first_word(w, t, j->known[t < 34 ? t : 0]); \
    kw[t * step].v = ADD(WORD(w, t), j->k[t]);
    WORDS_18_TO_60(NEXT) NEXT(61) NEXT(62) NEXT(63)
#undef NEXT
}

/* Round 3 has the nonce in no more than its last additions. */
INLINE void first_start(V s[8], const group *group, V w3)
{
    memcpy(s, group->start, sizeof group->start);
    VARIABLE(s, 0, 4) = ADD(VARIABLE(s, 0, 4), w3);
    VARIABLE(s, 4, 4) = ADD(VARIABLE(s, 4, 4), w3);
}

INLINE void first_end(V digest[8], const V s[8], const group *group)
{
    for (int i = 0; i < 8; i++) {
        digest[i] = ADD(s[i], group->midstate[i]);
    }
}

#ifdef BESIDE

INLINE void plain_round(V *s, V *w, int t, const job_words *j)
{
    if (t < 18) {
        TAKE(s, t, j->kw[t]);
    } else {
        WORD(w, t) = first_word(w, t, j->known[t < 34 ? t : 0]);
        TAKE(s, t, j->k[t]);
        TAKE(s, t, WORD(w, t));
    }
    full_round(s, t);
}

INLINE void second_round(V *s, V *w, int t, const job_words *j)
{
    if (t >= 16) {
        WORD(w, t) = second_word(w, t);
    }
    TAKE(s, t, second_known(j, t));
    if (t < 8 || t >= 16) {
        TAKE(s, t, WORD(w, t));
    }
    if (t < 57) {
        full_round(s, t);
    } else {
        half_round(s, t);
    }
}

/* Steps from the first hash of a batch to the end of its second. */
enum { DEPTH = 2 };

/* What a step hands on: the digests of its first hashes, and second hashes after round 30. */
typedef struct {
    V digest[8];
    V r[8], w[16];
} flow;

/* FIRST_ROUND(t) is the first hash's round in state s. Beside two of them go one round of a second hash in its first
 * half (r, w: rounds 1 to 30) and one of another in its second half (q, v: rounds 31 to 60): three chains of rounds
 * that do not wait for each other, which hides the latency of their instructions. */
#define PAIR_OF_ROUNDS(t) \
    FIRST_ROUND(t) \
    if ((t) % 2) { \
        second_round(q, v, (t) / 2 + 29, j); \
    } else { \
        second_round(r, w, (t) / 2 - 1, j); \
    }
#define ALL_ROUNDS \
    PAIR_OF_ROUNDS(4) PAIR_OF_ROUNDS(5) PAIR_OF_ROUNDS(6) PAIR_OF_ROUNDS(7) PAIR_OF_ROUNDS(8) PAIR_OF_ROUNDS(9) \
    PAIR_OF_ROUNDS(10) PAIR_OF_ROUNDS(11) PAIR_OF_ROUNDS(12) PAIR_OF_ROUNDS(13) PAIR_OF_ROUNDS(14) \
    PAIR_OF_ROUNDS(15) PAIR_OF_ROUNDS(16) PAIR_OF_ROUNDS(17) WORDS_18_TO_60(PAIR_OF_ROUNDS) \
    PAIR_OF_ROUNDS(61) PAIR_OF_ROUNDS(62) PAIR_OF_ROUNDS(63)

INLINE void take_up(const flow *flow, V r[8], V w[16], V q[8], V v[16])
{
    memcpy(w, flow->digest, sizeof flow->digest);
    second_start(r, w[0]);
    memcpy(q, flow->r, sizeof flow->r);
    memcpy(v, flow->w, sizeof flow->w);
}

INLINE void hand_on(flow *flow, const V s[8], const group *group, const V r[8], const V w[16])
{
    first_end(flow->digest, s, group);
    memcpy(flow->r, r, sizeof flow->r);
    memcpy(flow->w, w, sizeof flow->w);
}

static __attribute__((noinline)) uint64_t plain_step(flow *flow, const group *group, const V *nonces,
                                                     const job_words *j, uint filter)
{
    V s[8], u[16], r[8], w[16], q[8], v[16];
    take_up(flow, r, w, q, v);
    u[3] = nonce_word(*nonces);
    first_start(s, group, u[3]);
#define FIRST_ROUND(t) plain_round(s, u, t, j);
    ALL_ROUNDS
#undef FIRST_ROUND
    hand_on(flow, s, group, r, w);
    return ZERO_LANES(ADD(VARIABLE(q, 4, 61), H0[7]) & filter);
}

static __attribute__((noinline)) uint64_t rolled_step(flow *flow, const group *group, const words *kw, uint n,
                                                      const job_words *j, uint filter)
{
    V s[8], r[8], w[16], q[8], v[16];
    take_up(flow, r, w, q, v);
    first_start(s, group, SPLAT(kw[3].lane[n]));
#define FIRST_ROUND(t) TAKE(s, t, kw[t].lane[n]); full_round(s, t);
    ALL_ROUNDS
#undef FIRST_ROUND
    hand_on(flow, s, group, r, w);
    return ZERO_LANES(ADD(VARIABLE(q, 4, 61), H0[7]) & filter);
}

#else

enum { DEPTH = 1 };

/* What a step hands on: the digests of its first hashes. */
typedef struct {
    V digest[STREAMS][8];
} flow;

#if STREAMS == 1
#define EACH_STREAM(X, t) X(0, t)
#else
#define EACH_STREAM(X, t) X(0, t) X(1, t)
#endif

#define FOUR_ROUNDS(X, t) \
    EACH_STREAM(X, (t)) EACH_STREAM(X, (t) + 1) EACH_STREAM(X, (t) + 2) EACH_STREAM(X, (t) + 3)

/* Rounds t to t + 55, with X in terms of t to t + 7 while kw moves on by eight rounds of `step` words. */
#define ROUNDS_56(X, t, kw, step) \
    for (int block = 0; block < 7; block++, kw += 8 * (step)) { \
        FOUR_ROUNDS(X, t) \
        FOUR_ROUNDS(X, t + 4) \
    }

/* K[t] + W[t] of LANES second hashes, t = 1 to 60; those from 8 to 15 are padding. */
static __attribute__((noinline)) void second_schedule(words *kw, const V digest[8], const job_words *j)
{
    V w[16];
    memcpy(w, digest, 8 * sizeof *w);
    for (int t = 1; t < 16; t++) {
        V known = SPLAT(second_known(j, t));
        kw[t * STREAMS].v = t < 8 ? ADD(w[t], known) : known;
    }
#define NEXT(t) \
    WORD(w, t) = second_word(w, t); \
    kw[t * STREAMS].v = ADD(WORD(w, t), j->k[t]);
    NEXT(16) NEXT(17) WORDS_18_TO_60(NEXT)
#undef NEXT
}

/* Second hashes as far as digest word 7. Bit i * LANES + n of the result is set where lane n of stream i passes. */
static __attribute__((noinline)) uint64_t second_hashes(const V digest[STREAMS][8], const job_words *j, uint filter)
{
    words schedule[61 * STREAMS], *kw = schedule;
    V s[STREAMS][8];
    uint64_t passed = 0;
    for (int i = 0; i < STREAMS; i++) {
        second_schedule(kw + i, digest[i], j);
    }
#define START(i, t) second_start(s[i], digest[i][t]);
#define ROUND(i, t) TAKE(s[i], t, kw[(t) * STREAMS + i].v); full_round(s[i], t);
#define LAST_ROUND(i, t) TAKE(s[i], t, kw[(t) * STREAMS + i].v); half_round(s[i], t);
#define END(i, t) passed |= (uint64_t)ZERO_LANES(ADD(VARIABLE(s[i], 4, t), H0[7]) & filter) << (i * LANES);
    EACH_STREAM(START, 0)
    ROUNDS_56(ROUND, 1, kw, STREAMS)
    FOUR_ROUNDS(LAST_ROUND, 1)
    EACH_STREAM(END, 61)
#undef START
#undef ROUND
#undef LAST_ROUND
#undef END
    return passed;
}

/* All streams have the same group, and each its own nonces and schedule. */
static __attribute__((noinline)) uint64_t plain_step(flow *flow, const group *group, const V *nonces,
                                                     const job_words *j, uint filter)
{
    words schedule[64 * STREAMS], *kw = schedule;
    V s[STREAMS][8];
    uint64_t passed = second_hashes((const V(*)[8])flow->digest, j, filter);
    for (uint i = 0; i < STREAMS; i++) {
        first_schedule(kw + i, STREAMS, *nonces + i * LANES, j);
    }
#define START(i, t) first_start(s[i], group, kw[t * STREAMS + i].v);
#define ROUND(i, t) TAKE(s[i], t, kw[(t) * STREAMS + i].v); full_round(s[i], t);
#define END(i, t) first_end(flow->digest[i], s[i], group);
    EACH_STREAM(START, 3)
    ROUNDS_56(ROUND, 4, kw, STREAMS)
    FOUR_ROUNDS(ROUND, 4)
    EACH_STREAM(END, 64)
#undef START
#undef ROUND
#undef END
    return passed;
}

/* Each stream has its own group, and all have nonce n of the schedule. */
static __attribute__((noinline)) uint64_t rolled_step(flow *flow, const group *groups, const words *kw, uint n,
                                                      const job_words *j, uint filter)
{
    V s[STREAMS][8];
    uint64_t passed = second_hashes((const V(*)[8])flow->digest, j, filter);
#define START(i, t) first_start(s[i], &groups[i], SPLAT(kw[t].lane[n]));
#define ROUND(i, t) TAKE(s[i], t, kw[t].lane[n]); full_round(s[i], t);
#define END(i, t) first_end(flow->digest[i], s[i], &groups[i]);
    EACH_STREAM(START, 3)
    ROUNDS_56(ROUND, 4, kw, 1)
    FOUR_ROUNDS(ROUND, 4)
    EACH_STREAM(END, 64)
#undef START
#undef ROUND
#undef END
    return passed;
}

#endif

/* Bit n of a step's result is the pair (midstate, offset + n) or, rolled, (midstate + n, offset). */
static void report(hj_task *task, uint64_t passed, uint midstate, uint64_t offset)
{
    const int is_rolled = task->job->n_midstates > 1;
    for (uint n = 0; passed; n++, passed >>= 1) {
        if (passed & 1) {
            hj_candidate(task, is_rolled ? midstate + n : 0, is_rolled ? offset : offset + n);
        }
    }
}

/* A search does DEPTH steps more than it has, for the second hashes of the last. What the first steps report is
 * nothing yet, and its offset is beyond every range, so that hj_candidate drops it. */
static void plain(hj_task *task)
{
    flow flow;
    V nonces = nonces_from(task->first);
    job_words j;
    group group;
    prepare_job(&j, task->job);
    load_group(&group, task->job, 0, &j);
    memset(&flow, 0, sizeof flow);
    for (uint64_t offset = 0; offset < task->count + DEPTH * STREAMS * LANES; offset += STREAMS * LANES) {
        report(task, plain_step(&flow, &group, &nonces, &j, task->filter), 0, offset - DEPTH * STREAMS * LANES);
        nonces += STREAMS * LANES;
    }
}

/* Where in the search a step's first hashes are. */
typedef struct {
    uint midstate;
    uint64_t offset;
} place;

static void rolled_at(hj_task *task, flow *flow, place places[DEPTH], place place, const group *groups, const words *kw,
                      const job_words *j)
{
    uint64_t passed = rolled_step(flow, &groups[place.midstate / LANES], kw, place.offset % LANES, j, task->filter);
    report(task, passed, places[0].midstate, places[0].offset);
    memmove(places, places + 1, (DEPTH - 1) * sizeof *places);
    places[DEPTH - 1] = place;
}

static void rolled(hj_task *task)
{
    words kw[64];
    flow flow;
    job_words j;
    group groups[HJ_MAX_MIDSTATES / LANES];
    place places[DEPTH];
    prepare_job(&j, task->job);
    for (uint g = 0; g < HJ_MAX_MIDSTATES / LANES; g++) {
        load_group(&groups[g], task->job, g * LANES, &j);
    }
    memset(&flow, 0, sizeof flow);
    for (int i = 0; i < DEPTH; i++) {
        places[i] = (place){0, task->count};
    }
    for (uint64_t offset = 0; offset < task->count; offset++) {
        if (offset % LANES == 0) {
            first_schedule(kw, 1, nonces_from(task->first + (uint)offset), &j);
        }
        for (uint midstate = 0; midstate < task->job->n_midstates; midstate += STREAMS * LANES) {
            rolled_at(task, &flow, places, (place){midstate, offset}, groups, kw, &j);
        }
    }
    for (int i = 0; i < DEPTH; i++) {
        rolled_at(task, &flow, places, (place){0, task->count}, groups, kw, &j);
    }
}
