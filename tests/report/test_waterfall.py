"""The waterfall has enough grid lines to read values, and calls an upper bound an upper bound."""

from __future__ import annotations

from pathlib import Path

import pytest

from hashjoule.data.names import find_machine
from hashjoule.efficiency import explain
from hashjoule.errors import UsageError
from hashjoule.report.bars import factor_bars
from hashjoule.report.waterfall import draw_waterfall, energy_ticks, headline, waterfall_figure


def explanation_of(name: str) -> explain.Explanation:
    """Return the explanation of a published machine."""
    return explain.explain(explain.published_subject(find_machine(name)))


@pytest.mark.parametrize("name", ["Antminer S21", "Antminer S9", "GeForce RTX 4090", "Radeon HD 4870"])
def test_the_axis_has_several_grid_lines(name: str) -> None:
    """In the picture and on the page at least three grid lines have a number, for small gaps and large ones."""
    (axes,) = waterfall_figure(explanation_of(name)).axes
    low, high = axes.get_xlim()
    assert len([mark for mark in axes.get_xticks() if low <= mark <= high]) >= 3
    assert factor_bars(explanation_of(name)).count("<text") >= 3


@pytest.mark.parametrize(("low", "high"), [(9, 21), (9, 9.9), (1, 3e5), (0.01, 1e12)])
def test_grid_lines_of_any_span(low: float, high: float) -> None:
    """Any axis has at least three grid lines, in order and not crowded."""
    marks = energy_ticks(low, high)
    assert 1 <= len(marks) <= 12
    assert marks == sorted(marks)
    assert all(low <= mark <= high for mark in marks)


def test_a_gap_from_a_bound_is_a_bound() -> None:
    """A GPU's power limit makes its gap an upper bound; a measured or rated power does not."""
    assert headline(explanation_of("GeForce RTX 4090")).startswith("GeForce RTX 4090: at most ")
    assert "at most" not in headline(explanation_of("Antminer S21"))


def test_files(tmp_path: Path) -> None:
    """SVG and PNG are written, the same each time; other suffixes and missing folders are refused."""
    explanation = explanation_of("Antminer S21")
    for name in ("a.svg", "b.svg", "a.png"):
        draw_waterfall(explanation, tmp_path / name)
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    for path in (tmp_path / "a.gif", tmp_path / "missing" / "a.png"):
        with pytest.raises(UsageError, match=str(path)):
            draw_waterfall(explanation, path)
