/* SHA instructions and AVX-512 lanes together, on pairs that have nothing to do with each other.
 *
 * A unit is sixteen pairs: sixteen midstates of a nonce (rolled) or sixteen nonces (plain). An iteration of the
 * search takes five units: four go through vector lanes, one body each, and the fifth, four pairs a body, through
 * sha256rnds2, which those lanes leave idle. All is software-pipelined, so that a body has only independent
 * work: its lanes do the first hash of one unit and the second hash of the unit before; its SHA part does first
 * hashes of this iteration's unit and second hashes of an earlier one, while the lanes also make the message
 * schedules of the unit between. Bodies are written by generate_shani_avx512.py, in an order made for the CPU:
 * build this file without instruction scheduling. */
#include <stdint.h>

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("sse4.1,sha,avx512f,avx512bw,avx512vl"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("sse4.1,sha,avx512f,avx512bw,avx512vl")
#endif

#include <immintrin.h>

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
    /* vector lanes, first hash: from the state after round 3 with a nonce word of 0 to the digest */
    const V *start, *midstate;
    V nonces;
    const uint32_t *wk, *uniform, *first_k;
    V *digest;
    /* vector lanes, second hash: from a digest to the last word of the next */
    const V *message;
    const uint32_t *k, *second_k;
    V *word7;
    /* SHA instructions, first hashes */
    const sha_state *sha_start;
    const uint32_t *sha_nonces, *sha_wk;
    X *sha_abef, *sha_cdgh;
    /* SHA instructions, second hashes: from h to a state with digest word 7, less h, in its lowest lane */
    sha_state sha_h;
    const uint32_t *sha_second_wk;
    X *sha_second;
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

/* W + K of sixteen hashes, in pairs of words: of hash 0 and of word t, even, in vector t; see lane_offset. */
#define WK(wk, t) (wk)[16 * ((t) & ~1) + ((t) & 1)]
#define PAIR(wk, t) _mm_loadl_epi64((const X *)((wk) + 16 * (t)))

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
    uint32_t k[64], first_k[64], second_k[64], uniform[64]; /* see generate_shani_avx512.py */
    V start[MAX_GROUPS][8], midstate[MAX_GROUPS][8];        /* of sixteen midstates, in the order of lanes */
    sha_state sha_start[HJ_MAX_MIDSTATES], h;
    V digest[2][8], word7;
    X sha_abef[LANES], sha_cdgh[LANES], sha_second[LANES];
    message_schedule first, second;
    V shared[2][64]; /* rolled: W + K of the nonces of two blocks of sixteen, in pairs */
    unit next, lanes, sha[STAGES];
} search;

/* The pair of a unit that lane l holds: the order that transposing blocks of four gives. */
static uint32_t in_lane(uint32_t l)
{
    return 4 * (l & 3) + (l >> 2);
}

/* Where lane l begins in pairs, in words. */
static uint32_t lane_offset(uint32_t l)
{
    return 16 * (l >> 1 & 1) + 4 * (l >> 2) + 2 * (l & 1);
}

static uint32_t small_sigma(uint32_t x, int n1, int n2, int n3)
{
    return hj_rotr(x, n1) ^ hj_rotr(x, n2) ^ x >> n3;
}

static uint32_t sum_for_word(const uint32_t *w)
{
    return w[-16] + small_sigma(w[-15], 7, 18, 3) + w[-7] + small_sigma(w[-2], 17, 19, 10);
}

/* What the words 0, 1, 2, 16, 17 of the second chunk, which all nonces share, add to each word; 16 and 17 with K. */
static void set_uniform(uint32_t uniform[64], const uint32_t tail[3])
{
    uint32_t w[34] = {tail[0], tail[1], tail[2]};
    w[15] = 80 * 8;
    w[16] = sum_for_word(w + 16);
    w[17] = sum_for_word(w + 17);
    w[15] = 0;
    for (int t = 18; t < 34; t++) {
        uniform[t] = sum_for_word(w + t);
    }
    uniform[16] = K[16] + w[16];
    uniform[17] = K[17] + w[17];
}

