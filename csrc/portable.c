/* One hash at a time, in plain C. */
#include <string.h>

#include "core.h"
#include "sha256_constants.h"

static void search(hj_task *task)
{
    const hj_job *job = task->job;
    for (uint64_t offset = 0; offset < task->count; offset++) {
        uint32_t w[16] = {job->tail[0], job->tail[1], job->tail[2], hj_bswap32(task->first + (uint32_t)offset),
                          0x80000000u};
        w[15] = 80 * 8;
        for (uint32_t m = 0; m < job->n_midstates; m++) {
            uint32_t second[16] = {0}, digest[8] = {HJ_SHA256_H};
            memcpy(second, job->midstates + 8 * (size_t)m, 32);
            hj_compress(second, w);
            second[8] = 0x80000000u;
            second[15] = 32 * 8;
            hj_compress(digest, second);
            if (!(digest[7] & task->filter)) {
                hj_candidate(task, m, offset);
            }
        }
    }
}

const hj_variant hj_portable = {"portable", 1, 0, search, search};
