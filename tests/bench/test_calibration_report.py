"""`bench/calibration_report.py`: the committed report is what the data and the model give now."""

from __future__ import annotations

import re
from pathlib import Path

from bench.calibration import pictures
from bench.calibration.paper import report
from bench.calibration.study import study
from tests.support import ROOT


def test_the_committed_report_is_up_to_date() -> None:
    """results/calibration.md is what the data and the model give now."""
    assert (ROOT / "results" / "calibration.md").read_text(encoding="utf-8") == report()


def test_its_pictures_are_there() -> None:
    """Every picture that the report shows is committed."""
    text = (ROOT / "results" / "calibration.md").read_text(encoding="utf-8")
    shown = re.findall(r"!\[[^]]+\]\(([^)]+)\)", text)
    assert sorted(shown) == sorted([pictures.PREDICTED, pictures.RESIDUALS])
    assert all((ROOT / "results" / name).stat().st_size > 5000 for name in shown)


def test_pictures_are_drawn_the_same_each_time(tmp_path: Path) -> None:
    """Two runs give the same bytes, and every chip is named once in the first picture."""
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        pictures.draw(study(), tmp_path / name)
    for name in (pictures.PREDICTED, pictures.RESIDUALS):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "other" / name).read_bytes()
    named = [text.get_text() for text in pictures.predicted_figure(study()).axes[0].texts]
    assert sorted(named) == sorted(p.chip for p in study().left_out)
