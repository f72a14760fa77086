/* The OpenCL search: double SHA-256 of one header with many nonces and one midstate (plain) or many (rolled).
 *
 * It reports candidates, pairs (index of a midstate, nonce) whose last hash word 7 passes the launch's filter; the
 * host hashes them once more. A V holds WIDTH consecutive nonces. Build options:
 *   WIDTH      lanes of a vector: 1, 4, 8 or 16           PER_ITEM   vectors of nonces that a work item goes through
 *   LOCAL      work items of a group                      CAPACITY   candidates that fit
 *   ROLLED     many midstates share a message schedule    CHAINS     hashes that a work item runs side by side
 *   PIPELINED  for CPUs: one hash at a time, its first half beside the second half of the one before
 *   MAD_ADDS   for GPUs that multiply and add beside other integer work: adds as x * 1 + y */
#include "sha256_constants.h"

#if WIDTH == 1
typedef uint V;
#define LANE_NUMBERS 0u
#define ANY(x) (x)
#elif WIDTH == 4
typedef uint4 V;
#define LANE_NUMBERS (V)(0, 1, 2, 3)
#elif WIDTH == 8
typedef uint8 V;
#define LANE_NUMBERS (V)(0, 1, 2, 3, 4, 5, 6, 7)
#elif WIDTH == 16
typedef uint16 V;
#define LANE_NUMBERS (V)(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)
#endif
#ifndef ANY
#define ANY(x) any(x)
#endif

__constant uint H0[8] = {HJ_SHA256_H};
__constant uint K[64] = {HJ_SHA256_K};

#define INLINE static inline __attribute__((always_inline))
#define SPLAT(x) ((V)(x))
#define SHR(x, n) ((x) >> (n))
#define ROTR(x, n) ((x) >> (n) | (x) << (32 - (n)))
#define XOR3(x, y, z) ((x) ^ (y) ^ (z))
#define CH(e, f, g) ((g) ^ ((e) & ((f) ^ (g))))

#ifdef MAD_ADDS
#define ADD(x, y) ((x) * (uint)get_num_groups(1) + (y)) /* launches have one dimension: a 1 that compilers do not see */
#else
#define ADD(x, y) ((x) + (y))
#endif

/* GPU compilers make one or two instructions of the plain form; LLVM makes two for AVX-512, where one does. Other CPUs
 * have no logic of three inputs: there a ^ b is b ^ c of the next round, which compilers see. */
#if WIDTH == 16 && defined(__AVX512F__)
#define AS_INTS(x) __builtin_astype(x, int16)
#define MAJ(a, b, c) \
    __builtin_astype(__builtin_ia32_pternlogd512_mask(AS_INTS(a), AS_INTS(b), AS_INTS(c), 0xe8, -1), V)
#elif WIDTH > 1
#define MAJ(a, b, c) ((b) ^ (((a) ^ (b)) & ((b) ^ (c))))
#else
#define MAJ(a, b, c) (((b) & (c)) | ((a) & ((b) | (c))))
#endif

#include "sha256_rounds.h"

/* The rounds of the first hash that come after the nonce. Rounds 1 to 60 of the second hash run as t - 3. */
#define EACH_ROUND(X) \
    X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13) X(14) X(15) X(16) X(17) X(18) X(19) X(20) X(21) X(22) X(23) \
    X(24) X(25) X(26) X(27) X(28) X(29) X(30) X(31) X(32) X(33) X(34) X(35) X(36) X(37) X(38) X(39) X(40) X(41) X(42) \
    X(43) X(44) X(45) X(46) X(47) X(48) X(49) X(50) X(51) X(52) X(53) X(54) X(55) X(56) X(57) X(58) X(59) X(60) X(61) \
    X(62) X(63)

#define EACH(i, n) _Pragma("unroll") for (int i = 0; i < (n); i++)

/* A midstate, and what rounds 0 to 3 make of it with a nonce of 0 (in the order of VARIABLE). No nonce reaches the
 * words that are h in rounds 4 to 6; `h` is their sums with K[t] + W[t] of those rounds. */
typedef struct {
    uint state[8];
    uint start[8];
    uint h[4];
} __attribute__((aligned(16))) midstate;

