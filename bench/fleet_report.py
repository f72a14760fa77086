"""Write results/fleet.md: what a cluster costs, measured on two workers and predicted for up to 10,000."""

from __future__ import annotations

import itertools
import math
import statistics
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

from bench.fleet_model import simulate, workers_at_most
from hashjoule import __version__
from hashjoule.fleet import model
from hashjoule.records.facts import host_facts, utc_now

DEFAULTS, QUIET = "Dask's defaults", "profiler off, ticks of 1 s"
SETTINGS = {
    DEFAULTS: {},
    QUIET: {"DASK_DISTRIBUTED__WORKER__PROFILE__ENABLED": "false", "DASK_DISTRIBUTED__ADMIN__TICK__INTERVAL": "1s"},
}
"""Settings of the workers: the defaults, and with less periodic work."""
WORKERS = (2, 10, 100, 250, 1000, 2500, 10_000)
LATENCIES_S = (0.001, 0.1)


@dataclass(frozen=True)
class Rates:
    """Rates in H/s of both cores together: by wall clock, and per second of CPU time (mean of both)."""

    wall_hs: float
    cpu_hs: float


@dataclass(frozen=True)
class Run:
    """A search on the cluster."""

    rates: Rates
    searching: float
    """Fraction of the time that the workers spent searching."""
    background: float
    """CPU seconds per second that the workers' other threads took."""
    range_s: float
    """Median time of a range."""

    @property
    def efficiency(self) -> float:
        """The fraction of a dedicated core that remains for the search."""
        return self.searching * (1 - self.background)


@dataclass(frozen=True)
class Cost:
    """Cost of a task that does nothing: CPU seconds of scheduler and client, and seconds for the round trip."""

    scheduler_s: float
    client_s: float
    round_trip_s: float


Rounds = Sequence[tuple[Rates, Run]]
"""Rates of two processes without a cluster, and a run on a cluster right after."""


def markdown(rounds: dict[str, Rounds], costs: dict[int, Cost]) -> str:
    """Return the whole page; measured and predicted figures are marked as such."""
    cost_s, runs = costs[model.IN_FLIGHT].scheduler_s, [run for _, run in rounds[DEFAULTS]]
    sections = [*_measured(rounds), *_task_costs(costs), *_predicted(cost_s, runs), *_one_scheduler(cost_s)]
    return "\n".join(sections) + "\n"


def _paragraph(text: str) -> list[str]:
    return [*textwrap.wrap(" ".join(text.split()), 116), ""]


def _measured(rounds: dict[str, Rounds]) -> list[str]:
    host = host_facts((), None)
    rows, medians = [], []
    for settings, measured in rounds.items():
        for own, run in measured:
            compared = run.rates.cpu_hs / own.cpu_hs, run.rates.wall_hs / own.wall_hs
            figures = run.searching, run.background, run.efficiency, *compared
            rows.append(f"| {settings} | {run.range_s:.2f} | {' | '.join(f'{figure:.1%}' for figure in figures)} |")
        searching = statistics.median(run.searching for _, run in measured)
        efficiency = statistics.median(run.efficiency for _, run in measured)
        medians.append(f"with {settings}, searching {searching:.1%} and efficiency {efficiency:.1%}")
    return [
        "# What a cluster costs",
        "",
        *_paragraph(
            f"""Made by `python -m bench.fleet --markdown results/fleet.md` with hashjoule {__version__} on
            {utc_now()[:10]} ({host.cpu}, {host.cores} cores). The scheduler and the client share these cores with the
            two workers, and all of them share the machine with other work."""
        ),
        "## Measured: two workers, ranges of a second",
        "",
        *_paragraph(
            """*Searching* is the fraction of its time that a worker spent searching. *Background* is the CPU time per
            second that its other threads took: Dask's own work, whatever the worker does. *Efficiency* is searching
            less the background: the fraction of a dedicated core that remains. The last two columns compare with two
            processes that searched without a cluster right before. They include the disturbance by other work on the
            machine; where a worker gets only part of its core, the background is a larger share of that part."""
        ),
        "| workers | range, s | searching | background | efficiency | hashes per CPU second | hashes per second |",
        "|---|--:|--:|--:|--:|--:|--:|",
        *rows,
        "",
        *_paragraph(
            f"""Medians: {"; ".join(medians)}; the goal is 97%. The background belongs to the worker process, so it
            takes the same share of one core however many threads the worker has: one-core workers are the worst case.
            The second setting is `{" ".join(f"{name}={value}" for name, value in SETTINGS[QUIET].items())}` in the
            environment of a worker."""
        ),
    ]


