"""Search with a backend: split ranges into chunks and threads, and check every hit again with hashlib."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass

from hashjoule.backends import Backend
from hashjoule.errors import UsageError
from hashjoule.job import NONCES, Hit, Job

CHUNK_SECONDS = 0.05
"""Seconds that one call of a backend should take; a stop or Ctrl-C waits about that long at most."""

_MAX_FIRST_CHUNK = 4096


@dataclass(frozen=True, slots=True)
class Scanned:
    """The result of one scan: hits that hashlib confirms, and the number of those it does not (hardware errors)."""

    hits: list[Hit]
    wrong: int


def scan(backend: Backend, job: Job, first_nonce: int, count: int) -> Scanned:
    """Scan a range (see `Backend.scan`) and check each hit with hashlib.

    Raises:
        UsageError: for a range outside the 32-bit nonces.
    """
    check_range(first_nonce, count)
    claimed = backend.scan(job, first_nonce, count)
    hits = [hit for hit in claimed if job.verify(hit)]
    return Scanned(hits, len(claimed) - len(hits))


def check_range(first_nonce: int, count: int) -> None:
    """Check a range of nonces, which may wrap.

    Raises:
        UsageError: unless first_nonce is a 32-bit number and count lies between 0 and 2^32.
    """
    if not 0 <= first_nonce < NONCES:
        raise UsageError(f"the first nonce must lie between 0 and {NONCES - 1}")
    if not 0 <= count <= NONCES:
        raise UsageError(f"the number of nonces must lie between 0 and {NONCES}")


@dataclass(frozen=True, slots=True)
class SearchOutcome:
    """How a search ended: with a hit, with its whole range tried (`exhausted`), or stopped.

    If a `found` callback received the hits, `hit` is None.
    """

    hit: Hit | None
    exhausted: bool
    hashes: int
    wrong_hits: int


class _Ranges:
    """Hand out a range in consecutive chunks and keep count; the threads share nothing else."""

    def __init__(self, job: Job, first_nonce: int, count: int, found: Callable[[Hit], None] | None) -> None:
        self._lock = threading.Lock()
        self._found = found
        self._job, self._first, self._count = job, first_nonce, count
        self._given = self._done = self._wrong = 0
        self.hit: Hit | None = None

    def take(self, wanted: int) -> tuple[int, int]:
        """Return the next chunk as (first nonce, count); count is 0 when nothing is left."""
        with self._lock:
            count = 0 if self.hit else min(wanted, self._count - self._given)
            first = (self._first + self._given) % NONCES
            self._given += count
            return first, count

    def finish(self, count: int, scanned: Scanned) -> None:
        with self._lock:
            self._done += count
            self._wrong += scanned.wrong
            if scanned.hits and self.hit is None and not self._found:
                self.hit = scanned.hits[0]
        if self._found:
            for hit in scanned.hits:
                self._found(hit)

    def outcome(self) -> SearchOutcome:
        with self._lock:
            exhausted = self._done == self._count and self.hit is None
            return SearchOutcome(self.hit, exhausted, self._done * len(self._job.versions), self._wrong)


def search(
    backend: Backend,
    job: Job,
    *,
    first_nonce: int = 0,
    count: int = NONCES,
    threads: int = 1,
    stop: threading.Event | None = None,
    progress: Callable[[SearchOutcome], None] | None = None,
    found: Callable[[Hit], None] | None = None,
    chunk_seconds: float = CHUNK_SECONDS,
) -> SearchOutcome:
    """Search a range until the first hit, its end, or until `stop` is set.

    Every nonce of the range is tried with every version of the job. Chunks grow until one takes about `chunk_seconds`;
    a stop or a hit takes effect at the end of a chunk. On KeyboardInterrupt all threads end within a chunk, then the
    exception propagates.

    Args:
        backend: What searches.
        job: What to search.
        first_nonce: First nonce of the range.
        count: Number of nonces; the range wraps to 0 after 2^32.
        threads: Number of threads that scan at once.
        stop: An event that ends the search.
        progress: Called in the caller's thread after each chunk; with several threads, about twenty times a second.
        found: Receives every hit of the range, in the thread that found it; the search then goes on after a hit.
        chunk_seconds: Time that a chunk should take.

    Raises:
        UsageError: for an impossible range or number of threads.
    """
    check_range(first_nonce, count)
    if threads < 1:
        raise UsageError("at least one thread is needed")
    stop = stop or threading.Event()
    ranges = _Ranges(job, first_nonce, count, found)

    def work(stopped: Callable[[], bool], progress: Callable[[SearchOutcome], None] | None = None) -> None:
        _work(backend, job, ranges, stopped, progress, chunk_seconds)

    if threads == 1:
        work(stop.is_set, progress)
    else:
        _in_threads(threads, work, stop, lambda: progress(ranges.outcome()) if progress else None)
    return ranges.outcome()


def _in_threads(
    threads: int,
    work: Callable[[Callable[[], bool]], None],
    stop: threading.Event,
    progress: Callable[[], None],
) -> None:
    ended = threading.Event()  # not the caller's stop, which an interrupt must not set

    def stopped() -> bool:
        return stop.is_set() or ended.is_set()

    with ThreadPoolExecutor(threads, thread_name_prefix="search") as pool:
        futures = [pool.submit(work, stopped) for _ in range(threads)]
        try:
            while wait(futures, CHUNK_SECONDS).not_done:
                progress()
        finally:
            ended.set()
        for future in futures:
            future.result()


def _work(
    backend: Backend,
    job: Job,
    ranges: _Ranges,
    stopped: Callable[[], bool],
    progress: Callable[[SearchOutcome], None] | None,
    chunk_seconds: float,
) -> None:
    chunk = first_chunk(job)
    while not stopped():
        first, count = ranges.take(chunk)
        if count == 0:
            return
        began = time.perf_counter()
        ranges.finish(count, scan(backend, job, first, count))
        if time.perf_counter() - began < chunk_seconds / 2:
            chunk = min(2 * chunk, NONCES)
        if progress:
            progress(ranges.outcome())


def first_chunk(job: Job) -> int:
    """Return the nonces of a first, short chunk: as many as an easy target (regtest) needs, else a few thousand."""
    expected = (1 << 256) // job.target // len(job.versions)
    return max(16, min(_MAX_FIRST_CHUNK, expected))
