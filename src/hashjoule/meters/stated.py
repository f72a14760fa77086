"""Power that the user states. It is not a measurement, and is called declared wherever it is shown."""

from __future__ import annotations

from dataclasses import replace

from hashjoule.meters import Meter, closed


def declared(power_w: float, cores: int | None = None) -> Meter:
    """Return a meter that shows the power, in watts, that the user states for the whole machine.

    It is that of one state: `cores` CPU cores busy, or none but a device; see `Meter.stated_cores`.
    """
    return replace(
        closed("declared", "declared", "declared", "all", "it is stated"),
        source="declared by the user",
        unavailable=None,
        stated_w=power_w,
        stated_cores=cores,
    )
