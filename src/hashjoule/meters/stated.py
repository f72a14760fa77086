"""Power that somebody states: the user. It is not a measurement, and is never called one."""

from __future__ import annotations

from dataclasses import replace

from hashjoule.meters import Meter, closed


def declared(watts: float) -> Meter:
    """The user's own figure, for everything that is measured: called declared wherever it is shown."""
    return replace(
        closed("declared", "declared", "declared", "all", "it is stated"),
        source="declared by the user", unavailable=None, watts=watts,
    )  # fmt: skip
