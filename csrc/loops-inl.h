/* The lane-generic search in loops of eight rounds, for instruction sets with few registers or long rounds: written out
 * in a straight line, such a hash would not fit the cache of decoded instructions, and decoding would take the time.
 *
 * A round falls into two halves. The first makes the new e and needs no a younger than three rounds, so it can run a
 * round ahead: each step is the first half of round t + 1 and then the second half of round t. With a message word
 * beside them, that leaves a core enough that does not wait for anything.
 *
 * STREAMS hashes (1 or 2) go side by side, for cores whose instructions take more than a cycle. ROUNDS names the file
 * with the rounds: rounds-c-inl.h, or rounds-x86-inl.h in assembly. */
#ifndef STREAMS
#error "define STREAMS before including this template"
#endif
#ifndef ROUNDS
#error "define ROUNDS before including this template"
#endif

#define WORD(w, t) (w)[t]

#include "lanes-inl.h"

#define BATCH (STREAMS * LANES)
#define DEPTH 1

/* The words of one message and, for the rounds, their sums with K. */
typedef struct {
    V w[64];
    V kw[64];
} message;

/* What a step hands on: the messages of its second hashes. The rest is room, and what never changes. */
typedef struct {
    message second[STREAMS];
    message first[STREAMS];
    message shared; /* rolled: of the first hashes, the same in every lane; only its sums are used */
    V k[64];        /* K[t] in every lane */
} flow;

/* Makes all words that a loop of rounds does not make: first_rounds makes W32 to W63, second_rounds W29 to W60. */
INLINE void first_message(message *m, V nonces, const job_words *j, const V *k)
{
    m->w[3] = nonce_word(nonces);
#define NEXT(t) \
    m->w[t] = first_word(m->w, t, j->known[t]); \
    m->kw[t] = ADD(m->w[t], k[t]);
    NEXT(18) NEXT(19) NEXT(20) NEXT(21) NEXT(22) NEXT(23) NEXT(24) NEXT(25) NEXT(26) NEXT(27) NEXT(28) NEXT(29)
    NEXT(30) NEXT(31)
#undef NEXT
}

INLINE void second_message(message *m, const V s[8], const group *group, const V *k)
{
    first_end(m->w, s, group);
    for (int t = 1; t < 8; t++) {
        m->kw[t] = ADD(m->w[t], k[t]);
    }
#define NEXT(t) \
    m->w[t] = second_word(m->w, t); \
    m->kw[t] = ADD(m->w[t], k[t]);
    NEXT(16) NEXT(17) NEXT(18) NEXT(19) NEXT(20) NEXT(21) NEXT(22) NEXT(23) NEXT(24) NEXT(25) NEXT(26) NEXT(27)
    NEXT(28)
#undef NEXT
}

#include ROUNDS

static void start_flow(flow *flow, const job_words *j)
{
    memset(flow, 0, sizeof *flow);
    for (int t = 0; t < 64; t++) {
        flow->k[t] = SPLAT(K[t]);
    }
    for (int i = 0; i < STREAMS; i++) {
        for (int t = 4; t < 18; t++) {
            flow->first[i].w[t] = SPLAT(j->kw[t] - K[t]);
            flow->first[i].kw[t] = SPLAT(j->kw[t]);
        }
        for (int t = 8; t < 16; t++) {
            flow->second[i].w[t] = SPLAT(second_known(t) - K[t]);
            flow->second[i].kw[t] = SPLAT(second_known(t));
        }
    }
}

static __attribute__((noinline)) uint64_t second_hashes(flow *flow, uint filter)
{
    V s[STREAMS][8];
    uint64_t passed = 0;
    for (int i = 0; i < STREAMS; i++) {
        V places[8];
        second_start(places, flow->second[i].w[0]);
        from_places(s[i], places, 1);
    }
    second_rounds(s, flow->second, flow->k);
    for (int i = 0; i < STREAMS; i++) {
        passed |= (uint64_t)ZERO_LANES(ADD(s[i][4], H0[7]) & filter) << (i * LANES);
    }
    return passed;
}

static __attribute__((noinline)) uint64_t plain_step(flow *flow, const group *group, const V *nonces,
                                                     const job_words *j, uint filter)
{
    V s[STREAMS][8];
    uint64_t passed = second_hashes(flow, filter);
    for (uint i = 0; i < STREAMS; i++) {
        first_message(&flow->first[i], *nonces + i * LANES, j, flow->k);
        first_start(s[i], group, flow->first[i].w[3]);
    }
    first_rounds(s, flow->first, flow->k);
    for (int i = 0; i < STREAMS; i++) {
        second_message(&flow->second[i], s[i], group, flow->k);
    }
    return passed;
}

static void take_nonce(flow *flow, const words *kw, uint n)
{
    for (int t = 3; t < 64; t++) {
        flow->shared.kw[t] = SPLAT(kw[t].lane[n]);
    }
}

static __attribute__((noinline)) uint64_t rolled_step(flow *flow, const group *groups, uint filter)
{
    V s[STREAMS][8];
    uint64_t passed = second_hashes(flow, filter);
    for (int i = 0; i < STREAMS; i++) {
        first_start(s[i], &groups[i], flow->shared.kw[3]);
    }
    known_rounds(s, &flow->shared);
    for (int i = 0; i < STREAMS; i++) {
        second_message(&flow->second[i], s[i], &groups[i], flow->k);
    }
    return passed;
}

#include "search-inl.h"
