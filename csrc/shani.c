/* x86 SHA instructions with SSE4.1, for CPUs without AVX-512.
 *
 * One body runs the first hash of two pairs against the second hash of the two pairs before them: sha256rnds2
 * has a latency of four, so four independent chains keep it busy, and the message instructions fill the slots
 * it leaves. The order of the source is the order that counts: build without instruction scheduling. */
#include "core.h"
#include "sha256_constants.h"
#include "start.h"

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

enum { CHAINS = 2, QUADS = 16 };

typedef struct {
    __m128i abef, cdgh; /* as sha256rnds2 wants them: a and c in the highest lanes */
} state;

typedef struct {
    __m128i quad[4]; /* sixteen schedule words, four a vector */
} message;

/* Pairs whose first hash is done. */
typedef struct {
    message digest[CHAINS];
    uint32_t midstate[CHAINS];
    uint64_t offset[CHAINS];
} batch;

static const uint32_t H0[8] = {HJ_SHA256_H};
static const uint32_t K[64] = {HJ_SHA256_K};

INLINE state load_state(const uint32_t s[8])
{
    return (state){_mm_setr_epi32((int)s[5], (int)s[4], (int)s[1], (int)s[0]),
                   _mm_setr_epi32((int)s[7], (int)s[6], (int)s[3], (int)s[2])};
}

INLINE __m128i add(__m128i x, __m128i y)
{
    return _mm_add_epi32(x, y);
}

INLINE __m128i k_quad(int q)
{
    return _mm_loadu_si128((const __m128i *)(K + 4 * q));
}

INLINE void rounds_lo(state *s, __m128i wk)
{
    s->cdgh = _mm_sha256rnds2_epu32(s->cdgh, s->abef, wk);
}

INLINE void rounds_hi(state *s, __m128i wk)
{
    s->abef = _mm_sha256rnds2_epu32(s->abef, s->cdgh, _mm_shuffle_epi32(wk, 0x0e));
}

/* Replaces words 4q..4q+3 of the ring by words 4q+16..4q+19. */
INLINE void extend(message *m, int q)
{
    __m128i w0 = m->quad[q & 3], w1 = m->quad[(q + 1) & 3], w2 = m->quad[(q + 2) & 3], w3 = m->quad[(q + 3) & 3];
    __m128i sum = add(_mm_sha256msg1_epu32(w0, w1), _mm_alignr_epi8(w3, w2, 4));
    m->quad[q & 3] = _mm_sha256msg2_epu32(sum, w3);
}

/* The first digest as the start of the second hash's message. */
INLINE message digest_message(state s, state midstate)
{
    __m128i abef = add(s.abef, midstate.abef), cdgh = add(s.cdgh, midstate.cdgh);
    return (message){{_mm_shuffle_epi32(_mm_unpackhi_epi64(cdgh, abef), 0x1b),
                      _mm_shuffle_epi32(_mm_unpacklo_epi64(cdgh, abef), 0x1b),
                      _mm_setr_epi32((int)0x80000000u, 0, 0, 0), _mm_setr_epi32(0, 0, 0, 256)}};
}

/* First hashes from round 4 on, and second hashes. wk: the first hashes' shared W + K, or null to make it from
 * their messages v. */
INLINE void body(state first[CHAINS], const __m128i *wk, message v[CHAINS], state second[CHAINS], message w[CHAINS])
{
    UNROLL
    for (int q = 0; q < QUADS; q++) {
        __m128i x[CHAINS], y[CHAINS];
        UNROLL
        for (int c = 0; c < CHAINS; c++) {
            x[c] = wk ? _mm_load_si128(wk + q) : add(v[c].quad[q & 3], k_quad(q));
            y[c] = add(w[c].quad[q & 3], k_quad(q));
        }
        UNROLL
        for (int c = 0; c < CHAINS; c++) {
            if (q) {
                rounds_lo(first + c, x[c]);
            }
            rounds_lo(second + c, y[c]);
            if (q < QUADS - 4) {
                extend(w + c, q);
                if (!wk) {
                    extend(v + c, q);
                }
            }
        }
        UNROLL
        for (int c = 0; c < CHAINS; c++) {
            if (q) {
                rounds_hi(first + c, x[c]);
            }
            if (q < QUADS - 1) {
                rounds_hi(second + c, y[c]);
            }
        }
    }
}

