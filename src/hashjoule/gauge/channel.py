"""One connection's work and shares, and the miner that it belongs to. No sockets, no clock, no hashing."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from hashjoule.gauge.account import Account, Fault
from hashjoule.gauge.book import MOST_SHARES, HandedOut, JobBook
from hashjoule.gauge.difficulty import DifficultyControl
from hashjoule.stratum.difficulty import difficulty_of, target_of
from hashjoule.stratum.jobs import StratumJob

JOB_S = 30.0
"""The time between jobs."""

CLEAN_S = 300.0
"""The time between clean jobs, which a new block would bring at a pool."""

MOST_SHARES_DROPPED = 1000
"""A count is begun again for a limit of the miner's own only while it is this young. The limit is then so far above
the difficulty that pretending to have one, to be rid of an unlucky count, costs more shares than the luck is worth."""


@dataclass(eq=False)
class Channel:
    """One connection of a miner: the jobs that it was given and the difficulty of the next one."""

    account: Account
    control: DifficultyControl
    book: JobBook = field(default_factory=JobBook)
    job_s: float = 0.0
    """When the last job was handed out."""
    clean_s: float = 0.0
    """When the last clean job was handed out."""
    shares: int = 0
    """Shares that were right, whether they counted or came before the count."""
    rolled: bool = False
    """Whether a share had another version than its job."""

    @property
    def target(self) -> int:
        """The share target of the next job."""
        return target_of(self.control.difficulty)

    def hand_out(self, job: StratumJob, now_s: float, *, clean: bool) -> HandedOut:
        """Note that this job, which has the target and the id of the moment, is handed out now."""
        handed = HandedOut(job, self.control.difficulty, self.account.epoch)
        self.book.add(handed, now_s, clean=clean)
        self.account.expect(handed.hashes)
        self.job_s = now_s
        if clean:
            self.clean_s = now_s
        return handed

    def find(self, job_id: str, now_s: float) -> HandedOut | Fault:
        """Return the job that a share names, or why it does not count."""
        return self.book.find(job_id, now_s)

    def credit(self, handed: HandedOut, hash_value: int, now_s: float) -> None:
        """Credit a share that is new and whose hash meets its job's target."""
        self.shares += 1
        self.account.add(handed.hashes, handed.epoch, now_s)
        if handed.difficulty == self.control.difficulty:
            self.control.add(difficulty_of(hash_value))

    def job_due(self, now_s: float) -> Literal["clean", "job"] | None:
        """Return whether the time has come for another job, and of which kind."""
        if now_s - self.clean_s >= CLEAN_S or self.book.remembered > MOST_SHARES:
            return "clean"
        return "job" if now_s - self.job_s >= JOB_S else None


@dataclass(eq=False)
class GaugedMiner:
    """A miner: what it calls itself, its account and its connections."""

    host: str
    agent: str
    worker: str
    account: Account
    channels: list[Channel] = field(default_factory=list)
    connections: int = 0
    """Connections since it was first seen."""
    most_channels: int = 0
    """Connections that stood at the same time."""
    rolled: bool = False
    """Whether a share had another version than its job, on a connection that has ended."""
    limit: float | None = None
    """The difficulty below which it reports no share; None if it has no such limit."""
    difficulty: float | None = None
    """The difficulty of its last connection that ended: where the next one begins."""
    notes: list[str] = field(default_factory=list)
    """What its user should know, a sentence each."""

    def join(self, channel: Channel) -> None:
        """Add a connection."""
        self.channels.append(channel)
        self.connections += 1
        self.most_channels = max(self.most_channels, len(self.channels))
        channel.control.counting = self.account.count is not None

    def leave(self, channel: Channel) -> None:
        """Remove a connection that ended."""
        self.channels.remove(channel)
        self.rolled |= channel.rolled
        self.difficulty = channel.control.difficulty

    def advance(self, now_s: float) -> list[tuple[Channel, bool]]:
        """Bring difficulties, ramp-up and count up to date.

        Returns the connections that must be given a job now, each with whether it is a clean one.
        """
        changed = [channel for channel in self.channels if channel.control.update(now_s)]
        if self._meets_limit(now_s):
            changed = list(self.channels)
        if changed:
            self.account.difficulty_changed(now_s)
        settled = bool(self.channels) and all(channel.control.settled(now_s) for channel in self.channels)
        if self.account.ramped_up(now_s, settled):
            self.begin_count(now_s)
            changed = list(self.channels)
        due = [(channel, True) for channel in changed]
        for channel in self.channels:
            if channel not in changed and (kind := channel.job_due(now_s)):
                due.append((channel, kind == "clean"))
        return due

    def begin_count(self, now_s: float) -> None:
        """Count from the next jobs on; they must be handed out at once."""
        self.account.begin_count(now_s)
        for channel in self.channels:
            channel.control.counting = True

    def _meets_limit(self, now_s: float) -> bool:
        """Raise the difficulty to one that the miner honours, and count again, if shares show that it has a limit."""
        limits = [limit for channel in self.channels if (limit := channel.control.own_limit())]
        if not limits:
            return False
        count = self.account.count
        again = count is not None and self.limit is None and count.shares <= MOST_SHARES_DROPPED
        self.limit = max(limits)
        for channel in self.channels:
            channel.control.respect(self.limit, now_s)
        if again:
            self.begin_count(now_s)
        self.notes.append(
            f"reports no share below difficulty {self.limit:,.6g}: the difficulty was raised to it"
            + (", and the count began again" if again else "")
        )
        return True
