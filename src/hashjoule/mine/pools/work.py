"""What is searched for a pool, piece by piece, and what becomes of the shares that are found."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from typing import Literal

from hashjoule.job import Header, Hit, Job, nbits_to_target
from hashjoule.stratum.jobs import StratumJob

Fate = Literal["accepted", "rejected", "stale", "unanswered"]


class CleanInterval:
    """The interval between two clean jobs. Shares for any job of the current interval are still accepted.

    It has no content: two jobs belong together if they have the same object. A new connection begins a new interval.
    """


@dataclass(frozen=True)
class PoolJob:
    """A job as a pool sent it, and what else a search of it has to know."""

    job: StratumJob
    interval: CleanInterval
    mask: int
    """Version bits that may be rolled; 0 for none."""
    pool: str
    received_s: float
    """When the job came, by the monotonic clock."""


@dataclass(frozen=True)
class WorkUnit:
    """A piece of a job's search: one extranonce2, some versions, all nonces."""

    source: PoolJob
    extranonce2: bytes
    seconds: int
    """How far the job's time is moved forward."""
    job: Job

    def share(self, hit: Hit) -> Share:
        """Return the share for a hit of this unit."""
        return Share(self.source, self.extranonce2, self.job.solved(hit))


@dataclass(frozen=True)
class Share:
    """A header that meets the share target of a pool's job."""

    source: PoolJob
    extranonce2: bytes
    header: Header

    @property
    def solves_block(self) -> bool:
        """Whether the header meets the network's target too."""
        return self.header.meets(nbits_to_target(self.header.nbits))


@dataclass(frozen=True)
class ShareVerdict:
    """What became of a share: accepted, rejected, stale (its job no longer counted) or unanswered."""

    share: Share
    fate: Fate
    reason: str | None = None


def work_units(source: PoolJob, versions: int, extranonces: Iterator[int]) -> Iterator[WorkUnit]:
    """Cut the search of a job into units of at most `versions` versions each, without end.

    All versions come first, then the next extranonce2, then the next second. `extranonces` is one counter for all jobs
    of a run, so that a job that is sent twice is not searched twice. Only version bits that the job leaves at 0 are
    rolled: BIP 310 replaces the bits of the mask and ckpool adds them, and for bits at 0 both mean the same.
    """
    job, values = source.job, 256**source.job.extranonce2_size
    mask = source.mask & ~job.version
    for seconds in count():
        for _ in range(values):
            extranonce2 = (next(extranonces) % values).to_bytes(job.extranonce2_size, "big")
            header = job.header(extranonce2, seconds)
            for skip in range(0, 1 << mask.bit_count(), versions):
                rolled = Job.rolled(header, mask, versions, job.target, skip) if mask else Job.plain(header, job.target)
                yield WorkUnit(source, extranonce2, seconds, rolled)
