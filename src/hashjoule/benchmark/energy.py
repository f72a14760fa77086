"""Energy of a measurement: which meter shows whose work, idle power, joules over turns, J/TH."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from hashjoule.backends import BackendSpec
from hashjoule.meters import Meter, MeterError, Reading
from hashjoule.records.schema import Efficiency, Energy, Idle, Rate
from hashjoule.statistics import median_interval

IDLE_SECONDS = 1.0
_LONGEST_IDLE_SECONDS = 10.0
_INTERVALS = 10
"""Renewals of a meter's figure that one reading must span for an error of a tenth at most."""


class Count(NamedTuple):
    """What a meter had counted at some moment of a monotonic clock."""

    joules: float
    at_s: float


@dataclass(frozen=True, slots=True)
class Turn:
    """Samples of one backend in a row, and the energy from before the first to after the last of them."""

    joules: float
    seconds: float
    hashrate_hs: float


def covers(meter: Meter, spec: BackendSpec) -> bool:
    """Whether the meter shows the work of a backend. A GPU is told by its PCI bus id, never by a likely name."""
    if meter.covers == "gpu":
        address = spec.hardware and spec.hardware.pci_bus_id
        return not spec.on_cpu and address is not None and meter.pci_bus_id == address
    if meter.covers == "only-gpu":
        return spec.hardware is not None and spec.hardware.kind == "gpu"
    return meter.covers == "all" or spec.on_cpu


class Metering:
    """The meters of one run: opened when they are first needed, closed with the block.

    A meter that fails during the run is read no more: `warnings` says so, and its specs keep the turns that it saw.
    """

    def __init__(
        self,
        meters: Iterable[Meter] = (),
        clock: Callable[[], float] = time.perf_counter,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """The meters in order of preference: a spec takes the first that covers it and can be read."""
        self._meters = [meter for meter in meters if not meter.unavailable]
        self._clock, self._sleep = clock, sleep
        self._readings: dict[str, Reading] = {}
        self._lost: set[str] = set()
        self._idle_w: dict[str, list[float | None]] = {}
        self.warnings: list[str] = []

    def __enter__(self) -> Metering:
        return self

    def __exit__(self, *_: object) -> None:
        for reading in self._readings.values():
            reading.close()

    def meter_for(self, spec: BackendSpec) -> Meter | None:
        """The meter that shows a spec's work."""
        return next((meter for meter in self._meters if covers(meter, spec)), None)

    def turn_s(self, specs: Iterable[BackendSpec]) -> float:
        """How long each turn must be at least for the slowest of the specs' meters."""
        return max((_INTERVALS * meter.interval_s for spec in specs if (meter := self.meter_for(spec))), default=0.0)

    def warn_of_slow_meters(self, specs: Iterable[BackendSpec], seconds: float) -> None:
        """Adds a warning for each meter in use that renews its figure too seldom for turns of that length."""
        for meter in {meter.name: meter for spec in specs if (meter := self.meter_for(spec))}.values():
            if _INTERVALS * meter.interval_s > seconds:
                self.warnings.append(
                    f"the meter {meter.name} renews its figure every {meter.interval_s:g} s only: measure with "
                    f"--seconds {_INTERVALS * meter.interval_s:g} or more"
                )

    def read(self, meter: Meter | None) -> Count | None:
        """The meter's count now; None without one or once it failed."""
        if meter is None or meter.name in self._lost:
            return None
        if meter.stated_w is not None:
            return Count(0.0, self._clock())
        try:
            if meter.name not in self._readings:
                self._readings[meter.name] = meter.open()
            joules = self._readings[meter.name].joules()
        except MeterError as error:
            self._lost.add(meter.name)
            self.warnings.append(f"the meter {meter.name} was lost: {error}")
            return None
        return Count(joules, self._clock())

    def turn(self, meter: Meter | None, before: Count | None, hashrate_hs: float) -> Turn | None:
        """The turn that began with that count and ends now; None where either count is missing."""
        after = self.read(meter)
        if meter is None or before is None or after is None or after.at_s <= before.at_s:
            return None
        seconds = after.at_s - before.at_s
        joules = after.joules - before.joules if meter.stated_w is None else meter.stated_w * seconds
        return Turn(joules, seconds, hashrate_hs) if joules >= 0 else None  # a driver that restarts counts from 0

    def measure_idle(self, specs: Iterable[BackendSpec]) -> None:
        """Watches the specs' meters while nothing runs: called before the run and after it. No meter, no wait."""
        found = {meter.name: meter for spec in specs if (meter := self.meter_for(spec))}
        meters = [meter for meter in found.values() if meter.method in ("counter", "sampled")]
        if not meters:
            return
        began = [self.read(meter) for meter in meters]
        slowest_s = max(_INTERVALS * meter.interval_s for meter in meters)
        self._sleep(min(max(IDLE_SECONDS, slowest_s), _LONGEST_IDLE_SECONDS))
        for meter, before in zip(meters, began, strict=True):
            turn = self.turn(meter, before, 0.0)
            self._idle_w.setdefault(meter.name, []).append(turn.joules / turn.seconds if turn else None)

    def energy(self, spec: BackendSpec, turns: Sequence[Turn]) -> Energy | None:
        """What the turns of a spec took; None without a meter, or where it counted nothing."""
        joules, seconds = sum(turn.joules for turn in turns), sum(turn.seconds for turn in turns)
        meter = self.meter_for(spec)
        if meter is None or joules <= 0 or seconds <= 0:
            return None
        return Energy(joules, seconds, meter.source, meter.scope, meter.method, self._mean_idle_w(meter))

    def idle(self) -> tuple[Idle, ...]:
        """Idle power before and after, of each meter that was used."""
        seen = [(meter.source, self._idle_w[meter.name]) for meter in self._meters if meter.name in self._idle_w]
        return tuple(Idle(source, watts[0], watts[1] if len(watts) > 1 else None) for source, watts in seen)

    def _mean_idle_w(self, meter: Meter) -> float | None:
        """The mean of the idle powers that are known."""
        known = [watts for watts in self._idle_w.get(meter.name, ()) if watts is not None]
        return sum(known) / len(known) if known else None


def gross(spent: Energy, turns: Sequence[Turn], hashrate: Rate) -> Efficiency:
    """Joules per terahash: the mean power over the median rate.

    With the interval that the turns' own figures show, or the rate's where there are too few of them.
    """
    watts = spent.joules / spent.seconds
    value = watts / hashrate.median * 1e12
    each = [turn.joules / turn.seconds / turn.hashrate_hs * 1e12 for turn in turns if turn.joules > 0]
    if len(each) < 3:
        return Efficiency(value, watts / hashrate.ci95_high * 1e12, watts / hashrate.ci95_low * 1e12)
    interval = median_interval(each)
    return Efficiency(value, min(value, interval.low), max(value, interval.high))


def above_idle(spent: Energy, total: Efficiency) -> Efficiency | None:
    """The part of the J/TH that the work added; None without idle power, or where it hides in the noise."""
    watts = spent.joules / spent.seconds
    if spent.idle_w is None or spent.idle_w >= watts:
        return None
    part = 1 - spent.idle_w / watts
    return Efficiency(total.value * part, total.low * part, total.high * part)
