"""How fast `hashjoule mine --pool` follows its pool. `python -m bench.pool [--seconds S] [--only NAME]...`

jobs      from a clean job at the pool to the first hash on it, and to the end of the last hash on the one before
stale     shares of an old job, with a clean one every second
memory    resident memory of the command, with a clean job every second and some ten shares

The pool is the tests' own, on this machine; it checks every share. Nothing is asserted; results go to stdout as one
JSON document.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import psutil

from harness.mining import ShareRun
from harness.pool import TestPool, running
from hashjoule import check, choose
from hashjoule.job import Hit, Job

JOB_SECONDS = 1.0
DIFFICULTY = 1e-3
"""About ten shares a second and core."""

SAMPLES = 60


class Noting:
    """A backend that notes when it scans on which job."""

    def __init__(self, mode: str) -> None:
        spec = choose.fastest(mode)
        self._backend = check.ready(spec)
        self.spec = replace(spec, name=f"noting {mode}", open=lambda: self)
        self.scans: list[tuple[float, float, bytes]] = []

    def scan(self, job: Job, first_nonce: int, count: int) -> list[Hit]:
        """See `Backend.scan`."""
        began = time.perf_counter()
        hits = self._backend.scan(job, first_nonce, count)
        self.scans.append((began, time.perf_counter(), job.header.prev_hash))
        return hits


def jobs(seconds: float, threads: int, roll_version: bool) -> dict[str, Any]:
    """Milliseconds after the pool has sent a job."""
    noting, first, last = Noting("rolled" if roll_version else "plain"), [], []
    with running(TestPool(difficulty=DIFFICULTY)) as pool:
        run = ShareRun(pool, spec=noting.spec, threads=threads, roll_version=roll_version)
        with run.started():
            pool.wait_for_shares(1)
            for _ in range(int(seconds / JOB_SECONDS)):
                sent = time.perf_counter()
                new = pool.new_job().prev_hash
                time.sleep(JOB_SECONDS)
                scans, noting.scans = noting.scans, []
                first.append(1000 * (min(began for began, _, job in scans if job == new) - sent))
                last.append(1000 * (max((ended for _, ended, job in scans if job != new), default=sent) - sent))
    return {
        "jobs": len(first),
        "threads": threads,
        "first_hash_ms": {"median": statistics.median(first), "max": max(first)},
        "old_job_left_ms": {"median": statistics.median(last), "max": max(last)},
    }


@contextmanager
def _job_every_second(pool: TestPool) -> Iterator[None]:
    ended = threading.Event()

    def work() -> None:
        while not ended.wait(JOB_SECONDS):
            pool.new_job()

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _command(pool: TestPool, threads: int) -> list[str]:
    where = ["--pool", f"stratum+tcp://127.0.0.1:{pool.port}", "--user", "bench"]
    return [sys.executable, "-m", "hashjoule", "mine", *where, "--json", "--threads", str(threads)]


@contextmanager
def _mining(pool: TestPool, threads: int, output: Any = subprocess.DEVNULL) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(_command(pool, threads), stdout=output, stderr=subprocess.DEVNULL, text=True)
    try:
        yield process
    finally:
        process.terminate()


def stale(seconds: float, threads: int) -> dict[str, Any]:
    """What the command says of its shares, and what the pool says."""
    with (
        running(TestPool(difficulty=DIFFICULTY)) as pool,
        _job_every_second(pool),
        _mining(pool, threads, subprocess.PIPE) as process,
    ):
        timer = threading.Timer(seconds, process.terminate)
        timer.start()
        fates = Counter(json.loads(line)["fate"] for line in process.communicate()[0].splitlines())
        timer.join()
    late = sum(share.fault == "stale" for share in pool.shares)
    wrong = sum(share.fault not in (None, "stale") for share in pool.shares)
    part = fates["stale"] / max(1, fates.total())
    return {"threads": threads, "fates": fates, "stale_part": part, "stale_at_pool": late, "wrong_at_pool": wrong}


def memory(seconds: float, threads: int) -> dict[str, Any]:
    """Resident memory of the command, the first time after a tenth of the run."""
    with (
        running(TestPool(difficulty=DIFFICULTY)) as pool,
        _job_every_second(pool),
        _mining(pool, threads) as process,
    ):
        sizes, shares, bad = [], 0, 0
        for _ in range(SAMPLES):
            time.sleep(seconds / SAMPLES)
            sizes.append(psutil.Process(process.pid).memory_info().rss / 1e6)
            bad += sum(share.fault not in (None, "stale") for share in pool.shares)
            shares += len(pool.shares)
            pool.shares.clear()
            pool.messages.clear()
    return {"seconds": seconds, "shares": shares, "wrong_at_pool": bad, "rss_mb": sizes}


def main() -> None:
    """Runs what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = ["jobs", "stale", "memory"]
    parser.add_argument("--only", action="append", choices=names)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    results: dict[str, Any] = {}
    for name in options.only or names:
        if name == "jobs":
            for mode in check.MODES:
                results[f"jobs {mode}"] = jobs(options.seconds, options.threads, mode == "rolled")
        else:
            results[name] = globals()[name](options.seconds, options.threads)
        print(f"{name} done", file=sys.stderr)
    print(json.dumps(results, indent=2))


if __name__ == "__main__":
    main()
