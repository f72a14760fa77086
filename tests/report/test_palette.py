"""Colours have enough contrast in both themes, and all of them are defined in the palette."""

from __future__ import annotations

import re

import pytest

from hashjoule.report import palette
from hashjoule.report.palette import PANEL, PAPER, THEMES, Theme
from tests.support import ROOT


def luminance(colour: str) -> float:
    """The relative luminance of a hexadecimal colour (WCAG 2.2)."""
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """The contrast ratio of two colours (WCAG 2.2)."""
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_contrast_of_the_standard() -> None:
    """Black on white has a contrast of 21; #767676 on white has 4.54, as contrast checkers say."""
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.01)


@pytest.mark.parametrize("theme", THEMES)
def test_marks_and_texts_stand_out(theme: Theme) -> None:
    """On light and dark paper, marks have a contrast of at least 3 and texts of at least 4.5."""
    for colours, least in ((palette.MARKS, 3.0), (palette.TEXTS, 4.5)):
        for name, colour in colours.items():
            for ground in (PAPER, PANEL):
                ratio = contrast(getattr(colour, theme), getattr(ground, theme))
                assert ratio >= least, f"{name} on {theme} paper: {ratio:.2f}"


def test_no_other_module_holds_a_colour() -> None:
    """Pictures, pages and their styles take every colour from the palette."""
    report = ROOT / "src" / "hashjoule" / "report"
    files = [path for path in report.rglob("*") if path.suffix in (".py", ".css", ".js", ".html")]
    assert len(files) > 10
    found = {path.name: re.findall(r"#[0-9a-fA-F]{6}\b", path.read_text("utf-8")) for path in files}
    assert {name for name, colours in found.items() if colours} == {"palette.py"}
