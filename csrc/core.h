/* The private contract of the C core: what a variant receives and what it owes.
 *
 * A variant is one function that walks a task's range and reports *candidates*: pairs (midstate, nonce) whose digest
 * word 7 passes the task's filter. It may report pairs beyond the range (the unused lanes of a last batch, padded
 * midstates); hj_candidate drops those, hashes the rest once more and keeps the hits. So no variant has a tail loop,
 * a target comparison or a buffer of its own. */
#ifndef HJ_CORE_H
#define HJ_CORE_H

#include <stddef.h>
#include <stdint.h>

#include "api.h"

typedef struct {
    const hj_job *job;
    uint32_t first;    /* first nonce */
    uint64_t count;    /* nonces, up to 2^32 */
    uint32_t filter;   /* a hash can only be a hit if (word 7 of the second digest & filter) == 0 */
    hj_hit *hits;
    uint32_t capacity; /* hits that fit; more are counted and not stored */
    uint64_t found;
} hj_task;

typedef void hj_search(hj_task *task);

/* Takes the pair (midstate index, first + offset) for a candidate. Cold: a real target passes one in billions. */
void hj_candidate(hj_task *task, uint32_t midstate, uint64_t offset);

/* The CPU features that variants need, each with the name that users read. Bit n of hj_cpu_features is the nth. */
#define HJ_FEATURES(X) \
    X(SSE2, "sse2") X(SSE41, "sse4.1") X(AVX, "avx") X(AVX2, "avx2") X(AVX512F, "avx512f") X(SHA, "sha") \
    X(NEON, "neon") X(ARM_SHA2, "arm_sha2")

enum {
#define POSITION(name, text) HJ_BIT_##name,
    HJ_FEATURES(POSITION) HJ_N_FEATURES
#undef POSITION
};

enum {
#define BIT(name, text) HJ_##name = 1 << HJ_BIT_##name,
    HJ_FEATURES(BIT)
#undef BIT
};

/* A row of the dispatch table. */
typedef struct {
    const char *name;
    uint32_t lanes; /* 0: this compiler could not build the variant */
    uint32_t needs; /* features, as bits */
    hj_search *plain;
    hj_search *rolled;
} hj_variant;

#endif
