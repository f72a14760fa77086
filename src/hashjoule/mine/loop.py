"""The mining loop: get a template, search, submit, confirm; through restarts, reorganisations and rivals."""

from __future__ import annotations

import secrets
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Literal, Protocol

from hashjoule import check
from hashjoule.backends import BackendSpec
from hashjoule.errors import HashjouleError
from hashjoule.job import Header, Job
from hashjoule.mine.chain import TIME_TOO_NEW, Chain, NoAnswerError, Standing, TooEarlyError
from hashjoule.mine.chunks import chunk_seconds
from hashjoule.mine.contact import NodeContact, StoppedError
from hashjoule.mine.effort import Effort
from hashjoule.mine.pending import FoundBlock, PendingBlocks, Safekeeping
from hashjoule.mine.template import CandidateBlock, Template
from hashjoule.mine.tip_watch import TipWatch
from hashjoule.search import SearchOutcome, search
from hashjoule.stratum.difficulty import expected_hashes

BlockFate = Literal["active", "stale", "rejected"]

REFRESH_SECONDS = 30.0
"""Longest time that one template is searched. The next one brings new transactions and a new time."""

EASY_HASHES = 1 << 18
"""Up to this many expected hashes a block, starting threads and watching the tip cost more than they bring."""

HARD_HASHES = 1 << 28
"""From this many expected hashes a block on, the node checks the block's assembly before the search."""

MAX_REJECTIONS = 3
"""How many rejected blocks in a row end the run: the next would be rejected too."""

_OVERTAKEN = {None, "inconclusive", "duplicate", "duplicate-inconclusive", "prev-blk-not-found", "bad-prevblk"}
"""What submitblock says of a good block when another block was faster."""


@dataclass(frozen=True, slots=True)
class MinedBlock:
    """A block that was found, and what became of it."""

    height: int
    hash: str
    fate: BlockFate
    reason: str | None
    """What the node said about it, if anything."""
    hashes: int
    """Hashes of this run so far."""
    seconds: float
    """Time since the run began."""


@dataclass
class BlockStats(Effort):
    """A run so far."""

    blocks: int = 0
    """Blocks confirmed on the active chain."""
    stale: int = 0
    rejected: int = 0
    chain_height: int = 0
    """Height of the chain's tip when the node was last asked."""


class BlockReport(Protocol):
    """Takes what a run reports, always in the thread that called `Miner.run`."""

    def block(self, mined: MinedBlock) -> None:
        """Take a block whose fate is known."""
        ...

    def progress(self, stats: BlockStats) -> None:
        """Take the state of the run. It is called often; the receiver chooses what to show."""
        ...

    def status(self, sentence: str) -> None:
        """Take a sentence that the user should read and need not act on."""
        ...


