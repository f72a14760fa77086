"""The (version, nonce) space of one header as a line of positions, and the ledger of who searches which part of it.

Pure: nothing here knows of clocks, workers or Dask. Versions come in groups that a rolled job carries at once; position
p is nonce number p mod `count` of group p div `count`, tried with every version of its group.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from hashjoule.errors import UsageError
from hashjoule.files import written
from hashjoule.job import NONCES, Header, Hit

VERSIONS_AT_ONCE = 64
"""Versions of a group: what the backends take at once."""


class Intervals:
    """A set of whole numbers, kept as sorted intervals [first, end) that neither overlap nor touch."""

    def __init__(self, intervals: Iterable[tuple[int, int]] = ()) -> None:
        self._firsts: list[int] = []
        self._ends: list[int] = []
        for first, end in intervals:
            self.add(first, end)

    def __iter__(self) -> Iterator[tuple[int, int]]:
        return iter(list(zip(self._firsts, self._ends, strict=True)))

    def __bool__(self) -> bool:
        return bool(self._firsts)

    def size(self) -> int:
        """How many numbers are in the set."""
        return sum(self._ends) - sum(self._firsts)

    def within(self, first: int, end: int) -> list[tuple[int, int]]:
        """The parts of the set that lie in [first, end)."""
        i, j = bisect_right(self._ends, first), bisect_left(self._firsts, end)
        return [(max(first, self._firsts[k]), min(end, self._ends[k])) for k in range(i, j)]

    def add(self, first: int, end: int) -> int:
        """Adds [first, end); how many numbers of it are new."""
        if first >= end:
            return 0
        new = end - first - sum(b - a for a, b in self.within(first, end))
        i, j = bisect_left(self._ends, first), bisect_right(self._firsts, end)
        if i < j:
            first, end = min(first, self._firsts[i]), max(end, self._ends[j - 1])
        self._firsts[i:j], self._ends[i:j] = [first], [end]
        return new

    def remove(self, first: int, end: int) -> None:
        """Takes [first, end) out of the set."""
        i, j = bisect_right(self._ends, first), bisect_left(self._firsts, end)
        if first >= end or i >= j:
            return
        parts = [(self._firsts[i], first), (end, self._ends[j - 1])]
        kept = [(a, b) for a, b in parts if a < b]
        self._firsts[i:j], self._ends[i:j] = [a for a, _ in kept], [b for _, b in kept]


@dataclass(frozen=True, eq=False)
class Range:
    """Positions [first, end) of one group of versions, handed out once. A range that is handed out again is another."""

    first: int
    end: int

    @property
    def size(self) -> int:
        """How many positions."""
        return self.end - self.first


class Ledger:
    """Which positions are done, which are searched now, which are open. Each is counted as done once.

    A range that is out is finished or reopened. One that was reopened may be finished all the same, by a worker that
    was thought lost: what nobody else has done until then is counted, the rest is `repeated`.
    """

    def __init__(self, total: int, group: int, done: Iterable[tuple[int, int]] = ()) -> None:
        """`total` positions in groups of `group`, some of them done before."""
        self.total, self._group = total, group
        self.done = Intervals(done)
        self.open = Intervals([(0, total)])
        for first, end in self.done:
            self.open.remove(first, end)
        self.out: set[Range] = set()
        self.repeated = 0
        self._done_size = self.done.size()

    @property
    def done_size(self) -> int:
        """How many positions were searched."""
        return self._done_size

    @property
    def complete(self) -> bool:
        """Whether every position was searched."""
        return self._done_size == self.total

    def take(self, size: int) -> Range | None:
        """The first open positions, at most `size` of them and all of one group; None if none is open."""
        first, end = next(iter(self.open), (0, 0))
        if first == end:
            return None
        end = min(end, first + max(1, size), first - first % self._group + self._group)
        self.open.remove(first, end)
        taken = Range(first, end)
        self.out.add(taken)
        return taken

    def finish(self, searched: Range) -> int:
        """Counts a range that was searched to its end; how many of its positions had not been done before."""
        new = self.done.add(searched.first, searched.end)
        self.open.remove(searched.first, searched.end)
        self.out.discard(searched)
        self.repeated += searched.size - new
        self._done_size += new
        return new

    def reopen(self, lost: Range) -> bool:
        """Opens a range that is out for others, less what is done by now; False if it is not out (any more)."""
        if lost not in self.out:
            return False
        self.out.discard(lost)
        gaps = Intervals([(lost.first, lost.end)])
        for first, end in self.done.within(lost.first, lost.end):
            gaps.remove(first, end)
        for first, end in gaps:
            self.open.add(first, end)
        return True


@dataclass(frozen=True)
class Problem:
    """What is searched: nonces of a header from `start` on, `count` of them, with all versions of the mask if any."""

    header: Header
    target: int
    mask: int | None
    start: int
    count: int

    @property
    def versions(self) -> int:
        """How many versions each nonce is tried with."""
        return 1 if self.mask is None else 1 << self.mask.bit_count()

    @property
    def versions_at_once(self) -> int:
        """How many of them make a group."""
        return min(self.versions, VERSIONS_AT_ONCE)

    @property
    def total(self) -> int:
        """Positions in all."""
        return self.count * (self.versions // self.versions_at_once)

    @property
    def hashes(self) -> int:
        """Hashes in all."""
        return self.count * self.versions

    def place(self, part: Range) -> tuple[int, int]:
        """A range's first version (how many of the mask come before it) and first nonce."""
        group, nonce = divmod(part.first, self.count)
        return group * self.versions_at_once, (self.start + nonce) % NONCES

    def solved(self, hit: Hit) -> Header | None:
        """The header with this hit, if hashlib confirms it and it lies in the space; None otherwise."""
        header = replace(self.header, version=hit.version, nonce=hit.nonce)
        rolled = (hit.version ^ self.header.version) & ~(self.mask or 0)
        inside = not rolled and (hit.nonce - self.start) % NONCES < self.count
        return header if inside and header.meets(self.target) else None


