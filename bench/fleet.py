"""What a cluster costs: measured on two workers here, modelled and simulated to 10,000.

    python -m bench.fleet [--rounds N] [--markdown results/fleet.md]

Two workers, one a core, search ranges of a second for a while; before that, two processes search by themselves, for
the rates to compare with. Where other work runs on the machine it disturbs both, so what a cluster costs is also told
by two figures that it disturbs little: the part of the time that the workers were searching, and the CPU seconds that
a worker's other threads take each second (Dask's heartbeats, ticks and profiler, which come by the clock).
What the scheduler costs is its CPU time for tasks that do nothing. `simulate` is a discrete-event simulation of the
network that `hashjoule.fleet.model` bounds.
"""

from __future__ import annotations

import argparse
import asyncio
import heapq
import itertools
import json
import math
import os
import random
import statistics
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from hashjoule import __version__
from hashjoule.fleet import cluster, model, worker
from hashjoule.fleet.grind import ClusterSearch
from hashjoule.fleet.ranges import Problem, Range
from hashjoule.job import NONCES, Header
from hashjoule.records.facts import host_facts, utc_now

CPUS = (0, 1)
WARM_UP_SECONDS, SEARCH_SECONDS, ALONE_SECONDS = 3.0, 10.0, 4.0
NOTHING_TASKS = 150
DEFAULTS, QUIET = "Dask's defaults", "profiler off, ticks of 1 s"
SETTINGS = {
    DEFAULTS: {},
    QUIET: {"DASK_DISTRIBUTED__WORKER__PROFILE__ENABLED": "false", "DASK_DISTRIBUTED__ADMIN__TICK__INTERVAL": "1s"},
}
"""Of the workers: as they come, and with less that they do by the clock."""
HEADER = Header(4, bytes(32), bytes(32), 0, 0x1D00FFFF)
WORKERS = (2, 10, 100, 250, 1000, 2500, 10_000)
LATENCIES_S = (0.001, 0.1)

ALONE = """
import json, sys, threading, time
from hashjoule import check, choose, search
from hashjoule.job import Header, Job
seconds, header = float(sys.argv[1]), Header.parse(bytes.fromhex(sys.argv[2]))
backend, stop = check.ready(choose.backend_named("auto", "plain")), threading.Event()
threading.Timer(seconds, stop.set).start()
began, cpu_began = time.perf_counter(), time.process_time()
outcome = search.search(backend, Job.plain(header, 1), stop=stop)
print(json.dumps([outcome.hashes, time.perf_counter() - began, time.process_time() - cpu_began]))
"""


@dataclass(frozen=True)
class Rates:
    """Hashes a second of both cores together: by wall clock, and for each second of CPU time, averaged."""

    wall_hs: float
    cpu_hs: float


@dataclass(frozen=True)
class Run:
    """A search on the cluster: its rates; the part of the time that its workers were searching; the CPU seconds that
    their other threads took each second; how long a range took.
    """

    rates: Rates
    searching: float
    background: float
    range_s: float

    @property
    def efficiency(self) -> float:
        """What is left of a core that does nothing else."""
        return self.searching * (1 - self.background)


@dataclass(frozen=True)
class Cost:
    """Of a task that does nothing: CPU seconds of scheduler and client, seconds there and back."""

    scheduler_s: float
    client_s: float
    round_trip_s: float


@dataclass(frozen=True)
class Processes:
    """A cluster here."""

    address: str
    scheduler: psutil.Process
    workers: list[psutil.Process]


