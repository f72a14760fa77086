"""The jobs that one connection was given: which of them still count, and which shares of them have come before."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from itertools import count
from typing import Literal

from hashjoule.stratum.difficulty import expected_hashes
from hashjoule.stratum.jobs import StratumJob

GRACE_S = 10.0
"""How long shares of earlier jobs still count after a clean job: time for the miner's queues and the network."""

MOST_SHARES = 1 << 17
"""Shares of one connection that are remembered before a clean job is called for, which lets them be forgotten."""


_LOW_BITS = (1 << 64) - 1
"""Two different shares of a job have the same low bits once in 10^8 runs of a million shares."""


class SeenHashes:
    """A set of 64-bit numbers that takes 24 bytes for each at most: a hash table with open addressing.

    A set of Python's own would take 70 bytes for each, and a run at 2,000 shares a second remembers 600,000.
    """

    def __init__(self) -> None:
        self._slots = array("Q", bytes(8 * 16))
        self._used = 0

    def __len__(self) -> int:
        return self._used

    def add(self, number: int) -> bool:
        """Add a number; return False if it was there. The numbers must be random, as the bits of hashes are."""
        number = number or 1  # 0 marks a free slot
        if not self._insert(number):
            return False
        self._used += 1
        if 3 * self._used > 2 * len(self._slots):
            self._grow()
        return True

    def _insert(self, number: int) -> bool:
        slots, mask = self._slots, len(self._slots) - 1
        place = number & mask
        while slots[place]:
            if slots[place] == number:
                return False
            place = (place + 1) & mask
        slots[place] = number
        return True

    def _grow(self) -> None:
        old = self._slots
        self._slots = array("Q", bytes(8 * 2 * len(old)))
        for number in old:
            if number:
                self._insert(number)


@dataclass
class HandedOut:
    """A job as a connection was given it. Its difficulty never changes, so none can be chosen for a hash afterwards."""

    job: StratumJob
    difficulty: float
    epoch: int
    """The miner's epoch (see `Account`) when the job was handed out."""
    hashes: float = field(init=False)
    """How many hashes a share of it stands for."""
    seen: SeenHashes = field(default_factory=SeenHashes, repr=False)

    def __post_init__(self) -> None:
        self.hashes = expected_hashes(self.job.target)

    def is_new(self, hash_value: int) -> bool:
        """Remember a share by its hash; return False if it came before."""
        return self.seen.add(hash_value & _LOW_BITS)


class JobBook:
    """The jobs of one connection. Times are of a monotonic clock, in seconds."""

    def __init__(self) -> None:
        self._numbers = count(1)
        self._last = 0
        self._current: dict[int, HandedOut] = {}
        self._replaced: dict[int, tuple[HandedOut, float]] = {}
        """Jobs from before the last clean jobs, with the time until which they count."""

    def next_id(self) -> str:
        """Return the id for the next job; ids count up, so a job that is gone is told from one that never was."""
        self._last = next(self._numbers)
        return f"{self._last:x}"

    def add(self, handed: HandedOut, now_s: float, *, clean: bool) -> None:
        """Add the job that was handed out now. A clean job lets the earlier ones count for the grace time only."""
        if clean:
            self._replaced |= {number: (job, now_s + GRACE_S) for number, job in self._current.items()}
            self._current = {}
        self._replaced = {number: kept for number, kept in self._replaced.items() if kept[1] >= now_s}
        self._current[int(handed.job.id, 16)] = handed

    def find(self, job_id: str, now_s: float) -> HandedOut | Literal["stale", "unknown job"]:
        """Return the job of this id if its shares count now, or else why they do not."""
        number = _number(job_id)
        if number in self._current:
            return self._current[number]
        handed, until_s = self._replaced.get(number, (None, 0.0))
        if handed and now_s <= until_s:
            return handed
        return "stale" if 0 < number <= self._last else "unknown job"

    @property
    def remembered(self) -> int:
        """Shares of the current jobs that are remembered."""
        return sum(len(handed.seen) for handed in self._current.values())


def _number(job_id: str) -> int:
    """Return the number of a job id that `next_id` could have made, or 0."""
    try:
        number = int(job_id, 16)
    except ValueError:
        return 0
    return number if f"{number:x}" == job_id else 0
