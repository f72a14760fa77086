"""Measure what a cluster costs, on two workers, and predict it for up to 10,000.

    python -m bench.fleet [--rounds N] [--markdown results/fleet.md]

Two workers, one per core, search ranges of a second for a while; right before, two processes search without a cluster,
for comparison. Other work on the machine disturbs both. Two figures are disturbed little: the fraction of the time that
the workers spend searching, and the CPU time per second of a worker's other threads (Dask's heartbeats, ticks and
profiler, which run by the clock). The scheduler's cost is its CPU time for tasks that do nothing.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from bench.fleet_report import DEFAULTS, SETTINGS, Cost, Rates, Rounds, Run, markdown
from hashjoule.fleet import cluster, model, worker
from hashjoule.fleet.grind import ClusterSearch
from hashjoule.fleet.ranges import Problem, Range
from hashjoule.job import NONCES, Header

CPUS = (0, 1)
WARM_UP_SECONDS, SEARCH_SECONDS, ALONE_SECONDS = 3.0, 10.0, 4.0
EMPTY_TASKS = 150
HEADER = Header(4, bytes(32), bytes(32), 0, 0x1D00FFFF)

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
class Processes:
    """The processes of a cluster on this machine."""

    address: str
    scheduler: psutil.Process
    workers: list[psutil.Process]


@contextmanager
def pinned_cluster(settings: dict[str, str]) -> Iterator[Processes]:
    """Start a scheduler, and a worker on each core with these settings in its environment."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        file = Path(folder) / "scheduler.json"
        options = ["--host", "127.0.0.1", "--port", "0", "--scheduler-file", str(file), "--no-dashboard", "--no-show"]
        scheduler = _start(stack, ["distributed.cli.dask_scheduler", *options])
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
    """Search on both cores at the same time, without a cluster."""
    command = [sys.executable, "-c", ALONE, str(ALONE_SECONDS), HEADER.pack().hex()]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in CPUS]
    for process, cpu in zip(running, CPUS, strict=True):
        os.sched_setaffinity(process.pid, {cpu})
    found = [json.loads(process.communicate()[0]) for process in running]
    return Rates(sum(h / wall_s for h, wall_s, _ in found), statistics.fmean(h / cpu_s for h, _, cpu_s in found))


class Watched(ClusterSearch):
    """A search that remembers the answers of each worker and when they came."""

    answers: dict[str, list[tuple[float, dict[str, Any]]]]

    def _answered(self, address: str, taken: Range, answer: dict[str, Any]) -> None:
        self.answers.setdefault(address, []).append((time.perf_counter(), answer))
        super()._answered(address, taken, answer)


async def on_cluster(processes: Processes) -> Run:
    """Search for a while; each worker counts from its second answer to its last, so without start and end."""
    began_s, background_began_s = time.perf_counter(), _other_threads_s(processes.workers)
    watched = await _search_for_a_while(processes.address, SEARCH_SECONDS)
    background_s = _other_threads_s(processes.workers) - background_began_s
    background = background_s / len(processes.workers) / (time.perf_counter() - began_s)
    rates, cpu_rates, searching, lengths = [], [], [], []
    for answers in watched.answers.values():
        (first_s, _), *rest = answers[1:]
        took_s = rest[-1][0] - first_s
        hashes = sum(answer["hashes"] for _, answer in rest)
        rates.append(hashes / took_s)
        cpu_rates.append(hashes / sum(answer["cpu_s"] for _, answer in rest))
        searching.append(sum(answer["seconds"] for _, answer in rest) / took_s)
        lengths += [answer["seconds"] for _, answer in rest]
    both = Rates(sum(rates), statistics.fmean(cpu_rates))
    return Run(both, statistics.fmean(searching), background, statistics.median(lengths))


def _other_threads_s(processes: Sequence[psutil.Process]) -> float:
    """Return the CPU seconds of all threads except the busiest of each process, which is the one that searches."""
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


async def cost_of_empty_tasks(processes: Processes, in_flight: int) -> Cost:
    """Measure the cost of a task that does nothing."""
    scheduler = processes.scheduler
    async with cluster.connected(processes.address) as client:
        addresses = list(await cluster.workers(client))

        async def tasks_for(to: str) -> list[float]:
            took = []
            for _ in range(EMPTY_TASKS):
                began = time.perf_counter()
                await (future := cluster.submit(client, to, worker.host))
                future.release()
                took.append(time.perf_counter() - began)
            return took

        before, client_before = scheduler.cpu_times(), time.process_time()
        took = await asyncio.gather(*(tasks_for(to) for to in addresses for _ in range(in_flight)))
        after, client_after = scheduler.cpu_times(), time.process_time()
    tasks = len(addresses) * in_flight * EMPTY_TASKS
    spent_s = after.user + after.system - before.user - before.system
    round_trip_s = statistics.median(seconds for each in took for seconds in each)
    return Cost(spent_s / tasks, (client_after - client_before) / tasks, round_trip_s)


def main() -> int:
    """Measure, and print the page or write it to a file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--rounds", type=int, default=2, help="runs with each setting, each after one without a cluster"
    )
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the page to FILE")
    options = parser.parse_args()
    rounds: dict[str, Rounds] = {}
    for name, settings in SETTINGS.items():
        with pinned_cluster(settings) as processes:
            cluster.run(_search_for_a_while(processes.address, WARM_UP_SECONDS))
            rounds[name] = [(alone(), cluster.run(on_cluster(processes))) for _ in range(options.rounds)]
            if name == DEFAULTS:
                costs = {n: cluster.run(cost_of_empty_tasks(processes, n)) for n in (1, model.IN_FLIGHT, 10)}
    text = markdown(rounds, costs)
    if options.markdown:
        options.markdown.write_text(text, "utf-8")
    else:
        print(text)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
