/* The lane-generic search in one straight line, for instruction sets with short rounds and many registers (AVX-512).
 *
 * The first hashes of one batch go beside the first half of the second hashes of the batch before, and beside the
 * second half of those of the batch before that, round by round: three chains of rounds that do not wait for each
 * other, which hides the latency of their instructions. */
#include "lanes-inl.h"

#define BATCH LANES
#define DEPTH 2

/* What a step hands on: the digests of its first hashes, and second hashes after round 30. The rest is the job's. */
typedef struct {
    V digest[8];
    V r[8], w[16];
    uint k[64];      /* K as memory operands: compilers would put constants through integer registers */
    const words *kw; /* rolled: the schedule, */
    uint n;          /* and which of its nonces */
} flow;

static void start_flow(flow *flow, const job_words *j)
{
    (void)j;
    memset(flow, 0, sizeof *flow);
    memcpy(flow->k, K, sizeof K);
}

INLINE void plain_round(V *s, V *w, int t, const job_words *j, const uint *k)
{
    if (t < 18) {
        TAKE(s, t, j->kw[t]);
    } else {
        WORD(w, t) = first_word(w, t, j->known[t < 34 ? t : 0]);
        TAKE(s, t, k[t]);
        TAKE(s, t, WORD(w, t));
    }
    full_round(s, t);
}

/* Round t of the second hash, 1 <= t <= 60. */
INLINE void second_round(V *s, V *w, int t, const uint *k)
{
    if (t >= 16) {
        WORD(w, t) = second_word(w, t);
    }
    TAKE(s, t, t < 8 || t >= 16 ? k[t] : second_known(t));
    if (t < 8 || t >= 16) {
        TAKE(s, t, WORD(w, t));
    }
    if (t < 57) {
        full_round(s, t);
    } else {
        half_round(s, t);
    }
}

/* FIRST_ROUND(t) is the first hash's round in state s. With two of them go one round of a second hash in its first
 * half (r, w: rounds 1 to 30) and one of another in its second half (q, v: rounds 31 to 60). */
#define PAIR_OF_ROUNDS(t) \
    FIRST_ROUND(t) \
    if ((t) % 2) { \
        second_round(q, v, (t) / 2 + 29, flow->k); \
    } else { \
        second_round(r, w, (t) / 2 - 1, flow->k); \
    }
#define EACH_ROUND(X) \
    X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13) X(14) X(15) X(16) X(17) X(18) X(19) X(20) X(21) X(22) X(23) \
    X(24) X(25) X(26) X(27) X(28) X(29) X(30) X(31) X(32) X(33) X(34) X(35) X(36) X(37) X(38) X(39) X(40) X(41) X(42) \
    X(43) X(44) X(45) X(46) X(47) X(48) X(49) X(50) X(51) X(52) X(53) X(54) X(55) X(56) X(57) X(58) X(59) X(60) X(61) \
    X(62) X(63)

INLINE void take_up(const flow *flow, V r[8], V w[16], V q[8], V v[16])
{
    memcpy(w, flow->digest, sizeof flow->digest);
    second_start(r, w[0]);
    memcpy(q, flow->r, sizeof flow->r);
    memcpy(v, flow->w, sizeof flow->w);
}

INLINE void start(V s[8], const group *group, V w3)
{
    V state[8];
    first_start(state, group, w3);
    to_places(s, state, 4);
}

INLINE void hand_on(flow *flow, const V s[8], const group *group, const V r[8], const V w[16])
{
    V state[8];
    from_places(state, s, 64);
    first_end(flow->digest, state, group);
    memcpy(flow->r, r, sizeof flow->r);
    memcpy(flow->w, w, sizeof flow->w);
}

static __attribute__((noinline)) uint64_t plain_step(flow *flow, const group *group, const V *nonces,
                                                     const job_words *j, uint filter)
{
    V s[8], u[16], r[8], w[16], q[8], v[16];
    take_up(flow, r, w, q, v);
    u[3] = nonce_word(*nonces);
    start(s, group, u[3]);
#define FIRST_ROUND(t) plain_round(s, u, t, j, flow->k);
    EACH_ROUND(PAIR_OF_ROUNDS)
#undef FIRST_ROUND
    hand_on(flow, s, group, r, w);
    return ZERO_LANES(ADD(VARIABLE(q, 4, 61), H0[7]) & filter);
}

static void take_nonce(flow *flow, const words *kw, uint n)
{
    flow->kw = kw;
    flow->n = n;
}

static __attribute__((noinline)) uint64_t rolled_step(flow *flow, const group *group, uint filter)
{
    V s[8], r[8], w[16], q[8], v[16];
    const words *kw = flow->kw;
    const uint n = flow->n;
    take_up(flow, r, w, q, v);
    start(s, group, SPLAT(kw[3].lane[n]));
#define FIRST_ROUND(t) TAKE(s, t, kw[t].lane[n]); full_round(s, t);
    EACH_ROUND(PAIR_OF_ROUNDS)
#undef FIRST_ROUND
    hand_on(flow, s, group, r, w);
    return ZERO_LANES(ADD(VARIABLE(q, 4, 61), H0[7]) & filter);
}

#include "search-inl.h"
