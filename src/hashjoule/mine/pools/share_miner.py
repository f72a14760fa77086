"""Mining at pools: search the job of the moment, hand in every share, count what becomes of it."""

from __future__ import annotations

import queue
import secrets
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Protocol

from hashjoule import check
from hashjoule.backends import BackendSpec
from hashjoule.job import BIP320_MASK, Hit
from hashjoule.mine.chunks import chunk_seconds
from hashjoule.mine.effort import Effort
from hashjoule.mine.pools.connections import PoolConnections
from hashjoule.mine.pools.url import PoolUrl
from hashjoule.mine.pools.work import PoolJob, ShareVerdict, WorkUnit, work_units
from hashjoule.search import SearchOutcome, search
from hashjoule.stratum.difficulty import difficulty_of, expected_hashes

_WAIT_SECONDS = 0.1
_LAST_ANSWERS_SECONDS = 0.25
"""At the end: time for answers to the last shares."""


@dataclass(frozen=True, slots=True)
class ShareResult:
    """A share, and what became of it: accepted, rejected, stale or unanswered."""

    pool: str
    job: str
    hash: str
    difficulty: float
    """What the pool wanted."""
    share_difficulty: float
    """What the hash has."""
    fate: str
    reason: str | None
    block: bool
    """Whether it meets the network's target too."""
    hashes: int
    """Hashes of this run so far."""
    seconds: float
    """Time since the run began."""


@dataclass
class ShareStats(Effort):
    """A run at pools so far."""

    pool: str = ""
    """Where it mines; empty while no pool has work."""
    fates: Counter[str] = field(default_factory=Counter)
    """Shares accepted, rejected, stale and unanswered."""
    reasons: Counter[str] = field(default_factory=Counter)
    """Why shares were rejected."""
    blocks: int = 0
    """Accepted shares that meet the network's target too."""
    accepted_hashes: float = 0.0
    """Hashes that the accepted shares take on average."""

    @property
    def accepted(self) -> int:
        """Shares that a pool has accepted."""
        return self.fates["accepted"]

    @property
    def pool_hashrate_hs(self) -> float:
        """The hash rate that accepted shares speak for: what the pool sees."""
        return self.accepted_hashes / max(self.seconds, 1e-9)


class Report(Protocol):
    """What a run tells while it goes on, always in the thread that called `ShareMiner.run`."""

    def share(self, result: ShareResult) -> None:
        """A share's fate is known."""
        ...

    def progress(self, stats: ShareStats) -> None:
        """Called often; the receiver chooses what to show."""
        ...

    def status(self, sentence: str) -> None:
        """Something that the user should know and need not act on."""
        ...


class ShareMiner:
    """A run of mining at pools, with one backend."""

    def __init__(
        self,
        pools: Sequence[PoolUrl],
        user: str,
        spec: BackendSpec,
        report: Report,
        *,
        threads: int = 1,
        roll_version: bool = False,
        follow_reconnect: bool = False,
    ) -> None:
        self.stats = ShareStats()
        self._spec, self._report, self._threads = spec, report, threads
        self._backend = check.ready(spec)
        self._stop, self._interrupt = threading.Event(), threading.Event()
        self._shares: int | None = None
        self._extranonces = count(secrets.randbits(64))  # where two miners share an extranonce1
        mask = BIP320_MASK if roll_version else 0
        self._pools = PoolConnections(
            pools, user, self._interrupt.set, mask=mask, follow=follow_reconnect, stop=self._stop
        )

    def stop(self) -> None:
        """Ends the run soon. Not to be called from a signal handler in the thread that runs it: events lock."""
        self._stop.set()
        self._interrupt.set()

    def run(self, shares: int | None = None) -> ShareStats:
        """Mines until so many shares are accepted, or until stopped.

        Raises HashjouleError if no pool can be worked at: none at the beginning, or none for a long time.
        """
        self._shares = shares
        self._pools.start()
        try:
            while True:
                self._interrupt.clear()
                self._hear()
                if self._stop.is_set():
                    break
                self._search_or_wait()
            self._hear_last()
        finally:
            self._stop.set()
            self._pools.end()
        self._hear()
        return self.stats

    def _search_or_wait(self) -> None:
        job = self._pools.job
        if job:
            self._search(job)
        else:
            self.stats.pool = ""
            self._report.progress(self.stats)
            self._interrupt.wait(_WAIT_SECONDS)

    def _search(self, pool_job: PoolJob) -> None:
        """Search a job until it is no longer the current one."""
        self.stats.pool, self.stats.expected_hashes = pool_job.pool, expected_hashes(pool_job.job.target)
        for unit in work_units(pool_job, self._spec.rolled_versions, self._extranonces):
            if self._interrupt.wait(max(0.0, pool_job.received_s + unit.seconds - time.monotonic())):
                return
            self._search_unit(unit)

    def _search_unit(self, unit: WorkUnit) -> None:
        hashes = self.stats.hashes

        def progress(outcome: SearchOutcome) -> None:
            self.stats.hashes = hashes + outcome.hashes
            self._hear()
            self._report.progress(self.stats)

        def found(hit: Hit) -> None:
            self._pools.submit(unit.share(hit))

        outcome = search(
            self._backend,
            unit.job,
            threads=self._threads,
            stop=self._interrupt,
            progress=progress,
            found=found,
            chunk_seconds=chunk_seconds(self._spec),
        )
        self.stats.hashes = hashes + outcome.hashes
        self.stats.wrong_hits += outcome.wrong_hits

    def _hear(self) -> None:
        """Takes in what has happened; raises what ends the run."""
        while True:
            try:
                event = self._pools.events.get_nowait()
            except queue.Empty:
                return
            if isinstance(event, Exception):
                raise event
            if isinstance(event, ShareVerdict):
                self._count(event)
            else:
                self._report.status(event)

    def _hear_last(self) -> None:
        deadline = time.monotonic() + _LAST_ANSWERS_SECONDS
        while self._pools.unanswered and time.monotonic() < deadline:
            self._hear()
            time.sleep(_LAST_ANSWERS_SECONDS / 50)

    def _count(self, verdict: ShareVerdict) -> None:
        stats, share = self.stats, verdict.share
        block = share.solves_block
        stats.fates[verdict.fate] += 1
        if verdict.fate == "accepted":
            stats.accepted_hashes += expected_hashes(share.source.job.target)
            stats.blocks += block
        elif verdict.fate == "rejected" and (verdict.reason in stats.reasons or len(stats.reasons) < 20):
            stats.reasons[verdict.reason or ""] += 1
        self._report.share(_result(verdict, block, stats))
        if self._shares and stats.accepted >= self._shares:
            self.stop()


def _result(verdict: ShareVerdict, block: bool, stats: ShareStats) -> ShareResult:
    share = verdict.share
    digest = share.header.hash()
    return ShareResult(
        pool=share.source.pool,
        job=share.source.job.id,
        hash=digest[::-1].hex(),
        difficulty=difficulty_of(share.source.job.target),
        share_difficulty=difficulty_of(int.from_bytes(digest, "little")),
        fate=verdict.fate,
        reason=verdict.reason,
        block=block,
        hashes=stats.hashes,
        seconds=stats.seconds,
    )
