"""The gauge measured. `python -m bench.gauge --only NAME ... [options]`

simulation  estimate and interval over --runs simulated runs of 5, 50, 500 and 5,000 expected shares
load        --connections that submit --rate shares a second for --seconds: loss, time to the answer, CPU time, memory
agreement   `hashjoule mine --pool` with each backend on one thread, gauged, beside `bench`'s way of measuring
miners      other miners, named by --miner NAME=COMMAND (with {host}, {port} and {url}), and the rate that they print

Nothing is asserted; results go to stdout as one JSON document.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import re
import shlex
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import psutil

from harness.gauge import SimulatedMiner, simulate
from harness.gauge_server import serving
from harness.load import EVERY_HASH, drive
from hashjoule.backends import resolve
from hashjoule.benchmark import sampling
from hashjoule.benchmark.measurement import measurements
from hashjoule.gauge.roster import Ending
from hashjoule.gauge.tally import Estimate

SIMULATED_HS = 4.3e6
"""A share a second at a difficulty of 1/1024."""


def _simulated(rng: random.Random, restless: bool) -> SimulatedMiner:
    return SimulatedMiner(hashrate_hs=SIMULATED_HS, rng=rng, latency_s=1e-3, restless=restless)


def _run(miner: SimulatedMiner, seconds: float) -> Estimate:
    return miner.run(seconds)


def _simulate_part(restless: bool, seconds: float, runs: int, first: int) -> tuple[float, float, float, float]:
    found = simulate(partial(_simulated, restless=restless), partial(_run, seconds=seconds), runs, first)
    return found.mean, found.standard_error, found.coverage, found.shares


def simulation(options: argparse.Namespace) -> dict[str, Any]:
    """Mean of the estimate over the truth, its standard error, and how often the interval holds the truth."""
    results: dict[str, Any] = {}
    parts = 4 * options.processes
    with ProcessPoolExecutor(options.processes) as pool:
        for seconds in options.shares:
            for restless in (False, True):
                runs = options.runs // parts
                work = [
                    pool.submit(_simulate_part, restless, seconds, runs, options.first + runs * part)
                    for part in range(parts)
                ]
                done = [each.result() for each in work]
                results[f"{seconds} expected shares{', changing difficulty' if restless else ''}"] = {
                    "runs": runs * parts,
                    "mean": statistics.fmean(part[0] for part in done),
                    "standard_error": statistics.fmean(part[1] for part in done) / parts**0.5,
                    "coverage": statistics.fmean(part[2] for part in done),
                    "mean_shares": statistics.fmean(part[3] for part in done),
                }
                print(seconds, restless, list(results.values())[-1], file=sys.stderr)
    return results


@contextmanager
def gauging(*arguments: str, cpu: int | None = None) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """`hashjoule gauge` in a process of its own, on one core if given; yields it and its port."""
    pinned = [] if cpu is None else ["taskset", "-c", str(cpu)]
    command = [*pinned, sys.executable, "-m", "hashjoule", "gauge", "--listen", "127.0.0.1:0", "--json", *arguments]
    with tempfile.TemporaryFile("w+") as said:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=said, text=True)
        try:
            port = None
            while port is None:
                time.sleep(0.05)
                said.seek(0)
                text = said.read()
                if process.poll() is not None:
                    raise SystemExit(text)
                port = re.search(r"stratum\+tcp://127\.0\.0\.1:(\d+)", text)
            yield process, int(port[1])
        finally:
            process.kill()
            process.communicate()


def load(options: argparse.Namespace) -> dict[str, Any]:
    """The server on one core, the load on another; memory is read every second."""
    arguments = ["--difficulty", repr(EVERY_HASH), "--seconds", str(options.seconds + 600)]
    with gauging(*arguments, cpu=options.cpu) as (process, port):
        server = psutil.Process(process.pid)
        sizes_mb: list[float] = []
        ended = threading.Event()

        def watch() -> None:
            while not ended.wait(1.0):
                sizes_mb.append(server.memory_info().rss / 1e6)

        thread = threading.Thread(target=watch)
        thread.start()
        before = server.cpu_times()
        done = asyncio.run(drive(port, options.connections, options.rate, options.seconds))
        after = server.cpu_times()
        ended.set()
        thread.join()
    tenth = max(1, len(sizes_mb) // 10)
    return {
        "connections": options.connections,
        "shares_per_second": done.sent / done.seconds,
        "sent": done.sent,
        "accepted": done.accepted,
        "refused": done.refused,
        "lost_connections": done.lost_connections,
        "answer_ms": {"median": done.quantile_ms(0.5), "p99": done.quantile_ms(0.99), "max": done.quantile_ms(1.0)},
        "cpu_part": (after.user + after.system - before.user - before.system) / done.seconds,
        "rss_mb": {"first_tenth": max(sizes_mb[:tenth]), "last_tenth": max(sizes_mb[-tenth:]), "max": max(sizes_mb)},
    }


@dataclass(frozen=True)
class Gauged:
    """A miner that was gauged: what its shares say, and what its process did meanwhile."""

    estimate: Estimate
    rejected: dict[str, int]
    cpu_s: float
    """CPU time of the miner during the count."""
    said: list[tuple[float, str]]
    """Lines that it printed, with the part of the count that was over; negative before it."""

    def figures(self) -> dict[str, Any]:
        """The estimate, as plain values."""
        found = self.estimate
        return {
            "gauged_hs": found.hashrate_hs,
            "ci95_hs": list(found.interval_hs),
            "shares": found.shares.shares,
            "seconds": found.seconds,
            "rejected": self.rejected,
            "constant_p": found.constant_p,
            "cpu_part": self.cpu_s / found.seconds,
        }


def gauged(command: Callable[[int], list[str]], difficulty: float | None, seconds: float) -> Gauged:
    """Start a miner, given the port, and gauge it for so long after its ramp-up."""
    with serving(difficulty, Ending(seconds=seconds)) as gauge:
        process = subprocess.Popen(
            command(gauge.port), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, text=True
        )
        lines: list[tuple[float, str]] = []
        reader = threading.Thread(target=_read, args=(process, lines), daemon=True)
        reader.start()
        try:
            before_s = _cpu_s_when(process, lambda: gauge.roster.begun_s is not None, 300.0)
            after_s = _cpu_s_when(process, lambda: gauge.roster.ended_s is not None, seconds + 60)
        finally:
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(10)
            process.kill()
            process.wait()
        reader.join(5)
        begun_s, ended_s = gauge.roster.begun_s or 0.0, gauge.roster.ended_s or 0.0
        miner = max(gauge.roster.miners.values(), key=lambda miner: miner.account.last_share_s or 0.0)
        assert miner.account.count
        estimate = miner.account.count.estimate(ended_s)
        said = [((at_s - begun_s) / (ended_s - begun_s), line) for at_s, line in lines]
        return Gauged(
            estimate, {str(fault): n for fault, n in miner.account.rejected.items()}, after_s - before_s, said
        )


def _read(process: subprocess.Popen[str], lines: list[tuple[float, str]]) -> None:
    assert process.stdout
    for line in process.stdout:
        lines.append((time.monotonic(), re.sub(r"\x1b\[[0-9;]*m", "", line).strip()))


def _cpu_s_when(process: subprocess.Popen[str], holds: Callable[[], bool], limit_s: float) -> float:
    """The CPU time of a process and its children at the moment when something becomes true."""
    deadline = time.monotonic() + limit_s
    while not holds():
        if process.poll() is not None or time.monotonic() > deadline:
            raise SystemExit(f"the miner ended, or delivered nothing in {limit_s:.0f} s: {process.args!r}")
        time.sleep(0.02)
    top = psutil.Process(process.pid)
    return sum(sum(each.cpu_times()[:2]) for each in [top, *top.children(recursive=True)])


def agreement(options: argparse.Namespace) -> dict[str, Any]:
    """Hashes for each second of CPU time, gauged and by `bench`'s sampling, on one core in the same minutes.

    Both processes share one core, so the scheduler lets them take turns within milliseconds, in either order; what
    slows the core slows both. CPU time leaves out what other work on the machine takes.
    """
    results: dict[str, Any] = {}
    for spec in resolve(tuple(options.backend or ["all"])):
        if spec.unavailable or not spec.on_cpu:
            continue
        results[spec.name] = found = _agreement_of(spec.name, options)
        print(spec.name, json.dumps(found), file=sys.stderr)
    held = sum(found["within"] for found in results.values())
    return {"backends": results, "within_the_interval": f"{held} of {len(results)}"}


def _agreement_of(name: str, options: argparse.Namespace) -> dict[str, Any]:
    pinned = ["taskset", "-c", str(options.cpu)]
    sampler = subprocess.Popen(
        [*pinned, sys.executable, "-m", "bench.gauge", "--only", "sampler", "--backend", name],
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    samples: list[tuple[float, float]] = []
    reader = threading.Thread(target=_read_samples, args=(sampler, samples), daemon=True)
    reader.start()
    while len(samples) < 20:
        time.sleep(0.1)
    rate_hs = statistics.median(rate for _, rate in samples)

    def mine(port: int) -> list[str]:
        command = [*pinned, sys.executable, "-m", "hashjoule", "mine", "--pool", f"stratum+tcp://127.0.0.1:{port}"]
        return [*command, "--user", "bench", "--threads", "1", "--backend", name]

    try:
        found = gauged(mine, rate_hs / 2 / 2**32 / options.rate, options.seconds)
        ended_s = time.monotonic()
    finally:
        sampler.terminate()
        sampler.wait()
    meanwhile = [rate for at_s, rate in samples if ended_s - options.seconds <= at_s <= ended_s]
    ours = statistics.median(meanwhile)
    scale = found.estimate.seconds / found.cpu_s
    low, high = (bound * scale / ours for bound in found.estimate.interval_hs)
    return found.figures() | {
        "bench_hashes_per_cpu_s": ours,
        "samples": len(meanwhile),
        "gauged_over_bench": found.estimate.hashrate_hs * scale / ours,
        "interval": [low, high],
        "within": low <= 1 <= high,
    }


def _read_samples(process: subprocess.Popen[str], samples: list[tuple[float, float]]) -> None:
    assert process.stdout
    for line in process.stdout:
        samples.append((time.monotonic(), float(line)))


def sampler(options: argparse.Namespace) -> dict[str, Any]:
    """Print hashes for each second of CPU time, sample by sample, until terminated."""
    (measured,) = measurements(resolve(tuple(options.backend)), ["plain"], 1)
    sampling.calibrate(measured)
    while True:
        sample = sampling.take_sample(measured, measured.nonces)
        print(sample.hashes / sample.cpu_s, flush=True)


def miners(options: argparse.Namespace) -> dict[str, Any]:
    """Each named miner's printed rate, the mean over the count, beside the gauged one; both by wall clock."""
    results: dict[str, Any] = {}
    for named in options.miner:
        name, _, command = named.partition("=")

        def start(port: int, command: str = command) -> list[str]:
            filled = command.format(host="127.0.0.1", port=port, url=f"stratum+tcp://127.0.0.1:{port}")
            pinned = [] if options.cpu is None else ["taskset", "-c", str(options.cpu)]
            return [*pinned, *shlex.split(filled)]

        found = gauged(start, options.difficulty, options.seconds)
        printed = [rate for part, line in found.said if 0 <= part <= 1 for rate in printed_rates(line, options.pattern)]
        mean_hs = mean_rate(printed) if printed else None
        ratio = found.estimate.hashrate_hs / mean_hs if mean_hs else None
        results[name] = found.figures() | {
            "printed_hs": mean_hs,
            "readings": len(printed),
            "gauged_over_printed": ratio,
        }
        print(name, json.dumps(results[name]), file=sys.stderr)
        if options.output:
            text = "\n".join(f"{part:.4f} {line}" for part, line in found.said)
            (options.output / f"{name}.log").write_text(text)
    return results


