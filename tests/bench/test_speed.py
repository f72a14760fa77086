"""The comparison of `make speed`."""

from __future__ import annotations

from bench.speed import Cycles, SpeedRow, recorded_cycles, verdict
from bench.test_speed import newest_record
from hashjoule.records.files import load_record
from tests.support import ROOT

RECORDED = Cycles(100.0, 98.0, 102.0)


def row(median: float, low: float, high: float, recorded: Cycles | None = RECORDED) -> SpeedRow:
    """A row that was measured so."""
    return SpeedRow("c:avx2", "plain", Cycles(median, low, high), recorded)


def test_more_than_five_percent_outside_the_intervals_fails() -> None:
    """The sentence has both figures and the change."""
    found = verdict(row(106.0, 104.0, 108.0))
    assert found == "c:avx2 plain needs 106.0 cycles per hash (104.0 - 108.0), +6.0% over the recorded 100.0"


def test_what_may_be_chance_passes() -> None:
    """Less than 5 %, overlapping intervals, faster, and rows without a record."""
    assert verdict(row(104.0, 103.5, 104.5)) is None
    assert verdict(row(106.0, 101.0, 111.0)) is None
    assert verdict(row(50.0, 49.0, 51.0)) is None
    assert verdict(row(500.0, 499.0, 501.0, recorded=None)) is None


def test_a_row_knows_its_record() -> None:
    """Every row of one thread in a record of this folder is found again; a missing one is None."""
    record = next(record for path in ROOT.glob("results/*/*-bench*.json") if (record := load_record(path)).results)
    result = next(r for r in record.results if r.threads == 1 and r.cycles_per_hash)
    found = SpeedRow.of(result.backend, result.mode, [1.0, 1.1, 1.2, 1.1, 1.0], record)
    assert found.recorded is not None
    assert found.recorded.median == result.cycles_per_hash
    assert str(result.backend) in str(found)
    assert recorded_cycles(record, "c:none", "plain") is None
    assert recorded_cycles(None, result.backend, result.mode) is None


def test_no_record_of_this_cpu_is_no_failure() -> None:
    """On a CPU that nobody has recorded the run has nothing to compare with."""
    assert newest_record(ROOT / "docs") is None