/* Finishes the batch's second hashes, and takes the first hashes of the next: starts[c] plus nonce word. */
INLINE void step(hj_task *task, batch *b, const state starts[CHAINS], const state midstates[CHAINS],
                 const __m128i *wk, message v[CHAINS], const uint32_t midstate[CHAINS], const uint64_t offset[CHAINS])
{
    state first[CHAINS], second[CHAINS];
    message w[CHAINS];
    UNROLL
    for (int c = 0; c < CHAINS; c++) {
        first[c] = starts[c];
        second[c] = load_state(H0);
        w[c] = b->digest[c];
    }
    body(first, wk, v, second, w);
    UNROLL
    for (int c = 0; c < CHAINS; c++) {
        /* e after round 60, which is g after the 62 rounds done: digest word 7 less H0[7]. */
        uint32_t word7 = H0[7] + (uint32_t)_mm_cvtsi128_si32(second[c].cdgh);
        if (!(word7 & task->filter)) {
            hj_candidate(task, b->midstate[c], b->offset[c]);
        }
        b->digest[c] = digest_message(first[c], midstates[c]);
        b->midstate[c] = midstate[c];
        b->offset[c] = offset[c];
    }
}

static const batch NOTHING = {.offset = {UINT64_MAX, UINT64_MAX}};

INLINE message second_chunk(const hj_task *task, uint64_t offset)
{
    const uint32_t *tail = task->job->tail, nonce = hj_bswap32(task->first + (uint32_t)offset);
    return (message){{_mm_setr_epi32((int)tail[0], (int)tail[1], (int)tail[2], (int)nonce),
                      _mm_setr_epi32((int)0x80000000u, 0, 0, 0), _mm_setzero_si128(),
                      _mm_setr_epi32(0, 0, 0, 80 * 8)}};
}

/* The start with the nonce word added to a and e. */
INLINE state with_nonce(state start, __m128i nonce_word)
{
    return (state){add(start.abef, nonce_word), start.cdgh};
}

/* The nonce word of a message where a and e stand in abef. */
INLINE __m128i nonce_word(message m)
{
    return _mm_and_si128(_mm_shuffle_epi32(m.quad[0], 0xff), _mm_setr_epi32(0, -1, 0, -1));
}

/* One step beyond the range finishes the last batch; what it starts itself is dropped. */
static void plain(hj_task *task)
{
    uint32_t s[8];
    hj_start(s, task->job->midstates, task->job->tail);
    const state start = load_state(s), midstate = load_state(task->job->midstates);
    const state midstates[CHAINS] = {midstate, midstate};
    batch b = NOTHING;
    for (uint64_t offset = 0; offset < task->count + CHAINS; offset += CHAINS) {
        message v[CHAINS] = {second_chunk(task, offset), second_chunk(task, offset + 1)};
        state starts[CHAINS] = {with_nonce(start, nonce_word(v[0])), with_nonce(start, nonce_word(v[1]))};
        step(task, &b, starts, midstates, 0, v, (uint32_t[CHAINS]){0, 0}, (uint64_t[CHAINS]){offset, offset + 1});
    }
}

static void rolled(hj_task *task)
{
    state starts[HJ_MAX_MIDSTATES + 1], midstates[HJ_MAX_MIDSTATES + 1];
    const uint32_t n = task->job->n_midstates;
    for (uint32_t m = 0; m <= n; m++) { /* one more, which is dropped, where n is odd */
        const uint32_t *midstate = task->job->midstates + 8 * (size_t)(m < n ? m : 0);
        uint32_t s[8];
        hj_start(s, midstate, task->job->tail);
        starts[m] = load_state(s);
        midstates[m] = load_state(midstate);
    }
    batch b = NOTHING;
    for (uint64_t offset = 0; offset <= task->count; offset++) {
        __m128i wk[QUADS];
        message v = second_chunk(task, offset);
        const __m128i nonce = nonce_word(v);
        for (int q = 0; q < QUADS; q++) {
            wk[q] = add(v.quad[q & 3], k_quad(q));
            extend(&v, q);
        }
        for (uint32_t m = 0; m < (offset < task->count ? n : 1); m += CHAINS) {
            state s[CHAINS] = {with_nonce(starts[m], nonce), with_nonce(starts[m + 1], nonce)};
            step(task, &b, s, midstates + m, wk, 0, (uint32_t[CHAINS]){m, m + 1},
                 (uint64_t[CHAINS]){offset, offset});
        }
    }
}

#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

const hj_variant hj_shani = {"shani", CHAINS, HJ_SSE41 | HJ_SHA, plain, rolled};