@contextmanager
def pinned_cluster(settings: dict[str, str]) -> Iterator[Processes]:
    """A scheduler and, with these settings in its environment, a worker on each core."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        file = Path(folder) / "scheduler.json"
        scheduler = _start(stack, ["distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0",
                                   "--scheduler-file", str(file), "--no-dashboard", "--no-show"])  # fmt: skip
        while not file.exists():
            time.sleep(0.05)
        address = json.loads(file.read_text())["address"]
        workers = []
        for cpu in CPUS:
            options = ["--nthreads", "1", "--no-nanny", "--no-dashboard", "--memory-limit", "0"]
            process = _start(stack, ["distributed.cli.dask_worker", address, *options], settings)
            os.sched_setaffinity(process.pid, {cpu})
            workers.append(psutil.Process(process.pid))
        cluster.run(_until_there(address))
        yield Processes(address, psutil.Process(scheduler.pid), workers)


def _start(stack: ExitStack, module: list[str], settings: dict[str, str] | None = None) -> subprocess.Popen[bytes]:
    env = {**os.environ, **(settings or {})}
    process = subprocess.Popen([sys.executable, "-m", *module], stderr=subprocess.DEVNULL, env=env)
    stack.callback(process.wait)
    stack.callback(process.kill)
    return process


async def _until_there(address: str) -> None:
    async with cluster.connected(address) as client:
        while len(await cluster.workers(client)) < len(CPUS):
            await asyncio.sleep(0.1)


def alone() -> Rates:
    """Both cores by themselves, at the same time."""
    command = [sys.executable, "-c", ALONE, str(ALONE_SECONDS), HEADER.pack().hex()]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in CPUS]
    for process, cpu in zip(running, CPUS, strict=True):
        os.sched_setaffinity(process.pid, {cpu})
    found = [json.loads(process.communicate()[0]) for process in running]
    return Rates(sum(h / wall_s for h, wall_s, _ in found), statistics.fmean(h / cpu_s for h, _, cpu_s in found))


class Watched(ClusterSearch):
    """A search that remembers its answers, by worker, with the time at which they came."""

    answers: dict[str, list[tuple[float, dict[str, Any]]]]

    def _answered(self, address: str, part: Range, answer: dict[str, Any]) -> None:
        self.answers.setdefault(address, []).append((time.perf_counter(), answer))
        super()._answered(address, part, answer)


async def on_cluster(there: Processes) -> Run:
    """Searches for a while; what counts is from each worker's second answer to its last, so without start and end."""
    began_s, background_began_s = time.perf_counter(), _other_threads_s(there.workers)
    watched = await _search_for_a_while(there.address, SEARCH_SECONDS)
    background_s = _other_threads_s(there.workers) - background_began_s
    background = background_s / len(there.workers) / (time.perf_counter() - began_s)
    rates, cpu_rates, parts, lengths = [], [], [], []
    for answers in watched.answers.values():
        (first_s, _), *rest = answers[1:]
        took_s = rest[-1][0] - first_s
        hashes = sum(answer["hashes"] for _, answer in rest)
        rates.append(hashes / took_s)
        cpu_rates.append(hashes / sum(answer["cpu_s"] for _, answer in rest))
        parts.append(sum(answer["seconds"] for _, answer in rest) / took_s)
        lengths += [answer["seconds"] for _, answer in rest]
    both = Rates(sum(rates), statistics.fmean(cpu_rates))
    return Run(both, statistics.fmean(parts), background, statistics.median(lengths))


def _other_threads_s(processes: Sequence[psutil.Process]) -> float:
    """CPU seconds of all threads but the busiest of each, which is the one that searches."""
    spent_s = [[thread.user_time + thread.system_time for thread in process.threads()] for process in processes]
    return sum(sum(threads) - max(threads) for threads in spent_s)


async def _search_for_a_while(address: str, seconds: float) -> Watched:
    watched = Watched(address, Problem(HEADER, 1, None, 0, NONCES))
    watched.answers = {}
    task = asyncio.create_task(watched.run())
    await asyncio.wait({task}, timeout=seconds)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    return watched


