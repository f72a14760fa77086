"""Energy of a measurement: which meter shows whose work, idle power, joules over turns, J/TH."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from hashjoule.benchmark.measurement import Measurement, Turn
from hashjoule.meters import Meter, MeterError, Reading, battery
from hashjoule.power import METERED
from hashjoule.records.schema import Efficiency, Energy, Idle, Rate
from hashjoule.statistics import median_interval

IDLE_SECONDS = 1.0
_LONGEST_IDLE_SECONDS = 10.0
_LONGEST_WALL_IDLE_SECONDS = 30.0
"""A plug that the user has named deserves more patience: what it counts at idle is most of a laptop's energy."""


class Count(NamedTuple):
    """What a meter had counted at some moment of a monotonic clock."""

    joules: float
    at_s: float


def covers(meter: Meter, measurement: Measurement) -> bool:
    """Return whether a meter shows the work of a measurement. A GPU is told by its PCI bus id, never by its name."""
    spec = measurement.spec
    if meter.stated_cores is not None and measurement.cores != meter.stated_cores:
        return False
    if meter.covers == "gpu":
        address = spec.hardware and spec.hardware.pci_bus_id
        return not spec.on_cpu and address is not None and meter.pci_bus_id == address
    if meter.covers == "only-gpu":
        return spec.hardware is not None and spec.hardware.kind == "gpu"
    return meter.covers == "all" or spec.on_cpu


class Metering:
    """The meters of one run: opened when they are first needed, closed with the block.

    A meter that fails during the run is read no more: `warnings` says so, and what it counted is not used, since
    nobody knows since when it was wrong.
    """

    def __init__(
        self,
        meters: Iterable[Meter] = (),
        clock: Callable[[], float] = time.perf_counter,
        sleep: Callable[[float], None] = time.sleep,
        disturbance: Callable[[], str | None] | None = None,
    ) -> None:
        """Take the meters in order of preference: a measurement uses the first that covers it and can be read.

        `disturbance` says why a wall plug does not show what this machine draws, None if it does; by default its
        batteries do.
        """
        self._meters = [meter for meter in meters if not meter.unavailable]
        self._clock, self._sleep = clock, sleep
        self._disturbance = disturbance or battery.disturbance
        self._readings: dict[str, Reading] = {}
        self._lost: set[str] = set()
        self._idle_w: dict[str, list[float | None]] = {}
        self.warnings: list[str] = []

    def __enter__(self) -> Metering:
        return self

    def __exit__(self, *_: object) -> None:
        for reading in self._readings.values():
            reading.close()

    def meter_for(self, measurement: Measurement) -> Meter | None:
        """Return the meter that shows a measurement's work."""
        return next((meter for meter in self._meters if covers(meter, measurement)), None)

    def turn_s(self, measured: Iterable[Measurement]) -> float:
        """Return how long each turn must be at least for the slowest of the meters in use."""
        return max((meter.shortest_s for meter in self._used(measured)), default=0.0)

    def caution(self, measured: Iterable[Measurement], seconds: float) -> None:
        """Add what the user must know of the meters in use, and a warning where turns of that length are too short."""
        for meter in self._used(measured):
            self.warnings += meter.cautions
            if meter.shortest_s > seconds:
                self.warnings.append(
                    f"the meter {meter.name} is only good for readings of {meter.shortest_s:.2g} s: measure with "
                    f"--seconds {math.ceil(meter.shortest_s)} or more"
                )

    def read(self, meter: Meter | None) -> Count | None:
        """Return the meter's count now; None without one or once it failed."""
        if meter is None or meter.name in self._lost:
            return None
        if meter.stated_w is not None:
            return Count(0.0, self._clock())
        try:
            if meter.scope == "wall" and (why := self._disturbance()):
                raise MeterError(why)
            if meter.name not in self._readings:
                self._readings[meter.name] = meter.open()
            joules = self._readings[meter.name].joules()
        except MeterError as error:
            self._lost.add(meter.name)
            self.warnings.append(f"no energy from {meter.name}: {error}")
            return None
        return Count(joules, self._clock())

    def turn(self, meter: Meter | None, before: Count | None, hashrate_hs: float) -> Turn | None:
        """Return the turn that began with that count and ends now; None where either count is missing."""
        after = self.read(meter)
        if meter is None or before is None or after is None or after.at_s <= before.at_s:
            return None
        seconds = after.at_s - before.at_s
        joules = after.joules - before.joules if meter.stated_w is None else meter.stated_w * seconds
        return Turn(joules, seconds, hashrate_hs) if joules >= 0 else None  # a driver that restarts counts from 0

    def measure_idle(self, measured: Iterable[Measurement]) -> None:
        """Watch the meters in use while nothing runs: before the run and after it. No meter, no wait."""
        meters = [meter for meter in self._used(measured) if meter.method in METERED]
        if not meters:
            return
        began = [self.read(meter) for meter in meters]
        self._sleep(max(_idle_s(meter) for meter in meters))
        for meter, before in zip(meters, began, strict=True):
            turn = self.turn(meter, before, 0.0)
            self._idle_w.setdefault(meter.name, []).append(turn.joules / turn.seconds if turn else None)

    def energy(self, measurement: Measurement) -> Energy | None:
        """Return what the turns of a measurement took; None without a meter, one that failed, or no energy at all."""
        turns, meter = measurement.turns, self.meter_for(measurement)
        joules, seconds = sum(turn.joules for turn in turns), sum(turn.seconds for turn in turns)
        if meter is None or meter.name in self._lost or joules <= 0 or seconds <= 0:
            return None
        return Energy(joules, seconds, meter.source, meter.scope, meter.method, self._mean_idle_w(meter))

    def uncounted(self, measured: Iterable[Measurement]) -> list[str]:
        """Return a warning for each meter that was read and has counted nothing at all."""
        joules: dict[str, float] = {}
        for measurement in measured:
            meter = self.meter_for(measurement)
            if meter and measurement.turns and meter.name not in self._lost:
                joules[meter.name] = joules.get(meter.name, 0.0) + sum(turn.joules for turn in measurement.turns)
        return [
            f"the meter {name} counted nothing during the run: measure longer with --seconds, or use a finer meter"
            for name, counted in joules.items()
            if counted <= 0
        ]

    def idle(self) -> tuple[Idle, ...]:
        """Return the idle power before and after, of each meter that was used."""
        seen = [(meter.source, self._idle_w[meter.name]) for meter in self._meters if meter.name in self._idle_w]
        return tuple(Idle(source, watts[0], watts[1] if len(watts) > 1 else None) for source, watts in seen)

    def _used(self, measured: Iterable[Measurement]) -> list[Meter]:
        """Return the meters that show the work of any of the measurements, each once."""
        return list({m.name: m for measurement in measured if (m := self.meter_for(measurement))}.values())

    def _mean_idle_w(self, meter: Meter) -> float | None:
        """Return the mean of the idle powers that are known."""
        known = [watts for watts in self._idle_w.get(meter.name, ()) if watts is not None]
        return sum(known) / len(known) if known else None