static void set_midstate(search *s, uint32_t m)
{
    const hj_job *job = s->task->job;
    const uint32_t *midstate = job->midstates + 8 * (size_t)(m < job->n_midstates ? m : 0);
    uint32_t start[8], lane = in_lane(m % LANES); /* in_lane is its own inverse */
    hj_start(start, midstate, job->tail);
    for (int i = 0; i < 8; i++) {
        ((uint32_t *)&s->start[m / LANES][i])[lane] = start[i];
        ((uint32_t *)&s->midstate[m / LANES][i])[lane] = midstate[i];
    }
    s->sha_start[m].abef = _mm_setr_epi32((int)start[5], (int)start[4], (int)start[1], (int)start[0]);
    s->sha_start[m].cdgh = _mm_setr_epi32((int)start[7], (int)start[6], (int)start[3], (int)start[2]);
}

/* The words of padding, and their W + K. */
static void set_words(search *s, message_schedule *m, int from, const uint32_t *words, int n)
{
    for (int t = from; t < from + n; t++) {
        m->w[t] = ALL(words[t - from]);
    }
    for (int t = from; t < from + n; t += 2) {
        V even = ADD(m->w[t], ALL(s->k[t])), odd = ADD(m->w[t + 1], ALL(s->k[t + 1]));
        for (int i = 0; i < 2; i++) {
            m->pairs[i][t] = LOW_PAIRS(even, odd);
            m->pairs[i][t + 1] = HIGH_PAIRS(even, odd);
        }
    }
}

static void set_up(search *s, hj_task *task, int rolled)
{
    static const uint32_t pad_80[12] = {0x80000000u, [11] = 80 * 8}, pad_32[8] = {0x80000000u, [7] = 32 * 8};
    s->task = task;
    s->rolled = rolled;
    s->groups = (task->job->n_midstates + LANES - 1) / LANES;
    for (int t = 0; t < 64; t++) {
        s->k[t] = K[t];
        s->first_k[t] = K[t] + (t >= 4 && t < 16 ? pad_80[t - 4] : 0);
        s->second_k[t] = K[t] + (t >= 8 && t < 16 ? pad_32[t - 8] : 0);
    }
    set_uniform(s->uniform, task->job->tail);
    for (uint32_t m = 0; m < s->groups * LANES; m++) {
        set_midstate(s, m);
    }
    s->h.abef = _mm_setr_epi32((int)H0[5], (int)H0[4], (int)H0[1], (int)H0[0]);
    s->h.cdgh = _mm_setr_epi32((int)H0[7], (int)H0[6], (int)H0[3], (int)H0[2]);
    for (int t = 0; t < 3; t++) {
        s->first.w[t] = ALL(task->job->tail[t]);
    }
    set_words(s, &s->first, 4, pad_80, 12);
    set_words(s, &s->second, 8, pad_32, 8);
    s->next = (unit){0, 0};
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
    const V bytes = _mm512_set4_epi32(0x0c0d0e0f, 0x08090a0b, 0x04050607, 0x00010203);
    return _mm512_shuffle_epi8(ADD(ALL(s->task->first + (uint32_t)offset), in_lanes ? lanes : natural), bytes);
}

INLINE V sigma(V x, int n1, int n2, int n3)
{
    return XOR3(_mm512_rorv_epi32(x, ALL(n1)), _mm512_rorv_epi32(x, ALL(n2)), _mm512_srlv_epi32(x, ALL(n3)));
}

