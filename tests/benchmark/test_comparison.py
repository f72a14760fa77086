"""Comparing two records: faster, slower, or no difference; and the command that does it."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from hashjoule import cli
from hashjoule.benchmark.comparison import compare_records, regressions
from hashjoule.records.files import to_json
from hashjoule.records.schema import Rate, Record, State
from tests.records.test_records import RECORD, RESULT


def record(*rates: tuple[float, float, float], **machine: object) -> Record:
    """A record with a row for each rate (median, low, high), on 1, 2, ... threads."""
    results = [
        replace(RESULT, threads=n, hashrate_hs=Rate(median, 0.0, low, high))
        for n, (median, low, high) in enumerate(rates, 1)
    ]
    return replace(RECORD, results=tuple(results), machine=replace(RECORD.machine, **machine))


A = record((1e7, 0.99e7, 1.01e7), (1e7, 0.99e7, 1.01e7), (1e7, 0.9e7, 1.1e7), (1e7, 1e7, 1e7))
B = record((1.2e7, 1.19e7, 1.21e7), (0.9e7, 0.89e7, 0.91e7), (0.9e7, 0.8e7, 1.0e7))


def test_verdicts() -> None:
    """A difference counts only where the intervals do not overlap; rows without a partner are named."""
    found = compare_records(A, B)
    assert [change.verdict for change in found.changes] == ["faster", "slower", "no difference"]
    assert all(change.low <= change.ratio <= change.high for change in found.changes)
    assert (found.only_before, found.only_after) == (("c:avx2 rolled x 4",), ())
    assert compare_records(B, A).only_after == found.only_before
    assert {change.verdict for change in compare_records(A, A).changes} == {"no difference"}


def test_a_regression_is_slower_by_more_than_the_threshold() -> None:
    """And beyond doubt: a large change with a wide interval is none."""
    found = compare_records(A, B)
    assert [change.threads for change in regressions(found, 0.05)] == [2]
    assert regressions(found, 0.11) == ()


def with_cycles(record: Record, cycles: float, low: float, high: float) -> Record:
    """The record with these cycles per hash in every row."""
    rows = [replace(r, cycles_per_hash=cycles, cycles_per_hash_ci95=(low, high)) for r in record.results]
    return replace(record, results=tuple(rows))


def test_cpu_backends_are_judged_by_their_cycles() -> None:
    """A wall-clock rate that fell by a tenth, because the clock or the core was somebody else's, decides nothing."""
    before, after = with_cycles(A, 120.0, 119.0, 121.0), with_cycles(B, 114.0, 113.0, 115.0)
    found = compare_records(before, after)
    assert [(c.measure, c.verdict) for c in found.changes] == [("cycles", "faster")] * 3
    assert found.changes[0].ratio == pytest.approx(120 / 114)
    assert found.changes[0].low == pytest.approx(119 / 115)
    assert [c.verdict for c in found.rates] == ["faster", "slower", "no difference"]
    assert regressions(found, 0.05) == ()
    by_rate = compare_records(before, after, by="rate")
    assert [(c.measure, c.verdict) for c in by_rate.changes] == [
        ("rate", "faster"),
        ("rate", "slower"),
        ("rate", "no difference"),
    ]
    assert {c.measure for c in compare_records(before, B).changes} == {"rate"}


def test_what_disturbed_a_run_is_told() -> None:
    """Other programs and the hypervisor, of the record that had them."""
    state = State(others_busy=1.0, steal=0.2)
    busy = replace(A, conditions=replace(A.conditions, after=state, steal=0.2))
    (warning,) = compare_records(A, busy).warnings
    assert warning.startswith("B was disturbed")
    assert "1.0 cores busy and the hypervisor took 20%" in warning


def test_an_unfair_pair_is_told() -> None:
    """Other machine, other clock, interrupted run: each is named once."""
    assert compare_records(A, B).warnings == ()
    other = replace(record((1e7, 1e7, 1e7), cpu="another", clock_hz=3e9), complete=False)
    warnings = compare_records(A, other).warnings
    assert len(warnings) == 3
    for word, warning in zip(("another", "3.00 GHz", "interrupted"), warnings, strict=True):
        assert word in warning


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    """The records A and B, and one that has no row in common with them."""
    lone = replace(RECORD, results=(replace(RESULT, backend="numba"),))
    paths = {name: tmp_path / f"{name}.json" for name in ("A", "B", "lone")}
    for name, path in paths.items():
        path.write_text(to_json({"A": A, "B": B, "lone": lone}[name]))
    return {name: str(path) for name, path in paths.items()}


def test_the_command_exits_1_on_a_regression(files: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    """0 where nothing is slower than the threshold allows; the table says what is what."""
    assert cli.run(["compare", files["A"], files["B"]]) == 1
    printed = capsys.readouterr()
    assert "no difference" in printed.out
    assert "-10.0%" in printed.out
    assert "10.0% slower, over 5%" in printed.err
    assert all(len(line) <= 80 for line in printed.out.splitlines())
    assert cli.run(["compare", files["A"], files["B"], "--threshold", "11", "--json"]) == 0
    assert '"verdict": "slower"' in capsys.readouterr().out
    assert cli.run(["compare", files["A"], files["A"]]) == 0


def test_nothing_in_common_is_bad_input(files: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    """As is a file that is no record."""
    assert cli.run(["compare", files["A"], files["lone"]]) == 2
    assert "no backend in common" in capsys.readouterr().err
    assert cli.run(["compare", files["A"], files["A"] + ".none"]) == 2
    assert "cannot be read" in capsys.readouterr().err
