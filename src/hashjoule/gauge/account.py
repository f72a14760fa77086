"""The account of one miner: its ramp-up, the shares that count, those that do not, and when a run may end.

Nothing here reads a clock or a socket: every call says when it happens, in seconds of a monotonic clock. Why the
estimates are unbiased and the intervals honest, whatever ends a ramp-up or a run: docs/design/gauge.md.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from hashjoule.gauge.poisson import constant_rate, relative_half_width
from hashjoule.gauge.tally import Tally
from hashjoule.records.gauge import RampUp

RAMP_UP_S = 60.0
"""The longest ramp-up of a miner that delivers shares."""

_AGREEING = 3
"""Estimates that must agree to end a ramp-up earlier."""

_SHARES_EACH = 10
"""The shares that each of them needs at least."""

_AGREEMENT_P = 0.05

Fault = Literal[
    "above target",
    "duplicate",
    "stale",
    "unknown job",
    "time out of range",
    "version bits outside the mask",
    "malformed",
]
"""Why a submitted share does not count."""


@dataclass
class Account:
    """The shares of one miner, which may have several connections.

    An *epoch* is a stretch of jobs: 0 is the ramp-up, each count is another. A share belongs to the epoch in which its
    job was handed out, whenever it arrives: what was hashed before a count is never part of it.
    """

    began_s: float
    """When its first job was handed out."""
    epoch: int = 0
    count: Tally | None = None
    """The shares that count; None during the ramp-up."""
    ramp_up: RampUp | None = None
    """Set when the count begins."""
    rejected: Counter[Fault] = field(default_factory=Counter)
    """Shares that do not count, since the first job, by reason."""
    precise: bool = False
    """Whether the wanted precision was reached, without the share that arrived last."""
    last_share_s: float | None = None
    _ramp: Tally = field(init=False, repr=False)
    _steady: Tally = field(init=False, repr=False)
    """The shares since the difficulty changed last."""

    def __post_init__(self) -> None:
        self._ramp, self._steady = Tally(self.began_s), Tally(self.began_s)

    def expect(self, hashes: float) -> None:
        """Note that a job was handed out whose shares stand for so many hashes."""
        if self.count:
            self.count.expect(hashes)

    def difficulty_changed(self, now_s: float) -> None:
        """Let the estimates of the ramp-up begin again."""
        if not self.count:
            self._steady = Tally(now_s)

    def add(self, hashes: float, epoch: int, now_s: float) -> None:
        """Take in a verified share of a job of this epoch that stands for so many hashes."""
        self.last_share_s = now_s
        if self.count and epoch == self.epoch:
            self.count.add(now_s, hashes)
        elif not self.count:
            self._ramp.add(now_s, hashes)
            self._steady.add(now_s, hashes)

    def reject(self, fault: Fault) -> None:
        """Take in a share that does not count."""
        self.rejected[fault] += 1

    def ramped_up(self, now_s: float, settled: bool) -> bool:
        """Whether the ramp-up is over: three estimates agree, or a minute has passed.

        `settled` says whether all its connections have found their difficulty. A miner that has delivered no share
        yet is still waited for.
        """
        if self.count or not self._ramp.shares:
            return False
        return now_s - self.began_s >= RAMP_UP_S or (settled and self._estimates_agree(now_s))

    def _estimates_agree(self, now_s: float) -> bool:
        parts = self._steady.parts(_AGREEING, now_s)
        if len(parts) < _AGREEING or min(part.shares.shares for part in parts) < _SHARES_EACH:
            return False
        p = constant_rate([part.shares for part in parts], [part.seconds for part in parts])
        return p is not None and p >= _AGREEMENT_P

    def begin_count(self, now_s: float) -> None:
        """Count from now on: the jobs that are handed out next belong to the count, shares of earlier ones do not.

        What was counted before, if anything, is dropped.
        """
        if not self.ramp_up:
            seconds = now_s - self.began_s
            rate_hs = self._ramp.hashes / seconds if seconds else 0.0
            self.ramp_up = RampUp(seconds, self._ramp.shares, rate_hs, settled=seconds < RAMP_UP_S)
        self.epoch += 1
        self.count = Tally(now_s)
        self.precise = False

    def notes_precision(self, precision: float) -> bool:
        """Note, as a share arrives and before it is added, whether the count is precise enough; True if only now."""
        if not self.precise and self.count:
            seen = self.count.sum()
            worth_a_look = seen.total**2 >= 0.9 * (1.96 / precision) ** 2 * seen.squares  # the exact answer takes long
            self.precise = worth_a_look and relative_half_width(seen) <= precision
            return self.precise
        return False


def ends_run(arriving: Account, accounts: Iterable[Account], precision: float, now_s: float, idle_s: float) -> bool:
    """Whether a run with a wanted precision ends with the share that arrives now, which is then not counted.

    It ends when the last of the accounts gets precise enough. Not counting that share makes up for ending the run
    at a share: the estimate stays unbiased. Accounts without a share for `idle_s` are not waited for.
    """
    if not arriving.notes_precision(precision):
        return False
    return all(account.precise or is_idle(account, now_s, idle_s) for account in accounts)


def is_idle(account: Account, now_s: float, idle_s: float) -> bool:
    """Whether a miner has delivered nothing for that long."""
    return now_s - (account.began_s if account.last_share_s is None else account.last_share_s) >= idle_s
