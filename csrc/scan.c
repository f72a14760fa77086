/* The range search around the variants: filter, candidates, full buffers. */
#include <string.h>

#include "sha256.h"
#include "variants.h"

static const uint32_t H0[8] = {HJ_SHA256_H};
static const uint32_t K[64] = {HJ_SHA256_K};

void hj_compress(uint32_t state[8], const uint32_t block[16])
{
    uint32_t w[64], s[8];
    memcpy(w, block, 16 * sizeof *w);
    for (int t = 16; t < 64; t++) {
        w[t] = hj_next_word(w[t - 16], w[t - 15], w[t - 7], w[t - 2]);
    }
    memcpy(s, state, sizeof s);
    for (int t = 0; t < 64; t++) {
        hj_round(s, K[t] + w[t]);
    }
    for (int i = 0; i < 8; i++) {
        state[i] += s[i];
    }
}

/* Whether the header's double SHA-256, read as a little-endian number (so word 7 is its top), is <= target. */
static int is_hit(const hj_job *job, uint32_t midstate, uint32_t nonce)
{
    uint32_t first[16] = {job->tail[0], job->tail[1], job->tail[2], hj_bswap32(nonce), 0x80000000u};
    uint32_t second[16] = {0};
    uint32_t digest[8];
    first[15] = 80 * 8;
    memcpy(second, job->midstates + 8 * (size_t)midstate, 8 * sizeof *second);
    hj_compress(second, first);
    second[8] = 0x80000000u;
    second[15] = 32 * 8;
    memcpy(digest, H0, sizeof digest);
    hj_compress(digest, second);
    for (int i = 0; i < 8; i++) {
        uint32_t word = hj_bswap32(digest[7 - i]);
        if (word != job->target[i]) {
            return word < job->target[i];
        }
    }
    return 1;
}

void hj_candidate(hj_task *task, uint32_t midstate, uint64_t offset)
{
    uint32_t nonce = task->first + (uint32_t)offset;
    if (offset >= task->count || midstate >= task->job->n_midstates || !is_hit(task->job, midstate, nonce)) {
        return;
    }
    if (task->found < task->capacity) {
        task->hits[task->found] = (hj_hit){midstate, nonce};
    }
    task->found++;
}

/* The bits of digest word 7 that must be zero: the leading zeros of the target's top word, in digest byte order. */
static uint32_t filter_for(uint32_t top)
{
    uint32_t low = top;
    for (int shift = 1; shift < 32; shift *= 2) {
        low |= low >> shift;
    }
    return hj_bswap32(~low);
}

/* A number of nonces whose expected hits fill half of the buffer, so that easy targets rarely overflow it. */
static uint64_t slice_for(const hj_job *job, uint32_t capacity)
{
    double hits_per_nonce = ((double)job->target[0] + 1) / 4294967296.0 * job->n_midstates;
    double slice = capacity / 2 / hits_per_nonce;
    return slice < 1 ? 1 : slice > 4294967296.0 ? (uint64_t)1 << 32 : (uint64_t)slice;
}

static int is_valid(uint32_t variant, const hj_job *job, uint64_t count, uint32_t capacity)
{
    return variant < hj_variant_count() && hj_variant_lanes(variant) && job->n_midstates >= 1 &&
           job->n_midstates <= HJ_MAX_MIDSTATES && capacity >= job->n_midstates && count <= (uint64_t)1 << 32;
}

uint64_t hj_scan(uint32_t variant, const hj_job *job, uint32_t first, uint64_t count, hj_hit *hits,
                 uint32_t capacity, uint32_t *n_hits)
{
    *n_hits = 0;
    if (!is_valid(variant, job, count, capacity)) {
        return 0;
    }
    hj_search *search = job->n_midstates == 1 ? hj_variant_at(variant)->plain : hj_variant_at(variant)->rolled;
    uint64_t slice = slice_for(job, capacity), done = 0;
    while (done < count) {
        hj_task task = {job, first + (uint32_t)done, count - done < slice ? count - done : slice,
                        filter_for(job->target[0]), hits + *n_hits, capacity - *n_hits, 0};
        search(&task);
        if (task.found <= task.capacity) {
            *n_hits += (uint32_t)task.found;
            done += task.count;
        } else if (*n_hits) {
            break;
        } else {
            slice = (task.count + 1) / 2; /* one nonce always fits: its hits are at most n_midstates */
        }
    }
    return done;
}
