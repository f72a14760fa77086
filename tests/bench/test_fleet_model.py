"""The model of a cluster's efficiency against a simulation of it, and the ranges that follow from it."""

from __future__ import annotations

import itertools

import pytest

from bench import fleet_report
from bench.fleet_model import simulate, workers_at_most
from bench.fleet_report import DEFAULTS, Cost, Rates, Run, markdown
from hashjoule.fleet import model

FAR, NEAR = 0.04, 0.02
"""How far model and simulation may be apart: anywhere, and where a cluster is meant to work."""


@pytest.mark.parametrize("workers", [1, 2, 20, 100, 300])
def test_the_simulation_agrees_with_the_model(workers: int) -> None:
    """Whatever limits: the workers themselves, the way there and back, or the scheduler."""
    lengths_s, costs_s, latencies_s = (0.1, 0.5, 1.0, 4.0), (0.0005, 0.002, 0.005), (0.0, 0.01, 0.1, 0.5)
    for range_s, cost_s, latency_s in itertools.product(lengths_s, costs_s, latencies_s):
        bound = model.efficiency(workers, range_s, cost_s, latency_s, 0.01)
        simulated = simulate(workers, range_s, cost_s, latency_s, 0.01)
        meant = latency_s <= range_s / 2 and workers * cost_s <= model.LOAD * range_s
        assert abs(simulated - bound) <= (NEAR if meant else FAR), (range_s, cost_s, latency_s, bound, simulated)


@pytest.mark.parametrize("workers", [1, 100, 1000, 10_000])
def test_ranges_are_as_long_as_the_number_of_workers_needs(workers: int) -> None:
    """With them the scheduler is busy half of its time at most, and 97 % of all rates remain, to 10,000 workers."""
    range_s = model.range_seconds(workers)
    assert range_s >= model.SHORTEST_S
    assert workers * model.TASK_COST_S <= model.LOAD * range_s
    assert workers <= max(workers_at_most(range_s), workers_at_most(model.SHORTEST_S))
    assert simulate(workers, range_s, model.TASK_COST_S, 0.1, 0.01, ranges=9) > 0.97


def test_one_scheduler_ends_where_it_is_always_busy() -> None:
    """Ranges of a second feed 1 / cost workers; twice as many get half."""
    assert model.efficiency(250, 1.0, 0.004, 0.001) == pytest.approx(1.0)
    assert model.efficiency(500, 1.0, 0.004, 0.001) == pytest.approx(0.5)
    assert simulate(500, 1.0, 0.004, 0.001) == pytest.approx(0.5, abs=0.01)


def test_the_tables_say_what_was_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    """The page of results has a row for each round, cost and prediction."""
    monkeypatch.setattr(fleet_report, "WORKERS", (2, 1000))
    run = Run(Rates(2e8, 1e8), 0.99, 0.02, 1.0)
    costs = {1: Cost(0.002, 0.001, 0.01), 2: Cost(0.002, 0.001, 0.02)}
    page = markdown({DEFAULTS: [(Rates(2e8, 1e8), run)]}, costs)
    assert "| Dask's defaults | 1.00 | 99.0% | 2.0% | 97.0% | 100.0% | 100.0% |" in page
    assert "| 2 | 2.00 | 1.00 | 20.00 |" in page
    assert "| 1,000 | 100 | 49.0% | 49.0% | 8 | 97.9% | " in page
    assert max(map(len, page.splitlines())) < 120
