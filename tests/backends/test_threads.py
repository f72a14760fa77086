"""Many threads begin new jobs at once on one backend: no hit may be lost, whatever the order of the threads."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from hashjoule import backends, check
from hashjoule.backends import Backend
from hashjoule.backends.reference import Reference
from hashjoule.job import MAX_TARGET, NONCES, Header, Hit, Job

THREADS = 12
NONCES_PER_SCAN = 24
USABLE = [spec.name for spec in backends.specs() if not spec.unavailable]

Pairs = list[tuple[int, int]]


@pytest.fixture(autouse=True)
def frequent_switches() -> Iterator[None]:
    """Threads take turns a thousand times more often than usual, so that rare orders occur."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def pairs(hits: list[Hit]) -> Pairs:
    """Hits in an order of their own, doubles kept."""
    return sorted((hit.version, hit.nonce) for hit in hits)


def fresh_job(rng: random.Random) -> Job:
    """A job that no thread has seen, plain or rolled, with a hit in one of 16 hashes."""
    header, target = Header.parse(rng.randbytes(80)), MAX_TARGET >> 4
    versions = rng.choice((1, 2, 24))
    return Job.plain(header, target) if versions == 1 else Job.rolled(header, limit=versions, target=target)


def lost_rounds(backend: Backend, rounds: int, threads: int = THREADS) -> int:
    """The number of rounds in which at least one thread's hits differ from hashlib's.

    In even rounds all threads begin the same new job, in odd ones each begins a job of its own.
    """
    rng, lost = random.Random(1), 0
    barrier = threading.Barrier(threads)

    def scan(job: Job, first: int) -> Pairs:
        barrier.wait()
        return pairs(backend.scan(job, first, NONCES_PER_SCAN))

    with ThreadPoolExecutor(threads) as pool:
        for number in range(rounds):
            shared = fresh_job(rng)
            jobs = [shared if number % 2 == 0 else fresh_job(rng) for _ in range(threads)]
            first = rng.randrange(NONCES)
            expected = {id(job): pairs(Reference().scan(job, first, NONCES_PER_SCAN)) for job in jobs}
            found = list(pool.map(scan, jobs, [first] * threads))
            lost += any(hits != expected[id(job)] for job, hits in zip(jobs, found, strict=True))
    return lost


@pytest.mark.parametrize("name", USABLE)
def test_threads_that_begin_new_jobs_at_once_find_every_hit(name: str) -> None:
    """Every backend, hundreds of rounds: each thread finds what hashlib finds."""
    (spec,) = backends.resolve([name])
    rounds = 40 if name == "reference" else 200
    assert lost_rounds(check.ready(spec), rounds) == 0


@pytest.mark.skipif(sys.platform != "linux", reason="MALLOC_PERTURB_ belongs to glibc")
def test_no_c_variant_reads_freed_memory() -> None:
    """The same in a process whose allocator overwrites whatever is freed: a read of freed midstates loses its hits."""
    poisoned = os.environ | {"PYTHONMALLOC": "malloc", "MALLOC_PERTURB_": "165"}
    code = (
        "import sys; sys.setswitchinterval(1e-6)\n"
        "from hashjoule import backends; from tests.backends.test_threads import lost_rounds\n"
        "print({spec.name: lost_rounds(spec.open(), 100) for spec in backends.resolve(['c'])})"
    )
    done = subprocess.run([sys.executable, "-c", code], env=poisoned, capture_output=True, text=True, timeout=300)
    expected = {name: 0 for name in USABLE if name.startswith("c:")}
    assert done.stdout.strip() == str(expected), done.stderr