class _State(Struct, frozen=True, forbid_unknown_fields=True):
    """A state file: the problem, the intervals that are done, the solution if there is one."""

    schema: Literal["hashjoule.grind/1"]
    header: str
    target: str
    version_mask: str | None
    start: int
    count: int
    versions_at_once: int
    done: tuple[tuple[Annotated[int, Meta(ge=0)], Annotated[int, Meta(ge=0)]], ...]
    solved: Annotated[str, Meta(pattern="^[0-9a-f]{160}$")] | None = None


class StateFile:
    """What a search has done, kept in a file that is replaced in one step: after kill -9 the last state is there."""

    def __init__(self, path: Path, problem: Problem) -> None:
        """Reads the file if there is one, and writes it once.

        Raises UsageError if it cannot be written, holds something else, or belongs to another search.
        """
        self.path, self._problem = path, problem
        self.done: tuple[tuple[int, int], ...] = ()
        self.solved: Header | None = None
        if path.exists():
            self._read()
        self.write(self.done, self.solved)

    def _read(self) -> None:
        try:
            state = msgspec.json.decode(self.path.read_bytes(), type=_State)
        except OSError as error:
            raise UsageError(f"the state file {self.path} cannot be read: {error.strerror}") from None
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise UsageError(f"{self.path} is no state of a search ({error}); name another file") from None
        wanted = self._state(state.done, None)
        for field in ("header", "target", "version_mask", "start", "count", "versions_at_once"):
            if getattr(state, field) != getattr(wanted, field):
                name = field.replace("_", " ")
                raise UsageError(f"{self.path} is the state of a search with another {name}; name another file")
        if any(not first < end <= self._problem.total for first, end in state.done):
            raise UsageError(f"{self.path} names ranges outside its own search; name another file")
        if state.solved:
            found = Header.parse(bytes.fromhex(state.solved))
            self.solved = self._problem.solved(Hit(found.version, found.nonce))
            if self.solved is None:
                raise UsageError(f"the solution in {self.path} is none; name another file")
        self.done = state.done

    def _state(self, done: Iterable[tuple[int, int]], solved: Header | None) -> _State:
        p = self._problem
        mask = None if p.mask is None else f"{p.mask:08x}"
        header, found = p.header.pack().hex(), solved.pack().hex() if solved else None
        return _State(
            "hashjoule.grind/1",
            header,
            f"{p.target:064x}",
            mask,
            p.start,
            p.count,
            p.versions_at_once,
            tuple(done),
            found,
        )

    def write(self, done: Iterable[tuple[int, int]], solved: Header | None = None) -> None:
        """Replaces the file, whole or not at all. Raises UsageError where that cannot be done."""
        content = msgspec.json.encode(self._state(done, solved))
        try:
            with written(content, self.path.parent) as new:
                new.replace(self.path)
        except OSError as error:
            raise UsageError(f"the state cannot be kept in {self.path}: {error.strerror}") from None