/* A launch. A hash can only be a hit if word 7 & filter is 0. `known` is what the nonce does not reach in the second
 * chunk's message: K[t] + W[t] for t = 16 and 17, then its part of W[18] to W[33]. */
typedef struct {
    uint first_nonce, n_nonces, filter, n_midstates;
    uint known[20];
    midstate plain;
} task;

/* The number of candidates, and as many of them as fit. */
typedef struct {
    uint count;
    uint pair[CAPACITY][2];
} candidates;

#ifdef ROLLED
#define N_MIDSTATES(job) (job)->n_midstates
#define MIDSTATE(i) midstates[i]
#else
#define N_MIDSTATES(job) 1
#define MIDSTATE(i) job.plain
#endif

/* W3 of the nonces from `first`: the header has them in little-endian order. */
INLINE V nonce_words(uint first)
{
    V nonce = LANE_NUMBERS + first;
    return (ROTR(nonce, 8) & 0xff00ff00u) | (ROTR(nonce, 24) & 0x00ff00ffu);
}

/* Round 3 has the nonce in no more than its last additions. */
INLINE void first_start(V *s, const midstate *m, V nonce)
{
    EACH(i, 8) {
        s[i] = SPLAT(m->start[i]);
    }
    VARIABLE(s, 0, 4) = ADD(VARIABLE(s, 0, 4), nonce);
    VARIABLE(s, 4, 4) = ADD(VARIABLE(s, 4, 4), nonce);
}

INLINE void expand(V *w, const task *job, int t)
{
    if (t >= 18) {
        WORD(w, t) = first_word(w, t, job->known[t < 34 ? t - 16 : 0]);
    }
}

/* Round t of the first hash; `word` is W[t], needed from t = 18 on. */
INLINE void first_round(V *s, const midstate *m, const task *job, V word, int t)
{
    if (t < 7) {
        VARIABLE(s, 7, t) = SPLAT(m->h[t - 4]);
    } else if (t == 16 || t == 17) {
        TAKE(s, t, job->known[t - 16]);
    } else {
        TAKE(s, t, K[t] + (t == 15 ? 640u : 0u));
    }
    if (t >= 18) {
        TAKE(s, t, word);
    }
    full_round(s, t);
}

/* Round t of the second hash, 1 <= t <= 60; the last adds H0[7], so that its e is digest word 7. */
INLINE void second_round(V *s, V *w, int t)
{
    if (t >= 16) {
        WORD(w, t) = second_word(w, t);
    }
    TAKE(s, t, K[t] + (t == 8 ? 0x80000000u : t == 15 ? 256u : t == 60 ? H0[7] : 0u));
    if (t < 8 || t >= 16) {
        TAKE(s, t, WORD(w, t));
    }
    if (t < 57) {
        full_round(s, t);
    } else {
        half_round(s, t);
    }
}

INLINE void digest(V *w, const V *s, const midstate *m)
{
    EACH(i, 8) {
        w[i] = ADD(s[i], m->state[i]);
    }
}

/* Reports the lanes of a second hash that pass. Rare: a real target passes one in billions. */
INLINE void report(const V *r, uint midstate, uint offset, const task *job, __global candidates *found)
{
    V word7 = VARIABLE(r, 4, 61);
    if (!ANY((word7 & job->filter) == 0)) {
        return;
    }
    for (uint i = 0; i < WIDTH; i++) {
        uint passes = !(((const uint *)&word7)[i] & job->filter);
        if (passes && offset + i < job->n_nonces && midstate < N_MIDSTATES(job)) {
            uint n = atomic_inc(&found->count);
            if (n < CAPACITY) {
                found->pair[n][0] = midstate;
                found->pair[n][1] = job->first_nonce + offset + i;
            }
        }
    }
}

#ifdef PIPELINED

/* Compilers for CPUs tend to sort long independent computations one after the other. An empty instruction that seems
 * to change a word of each makes them go side by side: 1.5 times faster on a core with two-cycle vector latency. */
#if (WIDTH == 4 && defined(__SSE2__)) || (WIDTH == 8 && defined(__AVX__)) || (WIDTH == 16 && defined(__AVX512F__))
#define SIDE_BY_SIDE(x, y) __asm__("" : "+v"(x), "+v"(y))
#else
#define SIDE_BY_SIDE(x, y)
#endif