def _task_costs(costs: dict[int, Cost]) -> list[str]:
    rows = []
    for in_flight, cost in costs.items():
        figures_s = cost.scheduler_s, cost.client_s, cost.round_trip_s
        rows.append(f"| {in_flight} | {' | '.join(f'{1e3 * figure_s:.2f}' for figure_s in figures_s)} |")
    return [
        "## Measured: a task that does nothing",
        "",
        "| tasks in flight per worker | scheduler, CPU ms | client, CPU ms | round trip, ms |",
        "|--:|--:|--:|--:|",
        *rows,
        "",
    ]


def _predicted(cost_s: float, runs: Sequence[Run]) -> list[str]:
    worker_cost_s = statistics.median(run.range_s * (1 / run.searching - 1) for run in runs)
    background = statistics.median(run.background for run in runs)
    rows = []
    for workers, latency_s in itertools.product(WORKERS, LATENCIES_S):
        lengths_s = 1.0, model.range_seconds(workers)
        cells = [
            f"{(1 - background) * predict(workers, range_s, cost_s, latency_s, worker_cost_s):.1%}"
            for range_s in lengths_s
            for predict in (model.efficiency, simulate)
        ]
        cells.insert(2, f"{lengths_s[1]:.0f}")
        rows.append(f"| {workers:,} | {1e3 * latency_s:.0f} | {' | '.join(cells)} |")
    return [
        "## Predicted: more workers on one scheduler",
        "",
        *_paragraph(
            f"""A range costs {1e3 * cost_s:.2f} ms of the scheduler and {1e3 * worker_cost_s:.1f} ms of its worker,
            and a worker has {background:.1%} of background, as measured above. *Model* is the bound of
            `hashjoule.fleet.model`; *simulated* is the discrete-event simulation in `bench/fleet_model.py`, with ranges
            within 10% of their length. In the last two columns ranges are as long as `hashjoule grind --dask` makes
            them."""
        ),
        "| workers | latency, ms | 1 s: model | simulated | range, s | model | simulated |",
        "|--:|--:|--:|--:|--:|--:|--:|",
        *rows,
        "",
    ]


def _one_scheduler(cost_s: float) -> list[str]:
    short, long = model.range_seconds(1000), model.range_seconds(10_000)
    return [
        "## The limit of one scheduler, and what to do beyond it",
        "",
        *_paragraph(
            f"""With ranges of a second, {math.floor(1 / cost_s):,} workers keep this scheduler fully busy; more workers
            gain nothing. Half as many, {workers_at_most(1.0, cost_s):,}, leave time for heartbeats and other users.
            Longer ranges raise the limit in proportion, so `grind` makes them as long as the number of workers
            requires. Allowing {1e3 * model.TASK_COST_S:.0f} ms of scheduler time per range and a load of
            {model.LOAD:.0%}, that is one second for up to {workers_at_most(1.0):,} workers, {short:.0f} s for 1,000 and
            {long:.0f} s for 10,000. A solution still ends the search at once. The price of long ranges is that a lost
            worker loses more work: the two ranges that it held."""
        ),
        *_paragraph(
            """For still more workers, split the version space: run one cluster and one `grind` for each value of a
            version bit that the mask leaves out. They share nothing, so nothing limits their number."""
        )[:-1],
    ]
