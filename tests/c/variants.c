/* Every variant that this CPU runs, against a plain loop over hj_compress: random jobs, ranges around lane and
 * wrap edges, targets from "everything hits" to "nothing does", small hit buffers. Meant to run under ASan and
 * UBSan and, cross-compiled, under qemu-user. Usage: variants [ROUNDS [SEED]] */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core.h"
#include "sha256.h"

static uint64_t seed = 1;

static uint32_t rnd(void) /* splitmix64, upper half */
{
    uint64_t z = seed += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return (uint32_t)(z >> 32);
}

static int is_hit(const hj_job *job, uint32_t midstate, uint32_t nonce)
{
    uint32_t block[16] = {job->tail[0], job->tail[1], job->tail[2], hj_bswap32(nonce), 0x80000000u};
    uint32_t second[16] = {0}, digest[8] = {HJ_SHA256_H};
    block[15] = 640;
    memcpy(second, job->midstates + 8 * (size_t)midstate, 32);
    hj_compress(second, block);
    second[8] = 0x80000000u;
    second[15] = 256;
    hj_compress(digest, second);
    for (int i = 0; i < 8; i++) {
        uint32_t word = hj_bswap32(digest[7 - i]);
        if (word != job->target[i]) {
            return word < job->target[i];
        }
    }
    return 1;
}

static int by_pair(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(hj_hit));
}

static uint64_t expected(const hj_job *job, uint32_t first, uint32_t count, hj_hit *out)
{
    uint64_t n = 0;
    for (uint32_t i = 0; i < count; i++) {
        for (uint32_t m = 0; m < job->n_midstates; m++) {
            if (is_hit(job, m, first + i)) {
                out[n++] = (hj_hit){m, first + i};
            }
        }
    }
    qsort(out, n, sizeof *out, by_pair);
    return n;
}

/* All hits of the range, with a buffer of the given capacity, resuming as hj_scan asks. */
static uint64_t scanned(uint32_t variant, const hj_job *job, uint32_t first, uint32_t count, uint32_t capacity,
                        hj_hit *out)
{
    uint64_t n = 0, done = 0;
    while (done < count) {
        uint32_t n_hits;
        hj_hit *part = malloc(capacity * sizeof *part); /* exact size, so that ASan sees an overrun */
        uint64_t step = hj_scan(variant, job, first + (uint32_t)done, count - done, part, capacity, &n_hits);
        memcpy(out + n, part, n_hits * sizeof *part);
        free(part);
        n += n_hits;
        done += step;
        if (!step) {
            return UINT64_MAX;
        }
    }
    qsort(out, n, sizeof *out, by_pair);
    return n;
}

static void random_job(hj_job *job, uint32_t *midstates, uint32_t n_midstates)
{
    static const uint32_t tops[] = {0, 0xff, 0xffff, 0x00ffffff, 0x03ffffff, 0x0fffffff, 0x7fffffff, 0xfffffffe, 0xffffffff};
    for (uint32_t i = 0; i < 8 * n_midstates; i++) {
        midstates[i] = rnd();
    }
    job->midstates = midstates;
    job->n_midstates = n_midstates;
    for (int i = 0; i < 3; i++) {
        job->tail[i] = rnd();
    }
    uint32_t top = tops[rnd() % (sizeof tops / sizeof *tops)];
    for (int i = 0; i < 8; i++) {
        job->target[i] = i ? (top == 0xffffffff ? top : rnd()) : top;
    }
}

static int check(uint32_t variant, const hj_job *job, uint32_t first, uint32_t count)
{
    static hj_hit want[1 << 17], got[1 << 17];
    uint32_t capacity = job->n_midstates + rnd() % 64;
    uint64_t n_want = expected(job, first, count, want), n_got = scanned(variant, job, first, count, capacity, got);
    if (n_want == n_got && !memcmp(want, got, n_want * sizeof *want)) {
        return 0;
    }
    printf("%s: %" PRIu64 " hits, expected %" PRIu64 " (first %08x, count %u, %u midstates, target %08x..., seed %" PRIu64 ")\n",
           hj_variant_name(variant), n_got, n_want, first, count, job->n_midstates, job->target[0], seed);
    return 1;
}

