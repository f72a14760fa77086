"""Mining at pools: search the current job, submit every share, and count what becomes of it."""

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
from hashjoule.mine.pools.work import Fate, PoolJob, ShareVerdict, WorkUnit, work_units
from hashjoule.search import SearchOutcome, search
from hashjoule.stratum.difficulty import difficulty_of, expected_hashes

_WAIT_SECONDS = 0.1
_LAST_ANSWERS_SECONDS = 0.25
"""At the end of a run: how long answers to the last shares are waited for."""

_MAX_REASONS = 20
"""How many different reasons of rejections are counted: a pool may invent a new one each time."""


@dataclass(frozen=True, slots=True)
class ShareResult:
    """A share, and what became of it."""

    pool: str
    job: str
    hash: str
    difficulty: float
    """Difficulty that the pool asked for."""
    share_difficulty: float
    """Difficulty of the share's hash."""
    fate: Fate
    reason: str | None
    """What the pool said about it, if anything."""
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
    """Where it mines; empty while no pool has a job."""
    fates: Counter[str] = field(default_factory=Counter)
    """Number of shares by what became of them."""
    reasons: Counter[str] = field(default_factory=Counter)
    """Number of rejected shares by the pool's reason."""
    blocks: int = 0
    """Accepted shares that meet the network's target too."""
    accepted_hashes: float = 0.0
    """Number of hashes that it takes on average to find the accepted shares."""

    @property
    def accepted(self) -> int:
        """How many shares the pools have accepted."""
        return self.fates["accepted"]

    @property
    def pool_hashrate_hs(self) -> float:
        """The hash rate that the accepted shares stand for, as the pool sees it."""
        return self.accepted_hashes / self.busy_seconds


class ShareReport(Protocol):
    """Takes what a run reports, always in the thread that called `ShareMiner.run`."""

    def share(self, result: ShareResult) -> None:
        """Take a share whose fate is known."""
        ...

    def progress(self, stats: ShareStats) -> None:
        """Take the state of the run. It is called often; the receiver chooses what to show."""
        ...

    def status(self, sentence: str) -> None:
        """Take a sentence that the user should read and need not act on."""
        ...


class ShareMiner:
    """A run of mining at pools, with one backend."""

    def __init__(
        self,
        pools: Sequence[PoolUrl],
        user: str,
        spec: BackendSpec,
        report: ShareReport,
        *,
        threads: int = 1,
        roll_version: bool = False,
        follow_reconnect: bool = False,
        stop: threading.Event | None = None,
    ) -> None:
        self.stats = ShareStats()
        self._spec, self._report, self._threads = spec, report, threads
        self._backend = check.ready(spec)
        self._stop, self._interrupt = stop or threading.Event(), threading.Event()
        self._shares: int | None = None
        self._extranonces = count(secrets.randbits(64))  # random, in case two miners have the same extranonce1
        mask = BIP320_MASK if roll_version else 0
        self._pools = PoolConnections(
            pools, user, self._interrupt.set, mask=mask, follow=follow_reconnect, stop=self._stop
        )

    def stop(self) -> None:
        """End the run soon.

        Not to be called from a signal handler in the thread that runs it: the handler may have interrupted code that
        holds an event's lock.
        """
        self._stop.set()
        self._interrupt.set()

    def run(self, shares: int | None = None) -> ShareStats:
        """Mine until that many shares are accepted, or until stopped.

        Raises:
            HashjouleError: No pool can be mined at: none at first contact, or none for a long time.
        """
        self._shares = shares
        self._pools.start()
        try:
            while True:
                self._interrupt.clear()
                self._take_events()
                if self._stop.is_set():
                    break
                self._search_or_wait()
            self._wait_for_last_answers()
        finally:
            self._stop.set()
            self._pools.end()
        self._take_events()
        return self.stats

    def _search_or_wait(self) -> None:
        job = self._pools.job
        if job:
            self._search(job)
        else:
            began_s = time.monotonic()
            self.stats.pool = ""
            self._report.progress(self.stats)
            self._interrupt.wait(_WAIT_SECONDS)
            self.stats.idle_s += time.monotonic() - began_s

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
            self._take_events()
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

    def _take_events(self) -> None:
        """Count and report what has happened; raise what ends the run."""
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

    def _wait_for_last_answers(self) -> None:
        deadline = time.monotonic() + _LAST_ANSWERS_SECONDS
        while self._pools.unanswered and time.monotonic() < deadline:
            self._take_events()
            time.sleep(_LAST_ANSWERS_SECONDS / 50)

    def _count(self, verdict: ShareVerdict) -> None:
        stats, share = self.stats, verdict.share
        block = share.solves_block
        stats.fates[verdict.fate] += 1
        if verdict.fate == "accepted":
            stats.accepted_hashes += expected_hashes(share.source.job.target)
            stats.blocks += block
        elif verdict.fate == "rejected" and (verdict.reason in stats.reasons or len(stats.reasons) < _MAX_REASONS):
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