__kernel __attribute__((reqd_work_group_size(LOCAL, 1, 1)))
void search(const task job, __global const midstate *restrict midstates, __global candidates *found)
{
    const uint begin = (uint)get_global_id(0) * (PER_ITEM * WIDTH);
    if (begin >= job.n_nonces) {
        return;
    }
    const uint n_vectors = min((job.n_nonces - begin + WIDTH - 1) / WIDTH, (uint)PER_ITEM);
    const uint n_midstates = N_MIDSTATES(&job);
#ifdef ROLLED
    V u[16], words[64];
#endif
    uint i = 0, vector = 0, last_i = 0, last_offset = job.n_nonces; /* so that nothing is found before the first */
    V s[8], r[8], w[16], nonce;
    EACH(j, 8) {
        w[j] = SPLAT(0);
    }
    for (uint n = 0; n <= n_midstates * n_vectors; n++) { /* one more, to finish the last */
        const uint offset = begin + vector * WIDTH;
        if (i == 0) {
            nonce = nonce_words(job.first_nonce + offset);
#ifdef ROLLED
            u[3] = nonce;
#define KEEP_WORD(t) expand(u, &job, t); words[t] = WORD(u, t);
            EACH_ROUND(KEEP_WORD)
#endif
        }
        const midstate m = MIDSTATE(i);
#ifdef ROLLED
#define EXPAND(t)
#else
        V words[16];
        words[3] = nonce;
#define EXPAND(t) expand(words, &job, t);
#endif
        first_start(s, &m, nonce);
        second_start(r, w[0]);
#define BOTH_ROUNDS(t) \
        EXPAND(t) \
        first_round(s, &m, &job, words[t % (sizeof words / sizeof *words)], t); \
        second_round(r, w, t - 3); \
        SIDE_BY_SIDE(VARIABLE(s, 4, t + 1), VARIABLE(r, 4, t - 2));
        EACH_ROUND(BOTH_ROUNDS)
        report(r, last_i, last_offset, &job, found);
        digest(w, s, &m);
        last_i = i;
        last_offset = offset;
        if (++i == n_midstates) {
            i = 0;
            vector++;
        }
    }
}

#else

/* Plain: a vector of nonces for each chain. Rolled: a midstate for each chain, and one message for all. */
#ifdef ROLLED
#define MESSAGES 1
#define MIDSTATES CHAINS
#else
#define MESSAGES CHAINS
#define MIDSTATES 1
#endif

__kernel __attribute__((reqd_work_group_size(LOCAL, 1, 1)))
void search(const task job, __global const midstate *restrict midstates, __global candidates *found)
{
    for (uint vector = 0; vector < PER_ITEM; vector++) {
        const uint offset = ((uint)get_global_id(0) * PER_ITEM + vector) * (WIDTH * MESSAGES);
        if (offset >= job.n_nonces) {
            return;
        }
        for (uint first = 0; first < N_MIDSTATES(&job); first += MIDSTATES) {
            V s[CHAINS][8], w[CHAINS][16], u[MESSAGES][16];
            midstate m[MIDSTATES];
            EACH(c, MIDSTATES) {
                m[c] = MIDSTATE(first + c);
            }
            EACH(c, MESSAGES) {
                u[c][3] = nonce_words(job.first_nonce + offset + c * WIDTH);
            }
            EACH(c, CHAINS) {
                first_start(s[c], &m[c % MIDSTATES], u[c % MESSAGES][3]);
            }
#define FIRST(t) \
            EACH(c, MESSAGES) { \
                expand(u[c], &job, t); \
            } \
            EACH(c, CHAINS) { \
                first_round(s[c], &m[c % MIDSTATES], &job, WORD(u[c % MESSAGES], t), t); \
            }
            EACH_ROUND(FIRST)
            EACH(c, CHAINS) {
                digest(w[c], s[c], &m[c % MIDSTATES]);
                second_start(s[c], w[c][0]);
            }
#define SECOND(t) \
            EACH(c, CHAINS) { \
                second_round(s[c], w[c], t - 3); \
            }
            EACH_ROUND(SECOND)
            EACH(c, CHAINS) {
                report(s[c], first + c % MIDSTATES, offset + c % MESSAGES * WIDTH, &job, found);
            }
        }
    }
}

#endif