def _idle_s(meter: Meter) -> float:
    longest_s = _LONGEST_WALL_IDLE_SECONDS if meter.scope == "wall" else _LONGEST_IDLE_SECONDS
    return min(max(IDLE_SECONDS, meter.shortest_s), longest_s)


def gross(spent: Energy, turns: Sequence[Turn], hashrate: Rate, step_j: float = 0.0) -> Efficiency:
    """Return joules per terahash: the mean power over the median rate.

    The interval is the one that the turns' own figures show, or the rate's where there are too few of them; widened by
    what a meter misses that counts in steps of `step_j` joules.
    """
    watts = spent.joules / spent.seconds
    value = watts / hashrate.median * 1e12
    each = [turn.joules / turn.seconds / turn.hashrate_hs * 1e12 for turn in turns if turn.joules > 0]
    # Both ends of a turn are off by anything up to a step: their difference deviates by step / sqrt(6).
    spread = step_j * math.sqrt(len(each) / 6) / spent.joules
    if len(each) < 3:
        low = math.hypot(math.log(hashrate.ci95_high / hashrate.median), 1.96 * spread)
        high = math.hypot(math.log(hashrate.median / hashrate.ci95_low), 1.96 * spread)
        return Efficiency(value, value * math.exp(-low), value * math.exp(high))
    interval = median_interval(each, spread=spread)
    return Efficiency(value, min(value, interval.low), max(value, interval.high))


def above_idle(spent: Energy, total: Efficiency) -> Efficiency | None:
    """Return the part of the J/TH that the work added; None without idle power, or where it hides in the noise."""
    watts = spent.joules / spent.seconds
    if spent.idle_w is None or spent.idle_w >= watts:
        return None
    part = 1 - spent.idle_w / watts
    return Efficiency(total.value * part, total.low * part, total.high * part)