class Miner:
    """A run of mining: one chain, one payout script, one backend."""

    def __init__(
        self,
        chain: Chain,
        payout: bytes,
        spec: BackendSpec,
        report: BlockReport,
        pending: PendingBlocks,
        *,
        threads: int = 1,
        roll_version: bool = False,
        stop: threading.Event | None = None,
    ) -> None:
        self.stats = BlockStats()
        self._chain, self._payout, self._spec, self._report, self._pending = chain, payout, spec, report, pending
        self._backend = check.ready(spec)
        self._threads, self._roll_version = threads, roll_version
        self._stop = stop or threading.Event()
        self._interrupt = threading.Event()
        self._contact = NodeContact(self._stop, report.status, self.stats)
        self._extranonce = secrets.randbits(64)  # two miners on one template must not search the same headers
        self._watch: TipWatch | None = None
        self._proposed_on = ""
        self._rejections = 0

    def stop(self) -> None:
        """End the run soon.

        Not to be called from a signal handler in the thread that runs it: the handler may have interrupted code that
        holds an event's lock.
        """
        self._stop.set()
        self._interrupt.set()

    def run(self, blocks: int | None = None) -> BlockStats:
        """Mine until that many blocks are on the active chain, or until stopped.

        Raises:
            HashjouleError: It makes no sense to go on: the node is not the one that was asked for, it rejects our
                blocks, or it stays away.
        """
        try:
            with suppress(StoppedError):
                self._run(blocks)
        finally:
            if self._watch:
                self._watch.end()
        return self.stats

    def _run(self, blocks: int | None) -> None:
        template = self._submit_pending(self._next_template())
        while blocks is None or self.stats.blocks < blocks:
            found = self._search(template)
            template = self._deliver(found) if found else self._next_template()

    def _next_template(self) -> Template:
        template = self._contact.ask(self._chain.template)
        self.stats.chain_height = template.height - 1
        return template

    def _search(self, template: Template) -> FoundBlock | None:
        """Return a block on this template, or None when another template is due."""
        self.stats.expected_hashes = expected_hashes(template.search_target)
        easy = self.stats.expected_hashes <= EASY_HASHES
        candidate = CandidateBlock(template, self._payout)
        if self.stats.expected_hashes >= HARD_HASHES and not self._proposal_holds(candidate):
            return None
        self._interrupt.clear()
        if self._stop.is_set():
            raise StoppedError
        if not easy:
            self._watch_tip(template)
        try:
            return self._search_candidate(candidate, 1 if easy else self._threads)
        finally:
            if self._watch:
                self._watch.watch(None)

    def _search_candidate(self, candidate: CandidateBlock, threads: int) -> FoundBlock | None:
        expires_s, hashes = time.monotonic() + REFRESH_SECONDS, self.stats.hashes

        def progress(outcome: SearchOutcome) -> None:
            self.stats.hashes = hashes + outcome.hashes
            self._report.progress(self.stats)
            if time.monotonic() > expires_s:
                self._interrupt.set()

        while not self._interrupt.is_set():
            self._extranonce = (self._extranonce + 1) % 2**64
            job = self._job(candidate.header(self._extranonce), candidate.template)
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
                data = candidate.serialize(job.solved(outcome.hit), self._extranonce)
                return FoundBlock(candidate.template.height, data)
        return None

    def _job(self, header: Header, template: Template) -> Job:
        if self._roll_version and template.rollable:
            limit = self._spec.rolled_versions
            return Job.rolled(header, template.rollable, limit=limit, target=template.search_target)
        return Job.plain(header, template.search_target)

    def _watch_tip(self, template: Template) -> None:
        if not self._watch:
            watch = self._chain.watch()
            self._watch = TipWatch(watch, self._interrupt.set) if watch else None
        if self._watch:
            self._watch.watch(template)

    def _proposal_holds(self, candidate: CandidateBlock) -> bool:
        """Ask the node, once for each tip, whether it would accept such a block.

        Returns False if the tip has changed meanwhile. Raises HashjouleError if the node would reject the block.
        """
        template = candidate.template
        if template.previousblockhash == self._proposed_on:
            return True
        block = candidate.serialize(candidate.header(self._extranonce), self._extranonce)
        reason = self._contact.ask(partial(self._chain.propose, block))
        if reason == "inconclusive-not-best-prevblk":
            return False
        if reason:
            raise HashjouleError(f"the node would not take our block ({reason}); please report this")
        self._proposed_on = template.previousblockhash
        return True

    def _submit_pending(self, template: Template) -> Template:
        """Submit the blocks that an earlier run could not; return the next template.

        A block of this chain whose fate is clear is dropped. A block of another chain stays.
        """
        for found in self._pending.load():
            if found.prev_hash == template.prev_hash:
                self._report.status(f"submitting the kept block {found.hash_hex}")
                template = self._deliver(found)
            elif self._standing(found.hash) is Standing.ACTIVE:
                self._report.status(f"the kept block {found.hash_hex} is on the active chain")
            elif self._standing(found.prev_hash) is Standing.UNKNOWN:
                continue
            else:
                self._report.status(f"the chain has moved on from the kept block {found.hash_hex}; it is dropped")
            self._pending.remove(found)
        return template

    def _standing(self, block_hash: bytes) -> Standing:
        return self._contact.ask(partial(self._chain.standing, block_hash))

    def _deliver(self, found: FoundBlock) -> Template:
        """Submit a block until its fate is known, and return the next template.

        The block is on disk, or at worst printed, before this ends in any other way.

        Raises:
            HashjouleError: The node has rejected several blocks in a row.
        """
        safekeeping = Safekeeping(found, self._pending, self._report.status)
        try:
            fate, reason, template = self._contact.ask(partial(self._submit, found), safekeeping.keep)
        except BaseException:  # a second Ctrl-C too
            safekeeping.keep_or_print()
            raise
        safekeeping.release()
        self.stats.chain_height = template.height - 1
        self._count(MinedBlock(found.height, found.hash_hex, fate, reason, self.stats.hashes, self.stats.seconds))
        return template

    def _submit(self, found: FoundBlock) -> tuple[BlockFate, str | None, Template]:
        """Submit the block; tell its fate by what the node mines on next.

        A node that was killed can lose a block that it had accepted; it is then submitted again.
        """
        reason, template = self._chain.submit(found.data)
        if reason == TIME_TOO_NEW:
            raise TooEarlyError
        if template.prev_hash == found.hash:
            return "active", reason, template
        standing = self._chain.standing(found.hash)
        if standing is Standing.UNKNOWN and reason is None:
            raise NoAnswerError("the node has lost the block that it took")
        if standing is Standing.ACTIVE:
            return "active", reason, template
        return ("stale" if reason in _OVERTAKEN else "rejected"), reason, template

    def _count(self, mined: MinedBlock) -> None:
        if mined.fate == "active":
            self.stats.blocks += 1
        elif mined.fate == "stale":
            self.stats.stale += 1
        else:
            self.stats.rejected += 1
        self._report.block(mined)
        self._rejections = self._rejections + 1 if mined.fate == "rejected" else 0
        if self._rejections >= MAX_REJECTIONS:
            raise HashjouleError(f"the node rejects our blocks ({mined.reason}); check the node, or report this")
