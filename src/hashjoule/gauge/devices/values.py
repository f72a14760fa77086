"""Reading figures out of a device's JSON: firmware writes numbers as numbers or as text, and may leave any out."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from hashjoule.errors import printable_line

Fields = Mapping[str, Any]
"""An object of a device's answer."""


def number(fields: Fields, *names: str, unit: float = 1.0) -> float | None:
    """Return the first of these fields that is a finite number, in SI units; None if there is none.

    `unit` is what one of the device's units is in SI units.
    """
    for name in names:
        try:
            value = float(fields[name])
        except (KeyError, TypeError, ValueError):
            continue
        if math.isfinite(value) and not isinstance(fields[name], bool):
            return value * unit
    return None


def amount(fields: Fields, *names: str, unit: float = 1.0) -> float | None:
    """Return such a number if it is not negative, as rates, powers and times are."""
    value = number(fields, *names, unit=unit)
    return value if value is not None and value >= 0 else None


def above_zero(fields: Fields, *names: str, unit: float = 1.0) -> float | None:
    """Return such a number if it is above zero: firmware writes 0 for what it does not measure."""
    return amount(fields, *names, unit=unit) or None


def words(fields: Fields, *names: str) -> str | None:
    """Return the first of these fields that is text, on one line; None if there is none."""
    found = (fields.get(name) for name in names)
    return next((printable_line(text) for text in found if isinstance(text, str) and text.strip()), None)


def full_window(value: float | None, uptime_s: float | None, window_s: float) -> float | None:
    """Return a mean over a window, or None while the device has not run for so long."""
    return value if uptime_s is None or uptime_s >= window_s else None