_UNITS = {"": 1.0, "k": 1e3, "M": 1e6, "G": 1e9}


def printed_rates(line: str, pattern: str) -> list[tuple[float, float]]:
    """The rates in H/s that a line of a miner's output holds, with the hashes that each is of, or 0."""
    hashes = re.search(r"(\d+) hashes,", line)
    found = re.findall(pattern, line)
    return [(float(number) * _UNITS[unit], float(hashes[1]) if hashes else 0.0) for number, unit in found]


def mean_rate(printed: list[tuple[float, float]]) -> float:
    """The mean of printed rates: over the time of the hashes that they are of, where the miner prints those."""
    timed = [(rate, hashes) for rate, hashes in printed if hashes and rate]
    if timed:
        return sum(hashes for _, hashes in timed) / sum(hashes / rate for rate, hashes in timed)
    return statistics.fmean(rate for rate, _ in printed)


def main() -> None:
    """Run what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=["simulation", "load", "agreement", "miners", "sampler"], required=True)
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--first", type=int, default=0, help="the first seed, to go on where another call ended")
    parser.add_argument("--shares", type=int, nargs="+", default=[5, 50, 500, 5000])
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--connections", type=int, default=200)
    parser.add_argument("--rate", type=float, default=None, help="shares a second")
    parser.add_argument("--seconds", type=float, default=300.0)
    parser.add_argument("--cpu", type=int, help="the core for the server (load) or the miner")
    parser.add_argument("--backend", action="append")
    parser.add_argument("--difficulty", type=float)
    parser.add_argument("--miner", action="append", default=[], metavar="NAME=COMMAND")
    parser.add_argument("--pattern", default=r"([\d.]+) ?([kMG]?)(?:H/s|hash/s|h/s)", help="of number and prefix")
    parser.add_argument("--output", type=Path, help="folder for the miners' output")
    options = parser.parse_args()
    options.rate = options.rate or (2000.0 if options.only == "load" else 10.0)
    print(json.dumps(globals()[options.only](options), indent=2))


if __name__ == "__main__":
    main()
