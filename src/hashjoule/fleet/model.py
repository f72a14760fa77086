"""How well one scheduler keeps its workers busy, and how long ranges must be for that. Pure functions.

A search on a cluster is a closed queueing network: each worker has `IN_FLIGHT` ranges on their way through one server
(the scheduler) and the worker itself. Its throughput is bounded by the slowest of three, and with double buffering is
close to that bound (asymptotic bounds of operational analysis; Denning and Buzen, ACM Computing Surveys 10(3), 1978).
`bench/fleet.py` measures the costs and checks the bound by simulation: results/fleet.md.
"""

from __future__ import annotations

IN_FLIGHT = 2
"""Ranges that a worker has at a time: one that it searches, and one that is there when that is done."""

SHORTEST_S = 1.0
"""Seconds that a range takes on a small cluster: a thousand times what its way there and back costs."""

TASK_COST_S = 0.004
"""CPU seconds that a range costs the scheduler: what results/fleet.md measured, with room for slower machines."""

LOAD = 0.5
"""The part of its time that the scheduler may be busy with our ranges: at half its waiting times are still short."""


def efficiency(workers: int, range_s: float, task_cost_s: float, latency_s: float, worker_cost_s: float = 0.0) -> float:
    """The part of the workers' own rates that remains, at most.

    A range takes `range_s` of search and `worker_cost_s` of everything else on its worker, `task_cost_s` of the
    scheduler, and `latency_s` on its way.
    """
    busy_s = range_s + worker_cost_s
    round_trip_s = busy_s + task_cost_s + latency_s
    return range_s / max(busy_s, round_trip_s / IN_FLIGHT, workers * task_cost_s)


def range_seconds(workers: int) -> float:
    """How long a range should take: the scheduler's load stays at LOAD however many workers there are."""
    return max(SHORTEST_S, workers * TASK_COST_S / LOAD)


def workers_at_most(range_s: float, task_cost_s: float = TASK_COST_S) -> int:
    """How many workers one scheduler feeds with ranges of that length at LOAD."""
    return int(range_s * LOAD / task_cost_s)
