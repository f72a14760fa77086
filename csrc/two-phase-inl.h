/* The search for CPUs with SHA instructions, over a few primitives that the includer defines:
 *
 *   vec, add(x, y), load(words), quad(a, b, c, d)    four 32-bit words, the first in the lowest lane
 *   state, load_state(words)                         a to h in two vectors, as the instructions want them
 *   with_nonce(s, word)                              word is added to a and e
 *   digest_message(s, midstate, w)                   s + midstate as the vectors w[0] and w[1]
 *   four_rounds(s, wk)                               with *wk as K + W
 *   four_rounds_of(s, w, k)                          with *w + *k
 *   last_rounds(s, w, k)                             the same for rounds 60 to 63; returns h after them
 *   schedule(w, last)                                w[4] from the words of w[0] to w[3], the last of which is also in
 *                                                    *last; replaces *last by w[4]
 *   INLINE, UNROLL                                   declares a function; unrolls the loop that follows
 *
 * One body runs the first hash of two pairs against the second hash of the two pairs before them: the four chains are
 * independent, which hides the latency of the round instructions, and the message instructions fill the slots between
 * them. The order of the source is the order that counts. */
#ifndef INLINE
#error "define INLINE before including this template"
#endif
#ifndef UNROLL
#error "define UNROLL before including this template"
#endif

#include "sha256.h"
#include "variants.h"

enum { CHAINS = 2, QUADS = 16 };

/* All words of a message. The first four quads are given, schedule makes the others. */
typedef struct {
    vec quad[QUADS];
} message;

/* Pairs whose first hash is done. */
typedef struct {
    message digest[CHAINS];
    uint32_t midstate[CHAINS];
    uint64_t offset[CHAINS];
} batch;

static const uint32_t H0[8] = {HJ_SHA256_H};
static const _Alignas(16) uint32_t K[64] = {HJ_SHA256_K};

static void start_batch(batch *b)
{
    for (int c = 0; c < CHAINS; c++) {
        b->digest[c] = (message){{[2] = quad(0x80000000u, 0, 0, 0), [3] = quad(0, 0, 0, 32 * 8)}};
        b->midstate[c] = 0;
        b->offset[c] = UINT64_MAX; /* beyond every range: nothing is found before the first batch */
    }
}

/* First hashes from round 4 on, and second hashes, whose h after round 63 it returns. wk: the first hashes' shared
 * K + W, or null to make it from their messages v. */
INLINE void body(state first[CHAINS], const vec *wk, message *v, state second[CHAINS], message *w, uint32_t h[CHAINS])
{
    vec last_v[CHAINS], last_w[CHAINS];
    UNROLL
    for (int c = 0; c < CHAINS; c++) {
        last_v[c] = wk ? quad(0, 0, 0, 0) : v[c].quad[3];
        last_w[c] = w[c].quad[3];
    }
    UNROLL
    for (int q = 0; q < QUADS; q++) {
        const vec *k = (const vec *)(K + 4 * q);
        UNROLL
        for (int c = 0; c < CHAINS; c++) {
            if (q < QUADS - 1) {
                four_rounds_of(second + c, w[c].quad + q, k);
            } else {
                h[c] = last_rounds(second + c, w[c].quad + q, k);
            }
            if (q && wk) {
                four_rounds(first + c, wk + q);
            } else if (q) {
                four_rounds_of(first + c, v[c].quad + q, k);
            }
            if (q < QUADS - 4) {
                schedule(w[c].quad + q, last_w + c);
                if (!wk) {
                    schedule(v[c].quad + q, last_v + c);
                }
            }
        }
    }
}

/* Finishes the batch's second hashes, and makes a new batch of the first hashes from starts. */
INLINE void step(hj_task *task, batch *b, state first[CHAINS], const state midstates[CHAINS], const vec *wk,
                 message *v, const uint32_t midstate[CHAINS], const uint64_t offset[CHAINS])
{
    state second[CHAINS] = {load_state(H0), load_state(H0)};
    uint32_t h[CHAINS];
    body(first, wk, v, second, b->digest, h);
    UNROLL
    for (int c = 0; c < CHAINS; c++) {
        if (!((H0[7] + h[c]) & task->filter)) {
            hj_candidate(task, b->midstate[c], b->offset[c]);
        }
        digest_message(first[c], midstates[c], b->digest[c].quad);
        b->midstate[c] = midstate[c];
        b->offset[c] = offset[c];
    }
}

INLINE uint32_t nonce_word(const hj_task *task, uint64_t offset)
{
    return hj_bswap32(task->first + (uint32_t)offset);
}

/* The first four quads of the header's second chunk. */
INLINE void second_chunk(message *m, const hj_task *task, uint64_t offset)
{
    const uint32_t *tail = task->job->tail;
    m->quad[0] = quad(tail[0], tail[1], tail[2], nonce_word(task, offset));
    m->quad[1] = quad(0x80000000u, 0, 0, 0);
    m->quad[2] = quad(0, 0, 0, 0);
    m->quad[3] = quad(0, 0, 0, 80 * 8);
}

/* One step beyond the range finishes the last batch; what it starts itself is dropped. */
static void plain(hj_task *task)
{
    uint32_t s[8];
    hj_start(s, task->job->midstates, task->job->tail);
    const state start = load_state(s), midstate = load_state(task->job->midstates);
    const state midstates[CHAINS] = {midstate, midstate};
    message v[CHAINS];
    batch b;
    start_batch(&b);
    for (uint64_t i = 0; i < task->count + CHAINS; i += CHAINS) {
        second_chunk(&v[0], task, i);
        second_chunk(&v[1], task, i + 1);
        state first[CHAINS] = {with_nonce(start, nonce_word(task, i)), with_nonce(start, nonce_word(task, i + 1))};
        step(task, &b, first, midstates, 0, v, (uint32_t[CHAINS]){0, 0}, (uint64_t[CHAINS]){i, i + 1});
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
    batch b;
    start_batch(&b);
    for (uint64_t i = 0; i <= task->count; i++) {
        const uint32_t nonce = nonce_word(task, i);
        message v;
        vec wk[QUADS], last;
        second_chunk(&v, task, i);
        last = v.quad[3];
        for (int q = 0; q < QUADS; q++) {
            wk[q] = add(v.quad[q], load(K + 4 * q));
            if (q < QUADS - 4) {
                schedule(v.quad + q, &last);
            }
        }
        for (uint32_t m = 0; m < (i < task->count ? n : 1); m += CHAINS) {
            state first[CHAINS] = {with_nonce(starts[m], nonce), with_nonce(starts[m + 1], nonce)};
            step(task, &b, first, midstates + m, wk, 0, (uint32_t[CHAINS]){m, m + 1}, (uint64_t[CHAINS]){i, i});
        }
    }
}