/* Whether hj_scan refuses what it cannot search, for one midstate too few, one too many and the like. */
static int check_refusals(void)
{
    static uint32_t midstates[8 * (HJ_MAX_MIDSTATES + 1)];
    static hj_hit hits[HJ_MAX_MIDSTATES + 1];
    const uint32_t none = hj_variant_count(), portable = none - 3, max = HJ_MAX_MIDSTATES;
    const uint64_t nonces = (uint64_t)1 << 32;
    const struct {
        uint32_t variant, n_midstates, capacity;
        uint64_t count, done;
    } calls[] = {
        {portable, 0, max, 1, 0},   {portable, 1, max, 1, 1},       {portable, max, max, 1, 1},
        {portable, max + 1, max + 1, 1, 0}, {portable, 2, 1, 1, 0}, {portable, 1, max, nonces + 1, 0},
        {none, 1, max, 1, 0},
    };
    int failures = 0;
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        hj_job job = {midstates, calls[i].n_midstates, {0}, {0}};
        uint32_t n_hits = 7;
        uint64_t done = hj_scan(calls[i].variant, &job, 0, calls[i].count, hits, calls[i].capacity, &n_hits);
        if (done != calls[i].done || n_hits) {
            printf("call %zu: FAILED, %" PRIu64 " nonces done and %u hits\n", i, done, n_hits);
            failures++;
        }
    }
    return failures;
}

#if defined(_WIN32) && defined(__x86_64__)

#define XMM_6_TO_15(X) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13) X(14) X(15)

/* Whether xmm6 to xmm15 survive a search: on Windows they belong to the caller. The compiler is not told that they are
 * changed here, for then it would save them itself; they are put back at the end. */
static __attribute__((noinline)) int keeps_registers(uint32_t variant, const hj_job *job)
{
    static uint32_t before[16][4], set[16][4], after[16][4];
    hj_hit hits[HJ_MAX_MIDSTATES];
    uint32_t n_hits;
    memset(set, 0x5a, sizeof set);
#define SAVE(n) __asm__ volatile("movups %%xmm" #n ", %0\n\tmovups %1, %%xmm" #n : "=m"(before[n]) : "m"(set[n]));
    XMM_6_TO_15(SAVE)
    hj_scan(variant, job, 0, 1000, hits, HJ_MAX_MIDSTATES, &n_hits);
#define RESTORE(n) __asm__ volatile("movups %%xmm" #n ", %0\n\tmovups %1, %%xmm" #n : "=m"(after[n]) : "m"(before[n]));
    XMM_6_TO_15(RESTORE)
    return !memcmp(set + 6, after + 6, sizeof set - 6 * sizeof *set);
}

#else

static int keeps_registers(uint32_t variant, const hj_job *job)
{
    (void)variant;
    (void)job;
    return 1;
}

#endif

static uint32_t random_n_midstates(void)
{
    switch (rnd() % 16) {
    case 0:
        return HJ_MAX_MIDSTATES - rnd() % 9; /* the most that fit, and too few to fill the last batch */
    case 1: case 2: case 3: case 4: case 5: case 6: case 7:
        return 2 + rnd() % 40;
    default:
        return 1;
    }
}

static uint32_t random_first(void)
{
    switch (rnd() % 4) {
    case 0:
        return 0;
    case 1:
        return (uint32_t)0 - rnd() % 80; /* the range wraps past 2^32 */
    default:
        return rnd();
    }
}

int main(int argc, char **argv)
{
    int rounds = argc > 1 ? atoi(argv[1]) : 200, failures = check_refusals();
    seed = argc > 2 ? strtoull(argv[2], 0, 0) : 1;
    for (uint32_t v = 0; v < hj_variant_count(); v++) {
        if (hj_variant_needs(v) & ~hj_cpu_features()) {
            printf("%s: not on this CPU\n", hj_variant_name(v));
            continue;
        }
        int failed = 0;
        for (int i = 0; i < rounds && failed < 5; i++) {
            static uint32_t midstates[8 * HJ_MAX_MIDSTATES];
            hj_job job;
            uint32_t n = random_n_midstates();
            random_job(&job, midstates, n);
            failed += check(v, &job, random_first(), n == 1 ? rnd() % 400 : rnd() % 40);
            job.target[0] = 0;
            if (!keeps_registers(v, &job)) {
                printf("%s: changes registers that belong to its caller\n", hj_variant_name(v));
                failed++;
            }
        }
        printf("%s: %d rounds, %s\n", hj_variant_name(v), rounds, failed ? "FAILED" : "all hits as expected");
        failures += failed;
    }
    return failures ? 1 : 0;
}
