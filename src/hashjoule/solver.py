"""Solve one block header on this machine: choose a backend, search all nonces, then the next versions."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from hashjoule import check
from hashjoule.backends import BackendSpec
from hashjoule.choose import backend_named
from hashjoule.hardware import usable_cores
from hashjoule.job import NONCES, Header, Job, check_mask
from hashjoule.search import SearchOutcome, check_range, search


def solve(
    header: Header,
    *,
    target: int | None = None,
    version_mask: int | None = None,
    first_nonce: int = 0,
    count: int = NONCES,
    backend: str = "auto",
    threads: int | None = None,
    progress: Callable[[float], object] = lambda fraction: None,
) -> Header | None:
    """Return the header with a nonce, and perhaps other version bits, that meet the target.

    Every hit is checked with hashlib.

    Args:
        header: The header to solve; its own nonce does not matter.
        target: Highest hash that counts, as a number; the one that the header's nbits encode if None.
        version_mask: Version bits to roll as well (BIP 320); none if None.
        first_nonce: The nonce to begin with.
        count: Number of nonces to try; wraps to 0 after 2^32.
        backend: Name of a backend; "auto" is the fastest on this CPU.
        threads: CPU threads; all cores if None.
        progress: Called now and then with the fraction of the range that is done, 0 to 1.

    Returns:
        The solved header, or None if the range holds no solution.

    Raises:
        UsageError: If the target, the mask, the range or the name of the backend is wrong.
        UnavailableError: If the backend cannot be used here.
    """
    check_range(first_nonce, count)
    spec = backend_named(backend, "plain" if version_mask is None else "rolled")
    threads = threads or (usable_cores() if spec.gains_from_threads else 1)
    total = max(1, count * (1 if version_mask is None else 1 << version_mask.bit_count()))
    done = 0
    for job in jobs(header, target, version_mask, spec):

        def show(outcome: SearchOutcome, before: int = done) -> None:
            progress((before + outcome.hashes) / total)

        outcome = search(check.ready(spec), job, first_nonce=first_nonce, count=count, threads=threads, progress=show)
        if outcome.hit:
            return job.solved(outcome.hit)
        done += outcome.hashes
    return None


def jobs(header: Header, target: int | None, version_mask: int | None, spec: BackendSpec) -> Iterator[Job]:
    """Yield the plain job, or as many rolled jobs as hold all versions of the mask.

    Raises:
        UsageError: If the target or the mask is wrong.
    """
    if version_mask is None:
        yield Job.plain(header, target)
        return
    for skip in range(0, 1 << check_mask(version_mask).bit_count(), spec.rolled_versions):
        yield Job.rolled(header, version_mask, spec.rolled_versions, target, skip)
