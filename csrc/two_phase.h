/* The search for CPUs with SHA instructions, over a few primitives that the including file defines:
 *
 *   vec, add(x, y), load(words), quad(a, b, c, d)    four 32-bit words, the first in the lowest lane
 *   state, load_state(words)                         a..h in two vectors, as the instructions want them
 *   four_rounds(s, wk), with_nonce(s, word)          word is added to a and e
 *   schedule(w0, w1, w2, w3)                         the next four words after these sixteen
 *   digest_message(s, midstate, w)                   s + midstate as the first two vectors of w
 *   last_word(s)                                     h of the state
 *   UNROLL, INLINE
 *
 * One body runs the first hash of two pairs against the second hash of the two pairs before them: the four
 * chains are independent, which hides the latency of the round instructions, and the message instructions fill
 * the slots between them. The order of the source is the order that counts: build without scheduling. */
#include "core.h"
#include "sha256_constants.h"
#include "start.h"

enum { CHAINS = 2, QUADS = 16 };

typedef struct {
    vec quad[4];
} message;

/* Pairs whose first hash is done. */
typedef struct {
    message digest[CHAINS];
    uint32_t midstate[CHAINS];
    uint64_t offset[CHAINS];
} batch;

static const batch NOTHING = {.offset = {UINT64_MAX, UINT64_MAX}};

static const uint32_t H0[8] = {HJ_SHA256_H};
static const uint32_t K[64] = {HJ_SHA256_K};

/* Replaces words 4q..4q+3 of the ring by words 4q+16..4q+19. */
INLINE void extend(message *m, int q)
{
    vec *w = m->quad;
    w[q & 3] = schedule(w[q & 3], w[(q + 1) & 3], w[(q + 2) & 3], w[(q + 3) & 3]);
}

/* First hashes from round 4 on, and second hashes. wk: the first hashes' shared W + K, or null to make it from
 * their messages v. */
INLINE void body(state first[CHAINS], const vec *wk, message v[CHAINS], state second[CHAINS], message w[CHAINS])
{
    UNROLL
    for (int q = 0; q < QUADS; q++) {
        const vec k = load(K + 4 * q);
        UNROLL
        for (int c = 0; c < CHAINS; c++) {
            four_rounds(second + c, add(w[c].quad[q & 3], k));
            if (q) {
                four_rounds(first + c, wk ? wk[q] : add(v[c].quad[q & 3], k));
            }
            if (q < QUADS - 4) {
                extend(w + c, q);
                if (!wk) {
                    extend(v + c, q);
                }
            }
        }
    }
}

/* Finishes the batch's second hashes, and makes a new batch of the first hashes from starts. */
INLINE void step(hj_task *task, batch *b, state first[CHAINS], const state midstates[CHAINS], const vec *wk,
                 message v[CHAINS], const uint32_t midstate[CHAINS], const uint64_t offset[CHAINS])
{
    state second[CHAINS] = {load_state(H0), load_state(H0)};
    message w[CHAINS] = {b->digest[0], b->digest[1]};
    body(first, wk, v, second, w);
    UNROLL
    for (int c = 0; c < CHAINS; c++) {
        if (!((H0[7] + last_word(second[c])) & task->filter)) {
            hj_candidate(task, b->midstate[c], b->offset[c]);
        }
        digest_message(first[c], midstates[c], b->digest[c].quad);
        b->digest[c].quad[2] = quad(0x80000000u, 0, 0, 0);
        b->digest[c].quad[3] = quad(0, 0, 0, 32 * 8);
        b->midstate[c] = midstate[c];
        b->offset[c] = offset[c];
    }
}

INLINE uint32_t nonce_word(const hj_task *task, uint64_t offset)
{
    return hj_bswap32(task->first + (uint32_t)offset);
}

INLINE message second_chunk(const hj_task *task, uint64_t offset)
{
    const uint32_t *tail = task->job->tail;
    return (message){{quad(tail[0], tail[1], tail[2], nonce_word(task, offset)), quad(0x80000000u, 0, 0, 0),
                      quad(0, 0, 0, 0), quad(0, 0, 0, 80 * 8)}};
}

/* One step beyond the range finishes the last batch; what it starts itself is dropped. */
static void plain(hj_task *task)
{
    uint32_t s[8];
    hj_start(s, task->job->midstates, task->job->tail);
    const state start = load_state(s), midstate = load_state(task->job->midstates);
    const state midstates[CHAINS] = {midstate, midstate};
    batch b = NOTHING;
    for (uint64_t i = 0; i < task->count + CHAINS; i += CHAINS) {
        message v[CHAINS] = {second_chunk(task, i), second_chunk(task, i + 1)};
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
    batch b = NOTHING;
    for (uint64_t i = 0; i <= task->count; i++) {
        const uint32_t nonce = nonce_word(task, i);
        message v = second_chunk(task, i);
        vec wk[QUADS];
        for (int q = 0; q < QUADS; q++) {
            wk[q] = add(v.quad[q & 3], load(K + 4 * q));
            extend(&v, q);
        }
        for (uint32_t m = 0; m < (i < task->count ? n : 1); m += CHAINS) {
            state first[CHAINS] = {with_nonce(starts[m], nonce), with_nonce(starts[m + 1], nonce)};
            step(task, &b, first, midstates + m, wk, 0, (uint32_t[CHAINS]){m, m + 1}, (uint64_t[CHAINS]){i, i});
        }
    }
}
