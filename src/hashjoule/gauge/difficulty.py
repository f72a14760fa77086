"""Which difficulty a connection's next job gets: about one share a second, found from below. No clock, no sockets."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

SHARES_PER_SECOND = 1.0
"""What the difficulty is to bring about."""

FIRST_DIFFICULTY = 2.0**-12
"""A share a second at 1 MH/s: lower than any miner needs, so the search for the right difficulty goes upwards."""

LOWEST_DIFFICULTY = 2.0**-20
"""A share every second at 4 kH/s."""

_ENOUGH_SHARES = 16
"""Shares at one difficulty after which it may be raised: their rate is then known to a quarter."""

_MOST_STEP = 2.0**10
_PATIENCE_S = 20.0
"""The time over which shares are looked at, and after which a difficulty that brings too few of them is lowered; three
times as long once shares are counted."""

_SURE = 1e-9
"""The chance at which a miner that reports every share is wrongly taken for one with a limit of its own."""


@dataclass
class DifficultyControl:
    """The difficulty of one connection. Times are of a monotonic clock, in seconds.

    A difficulty is decided before its job is searched, so a change biases nothing: each share counts with the
    difficulty of its own job. Steps are powers of two.
    """

    difficulty: float
    since_s: float
    fixed: bool = False
    """Whether the user has chosen the difficulty."""
    counting: bool = False
    """Whether shares are counted already: the difficulty then changes only if it is far off."""
    floor: float = LOWEST_DIFFICULTY
    """The lowest difficulty that the miner honours, as far as is known."""
    shares: int = 0
    """Shares of jobs of this difficulty."""
    _easiest: float = field(default=math.inf, repr=False)
    _recent: int = field(default=0, repr=False)
    _recent_since_s: float = field(default=0.0, repr=False)

    def __post_init__(self) -> None:
        self._recent_since_s = self.since_s

    def add(self, share_difficulty: float) -> None:
        """Take in a share of a job of the present difficulty, with the difficulty that its own hash has."""
        self.shares += 1
        self._recent += 1
        self._easiest = min(self._easiest, share_difficulty)

    def own_limit(self) -> float | None:
        """Return a difficulty below which the miner reports no share, if the shares leave no doubt that it has one.

        Half of all shares of difficulty D lie below 2 D. If none of many does, something in the miner drops them:
        many chips report only hashes above a difficulty of their own. The easiest share so far is at or above that
        limit, so from that difficulty on nothing is missing.
        """
        if self.shares < _ENOUGH_SHARES or self._easiest <= self.difficulty:
            return None
        chance = self.shares * math.log(self.difficulty / self._easiest)
        return self._easiest if chance < math.log(_SURE) else None

    def respect(self, limit: float, now_s: float) -> None:
        """Use no lower difficulty than this from now on."""
        self.floor = limit
        if limit > self.difficulty:
            self.change(limit, now_s)

    def settled(self, now_s: float) -> bool:
        """Whether the difficulty needs no change, as far as the shares tell."""
        return self.fixed or (self.shares >= _ENOUGH_SHARES and self._wanted(now_s) == self.difficulty)

    def update(self, now_s: float) -> bool:
        """Change the difficulty if the shares of late call for it; return whether it changed."""
        if self.fixed:
            return False
        wanted = self._wanted(now_s)
        if wanted == self.difficulty:
            if now_s - self._recent_since_s >= self._patience_s:  # what is long past must not hide what happens now
                self._recent, self._recent_since_s = 0, now_s
            return False
        self.change(wanted, now_s)
        return True

    @property
    def _patience_s(self) -> float:
        return 3 * _PATIENCE_S if self.counting else _PATIENCE_S

    def _wanted(self, now_s: float) -> float:
        elapsed_s = max(now_s - self._recent_since_s, 1e-3)
        enough, factor = (4, 8.0) if self.counting else (1, 2.0)
        excess = self._recent / elapsed_s / SHARES_PER_SECOND
        if self._recent >= enough * _ENOUGH_SHARES and excess > factor:
            return self.difficulty * min(2.0 ** round(math.log2(excess)), _MOST_STEP)
        if elapsed_s >= self._patience_s and excess < 1 / (2 * factor):
            return max(self.floor, self.difficulty * 2.0 ** round(math.log2(max(excess, 1 / elapsed_s))))
        return self.difficulty

    def change(self, difficulty: float, now_s: float) -> None:
        """Use this difficulty from the next job on."""
        self.difficulty, self.since_s, self._recent_since_s = difficulty, now_s, now_s
        self.shares, self._recent, self._easiest = 0, 0, math.inf
