"""Searches over chunks and threads: everything tried once, hits checked, stops and errors honoured."""

from __future__ import annotations

import threading

import pytest

from hashjoule import search
from hashjoule.backends.reference import Reference
from hashjoule.errors import UsageError
from hashjoule.job import MAX_TARGET, NONCES, Header, Hit, Job
from tests.fakes import Faulty
from tests.support import headers

HEADER = Header.parse(headers()[0].header)


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_a_range_without_hits_is_tried_once_to_its_end(threads: int) -> None:
    """The chunks of all threads together are the range, without gap or overlap, across the wrap."""
    backend = Faulty(compute=False)
    outcome = search.search(backend, Job.plain(HEADER, 1), first_nonce=NONCES - 10_000, count=50_000, threads=threads)
    assert outcome == search.SearchOutcome(None, True, 50_000, 0)
    tried = sorted((first - (NONCES - 10_000)) % NONCES + i for first, count in backend.ranges for i in range(count))
    assert tried == list(range(50_000))


@pytest.mark.parametrize("threads", [1, 3])
def test_finds_the_hit_and_stops(threads: int) -> None:
    """The search of a real block ends with its nonce."""
    job = Job.plain(HEADER)
    outcome = search.search(Reference(), job, first_nonce=HEADER.nonce - 20_000, count=40_000, threads=threads)
    assert outcome.hit == Hit(HEADER.version, HEADER.nonce)
    assert not outcome.exhausted


def test_hits_that_hashlib_denies_are_counted_and_dropped() -> None:
    """A backend that reports false hits never gets one through."""
    outcome = search.search(Faulty(invent=3), Job.plain(HEADER, 1), count=100)
    assert outcome.hit is None
    assert outcome.exhausted
    assert outcome.wrong_hits == 3  # one chunk holds the range


@pytest.mark.parametrize("threads", [1, 2, 5])
@pytest.mark.parametrize(
    "job", [Job.plain(HEADER, MAX_TARGET >> 5), Job.rolled(HEADER, limit=8, target=MAX_TARGET >> 6)]
)
def test_every_hit_is_found_once(job: Job, threads: int) -> None:
    """With `found` a search goes on to the end of its range; no hit is dropped or given twice, across the wrap."""
    found: list[Hit] = []
    outcome = search.search(
        Reference(), job, first_nonce=NONCES - 3_000, count=9_000, threads=threads, found=found.append
    )
    assert outcome == search.SearchOutcome(None, True, 9_000 * len(job.versions), 0)
    assert sorted(found, key=str) == sorted(Reference().scan(job, NONCES - 3_000, 9_000), key=str)
    assert len(set(found)) == len(found) > 100


def test_only_hits_that_hashlib_confirms_are_found() -> None:
    """Other hits are counted as wrong."""
    found: list[Hit] = []
    outcome = search.search(Faulty(invent=3), Job.plain(HEADER, 1), count=100, found=found.append)
    assert (outcome.wrong_hits, found) == (3, [])


@pytest.mark.parametrize("threads", [1, 2])
def test_a_fault_of_the_finder_reaches_the_caller(threads: int) -> None:
    """An exception in `found` ends the search."""

    def lost(hit: Hit) -> None:
        raise OSError("nobody takes it")

    with pytest.raises(OSError, match="nobody takes it"):
        search.search(Reference(), Job.plain(HEADER, MAX_TARGET >> 5), threads=threads, found=lost)


def test_rolled_searches_count_hashes_of_all_versions() -> None:
    """One nonce of a job with eight versions is eight hashes."""
    outcome = search.search(Faulty(compute=False), Job.rolled(HEADER, limit=8, target=1), count=1_000)
    assert outcome.hashes == 8_000


@pytest.mark.parametrize("threads", [1, 2])
def test_a_stop_ends_the_search_between_chunks(threads: int) -> None:
    """After `stop` is set no new chunk begins, and the outcome says that the range was not finished."""
    stop = threading.Event()
    backend = Faulty(compute=False, delay_s=0.01)
    calls: list[search.SearchOutcome] = []

    def progress(outcome: search.SearchOutcome) -> None:
        calls.append(outcome)
        stop.set()

    outcome = search.search(backend, Job.plain(HEADER, 1), threads=threads, stop=stop, progress=progress)
    assert not outcome.exhausted
    assert outcome.hit is None
    assert len(calls) == 1


@pytest.mark.parametrize("threads", [1, 2])
def test_a_fault_of_the_backend_reaches_the_caller(threads: int) -> None:
    """An exception in a scan ends the search with that exception, in any thread."""
    with pytest.raises(OSError, match="device lost"):
        search.search(Faulty(error=OSError("device lost")), Job.plain(HEADER, 1), threads=threads)


def test_an_interrupt_ends_all_threads() -> None:
    """KeyboardInterrupt in the caller's thread stops the others within a chunk and goes on."""
    before = threading.active_count()

    def interrupt(outcome: search.SearchOutcome) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        search.search(Faulty(compute=False, delay_s=0.01), Job.plain(HEADER, 1), threads=3, progress=interrupt)
    assert threading.active_count() == before


@pytest.mark.parametrize(("first", "count"), [(-1, 1), (NONCES, 1), (0, -1), (0, NONCES + 1)])
def test_impossible_ranges(first: int, count: int) -> None:
    """Ranges outside 32 bits are bad input."""
    with pytest.raises(UsageError, match="nonce"):
        search.search(Reference(), Job.plain(HEADER), first_nonce=first, count=count)


def test_no_thread_at_all() -> None:
    """Zero threads are bad input."""
    with pytest.raises(UsageError, match="thread"):
        search.search(Reference(), Job.plain(HEADER), threads=0)


def test_first_chunks_are_short_for_easy_targets() -> None:
    """Regtest blocks need a few hashes; the first chunk is not thousands of them."""
    assert search.first_chunk(Job.plain(HEADER, MAX_TARGET >> 1)) == 16
    assert search.first_chunk(Job.plain(HEADER)) == 4096