/* Rolled: W + K of sixteen nonces from the offset on. */
static void set_shared(search *s, uint64_t offset)
{
    V *w = s->first.w, *pairs = s->shared[offset / LANES & 1];
    w[3] = nonce_words(s, offset, 0);
    for (int t = 16; t < 64; t++) {
        w[t] = ADD(ADD(w[t - 16], sigma(w[t - 15], 7, 18, 3)), ADD(w[t - 7], sigma(w[t - 2], 17, 19, 10)));
    }
    for (int t = 4; t < 64; t += 2) {
        V even = ADD(w[t], ALL(s->k[t])), odd = ADD(w[t + 1], ALL(s->k[t + 1]));
        pairs[t] = LOW_PAIRS(even, odd);
        pairs[t + 1] = HIGH_PAIRS(even, odd);
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

static V nonce_of(const search *s, unit u)
{
    return ALL(hj_bswap32(s->task->first + (uint32_t)u.offset));
}

/* The first digests of the SHA instructions as the first words of the second messages, hash in_lane(l) in lane l. */
static void set_second_message(search *s)
{
    static const int order[2][4] = {{5, 4, 1, 0}, {7, 6, 3, 2}};
    const V *midstate = s->midstate[s->sha[SECOND_SCHEDULE].group];
    for (int half = 0; half < 2; half++) {
        const X *x = half ? s->sha_cdgh : s->sha_abef;
        V x0 = _mm512_loadu_si512(x), x1 = _mm512_loadu_si512(x + 4), x2 = _mm512_loadu_si512(x + 8);
        V x3 = _mm512_loadu_si512(x + 12), low[2] = {LOW_PAIRS(x0, x1), LOW_PAIRS(x2, x3)};
        V high[2] = {HIGH_PAIRS(x0, x1), HIGH_PAIRS(x2, x3)};
        V words[4] = {_mm512_unpacklo_epi64(low[0], low[1]), _mm512_unpackhi_epi64(low[0], low[1]),
                      _mm512_unpacklo_epi64(high[0], high[1]), _mm512_unpackhi_epi64(high[0], high[1])};
        for (int i = 0; i < 4; i++) {
            s->second.w[order[half][i]] = ADD(words[i], midstate[order[half][i]]);
        }
    }
}

static void set_second_pairs(search *s, V *pairs)
{
    for (int t = 0; t < 8; t += 2) {
        V even = ADD(s->second.w[t], ALL(s->k[t])), odd = ADD(s->second.w[t + 1], ALL(s->k[t + 1]));
        pairs[t] = LOW_PAIRS(even, odd);
        pairs[t + 1] = HIGH_PAIRS(even, odd);
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
        if (!((H0[7] + (uint32_t)_mm_cvtsi128_si32(s->sha_second[i])) & s->task->filter)) {
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
    set_second_message(s);
    set_second_pairs(s, pairs);
}

INLINE void iterate(search *s, int odd, void body(struct io *))
{
    advance_sha(s, s->second.pairs[odd]);
    const unit sha = s->sha[FIRST_HASH];
    V sha_nonces = s->rolled ? nonce_of(s, sha) : nonce_words(s, sha.offset, 0);
    const uint32_t *sha_wk = s->rolled ? shared_for(s, sha) : (const uint32_t *)s->first.pairs[!odd];
    for (uint32_t b = 0; b < BODIES; b++) {
        const unit u = take(s);
        const uint32_t part = 12 * b, quarter = lane_offset(b);
        struct io io = {
            .start = s->start[u.group], .midstate = s->midstate[u.group],
            .nonces = s->rolled ? nonce_of(s, u) : nonce_words(s, u.offset, 1),
            .wk = s->rolled ? shared_for(s, u) : 0, .uniform = s->uniform, .first_k = s->first_k,
            .digest = s->digest[b & 1], .message = s->digest[~b & 1],
            .k = s->k, .second_k = s->second_k, .word7 = &s->word7,
            .sha_start = s->sha_start + LANES * sha.group + 4 * b, .sha_nonces = (uint32_t *)&sha_nonces + 4 * b,
            .sha_wk = sha_wk + (s->rolled ? 0 : quarter), .sha_abef = s->sha_abef + 4 * b,
            .sha_cdgh = s->sha_cdgh + 4 * b, .sha_h = s->h,
            .sha_second_wk = (const uint32_t *)s->second.pairs[!odd] + quarter, .sha_second = s->sha_second + 4 * b,
            .first = {s->first.w + part, s->k + part, s->first.pairs[odd] + part},
            .second = {s->second.w + part, s->k + part, s->second.pairs[odd] + part},
        };
        body(&io);
        report_lanes(s);
        s->lanes = u;
    }
    report_sha(s);
}

/* All units, and as many iterations more as the pipeline is long. */
static void run(hj_task *task, int rolled)
{
    search s = {0};
    set_up(&s, task, rolled);
    uint64_t units = rolled ? task->count * s.groups : (task->count + LANES - 1) / LANES;
    uint64_t iterations = (units + BODIES) / (BODIES + 1) + STAGES - 1;
    for (uint64_t i = 0; i < iterations; i++) {
        iterate(&s, i & 1, rolled ? rolled_body : plain_body);
    }
}

static void plain(hj_task *task)
{
    run(task, 0);
}

static void rolled(hj_task *task)
{
    run(task, 1);
}

#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

const hj_variant hj_shani_avx512 = {
    "shani_avx512", (BODIES + 1) * LANES, HJ_SSE41 | HJ_SHA | HJ_AVX512F | HJ_AVX512BW | HJ_AVX512VL, plain, rolled};
