/* The walk over a range, for the algorithm that was included before this file: it has defined
 *
 *   BATCH           hashes of a step
 *   DEPTH           steps from the first hash of a batch to the end of its second
 *   flow            what a step hands on to the next, and start_flow(flow, job words)
 *   plain_step(flow, group, nonces, job words, filter)
 *   take_nonce(flow, kw, n)    rolled: from now on nonce n of the schedule kw
 *   rolled_step(flow, groups, filter)
 *
 * A step starts the first hashes of a batch and ends the second hashes of an earlier one: bit n of its result is set
 * where the nth hash of that batch passes the filter. */
#ifndef BATCH
#error "include beside-inl.h or loops-inl.h, which include this file"
#endif

/* Bit n is the pair (midstate, offset + n) or, rolled, (midstate + n, offset). */
static void report(hj_task *task, uint64_t passed, uint midstate, uint64_t offset)
{
    const int is_rolled = task->job->n_midstates > 1;
    for (uint n = 0; passed; n++, passed >>= 1) {
        if (passed & 1) {
            hj_candidate(task, is_rolled ? midstate + n : 0, is_rolled ? offset : offset + n);
        }
    }
}

/* A search takes DEPTH steps more than it has batches, for the second hashes of the last. What the first steps report
 * is nothing yet, and its offset is beyond every range, so that hj_candidate drops it. */
static void plain(hj_task *task)
{
    V nonces = nonces_from(task->first);
    flow flow;
    job_words j;
    group group;
    prepare_job(&j, task->job);
    load_group(&group, task->job, 0);
    start_flow(&flow, &j);
    for (uint64_t offset = 0; offset < task->count + DEPTH * BATCH; offset += BATCH) {
        report(task, plain_step(&flow, &group, &nonces, &j, task->filter), 0, offset - DEPTH * BATCH);
        nonces += BATCH;
    }
}

/* Where in the search the first hashes of a step are. */
typedef struct {
    uint midstate;
    uint64_t offset;
} place;

static void rolled_at(hj_task *task, flow *flow, place places[DEPTH], place place, const group *groups)
{
    uint64_t passed = rolled_step(flow, &groups[place.midstate / LANES], task->filter);
    report(task, passed, places[0].midstate, places[0].offset);
    memmove(places, places + 1, (DEPTH - 1) * sizeof *places);
    places[DEPTH - 1] = place;
}

static void rolled(hj_task *task)
{
    words kw[64];
    flow flow;
    job_words j;
    group groups[HJ_MAX_MIDSTATES / LANES]; /* the last batch is full, too: load_group pads it */
    _Static_assert(HJ_MAX_MIDSTATES % BATCH == 0, "the most midstates fill their last batch");
    place places[DEPTH];
    const uint n_midstates = task->job->n_midstates;
    prepare_job(&j, task->job);
    for (uint first = 0; first < (n_midstates + BATCH - 1) / BATCH * BATCH; first += LANES) {
        load_group(&groups[first / LANES], task->job, first);
    }
    start_flow(&flow, &j);
    for (int i = 0; i < DEPTH; i++) {
        places[i] = (place){0, task->count};
    }
    for (uint64_t offset = 0; offset < task->count; offset++) {
        if (offset % LANES == 0) {
            first_schedule(kw, nonces_from(task->first + (uint)offset), &j);
        }
        take_nonce(&flow, kw, offset % LANES);
        for (uint midstate = 0; midstate < n_midstates; midstate += BATCH) {
            rolled_at(task, &flow, places, (place){midstate, offset}, groups);
        }
    }
    for (int i = 0; i < DEPTH; i++) {
        rolled_at(task, &flow, places, (place){0, task->count}, groups);
    }
}
