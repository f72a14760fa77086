"""The jobs of a connection: which still count, and which shares have come before."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from harness.gauge import empty_job
from hashjoule.gauge.book import GRACE_S, HandedOut, JobBook, SeenHashes
from hashjoule.stratum.difficulty import expected_hashes, target_of


def handed_out(book: JobBook, now_s: float, *, clean: bool) -> HandedOut:
    """A new job of the book."""
    handed = HandedOut(empty_job(book.next_id(), target_of(1.0)), 1.0, 0)
    book.add(handed, now_s, clean=clean)
    return handed


def test_jobs_count_until_the_grace_time_after_a_clean_one() -> None:
    """An ordinary new job ends nothing, a clean one ends all before it after ten seconds."""
    book = JobBook()
    first, second = handed_out(book, 0.0, clean=True), handed_out(book, 30.0, clean=False)
    assert book.find(first.job.id, 299.0) is first
    third = handed_out(book, 300.0, clean=True)
    assert book.find(first.job.id, 300.0 + GRACE_S) is first
    assert book.find(second.job.id, 300.0 + GRACE_S) is second
    assert book.find(second.job.id, 300.1 + GRACE_S) == "stale"
    assert book.find(third.job.id, 10_000.0) is third


def test_clean_jobs_in_a_row_do_not_prolong_the_grace_time() -> None:
    """Nor do they shorten it: every job has its own."""
    book = JobBook()
    first = handed_out(book, 0.0, clean=True)
    second = handed_out(book, 5.0, clean=True)
    handed_out(book, 9.0, clean=True)
    assert book.find(first.job.id, 15.0) is first
    assert book.find(first.job.id, 15.1) == "stale"
    assert book.find(second.job.id, 19.0) is second


def test_a_job_that_never_was_is_unknown() -> None:
    """Ids count up, so what lies ahead of them, or is no id, is told from what is past."""
    book = JobBook()
    handed_out(book, 0.0, clean=True)
    for job_id in ("2", "0", "", "-1", "01", "1 ", "+1", "x", "1_0", "ffffffffffffffffffff"):
        assert book.find(job_id, 0.0) == "unknown job", job_id


def test_jobs_that_are_gone_take_no_memory() -> None:
    """A run of days keeps the jobs of the last minutes only."""
    book = JobBook()
    for step in range(10_000):
        handed_out(book, 30.0 * step, clean=step % 10 == 0)
    assert len(book._current) + len(book._replaced) <= 20


def test_a_share_stands_for_the_hashes_of_its_job() -> None:
    """Exactly 2^256 over the number of hashes that are shares: 2^32 * 65536 / 65535 for difficulty 1."""
    handed = handed_out(JobBook(), 0.0, clean=True)
    assert handed.hashes == expected_hashes(0xFFFF << 208)
    assert abs(handed.hashes / (2**32 * 65536 / 65535) - 1) < 1e-12


@given(st.lists(st.integers(0, 2**64 - 1), max_size=300))
def test_seen_hashes_are_a_set(numbers: list[int]) -> None:
    """As Python's own, except that 0 and 1 are one number."""
    seen, reference = SeenHashes(), set[int]()
    for number in numbers:
        assert seen.add(number) == ((number or 1) not in reference)
        reference.add(number or 1)
    assert len(seen) == len(reference)


def test_seen_hashes_are_small() -> None:
    """At most 24 bytes each, when there are many."""
    seen, rng = SeenHashes(), random.Random(1)
    for _ in range(100_000):
        assert seen.add(rng.getrandbits(64))
    assert len(seen._slots) * 8 <= 24 * 100_000
    assert not seen.add(seen._slots[next(place for place, number in enumerate(seen._slots) if number)])
