/* Cycles per hash of every variant that this CPU runs, plain and rolled, interleaved: thread CPU time times the
 * clock rate that a chain of dependent additions shows beside each sample. The bare core, without Python.
 * Usage: cycles [SAMPLES [VARIANT]] */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core.h"

enum { MIDSTATES = 64, HASHES = 1 << 20, MAX_SAMPLES = 99, MAX_ROWS = 32 };

static double cpu_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static double clock_hz(void)
{
    double t = cpu_seconds();
    uint64_t links = hj_clock_chain(4000000);
    return (double)links / (cpu_seconds() - t);
}

static double cycles_per_hash(uint32_t variant, const hj_job *job)
{
    hj_hit hits[MIDSTATES];
    uint32_t n_hits;
    uint64_t nonces = HASHES / job->n_midstates;
    double hz = clock_hz(), t = cpu_seconds();
    hj_scan(variant, job, 0, nonces, hits, MIDSTATES, &n_hits);
    t = cpu_seconds() - t;
    return t * (hz + clock_hz()) / 2 / HASHES;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
    static uint32_t midstates[8 * MIDSTATES];
    static double samples[MAX_ROWS][2][MAX_SAMPLES];
    int n = argc > 1 ? atoi(argv[1]) : 9;
    hj_job job = {midstates, 1, {1, 2, 3}, {0}};
    n = n < 1 ? 1 : n > MAX_SAMPLES ? MAX_SAMPLES : n;
    for (uint32_t i = 0; i < 8 * MIDSTATES; i++) {
        midstates[i] = i * 2654435761u;
    }
    for (int s = -1; s < n; s++) { /* the first pass warms up */
        for (uint32_t v = 0; v < hj_variant_count(); v++) {
            if ((hj_variant_needs(v) & ~hj_cpu_features()) || (argc > 2 && strcmp(argv[2], hj_variant_name(v)))) {
                continue;
            }
            for (int rolled = 0; rolled < 2; rolled++) {
                job.n_midstates = rolled ? MIDSTATES : 1;
                samples[v][rolled][s < 0 ? 0 : s] = cycles_per_hash(v, &job);
            }
        }
    }
    printf("%-14s %12s %12s   cycles/hash, median of %d (%s)\n", "variant", "plain", "rolled", n, hj_compiler());
    for (uint32_t v = 0; v < hj_variant_count(); v++) {
        if (samples[v][0][0] > 0) {
            qsort(samples[v][0], (size_t)n, sizeof(double), ascending);
            qsort(samples[v][1], (size_t)n, sizeof(double), ascending);
            printf("%-14s %12.1f %12.1f\n", hj_variant_name(v), samples[v][0][n / 2], samples[v][1][n / 2]);
        }
    }
    return 0;
}
