"""The mining loop: template, search, submit, confirm; through restarts, reorganisations and rivals."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Protocol, TypeVar

from hashjoule import check
from hashjoule.backends import BackendSpec
from hashjoule.errors import HashjouleError, UnavailableError
from hashjoule.job import Header, Job, nbits_to_target
from hashjoule.mine.bitcoind.node import WAIT_SECONDS
from hashjoule.mine.chain import (
    TIME_TOO_NEW,
    Chain,
    NoAnswerError,
    NotReadyError,
    RefusedError,
    Standing,
    TooEarlyError,
    Watch,
)
from hashjoule.mine.chunks import chunk_seconds
from hashjoule.mine.effort import Effort
from hashjoule.mine.pending import Found, Keeper
from hashjoule.mine.template import Candidate, Template
from hashjoule.search import SearchOutcome, search

T = TypeVar("T")

REFRESH_SECONDS = 30.0
"""How old a template may get: new transactions and the time come with the next one."""

PATIENCE_SECONDS = 600.0
"""How long a node that was there may be away."""

EASY_HASHES = 1 << 18
"""Up to so many expected hashes a block, starting threads or watching the tip costs more than it brings."""

HARD_HASHES = 1 << 28
"""From so many expected hashes a block on, the node checks the block's assembly before the search."""

_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.1, 5.0
_REFUSALS = 3
_REJECTIONS = 3
_NO_REJECTIONS = {None, "inconclusive", "duplicate", "duplicate-inconclusive", "prev-blk-not-found", "bad-prevblk"}
"""What submitblock says of a good block that another one has overtaken."""


@dataclass(frozen=True, slots=True)
class Mined:
    """A block that was found, and what became of it: active, stale or rejected."""

    height: int
    hash: str
    fate: str
    reason: str | None
    """What the node said, if anything."""
    hashes: int
    """Hashes of this run so far."""
    seconds: float
    """Time since the run began."""


@dataclass
class Stats(Effort):
    """A run so far."""

    blocks: int = 0
    """Blocks confirmed on the active chain."""
    stale: int = 0
    rejected: int = 0
    height: int = 0
    """Height of the block that is searched."""


class Report(Protocol):
    """What a run tells while it goes on, always in the thread that called `Miner.run`."""

    def block(self, mined: Mined) -> None:
        """A block's fate is known."""
        ...

    def progress(self, stats: Stats) -> None:
        """Called often; the receiver chooses what to show."""
        ...

    def status(self, sentence: str) -> None:
        """Something that the user should know and need not act on."""
        ...


class _StoppedError(Exception):
    """The run is to end."""


class _TipWatch(threading.Thread):
    """Calls back when the template that is being searched is out of date."""

    def __init__(self, watch: Watch, outdated: Callable[[], None]) -> None:
        super().__init__(name="tip watch", daemon=True)
        self._watch, self._call_back = watch, outdated
        self._template: Template | None = None
        self._ended = False
        self._changed = threading.Condition()
        self.start()

    def watch(self, template: Template | None) -> None:
        """Watches for this template; None rests, and leaves the node's threads to others."""
        with self._changed:
            self._template = template
            self._changed.notify()

    def end(self) -> None:
        """Ends the thread when its wait is over."""
        with self._changed:
            self._ended = True
            self._changed.notify()
        self.join(2 * WAIT_SECONDS)

    def run(self) -> None:
        """The thread."""
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._template or self._ended)
                if self._ended:
                    return self._watch.close()
                template = self._template
            if template and self._is_outdated(template):
                with self._changed:
                    if self._template is template:
                        self._template = None
                        self._call_back()

    def _is_outdated(self, template: Template) -> bool:
        try:
            return self._watch.outdated(template)
        except HashjouleError:
            time.sleep(_FIRST_PAUSE_SECONDS)  # the main thread will meet the same and say so
            return False


