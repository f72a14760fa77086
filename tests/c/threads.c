/* Many threads begin a new job at once, and each finds the hits that one thread alone finds. Meant to run under
 * ThreadSanitizer. Usage: threads [ROUNDS] */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core.h"

enum { THREADS = 8, NONCES = 16, MIDSTATES = 24 };

typedef struct {
    hj_job job;
    uint32_t midstates[8 * MIDSTATES];
} own_job;

static hj_job shared;
static uint32_t shared_midstates[8 * MIDSTATES];
static uint32_t variant;
static pthread_barrier_t begin, end;
static uint64_t found[THREADS], expected[THREADS];
static int rounds = 30;

static void new_job(hj_job *job, uint32_t *midstates, uint32_t seed)
{
    for (uint32_t i = 0; i < 8 * MIDSTATES; i++) {
        midstates[i] = seed = seed * 1664525u + 1013904223u;
    }
    *job = (hj_job){midstates, seed >> 31 ? 1 : MIDSTATES, {seed, ~seed, 7}, {0x1fffffff}};
}

/* A sum over the hits of a thread's range that depends on each, but not on their order. */
static uint64_t scanned(const hj_job *job, uint32_t first)
{
    hj_hit hits[NONCES * MIDSTATES];
    uint32_t n_hits;
    uint64_t sum = 0;
    if (hj_scan(variant, job, first, NONCES, hits, NONCES * MIDSTATES, &n_hits) != NONCES) {
        return UINT64_MAX;
    }
    for (uint32_t i = 0; i < n_hits; i++) {
        sum += (hits[i].nonce + 1) * (uint64_t)2654435761u * (hits[i].midstate + 1);
    }
    return sum;
}

/* In even rounds all threads search the shared job, in odd ones each a job of its own that it makes and frees. */
static void *run(void *argument)
{
    uint32_t thread = (uint32_t)(size_t)argument;
    for (int round = 0; round < rounds; round++) {
        pthread_barrier_wait(&begin);
        if (round % 2) {
            own_job *own = malloc(sizeof *own);
            new_job(&own->job, own->midstates, (uint32_t)round * THREADS + thread);
            found[thread] = scanned(&own->job, thread * NONCES);
            memset(own, 0xa5, sizeof *own);
            free(own);
        } else {
            found[thread] = scanned(&shared, thread * NONCES);
        }
        pthread_barrier_wait(&end);
    }
    return 0;
}

static void expect(int round)
{
    static own_job own;
    new_job(&shared, shared_midstates, (uint32_t)round);
    for (uint32_t thread = 0; thread < THREADS; thread++) {
        new_job(&own.job, own.midstates, (uint32_t)round * THREADS + thread);
        expected[thread] = scanned(round % 2 ? &own.job : &shared, thread * NONCES);
    }
}

static int failures_of_variant(void)
{
    pthread_t threads[THREADS];
    int failures = 0;
    for (size_t i = 0; i < THREADS; i++) {
        pthread_create(&threads[i], 0, run, (void *)i);
    }
    for (int round = 0; round < rounds; round++) {
        expect(round);
        pthread_barrier_wait(&begin);
        pthread_barrier_wait(&end);
        failures += memcmp(found, expected, sizeof found) != 0;
    }
    for (size_t i = 0; i < THREADS; i++) {
        pthread_join(threads[i], 0);
    }
    return failures;
}

int main(int argc, char **argv)
{
    int failures = 0;
    rounds = argc > 1 ? atoi(argv[1]) : rounds;
    pthread_barrier_init(&begin, 0, THREADS + 1);
    pthread_barrier_init(&end, 0, THREADS + 1);
    for (variant = 0; variant < hj_variant_count(); variant++) {
        if (hj_variant_lanes(variant) && !(hj_variant_needs(variant) & ~hj_cpu_features())) {
            int failed = failures_of_variant();
            printf("%s: %s\n", hj_variant_name(variant), failed ? "FAILED" : "all hits as expected");
            failures += failed;
        }
    }
    return failures ? 1 : 0;
}
