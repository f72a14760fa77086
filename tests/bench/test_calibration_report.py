"""`bench/calibration_report.py`: the committed report is what the data and the model give now."""

from __future__ import annotations

from bench.calibration.paper import report
from tests.support import ROOT


def test_the_committed_report_is_up_to_date() -> None:
    """results/calibration.md is what the data and the model give now."""
    assert (ROOT / "results" / "calibration.md").read_text(encoding="utf-8") == report()
