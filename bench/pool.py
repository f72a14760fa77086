"""Measure how fast `hashjoule mine --pool` follows its pool: python -m bench.pool [--only NAME]... [--seconds S]

jobs      the time from a clean job at the pool to the first hash on it, and to the
          end of the last hash on the job before
stale     shares of an old job, with a clean job every second
memory    resident memory of the command, with a clean job and about ten shares every
          second

The pool is the one of the tests, on this machine; it checks every share. Nothing is
asserted; stdout gets one JSON document.
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
from typing import Any

import psutil

from harness.mining import NotingBackend, ShareRun
from harness.pool import TestPool, running
from hashjoule import check, choose

JOB_SECONDS = 1.0
DIFFICULTY = 1e-3
"""About ten shares a second and core."""

SAMPLES = 60
"""How often memory is looked at."""


def jobs(options: argparse.Namespace) -> dict[str, Any]:
    """Measure milliseconds after the pool has sent a job, in both modes."""
    return {mode: _jobs(options, mode) for mode in check.MODES}


def _jobs(options: argparse.Namespace, mode: str) -> dict[str, Any]:
    noting, first, last = NotingBackend(choose.fastest(mode)), [], []
    with running(TestPool(difficulty=DIFFICULTY)) as pool:
        run = ShareRun(pool, spec=noting.spec, threads=options.threads, roll_version=mode == "rolled")
        with run.started():
            pool.wait_for_shares(1)
            for _ in range(int(options.seconds / JOB_SECONDS)):
                sent = time.perf_counter()
                new = pool.new_job().prev_hash
                time.sleep(JOB_SECONDS)
                scans = noting.take()
                first.append(1000 * (min(scan.began for scan in scans if scan.prev_hash == new) - sent))
                last.append(1000 * (max((scan.ended for scan in scans if scan.prev_hash != new), default=sent) - sent))
    return {
        "jobs": len(first),
        "threads": options.threads,
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


@contextmanager
def _mining(pool: TestPool, threads: int, stdout: int = subprocess.DEVNULL) -> Iterator[subprocess.Popen[str]]:
    where = ["--pool", f"stratum+tcp://127.0.0.1:{pool.port}", "--user", "bench"]
    command = [sys.executable, "-m", "hashjoule", "mine", *where, "--json", "--threads", str(threads)]
    process = subprocess.Popen(command, stdout=stdout, stderr=subprocess.DEVNULL, text=True)
    try:
        yield process
    finally:
        process.terminate()


def stale(options: argparse.Namespace) -> dict[str, Any]:
    """Count shares by their fate, as the command reports them and as the pool judges them."""
    with (
        running(TestPool(difficulty=DIFFICULTY)) as pool,
        _job_every_second(pool),
        _mining(pool, options.threads, subprocess.PIPE) as process,
    ):
        timer = threading.Timer(options.seconds, process.terminate)
        timer.start()
        fates = Counter(json.loads(line)["fate"] for line in process.communicate()[0].splitlines())
        timer.join()
    faults = Counter(share.fault for share in pool.shares)
    return {
        "threads": options.threads,
        "fates": fates,
        "stale_fraction": fates["stale"] / max(1, fates.total()),
        "stale_at_pool": faults["stale"],
        "wrong_at_pool": faults.total() - faults["stale"] - faults[None],
    }


def memory(options: argparse.Namespace) -> dict[str, Any]:
    """Measure resident memory of the command at regular intervals."""
    with (
        running(TestPool(difficulty=DIFFICULTY)) as pool,
        _job_every_second(pool),
        _mining(pool, options.threads) as process,
    ):
        sizes, shares, wrong = [], 0, 0
        for _ in range(SAMPLES):
            time.sleep(options.seconds / SAMPLES)
            sizes.append(psutil.Process(process.pid).memory_info().rss / 1e6)
            wrong += sum(share.fault not in (None, "stale") for share in pool.shares)
            shares += len(pool.shares)
            pool.shares.clear()
            pool.messages.clear()
    return {"seconds": options.seconds, "shares": shares, "wrong_at_pool": wrong, "rss_mb": sizes}


MEASUREMENTS = {"jobs": jobs, "stale": stale, "memory": memory}


def main() -> None:
    """Run the measurements that are asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", action="append", choices=MEASUREMENTS, help="may be given several times")
    parser.add_argument("--seconds", type=float, default=30.0, metavar="S", help="of each; default: %(default)s")
    parser.add_argument("--threads", type=int, default=1, metavar="N", help="default: %(default)s")
    options = parser.parse_args()
    results = {}
    for name in options.only or MEASUREMENTS:
        results[name] = MEASUREMENTS[name](options)
        print(f"{name} done", file=sys.stderr)
    print(json.dumps(results, indent=2))


if __name__ == "__main__":
    main()