async def nothing(there: Processes, in_flight: int) -> Cost:
    """What tasks cost that do nothing."""
    scheduler = there.scheduler
    async with cluster.connected(there.address) as client:
        addresses = list(await cluster.workers(client))

        async def lane(to: str) -> list[float]:
            took = []
            for _ in range(NOTHING_TASKS):
                began = time.perf_counter()
                await (future := cluster.submit(client, to, worker.host))
                future.release()
                took.append(time.perf_counter() - began)
            return took

        before, client_before = scheduler.cpu_times(), time.process_time()
        took = await asyncio.gather(*(lane(to) for to in addresses for _ in range(in_flight)))
        after, client_after = scheduler.cpu_times(), time.process_time()
    tasks = len(addresses) * in_flight * NOTHING_TASKS
    spent_s = after.user + after.system - before.user - before.system
    round_trip_s = statistics.median(s for lane in took for s in lane)
    return Cost(spent_s / tasks, (client_after - client_before) / tasks, round_trip_s)


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
    """The part of the workers' own rates that remains, by discrete events: about `ranges` ranges a worker.

    Each worker has model.IN_FLIGHT ranges on their way; each comes to the scheduler, which serves one at a time in
    order of arrival, is a latency later at its worker, which also searches one at a time, and comes back. Ranges take
    `range_s`, more or less by up to `spread`. The first third, in which all workers begin at once, does not count.
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


Rounds = Sequence[tuple[Rates, Run]]
"""Both cores by themselves, and on a cluster just after."""


def markdown(rounds: dict[str, Rounds], costs: dict[int, Cost]) -> str:
    """All tables, with what was measured and what was predicted called so."""
    cost_s, runs = costs[model.IN_FLIGHT].scheduler_s, [run for _, run in rounds[DEFAULTS]]
    parts = [*_measured(rounds), *_task_costs(costs), *_predicted(cost_s, runs), *_one_scheduler(cost_s)]
    return "\n".join(parts) + "\n"


def _paragraph(text: str) -> list[str]:
    return [*textwrap.wrap(" ".join(text.split()), 116), ""]


def _measured(rounds: dict[str, Rounds]) -> list[str]:
    machine = host_facts((), None)
    rows, medians = [], []
    for settings, measured in rounds.items():
        for own, run in measured:
            compared = run.rates.cpu_hs / own.cpu_hs, run.rates.wall_hs / own.wall_hs
            shown = " | ".join(f"{part:.1%}" for part in (run.searching, run.background, run.efficiency, *compared))
            rows.append(f"| {settings} | {run.range_s:.2f} | {shown} |")
        searching = statistics.median(run.searching for _, run in measured)
        efficiency = statistics.median(run.efficiency for _, run in measured)
        medians.append(f"with {settings} searching {searching:.1%}, efficiency {efficiency:.1%}")
    return [
        "# What a cluster costs",
        "",
        *_paragraph(
            f"""Made by `python -m bench.fleet --markdown results/fleet.md` of hashjoule {__version__} on
            {utc_now()[:10]} ({machine.cpu}, {machine.cores} cores, which scheduler and client share
            with the two workers, and all of them with other work on the machine)."""
        ),
        "## Measured: two workers, ranges of a second",
        "",
        *_paragraph(
            """*Searching* is the part of the time that a worker spent in its search, *background* the CPU seconds
            that its other threads take each second: Dask's own, whatever the worker does. *Efficiency* is
            searching, less the background: what is left of a core that has nothing else to do. The last columns
            compare with two processes that search by themselves just before: other work on the machine is in
            them, and where a worker gets but a part of its core, the background is a larger part of that."""
        ),
        "| workers with | range, s | searching | background | efficiency | hashes per CPU second | by wall clock |",
        "|---|--:|--:|--:|--:|--:|--:|",
        *rows,
        "",
        *_paragraph(
            f"""Medians: {"; ".join(medians)}; wanted: 97 %. The background is that of a worker process, so it is a
            part of one core, however many threads the worker has: these workers of one core are the worst case. The
            second setting is `{" ".join(f"{name}={value}" for name, value in SETTINGS[QUIET].items())}` in the
            environment of a worker."""
        ),
    ]


def _task_costs(costs: dict[int, Cost]) -> list[str]:
    rows = []
    for in_flight, cost in costs.items():
        shown = " | ".join(f"{1e3 * s:.2f}" for s in (cost.scheduler_s, cost.client_s, cost.round_trip_s))
        rows.append(f"| {in_flight} | {shown} |")
    return [
        "## Measured: a task that does nothing",
        "",
        "| in flight a worker | scheduler, CPU ms | client, CPU ms | there and back, ms |",
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
        rows.append(f"| {workers:,} | {1e3 * latency_s:.0f} | {cells[0]} | {cells[1]} | {lengths_s[1]:.0f} "
                    f"| {cells[2]} | {cells[3]} |")  # fmt: skip
    return [
        "## Predicted: more workers on one scheduler",
        "",
        *_paragraph(
            f"""A range costs {1e3 * cost_s:.2f} ms of the scheduler and {1e3 * worker_cost_s:.1f} ms of its worker,
            and a worker has {background:.1%} of background, as measured above. *Model* is the bound of
            `hashjoule.fleet.model`, *simulated* the discrete-event simulation of `bench/fleet.py` (ranges
            within 10 % of their length). The last columns have ranges as long as `hashjoule grind --dask` makes
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
        "## Where one scheduler ends, and what then",
        "",
        *_paragraph(
            f"""With ranges of a second, {math.floor(1 / cost_s):,} workers keep this scheduler busy all the time,
            and more get no more from it. Half of that, {workers_at_most(1.0, cost_s):,}, leaves time for
            heartbeats and other users. Longer ranges move the limit in proportion, so `grind` makes them as
            long as the number of workers needs: with {1e3 * model.TASK_COST_S:.0f} ms of a scheduler for a
            range and a load of {model.LOAD:.0%} that is a second up to {workers_at_most(1.0):,} workers,
            {short:.0f} s for 1,000, {long:.0f} s for 10,000. A solution ends the search at once all the same;
            what long ranges cost is what a lost worker had in hand, two of them."""
        ),
        *_paragraph(
            """Beyond, or where that is too long, split the version space: one cluster and one `grind` for each
            value of a version bit that the mask leaves out. They share nothing, so nothing limits their number."""
        )[:-1],
    ]


def main() -> int:
    """Measures, and prints the tables or writes them to a file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=2, help="runs on each cluster, each after one without")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the tables there")
    options = parser.parse_args()
    rounds: dict[str, Rounds] = {}
    for name, settings in SETTINGS.items():
        with pinned_cluster(settings) as there:
            cluster.run(_search_for_a_while(there.address, WARM_UP_SECONDS))
            rounds[name] = [(alone(), cluster.run(on_cluster(there))) for _ in range(options.rounds)]
            if name == DEFAULTS:
                costs = {n: cluster.run(nothing(there, n)) for n in (1, model.IN_FLIGHT, 10)}
    text = markdown(rounds, costs)
    if options.markdown:
        options.markdown.write_text(text, "utf-8")
    else:
        print(text)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
