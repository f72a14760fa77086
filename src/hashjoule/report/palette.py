"""The colours of all pictures and pages, for light and for dark paper.

The hues of the classes are those of Okabe and Ito (2008), told apart by readers of every colour vision; each has a
darker and a lighter shade, so that a mark has a contrast of at least 3 with its paper and a text of at least 4.5
(WCAG 2.2, criteria 1.4.11 and 1.4.3). Classes also differ by the shape of their marks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Theme = Literal["light", "dark"]
THEMES: tuple[Theme, ...] = ("light", "dark")


@dataclass(frozen=True, slots=True)
class Colour:
    """A colour on light and on dark paper, as hexadecimal numbers that CSS and matplotlib read."""

    light: str
    dark: str


PAPER = Colour("#fdfcfa", "#15171a")
PANEL = Colour("#f4f1ec", "#1e2125")
INK = Colour("#1a1a1a", "#ebe8e2")
MUTED = Colour("#5d5a55", "#a8a49c")
RULE = Colour("#ddd8cf", "#373b40")
LINK = Colour("#005a8d", "#7cc0ee")
ACCENT = Colour("#a84300", "#ff9d5c")
STEP = Colour("#2f6690", "#6fa8d0")
QUIET = Colour("#7d8793", "#77818c")
BEST = Colour("#2f7a3d", "#6fbf7d")

CLASSES = {
    "cpu": Colour("#b8568d", "#e48fbd"),
    "gpu": Colour("#b87a00", "#e69f00"),
    "fpga": Colour("#00805d", "#2ec79c"),
    "asic": Colour("#0072b2", "#56b4e9"),
}
YOURS = Colour("#c25500", "#ff9d5c")

MARKS = {**CLASSES, "yours": YOURS, "step": STEP, "quiet": QUIET, "best": BEST}
"""Colours of marks and bars."""
TEXTS = {"ink": INK, "muted": MUTED, "link": LINK, "accent": ACCENT}
"""Colours of text."""
_SURFACES = {"paper": PAPER, "panel": PANEL, "rule": RULE}


def css_variables() -> str:
    """Return the colours as custom properties, each with its value for light and for dark paper."""
    colours = {**_SURFACES, **TEXTS, **MARKS}
    return " ".join(f"--{name}: light-dark({colour.light}, {colour.dark});" for name, colour in colours.items())
