"""A discrete-event simulation of the queueing network that `hashjoule.fleet.model` bounds."""

from __future__ import annotations

import heapq
import random

from hashjoule.fleet import model


def workers_at_most(range_s: float, task_cost_s: float = model.TASK_COST_S) -> int:
    """Return how many workers one scheduler serves with ranges of that length at a load of `model.LOAD`."""
    return int(range_s * model.LOAD / task_cost_s)


def simulate(
    workers: int,
    range_s: float,
    task_cost_s: float,
    latency_s: float,
    worker_cost_s: float = 0.0,
    ranges: int = 30,
    spread: float = 0.1,
    seed: int = 0,
) -> float:
    """Return the fraction of the workers' own rates that remains, by a discrete-event simulation.

    model.IN_FLIGHT ranges per worker circulate. The scheduler serves one at a time in order of arrival; a latency later
    the range is at its worker, which also searches one at a time, and then it returns. The first third of the run, in
    which all workers start at once, does not count.

    Args:
        workers: Number of workers.
        range_s: Mean seconds of search in a range.
        task_cost_s: Seconds of the scheduler's time per range.
        latency_s: Seconds from the scheduler to the worker.
        worker_cost_s: Seconds of the worker's time per range beside the search.
        ranges: Approximate number of ranges per worker to simulate.
        spread: Ranges take `range_s` plus or minus up to this fraction.
        seed: Seed of the random lengths.
    """
    rng = random.Random(seed)
    arrivals = [(0.0, w) for w in range(workers) for _ in range(model.IN_FLIGHT)]
    free_at = [0.0] * workers
    scheduler_free_at, ends_at = 0.0, ranges * max(range_s, workers * task_cost_s)
    counts_from, searched_s = ends_at / 3, 0.0
    while arrivals[0][0] < ends_at:
        at, w = heapq.heappop(arrivals)
        scheduler_free_at = max(scheduler_free_at, at) + task_cost_s
        search_s = range_s * rng.uniform(1 - spread, 1 + spread)
        begins_at = max(free_at[w], scheduler_free_at + latency_s) + worker_cost_s
        free_at[w] = begins_at + search_s
        searched_s += max(0.0, min(free_at[w], ends_at) - max(begins_at, counts_from))
        heapq.heappush(arrivals, (free_at[w], w))
    return searched_s / (workers * (ends_at - counts_from))
