/* The private contract of the C core: what a variant gets, and what it owes.
 *
 * A variant is one function that walks a task's range and reports *candidates*: pairs whose last hash word 7
 * passes the task's filter. It may report pairs beyond the range (the unused lanes of a last batch, padded
 * midstates); hj_candidate drops those, hashes the rest once more and keeps the hits. So no variant has a
 * tail loop, a target comparison or a buffer of its own. */
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

/* CPU features, in the order of hj_feature_name. */
enum {
    HJ_SSE2 = 1 << 0, HJ_SSSE3 = 1 << 1, HJ_SSE41 = 1 << 2, HJ_AVX = 1 << 3, HJ_AVX2 = 1 << 4,
    HJ_AVX512F = 1 << 5, HJ_AVX512BW = 1 << 6, HJ_AVX512VL = 1 << 7, HJ_SHA = 1 << 8,
    HJ_NEON = 1 << 9, HJ_ARM_SHA2 = 1 << 10
};

typedef struct {
    const char *name;
    uint32_t lanes;
    uint32_t needs;
    hj_search *plain;
    hj_search *rolled;
} hj_variant;

extern const hj_variant *const hj_variants[];

/* Each variant is one file and one row; the row exists where the compiler has the target (see variants.c). */
extern const hj_variant hj_portable, hj_sse2, hj_avx2, hj_avx512, hj_shani, hj_neon, hj_armv8;

static inline uint32_t hj_bswap32(uint32_t x)
{
    return x >> 24 | (x >> 8 & 0xff00) | (x << 8 & 0xff0000) | x << 24;
}

#endif
