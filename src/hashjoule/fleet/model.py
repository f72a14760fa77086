"""How busy one scheduler keeps its workers, and how long a range must be for that. Pure functions.

A search on a cluster is a closed queueing network: `IN_FLIGHT` ranges per worker circulate between the scheduler and
the worker. Three bounds limit the throughput: the worker, the round trip and the scheduler. With two ranges in flight
it comes close to the lowest of them. `bench/fleet.py` measures the costs and checks the bounds by simulation; the
results are in results/fleet.md.

Source: asymptotic bounds of operational analysis; Denning and Buzen, ACM Computing Surveys 10(3), 1978.
"""

from __future__ import annotations

IN_FLIGHT = 2
"""Ranges that a worker holds at a time: one being searched, and one waiting so that the worker never idles."""

SHORTEST_S = 1.0
"""Seconds that a range takes on a small cluster: about a thousand times the cost of its round trip."""

TASK_COST_S = 0.004
"""CPU seconds that a range costs the scheduler: measured in results/fleet.md, with a margin for slower machines."""

LOAD = 0.5
"""Fraction of its time that the scheduler may spend on our ranges; at one half, queueing delays are still short."""


def efficiency(workers: int, range_s: float, task_cost_s: float, latency_s: float, worker_cost_s: float = 0.0) -> float:
    """Return the greatest fraction of the workers' own rates that a cluster can reach, 0 to 1.

    Args:
        workers: Number of workers.
        range_s: Seconds that a worker searches a range.
        task_cost_s: Seconds of the scheduler's time that a range takes.
        latency_s: Seconds that a range spends on the network, there and back.
        worker_cost_s: Seconds of the worker's time that a range takes beside the search.
    """
    busy_s = range_s + worker_cost_s
    round_trip_s = busy_s + task_cost_s + latency_s
    return range_s / max(busy_s, round_trip_s / IN_FLIGHT, workers * task_cost_s)


def range_seconds(workers: int) -> float:
    """Return how many seconds a range should take to keep the scheduler's load at LOAD or below."""
    return max(SHORTEST_S, workers * TASK_COST_S / LOAD)
