"""The (version, nonce) space of one header as a line of positions, and a ledger of which positions were searched.

Pure: nothing here knows of clocks, workers or Dask. Versions come in groups, as many as a rolled job carries. Position
p means: nonce number p mod `count`, with every version of group p div `count`.
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
"""Versions in a group: as many as most backends search at once."""


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
        """Return the number of elements."""
        return sum(self._ends) - sum(self._firsts)

    def within(self, first: int, end: int) -> list[tuple[int, int]]:
        """Return the intervals of the set that lie in [first, end), cut to it."""
        i, j = bisect_right(self._ends, first), bisect_left(self._firsts, end)
        return [(max(first, self._firsts[k]), min(end, self._ends[k])) for k in range(i, j)]

    def add(self, first: int, end: int) -> int:
        """Add [first, end) and return how many of its numbers are new."""
        if first >= end:
            return 0
        new = end - first - sum(b - a for a, b in self.within(first, end))
        i, j = bisect_left(self._ends, first), bisect_right(self._firsts, end)
        if i < j:
            first, end = min(first, self._firsts[i]), max(end, self._ends[j - 1])
        self._firsts[i:j], self._ends[i:j] = [first], [end]
        return new

    def remove(self, first: int, end: int) -> None:
        """Remove [first, end) from the set."""
        i, j = bisect_right(self._ends, first), bisect_left(self._firsts, end)
        if first >= end or i >= j:
            return
        rests = [(self._firsts[i], first), (end, self._ends[j - 1])]
        kept = [(a, b) for a, b in rests if a < b]
        self._firsts[i:j], self._ends[i:j] = [a for a, _ in kept], [b for _, b in kept]


@dataclass(frozen=True, eq=False)
class Range:
    """Positions [first, end) of one group of versions, handed out once; handed out again, they are another Range."""

    first: int
    end: int

    @property
    def size(self) -> int:
        """Return the number of positions."""
        return self.end - self.first


class Ledger:
    """Which positions are done, which are being searched, which are open. Each is counted as done once.

    A range that was handed out is finished or reopened. A reopened range may still be finished, by a worker that was
    thought lost: positions that nobody else has searched by then are counted, the others are `repeated`.
    """

    def __init__(self, total: int, group: int, done: Iterable[tuple[int, int]] = ()) -> None:
        """Start a ledger of `total` positions in groups of `group`, with the intervals that are `done` already."""
        self.total, self._group = total, group
        self.done = Intervals(done)
        self.open = Intervals([(0, total)])
        for first, end in self.done:
            self.open.remove(first, end)
        self.handed_out: set[Range] = set()
        self.repeated = 0
        self._done_size = self.done.size()

    @property
    def done_size(self) -> int:
        """The number of positions searched."""
        return self._done_size

    @property
    def complete(self) -> bool:
        """Whether every position was searched."""
        return self._done_size == self.total

    def take(self, size: int) -> Range | None:
        """Hand out the first open positions, at most `size` of them, all of one group; None if none is open."""
        first, end = next(iter(self.open), (0, 0))
        if first == end:
            return None
        end = min(end, first + max(1, size), first - first % self._group + self._group)
        self.open.remove(first, end)
        taken = Range(first, end)
        self.handed_out.add(taken)
        return taken

    def finish(self, searched: Range) -> int:
        """Count a range that was searched to its end; return how many of its positions are new."""
        new = self.done.add(searched.first, searched.end)
        self.open.remove(searched.first, searched.end)
        self.handed_out.discard(searched)
        self.repeated += searched.size - new
        self._done_size += new
        return new

    def reopen(self, lost: Range) -> bool:
        """Open the positions of a range again, except those done by now; False if the range is not handed out."""
        if lost not in self.handed_out:
            return False
        self.handed_out.discard(lost)
        gaps = Intervals([(lost.first, lost.end)])
        for first, end in self.done.within(lost.first, lost.end):
            gaps.remove(first, end)
        for first, end in gaps:
            self.open.add(first, end)
        return True


@dataclass(frozen=True)
class Problem:
    """What to search: `count` nonces of a header from `start`, with every version of the mask if there is one."""

    header: Header
    target: int
    mask: int | None
    start: int
    count: int

    @property
    def versions(self) -> int:
        """The number of versions that each nonce is tried with."""
        return 1 if self.mask is None else 1 << self.mask.bit_count()

    @property
    def versions_at_once(self) -> int:
        """The number of versions in a group."""
        return min(self.versions, VERSIONS_AT_ONCE)

    @property
    def total(self) -> int:
        """The number of positions."""
        return self.count * (self.versions // self.versions_at_once)

    @property
    def hashes(self) -> int:
        """The number of hashes."""
        return self.count * self.versions

    def place(self, positions: Range) -> tuple[int, int]:
        """Return how many versions of the mask to skip, and the first nonce, for a range of positions."""
        group, nonce = divmod(positions.first, self.count)
        return group * self.versions_at_once, (self.start + nonce) % NONCES

    def solved(self, hit: Hit) -> Header | None:
        """Return the header with this hit; None unless the hit lies in the space and hashlib confirms it."""
        header = replace(self.header, version=hit.version, nonce=hit.nonce)
        rolled = (hit.version ^ self.header.version) & ~(self.mask or 0)
        inside = not rolled and (hit.nonce - self.start) % NONCES < self.count
        return header if inside and header.meets(self.target) else None


class _State(Struct, frozen=True, forbid_unknown_fields=True):
    """The content of a state file: the problem, the intervals that are done, the solution if there is one."""

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
    """The progress of a search in a file that is replaced atomically: after kill -9 the last state is intact."""

    def __init__(self, path: Path, problem: Problem) -> None:
        """Read the file if it exists, and write it once.

        Raises:
            UsageError: if it cannot be written, is not a state file, or belongs to another search.
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
            raise UsageError(f"{self.path} is not the state of a search ({error}); name another file") from None
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
                raise UsageError(f"hashlib does not confirm the solution in {self.path}; name another file")
        self.done = state.done

    def _state(self, done: Iterable[tuple[int, int]], solved: Header | None) -> _State:
        problem = self._problem
        return _State(
            schema="hashjoule.grind/1",
            header=problem.header.pack().hex(),
            target=f"{problem.target:064x}",
            version_mask=None if problem.mask is None else f"{problem.mask:08x}",
            start=problem.start,
            count=problem.count,
            versions_at_once=problem.versions_at_once,
            done=tuple(done),
            solved=solved.pack().hex() if solved else None,
        )

    def write(self, done: Iterable[tuple[int, int]], solved: Header | None = None) -> None:
        """Replace the file, whole or not at all.

        Raises:
            UsageError: if it cannot be written.
        """
        content = msgspec.json.encode(self._state(done, solved))
        try:
            with written(content, self.path.parent) as new:
                new.replace(self.path)
        except OSError as error:
            raise UsageError(f"the state cannot be saved in {self.path}: {error.strerror}") from None