class Miner:
    """A run of mining: one chain, one payout script, one backend."""

    def __init__(
        self,
        chain: Chain,
        payout: bytes,
        spec: BackendSpec,
        report: Report,
        keeper: Keeper,
        *,
        threads: int = 1,
        roll_version: bool = False,
        stop: threading.Event | None = None,
    ) -> None:
        self.stats = Stats()
        self._chain, self._payout, self._spec, self._report, self._keeper = chain, payout, spec, report, keeper
        self._backend = check.ready(spec)
        self._threads, self._roll_version = threads, roll_version
        self._stop = stop or threading.Event()
        self._interrupt = threading.Event()
        self._extranonce = secrets.randbits(64)  # two miners on one template must not search the same headers
        self._watch: _TipWatch | None = None
        self._in_contact = False
        self._proposed = ""
        self._rejections = 0
        self._away: HashjouleError | None = None

    def stop(self) -> None:
        """Ends the run soon. Not to be called from a signal handler in the thread that runs it: events lock."""
        self._stop.set()
        self._interrupt.set()

    def run(self, blocks: int | None = None) -> Stats:
        """Mines until so many blocks are on the active chain, or until stopped.

        Raises HashjouleError where it makes no sense to go on: the node is not what was asked for, it rejects what
        we build, or it stays away for PATIENCE_SECONDS.
        """
        try:
            template = self._deliver_kept(self._patiently(self._chain.template))
            while blocks is None or self.stats.blocks < blocks:
                found = self._search(template)
                template = self._deliver(found) if found else self._patiently(self._chain.template)
        except _StoppedError:
            pass
        finally:
            if self._watch:
                self._watch.end()
        return self.stats

    def _search(self, template: Template) -> Found | None:
        """A block on this template, or None when another template is due."""
        target = nbits_to_target(template.nbits)
        self.stats.height, self.stats.expected_hashes = template.height, 2**256 / (target + 1)
        easy = self.stats.expected_hashes <= EASY_HASHES
        candidate = Candidate(template, self._payout)
        if self.stats.expected_hashes >= HARD_HASHES and not self._proposal_holds(candidate):
            return None
        self._interrupt.clear()
        if self._stop.is_set():
            raise _StoppedError
        if not easy:
            self._watch_tip(template)
        try:
            return self._search_candidate(candidate, target, 1 if easy else self._threads)
        finally:
            if self._watch:
                self._watch.watch(None)

    def _search_candidate(self, candidate: Candidate, target: int, threads: int) -> Found | None:
        expires, hashes = time.monotonic() + REFRESH_SECONDS, self.stats.hashes

        def progress(outcome: SearchOutcome) -> None:
            self.stats.hashes = hashes + outcome.hashes
            self._report.progress(self.stats)
            if time.monotonic() > expires:
                self._interrupt.set()

        while not self._interrupt.is_set():
            self._extranonce = (self._extranonce + 1) % 2**64
            job = self._job(candidate.header(self._extranonce), candidate.template, target)
            outcome = search(
                self._backend,
                job,
                threads=threads,
                stop=self._interrupt,
                progress=progress,
                chunk_seconds=chunk_seconds(self._spec),
            )
            self.stats.hashes = hashes = hashes + outcome.hashes
            self.stats.wrong_hits += outcome.wrong_hits
            if outcome.hit:
                block = candidate.block(job.solved(outcome.hit), self._extranonce)
                return Found(candidate.template.height, block)
        return None

    def _job(self, header: Header, template: Template, target: int) -> Job:
        if self._roll_version and template.rollable:
            return Job.rolled(header, template.rollable, limit=self._spec.rolled_versions, target=target)
        return Job.plain(header, target)

    def _watch_tip(self, template: Template) -> None:
        if not self._watch:
            watch = self._chain.watch()
            self._watch = _TipWatch(watch, self._interrupt.set) if watch else None
        if self._watch:
            self._watch.watch(template)

    def _proposal_holds(self, candidate: Candidate) -> bool:
        """Asks the node, once a tip, whether it would take such a block. Raises HashjouleError if it would not."""
        template = candidate.template
        if template.previousblockhash == self._proposed:
            return True
        block = candidate.block(candidate.header(self._extranonce), self._extranonce)
        reason = self._patiently(lambda: self._chain.propose(block))
        if reason == "inconclusive-not-best-prevblk":
            return False
        if reason:
            raise HashjouleError(f"the node would not take our block ({reason}); please report this")
        self._proposed = template.previousblockhash
        return True

    def _deliver_kept(self, template: Template) -> Template:
        """Submits what an earlier run could not, unless the chain has moved on; blocks of other chains stay kept."""
        for found in self._keeper.kept():
            if found.prev_hash == template.prev_hash:
                self._report.status(f"submitting the kept block {found.hash_hex}")
                template = self._deliver(found)
                self._keeper.drop(found)
            elif self._patiently(partial(self._chain.standing, found.prev_hash)) is not Standing.UNKNOWN:
                self._report.status(f"the chain has moved on from the kept block {found.hash_hex}; it is dropped")
                self._keeper.drop(found)
        return template

    def _deliver(self, found: Found) -> Template:
        """Submits a block until its fate is known, and returns the next template. Nothing found is lost on the way.

        Raises HashjouleError when the node has rejected several blocks in a row.
        """
        kept = False

        def away() -> None:
            nonlocal kept
            kept = kept or self._keep(found)

        try:
            fate, reason, template = self._patiently(lambda: self._fate(found), away)
        except BaseException:  # a second Ctrl-C too
            away()
            if not kept:
                self._report.status(f"this block could be neither submitted nor kept: {found.block.hex()}")
            raise
        if kept:
            self._keeper.drop(found)
        self._count(Mined(found.height, found.hash_hex, fate, reason, self.stats.hashes, self.stats.seconds))
        return template

    def _fate(self, found: Found) -> tuple[str, str | None, Template]:
        """Submits the block and tells where it is by what the node mines on next.

        A node that was killed can lose a block that it had accepted; it is then submitted again.
        """
        reason, template = self._chain.submit(found.block)
        if reason == TIME_TOO_NEW:
            raise TooEarlyError
        if template.prev_hash == found.hash:
            return "active", reason, template
        standing = self._chain.standing(found.hash)
        if standing is Standing.UNKNOWN and reason is None:
            raise NoAnswerError("the node has lost the block that it took")
        if standing is Standing.ACTIVE:
            return "active", reason, template
        return ("stale" if reason in _NO_REJECTIONS else "rejected"), reason, template

    def _count(self, mined: Mined) -> None:
        counts = {"active": (1, 0, 0), "stale": (0, 1, 0), "rejected": (0, 0, 1)}[mined.fate]
        self.stats.blocks += counts[0]
        self.stats.stale += counts[1]
        self.stats.rejected += counts[2]
        self._report.block(mined)
        self._rejections = self._rejections + 1 if mined.fate == "rejected" else 0
        if self._rejections >= _REJECTIONS:
            raise HashjouleError(f"the node rejects our blocks ({mined.reason}); check the node, or report this")

    def _keep(self, found: Found) -> bool:
        try:
            path = self._keeper.keep(found)
        except OSError as error:
            self._report.status(f"the found block cannot be kept in {self._keeper.path(found)} ({error.strerror})")
            return False
        self._report.status(f"the found block is kept in {path} until the node answers")
        return True

    def _patiently(self, ask: Callable[[], T], away: Callable[[], None] = lambda: None) -> T:
        """Asks until there is an answer, with growing pauses and one status line; calls `away` at each failure.

        At first contact only a node that says it will be ready is waited for; what is not there or no node at all
        ends at once.
        """
        pause, refusals, since = _FIRST_PAUSE_SECONDS, 0, time.monotonic()
        while True:
            try:
                result = ask()
            except (NoAnswerError, RefusedError) as error:
                if self._stop.is_set():
                    raise _StoppedError from None
                refusals += isinstance(error, RefusedError)
                if not (self._in_contact or isinstance(error, NotReadyError)) or refusals >= _REFUSALS:
                    raise
                if time.monotonic() - since > PATIENCE_SECONDS:
                    raise UnavailableError(f"gave up after {PATIENCE_SECONDS:.0f} s: {error}") from None
                if not isinstance(error, TooEarlyError):
                    away()
                self._tell(error)
            else:
                self._in_contact = True
                self._tell(None)
                return result
            if self._stop.wait(pause):
                raise _StoppedError
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)

    def _tell(self, error: HashjouleError | None) -> None:
        """Says once that the node is away, and once that it is back."""
        if error and str(error) != str(self._away):
            self._report.status(f"waiting: {error}")
            self._away = error
        elif self._away and not error and not isinstance(self._away, TooEarlyError):
            self._report.status("the node answers again")
            self._away = None
