"""The ledger of ranges: disjoint and complete, and each position counts once, whatever happens to workers."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hashjoule.errors import UsageError
from hashjoule.fleet.ranges import Intervals, Ledger, Problem, Range, StateFile
from hashjoule.job import NONCES, Header, Hit, roll
from tests.support import headers

GENESIS = headers()[0]
HEADER = Header.parse(GENESIS.header)
ROLLED = Problem(HEADER, GENESIS.target, 0x1FFFE000, 4_294_967_000, 1000)

intervals = st.tuples(st.integers(0, 60), st.integers(0, 20)).map(lambda t: (t[0], t[0] + t[1]))
steps = st.lists(st.tuples(st.booleans(), intervals))


@given(steps)
def test_intervals_are_a_set(changes: list[tuple[bool, tuple[int, int]]]) -> None:
    """Intervals hold what a set would, sorted and apart; `add` returns how many numbers were new."""
    kept, plain = Intervals(), set[int]()
    for add, (first, end) in changes:
        part = set(range(first, end))
        if add:
            assert kept.add(first, end) == len(part - plain)
            plain |= part
        else:
            kept.remove(first, end)
            plain -= part
        inside = {n for a, b in kept.within(10, 30) for n in range(a, b)}
        assert inside == plain & set(range(10, 30))
    found = list(kept)
    assert [n for a, b in found for n in range(a, b)] == sorted(plain)
    assert all(b < c for (_, b), (c, _) in pairwise(found))
    assert all(a < b for a, b in found)
    assert kept.size() == len(plain)


def check(ledger: Ledger) -> None:
    """Check that each position is done, open or handed out; open ones are nothing else, and none is out twice."""
    done = {n for a, b in ledger.done for n in range(a, b)}
    free = {n for a, b in ledger.open for n in range(a, b)}
    out = Counter(n for part in ledger.handed_out for n in range(part.first, part.end))
    assert done | free | set(out) == set(range(ledger.total))
    assert not free & done
    assert not free & set(out)
    assert max(out.values(), default=1) == 1
    assert ledger.done_size == len(done)
    assert ledger.complete == (len(done) == ledger.total)


@given(st.data(), st.integers(0, 120), st.integers(1, 50))
def test_each_position_is_counted_once(data: st.DataObject, total: int, group: int) -> None:
    """This holds for any order of ranges handed out, finished, lost, answered late or twice, and after a restart."""
    ledger = Ledger(total, group)
    known: list[Range] = []
    counted = answered = 0
    for _ in range(data.draw(st.integers(0, 30))):
        action = data.draw(st.sampled_from(["take", "take", "finish", "finish", "reopen", "resume"]))
        if action == "take" and (part := ledger.take(data.draw(st.integers(0, 40)))):
            assert part.first // group == (part.end - 1) // group, "a range lies in one group"
            known.append(part)
        elif action == "finish" and known:
            part = data.draw(st.sampled_from(known))
            counted += ledger.finish(part)
            answered += part.size
        elif action == "reopen" and known:
            ledger.reopen(data.draw(st.sampled_from(known)))
        elif action == "resume":
            ledger, known, answered = Ledger(total, group, list(ledger.done)), [], ledger.done_size
        check(ledger)
        assert counted == ledger.done_size
        assert ledger.repeated == answered - ledger.done_size
    for part in known:
        ledger.reopen(part)
    while part_left := ledger.take(17):
        ledger.finish(part_left)
    check(ledger)
    assert ledger.complete


def test_a_late_answer_counts_what_nobody_else_has_done() -> None:
    """A worker that was thought lost answers after another searched half of its range: that half is repeated."""
    ledger = Ledger(100, 100)
    late = ledger.take(60)
    assert late
    assert ledger.reopen(late)
    again = ledger.take(30)
    assert again
    assert ledger.finish(again) == 30
    assert ledger.finish(late) == 30
    assert ledger.finish(late) == 0
    assert (ledger.done_size, ledger.repeated) == (60, 30 + 60)
    assert not ledger.reopen(late)
    assert list(ledger.open) == [(60, 100)]


def test_positions_are_versions_and_nonces() -> None:
    """All ranges together name each (version, nonce) once, also where nonces wrap to 0 after 2^32."""
    problem = replace(ROLLED, mask=0x0001E000 | 0x00E00000, count=5, start=NONCES - 2)
    assert (problem.versions, problem.versions_at_once, problem.total, problem.hashes) == (128, 64, 10, 640)
    ledger, pairs = Ledger(problem.total, problem.count), Counter[tuple[int, int]]()
    versions = list(roll(HEADER.version, 0x0001E000 | 0x00E00000))
    while part := ledger.take(3):
        ledger.finish(part)
        skip, first = problem.place(part)
        nonces = [(first + i) % NONCES for i in range(part.size)]
        pairs.update((v, n) for v in versions[skip : skip + problem.versions_at_once] for n in nonces)
    assert pairs == Counter((v, n % NONCES) for v in versions for n in range(NONCES - 2, NONCES + 3))


def test_only_a_solution_of_this_search_is_one() -> None:
    """A solution has a nonce of the range and a version of the mask, and hashlib confirms it."""
    problem = Problem(HEADER, GENESIS.target, None, GENESIS.nonce - 5, 10)
    assert problem.solved(Hit(GENESIS.version, GENESIS.nonce)) == HEADER
    assert problem.solved(Hit(GENESIS.version, GENESIS.nonce + 1)) is None
    assert replace(problem, start=GENESIS.nonce + 1).solved(Hit(GENESIS.version, GENESIS.nonce)) is None
    assert replace(problem, count=5).solved(Hit(GENESIS.version, GENESIS.nonce)) is None
    easy = replace(problem, target=2**256 - 1)
    assert easy.solved(Hit(GENESIS.version ^ 1 << 13, GENESIS.nonce)) is None
    assert replace(easy, mask=1 << 13).solved(Hit(GENESIS.version ^ 1 << 13, GENESIS.nonce))


def test_a_state_is_read_back(tmp_path: Path) -> None:
    """Progress and solution are read back. The file is written at the start, so that a bad path is reported then."""
    path = tmp_path / "state"
    assert StateFile(path, ROLLED).done == ()
    assert path.exists()
    StateFile(path, ROLLED).write([(0, 5), (7, 9)])
    assert StateFile(path, ROLLED).done == ((0, 5), (7, 9))
    plain = Problem(HEADER, GENESIS.target, None, 0, NONCES)
    other = StateFile(tmp_path / "other", plain)
    other.write([(0, 5)], HEADER)
    assert StateFile(tmp_path / "other", plain).solved == HEADER
    assert sorted(p.name for p in tmp_path.iterdir()) == ["other", "state"]


@pytest.mark.parametrize(
    ("change", "names"),
    [
        ({"header": replace(HEADER, time=1)}, "header"),
        ({"target": 5}, "target"),
        ({"mask": 0x2000}, "version mask"),
        ({"mask": None}, "version mask"),
        ({"start": 0}, "start"),
        ({"count": 1001}, "count"),
    ],
)
def test_the_state_of_another_search_is_refused(tmp_path: Path, change: dict[str, Any], names: str) -> None:
    """The error says what differs, and the file is not changed."""
    path = tmp_path / "state"
    StateFile(path, ROLLED).write([(0, 5)])
    before = path.read_bytes()
    with pytest.raises(UsageError, match=f"another {names}"):
        StateFile(path, replace(ROLLED, **change))
    assert path.read_bytes() == before


def test_what_is_no_state_is_refused(tmp_path: Path) -> None:
    """Other files, ranges outside the search and wrong solutions are refused with a sentence; the file stays."""
    path = tmp_path / "state"
    StateFile(path, ROLLED).write([(0, 5)])
    good = path.read_text()
    wrong = HEADER.pack().hex()
    for content, says in [
        ("", "not the state of a search"),
        ("{}", "not the state of a search"),
        ("\xff", "not the state of a search"),
        (good.replace("[[0,5]]", "[[0,99999999]]"), "outside"),
        (good.replace("[[0,5]]", "[[5,0]]"), "outside"),
        (good.replace("[[0,5]]", "[[-1,5]]"), "not the state of a search"),
        (good.replace('"solved":null', f'"solved":"{wrong}"'), "does not confirm the solution"),
        (good.replace('"solved":null', '"solved":"00"'), "not the state of a search"),
    ]:
        path.write_text(content, encoding="latin-1")
        with pytest.raises(UsageError, match=says):
            StateFile(path, ROLLED)
        assert path.read_text("latin-1") == content
    with pytest.raises(UsageError, match="cannot be saved"):
        StateFile(tmp_path / "none" / "state", ROLLED)
    with pytest.raises(UsageError, match="cannot be read"):
        StateFile(tmp_path, ROLLED)
