"""The energy of a count: what one meter shows from its beginning to its end."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple

from hashjoule.meters import Meter, MeterError, Reading
from hashjoule.records.schema import Efficiency, Energy, Rate


class Mark(NamedTuple):
    """What a meter had counted at some moment of a monotonic clock."""

    joules: float
    at_s: float


class EnergyWatch:
    """A meter during a run. Its calls may take seconds, so they belong into a thread of their own.

    A meter that fails is not read again: `warnings` says so, energies are then unknown, and shares go on counting.
    """

    def __init__(self, meter: Meter | None, clock: Callable[[], float] = time.monotonic) -> None:
        """Open the meter, if there is one.

        Raises:
            MeterError: It cannot be read.
        """
        self.meter = meter
        self.warnings: list[str] = list(meter.cautions) if meter else []
        self._clock = clock
        self._reading: Reading | None = None
        if meter and meter.unavailable:
            raise MeterError(f"the meter {meter.name} cannot be read: {meter.unavailable}")
        if meter and meter.stated_w is None:
            self._reading = meter.open()
            self._reading.joules()

    def mark(self) -> Mark | None:
        """Return what the meter shows now; None without one, or once it has failed."""
        if self.meter and self.meter.stated_w is not None:
            now_s = self._clock()
            return Mark(self.meter.stated_w * now_s, now_s)
        if not self._reading:
            return None
        try:
            return Mark(self._reading.joules(), self._clock())
        except MeterError as error:
            self.warnings.append(f"the meter was lost during the run, so its energy is not known: {error}")
            self.close()
            return None

    def energy(self, before: Mark | None, after: Mark | None) -> Energy | None:
        """Return the energy between two marks; None where it is not known."""
        if not self.meter or not before or not after or after.at_s <= before.at_s or after.joules <= before.joules:
            return None
        seconds = after.at_s - before.at_s
        if seconds < self.meter.shortest_s:
            self.warnings.append(
                f"the count lasted {seconds:.0f} s, but the meter needs {self.meter.shortest_s:.0f} s to be good to 1%"
            )
        meter = self.meter
        return Energy(after.joules - before.joules, seconds, meter.source, meter.scope, meter.method)

    def close(self) -> None:
        """Let go of the meter."""
        if self._reading:
            self._reading.close()
            self._reading = None


def reported(power_w: float, seconds: float, source: str) -> Energy:
    """Return the energy that a device says it took, by its own mean power."""
    return Energy(power_w * seconds, seconds, source, "device", "reported")


def efficiency(spent: Energy, rate: Rate) -> Efficiency:
    """Return joules per terahash: mean power over the rate, with the interval of the rate."""
    watts = spent.joules / spent.seconds
    value, low, high = (watts / hs * 1e12 for hs in (rate.median, rate.ci95_high, rate.ci95_low))
    return Efficiency(value, low, high)
