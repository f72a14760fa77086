/* SHA instructions and AVX-512 lanes together, on pairs that have nothing to do with each other.
 *
 * A unit is sixteen pairs: sixteen midstates of a nonce (rolled) or sixteen nonces (plain). An iteration of the
 * search takes five units: four go through vector lanes, one a body, and the fifth, four pairs a body, through
 * sha256rnds2, which those lanes leave idle. All of it is software-pipelined, so that the parts of a body are
 * independent: its lanes do the first hash of one unit and the second hash of the unit before; its SHA part does
 * first hashes of this iteration's unit and second hashes of an earlier one, while the lanes also make the message
 * schedule of the unit between. generate_shani_avx512.py writes the bodies, in an order made for the CPU: build
 * this file without instruction scheduling. */
#include <stdint.h>

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("sse4.1,sha,avx512f,avx512bw,avx512vl"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("sse4.1,sha,avx512f,avx512bw,avx512vl")
#endif

#include <immintrin.h>
#include <string.h>

#include "core.h"
#include "sha256_constants.h"
#include "start.h"

enum { LANES = 16, BODIES = 4, MAX_GROUPS = HJ_MAX_MIDSTATES / LANES };

typedef __m512i V;
typedef __m128i X;

typedef struct {
    X abef, cdgh; /* as sha256rnds2 wants them: a and c in the highest lanes */
} sha_state;

/* A message schedule in the making: a body adds twelve words to w and their W + K to pairs. */
struct part {
    V *w;
    const uint32_t *k;
    V *pairs;
};

/* What a body reads and writes. */
struct io {
    /* vector lanes, first hash: from the state after round 3, less the nonce word, to the digest */
    const V *start, *midstate;
    V nonces;
    const uint32_t *first_k, *wk; /* wk: rolled */
    V *first_w, *digest;          /* first_w: plain */
    /* vector lanes, second hash: from w[0..15] to the last word of its digest; wt follows the rounds */
    const uint32_t *k, *second_k;
    V *second_w, *second_wt, *word7;
    /* SHA instructions, first hashes */
    const sha_state *sha_start;
    const uint32_t *sha_nonces, *sha_wk;
    sha_state *sha_first;
    /* SHA instructions, second hashes: from h to a state with digest word 7, less h, in its lowest lane */
    sha_state sha_h;
    const uint32_t *sha_second_wk;
    sha_state *sha_second;
    struct part first, second;
};

#define INLINE static inline __attribute__((always_inline))
#define NOINLINE __attribute__((noinline))

#define ALL(x) _mm512_set1_epi32((int)(x))
#define LOAD(x) (x)
#define ADD(x, y) _mm512_add_epi32(x, y)
#define ROR(x, n) _mm512_ror_epi32(x, n)
#define SHR(x, n) _mm512_srli_epi32(x, n)
#define XOR3(x, y, z) _mm512_ternarylogic_epi32(x, y, z, 0x96)
#define CH(x, y, z) _mm512_ternarylogic_epi32(x, y, z, 0xca)
#define MAJ(x, y, z) _mm512_ternarylogic_epi32(x, y, z, 0xe8)
#define LOW_PAIRS(x, y) _mm512_unpacklo_epi32(x, y)
#define HIGH_PAIRS(x, y) _mm512_unpackhi_epi32(x, y)
#define RNDS2(cdgh, abef, wk) _mm_sha256rnds2_epu32(cdgh, abef, wk)
#define NONCE(abef, word) _mm_add_epi32(abef, _mm_maskz_set1_epi32(0xa, (int)(word)))

/* W + K of sixteen hashes, two words of a hash side by side: see lane_offset. */
#define WK(wk, t) (wk)[16 * ((t) & ~1) + ((t) & 1)]
#define PAIR(wk, t) _mm_loadl_epi64((const X *)((wk) + 16 * (t)))

/* Pointers, after sixteen rounds. */
#define NEXT_TURN(v) \
    v.k += 16, v.wk += 16 * 16, v.sha_wk += 16 * 16, v.sha_second_wk += 16 * 16; \
    v.first_w += 16, v.second_w += 15, v.second_wt += 16; \
    v.first.w += 4, v.first.k += 4, v.first.pairs += 4; \
    v.second.w += 4, v.second.k += 4, v.second.pairs += 4

/* Without a variable that wants it, clang does not align the stack for the registers that it spills. */
#define ALIGN_STACK \
    V aligned; \
    __asm__ volatile("" : "=m"(aligned))

INLINE V KEEP(V x)
{
    __asm__("" : "+v"(x));
    return x;
}

#include "shani_avx512_bodies.h"

static const uint32_t H0[8] = {HJ_SHA256_H};
static const uint32_t K[64] = {HJ_SHA256_K};

static const uint64_t NOWHERE = (uint64_t)1 << 63; /* an offset beyond every range */

typedef struct {
    uint64_t offset; /* of its first nonce */
    uint32_t group;  /* its midstates are 16 * group and on; 0 in plain search */
} unit;

/* The units under way on the SHA instructions, newest first. */
enum { FIRST_SCHEDULE, FIRST_HASH, SECOND_SCHEDULE, SECOND_HASH, STAGES };

typedef struct {
    V w[64];
    V pairs[2][64]; /* being made, being used: swapped in each iteration */
} message_schedule;

typedef struct {
    hj_task *task;
    int rolled;
    uint32_t groups;
    uint32_t k[64], first_k[64], second_k[64];       /* K; K + W where W is padding */
    V start[MAX_GROUPS][8], midstate[MAX_GROUPS][8]; /* of sixteen midstates, in the order of lanes */
    sha_state sha_start[HJ_MAX_MIDSTATES], sha_first[LANES], sha_second[LANES], h;
    V first_w[64], second_w[2][64], word7; /* of the lanes; the second messages swap places */
    message_schedule first, second;        /* of the SHA instructions */
    V shared[2][64]; /* rolled: W + K of the nonces of two blocks of sixteen, in pairs */
    unit next, lanes, sha[STAGES];
} search;

/* The pair of a unit that lane l holds: the order that transposing blocks of four gives, and its own inverse. */
static uint32_t in_lane(uint32_t l)
{
    return 4 * (l & 3) + (l >> 2);
}

/* Where lane l begins in pairs, in words. */
static uint32_t lane_offset(uint32_t l)
{
    return 16 * (l >> 1 & 1) + 4 * (l >> 2) + 2 * (l & 1);
}

static sha_state load_state(const uint32_t s[8])
{
    return (sha_state){_mm_setr_epi32((int)s[5], (int)s[4], (int)s[1], (int)s[0]),
                       _mm_setr_epi32((int)s[7], (int)s[6], (int)s[3], (int)s[2])};
}

static void set_midstate(search *s, uint32_t m)
{
    const hj_job *job = s->task->job;
    const uint32_t *midstate = job->midstates + 8 * (size_t)(m < job->n_midstates ? m : 0);
    uint32_t start[8], lane = in_lane(m % LANES);
    hj_start(start, midstate, job->tail);
    for (int i = 0; i < 8; i++) {
        ((uint32_t *)&s->start[m / LANES][i])[lane] = start[i];
        ((uint32_t *)&s->midstate[m / LANES][i])[lane] = midstate[i];
    }
    s->sha_start[m] = load_state(start);
}

/* W + K of words t and t + 1. */
static void set_pairs(const search *s, const V *w, int t, V *pairs)
{
    V even = ADD(w[t], ALL(s->k[t])), odd = ADD(w[t + 1], ALL(s->k[t + 1]));
    pairs[t] = LOW_PAIRS(even, odd);
    pairs[t + 1] = HIGH_PAIRS(even, odd);
}

/* A message's padding, which ends at word 15. */
static void set_padding(search *s, message_schedule *m, uint32_t k[64], int from, uint32_t bits)
{
    m->w[from] = ALL(0x80000000u);
    m->w[15] = ALL(bits);
    for (int t = from; t < 16; t += 2) {
        set_pairs(s, m->w, t, m->pairs[0]);
        set_pairs(s, m->w, t, m->pairs[1]);
    }
    k[from] += 0x80000000u;
    k[15] += bits;
}

static void set_up(search *s, hj_task *task, int rolled)
{
    s->task = task;
    s->rolled = rolled;
    s->groups = (task->job->n_midstates + LANES - 1) / LANES;
    memcpy(s->k, K, sizeof K);
    memcpy(s->first_k, K, sizeof K);
    memcpy(s->second_k, K, sizeof K);
    for (uint32_t m = 0; m < s->groups * LANES; m++) {
        set_midstate(s, m);
    }
    s->h = load_state(H0);
    for (int t = 0; t < 3; t++) {
        s->first.w[t] = ALL(task->job->tail[t]);
    }
    set_padding(s, &s->first, s->first_k, 4, 80 * 8);
    set_padding(s, &s->second, s->second_k, 8, 32 * 8);
    memcpy(s->first_w, s->first.w, 16 * sizeof(V));
    memcpy(s->second_w[0], s->second.w, 16 * sizeof(V));
    memcpy(s->second_w[1], s->second.w, 16 * sizeof(V));
    s->lanes = (unit){NOWHERE, 0};
    for (int i = 0; i < STAGES; i++) {
        s->sha[i] = s->lanes;
    }
}

/* Nonce words of sixteen nonces from the offset on. */
static V nonce_words(const search *s, uint64_t offset, int in_lanes)
{
    const V natural = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    const V lanes = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    const V swap = _mm512_set4_epi32(0x0c0d0e0f, 0x08090a0b, 0x04050607, 0x00010203);
    return _mm512_shuffle_epi8(ADD(ALL(s->task->first + (uint32_t)offset), in_lanes ? lanes : natural), swap);
}

static V nonce_of(const search *s, unit u)
{
    return ALL(hj_bswap32(s->task->first + (uint32_t)u.offset));
}

#define SIGMA(x, n1, n2, n3) XOR3(ROR(x, n1), ROR(x, n2), SHR(x, n3))

/* Rolled: W + K of sixteen nonces from the offset on. */
static void set_shared(search *s, uint64_t offset)
{
    V *w = s->first.w, *pairs = s->shared[offset / LANES & 1];
    w[3] = nonce_words(s, offset, 0);
    for (int t = 16; t < 64; t++) {
        w[t] = ADD(ADD(w[t - 16], SIGMA(w[t - 15], 7, 18, 3)), ADD(w[t - 7], SIGMA(w[t - 2], 17, 19, 10)));
    }
    for (int t = 4; t < 64; t += 2) {
        set_pairs(s, w, t, pairs);
    }
}

static const uint32_t *shared_for(const search *s, unit u)
{
    return (const uint32_t *)s->shared[u.offset / LANES & 1] + lane_offset(u.offset % LANES);
}

static unit take(search *s)
{
    unit u = s->next;
    if (!s->rolled) {
        s->next.offset += LANES;
        return u;
    }
    if (!u.group && !(u.offset % LANES)) {
        set_shared(s, u.offset);
    }
    s->next.group = u.group + 1 < s->groups ? u.group + 1 : 0;
    s->next.offset += !s->next.group;
    return u;
}

/* Blocks of four by four words. */
INLINE void transpose(V x[4])
{
    V low[2] = {LOW_PAIRS(x[0], x[1]), LOW_PAIRS(x[2], x[3])};
    V high[2] = {HIGH_PAIRS(x[0], x[1]), HIGH_PAIRS(x[2], x[3])};
    x[0] = _mm512_unpacklo_epi64(low[0], low[1]);
    x[1] = _mm512_unpackhi_epi64(low[0], low[1]);
    x[2] = _mm512_unpacklo_epi64(high[0], high[1]);
    x[3] = _mm512_unpackhi_epi64(high[0], high[1]);
}

/* The first digests of the SHA instructions as the first words of the second messages. */
static void set_second_message(search *s, V *pairs)
{
    const V *midstate = s->midstate[s->sha[SECOND_SCHEDULE].group];
    V x[4], y[4];
    for (int i = 0; i < 4; i++) {
        V low = _mm512_loadu_si512(s->sha_first + 4 * i), high = _mm512_loadu_si512(s->sha_first + 4 * i + 2);
        x[i] = _mm512_shuffle_i32x4(low, high, 0x88);
        y[i] = _mm512_shuffle_i32x4(low, high, 0xdd);
    }
    transpose(x);
    transpose(y);
    const V words[8] = {x[3], x[2], y[3], y[2], x[1], x[0], y[1], y[0]}; /* x: f, e, b, a; y: h, g, d, c */
    for (int i = 0; i < 8; i++) {
        s->second.w[i] = ADD(words[i], midstate[i]);
    }
    for (int t = 0; t < 8; t += 2) {
        set_pairs(s, s->second.w, t, pairs);
    }
}

static void report(search *s, unit u, uint32_t i)
{
    hj_candidate(s->task, s->rolled ? LANES * u.group + i : 0, s->rolled ? u.offset : u.offset + i);
}

static void report_lanes(search *s)
{
    uint32_t mask = _mm512_testn_epi32_mask(s->word7, ALL(s->task->filter));
    for (uint32_t l = 0; mask; l++, mask >>= 1) {
        if (mask & 1) {
            report(s, s->lanes, in_lane(l));
        }
    }
}

static void report_sha(search *s)
{
    for (uint32_t i = 0; i < LANES; i++) {
        if (!((H0[7] + (uint32_t)_mm_cvtsi128_si32(s->sha_second[i].abef)) & s->task->filter)) {
            report(s, s->sha[SECOND_HASH], i);
        }
    }
}

/* The next unit enters the SHA pipeline; what its stages need beside the bodies' work. */
static void advance_sha(search *s, V *pairs)
{
    for (int i = STAGES - 1; i > 0; i--) {
        s->sha[i] = s->sha[i - 1];
    }
    if (s->rolled) {
        s->sha[FIRST_HASH] = take(s);
    } else {
        s->sha[FIRST_SCHEDULE] = take(s);
        s->first.w[3] = nonce_words(s, s->sha[FIRST_SCHEDULE].offset, 1);
    }
    set_second_message(s, pairs);
}

INLINE void iterate(search *s, int odd, void body(const struct io *))
{
    advance_sha(s, s->second.pairs[odd]);
    const unit sha = s->sha[FIRST_HASH];
    const V sha_nonces = s->rolled ? nonce_of(s, sha) : nonce_words(s, sha.offset, 0);
    const uint32_t *sha_wk = s->rolled ? shared_for(s, sha) : (const uint32_t *)s->first.pairs[!odd];
    for (uint32_t b = 0; b < BODIES; b++) {
        const unit u = take(s);
        const uint32_t part = 12 * b, quarter = lane_offset(b);
        V *second_w = s->second_w[~b & 1];
        const struct io io = {
            .start = s->start[u.group], .midstate = s->midstate[u.group],
            .nonces = s->rolled ? nonce_of(s, u) : nonce_words(s, u.offset, 1), .first_k = s->first_k,
            .wk = shared_for(s, u), .first_w = s->first_w, .digest = s->second_w[b & 1],
            .k = s->k, .second_k = s->second_k, .second_w = second_w, .second_wt = second_w, .word7 = &s->word7,
            .sha_start = s->sha_start + LANES * sha.group + 4 * b,
            .sha_nonces = (const uint32_t *)&sha_nonces + 4 * b,
            .sha_wk = s->rolled ? sha_wk : sha_wk + quarter, .sha_first = s->sha_first + 4 * b, .sha_h = s->h,
            .sha_second_wk = (const uint32_t *)s->second.pairs[!odd] + quarter, .sha_second = s->sha_second + 4 * b,
            .first = {s->first.w + part, s->k + part, s->first.pairs[odd] + part},
            .second = {s->second.w + part, s->k + part, s->second.pairs[odd] + part},
        };
        s->first_w[3] = io.nonces;
        body(&io);
        report_lanes(s);
        s->lanes = u;
    }
    report_sha(s);
}

/* All units, and as many iterations more as the pipeline is long. */
INLINE void run(hj_task *task, int rolled, void body(const struct io *))
{
    search s = {0};
    set_up(&s, task, rolled);
    uint64_t units = rolled ? task->count * s.groups : (task->count + LANES - 1) / LANES;
    uint64_t iterations = (units + BODIES) / (BODIES + 1) + STAGES - 1;
    for (uint64_t i = 0; i < iterations; i++) {
        iterate(&s, i & 1, body);
    }
}

static void plain(hj_task *task)
{
    run(task, 0, plain_body);
}

static void rolled(hj_task *task)
{
    run(task, 1, rolled_body);
}

#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

const hj_variant hj_shani_avx512 = {
    "shani_avx512", (BODIES + 1) * LANES, HJ_SSE41 | HJ_SHA | HJ_AVX512F | HJ_AVX512BW | HJ_AVX512VL, plain, rolled};
