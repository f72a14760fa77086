"""A benchmark run, from its first self-test to its record."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from statistics import fmean, median

from msgspec import Struct

import hashjoule
from hashjoule import backends, meters
from hashjoule.backends import BackendSpec, c, provider_of
from hashjoule.benchmark import conditions, sampling
from hashjoule.benchmark.energy import Metering
from hashjoule.benchmark.sampling import Measurement
from hashjoule.errors import UsageError
from hashjoule.hardware import usable_cores
from hashjoule.meters import Meter, tdp
from hashjoule.meters.stated import declared
from hashjoule.records.facts import commit, cpu_name, host_facts, utc_now
from hashjoule.records.schema import SCHEMA, Conditions, Record, Refusal, Software, Sustained, SustainedPoint

Progress = Callable[[str, float], None]
Keep = Callable[[Record], object]

SECONDS = 2.0
"""Time for each measurement, unless asked otherwise."""

QUICK_SECONDS = 0.3


class Plan(Struct, frozen=True):
    """What `bench` is to measure, as its options say; None for their defaults."""

    names: tuple[str, ...] = ("all",)
    modes: tuple[str, ...] = ("plain", "rolled")
    threads: int | None = None
    """None: one, and then all cores for the fastest."""
    thread_scan: bool = False
    seconds: float = SECONDS
    sustained_s: float | None = None
    watts: float | None = None
    tdp: bool = False

    def check(self) -> None:
        """Raises UsageError where both a declared power and a bound are wanted, or a backend that is none."""
        if self.watts and self.tdp:
            raise UsageError("--watts says the power already; leave out --tdp")
        for name in self.names:
            if name != "all":
                provider_of(name)

    def meters(self) -> list[Meter]:
        """What shows the energy."""
        if self.watts:
            return [declared(self.watts)]
        return meters.meters() + ([tdp.bound(cpu_name(), tdp.sockets())] if self.tdp else [])


def bench(plan: Plan | None = None, progress: Progress = lambda step, fraction: None) -> Record:
    """Measure the backends of this machine and return the record, as `hashjoule bench` does.

    Args:
        plan: What to measure; everything that can be used here if None.
        progress: Called with a text and the fraction of the present step that is done, 0 to 1.

    Raises:
        UsageError: If the plan contradicts itself or names no backend.
        UnavailableError: If a backend of the plan cannot be used here.
    """
    plan = plan or Plan()
    plan.check()
    return run(plan, backends.resolve(plan.names), progress)


def run(plan: Plan, specs: Sequence[BackendSpec], progress: Progress, keep: Keep | None = None) -> Record:
    """Carries out a plan on these backends. After a KeyboardInterrupt the record has what there was, and says so."""
    most = plan.threads or usable_cores()
    with Metering(plan.meters()) as metering:
        bench = Benchmark(metering, progress, keep)
        with suppress(KeyboardInterrupt):  # the record is then incomplete, and says so
            bench.compare(specs, plan.modes, 1 if plan.thread_scan else plan.threads or 1, plan.seconds)
            if plan.thread_scan or plan.threads is None:
                bench.scale(thread_steps(most) if plan.thread_scan else [most], plan.seconds)
            if plan.sustained_s:
                bench.sustain(most, plan.sustained_s)
            bench.finish()
        return bench.record()


class Benchmark:
    """What a run has measured so far: interrupted at any point, `record` gives what there is.

    `progress` gets a text and the part of the present step that is done. `keep` gets the record while the run goes
    on, again and again, in a twentieth of the time at most.
    """

    def __init__(self, metering: Metering, progress: Progress = lambda text, part: None, keep: Keep | None = None):
        self.measured: list[Measurement] = []
        self.complete = False
        self._sustained: Sustained | None = None
        self._created = utc_now()
        self._metering, self._progress, self._keep = metering, progress, keep
        self._kept_at_s, self._pause_s = time.monotonic(), 1.0
        self._surroundings = conditions.Surroundings()
        self._during = self._after = self._surroundings.before

    def compare(self, specs: Sequence[BackendSpec], modes: Sequence[str], threads: int, seconds: float) -> None:
        """Self-tests all specs, watches their meters at idle and measures them interleaved."""
        self._progress("self-tests", 0)
        found = list(sampling.measurements(specs, modes, threads))
        self.measured += found
        self._metering.warn_of_slow_meters(specs, seconds)
        self._progress("idle power", 0)
        self._metering.measure_idle(specs)
        sampling.measure(found, seconds, self._show, self._metering)

    def scale(self, threads: Sequence[int], seconds: float) -> None:
        """Measures the fastest backend that gains from threads on each of these numbers of threads."""
        if best := self.best():
            found = [replace(best, threads=n, nonces=0, samples=[], turns=[]) for n in threads if n != best.threads]
            self.measured += found
            sampling.measure(found, seconds, self._show, self._metering)

    def sustain(self, threads: int, seconds: float) -> None:
        """Runs the fastest backend on that many threads for that long, without a pause."""
        if not (best := self.best()):
            return
        measurement = replace(best, threads=threads, samples=[], turns=[])
        sampling.calibrate(measurement)
        began, points = time.perf_counter(), []
        for stretch in sampling.sustain(measurement, seconds, self._metering):
            at_s = time.perf_counter() - began
            points.append(_point(stretch, at_s))
            self._sustained = _sustained(stretch, points)
            self._show(stretch, min(1.0, at_s / seconds))

    def finish(self) -> None:
        """Watches the meters at idle once more and the machine a last time."""
        self._metering.measure_idle(measurement.spec for measurement in self.measured)
        self._after = self._surroundings.state()
        self.complete = True

    def best(self) -> Measurement | None:
        """The fastest of the backends that gain from threads."""
        able = [
            measurement
            for measurement in self.measured
            if measurement.spec.gains_from_threads and measurement.median_hs()
        ]
        return max(able, key=Measurement.median_hs, default=None)

    def record(self) -> Record:
        """The record of all that was measured so far."""
        before, after = self._surroundings.before, self._after if self.complete else self._surroundings.state()
        warnings = [*conditions.warnings(self.measured, before, after), *self._metering.warnings]
        return Record(
            schema=SCHEMA,
            created=self._created,
            hashjoule=Software(hashjoule.__version__, commit(), c.compiler()),
            machine=host_facts(c.features(), sampling.median_clock_hz(self.measured)),
            conditions=Conditions(
                before.load, after.steal, before.governor, tuple(warnings),
                before, self._during, after, self._metering.idle(),
            ),
            results=tuple(r for s in self.measured if (r := sampling.result(s, self._metering))),
            refused=tuple(Refusal(s.spec.name, s.mode, s.refused) for s in self.measured if s.refused),
            device_sum_hs=device_sum_hs(self.measured),
            sustained=self._sustained,
            complete=self.complete,
        )  # fmt: skip

    def _show(self, measurement: Measurement, part: float) -> None:
        self._progress(measurement.label, part)
        if 0.4 < part < 0.6:
            self._during = self._surroundings.state()
        now_s = time.monotonic()
        if self._keep and now_s - self._kept_at_s >= self._pause_s:
            self._keep(self.record())
            self._kept_at_s = time.monotonic()
            self._pause_s = max(1.0, 20 * (self._kept_at_s - now_s))


def thread_steps(most: int) -> list[int]:
    """1, 2, ... 8, then about eight more up to `most`: enough to see where a machine stops gaining."""
    return [n for n in range(1, most + 1) if n <= 8 or n == most or n % -(-most // 8) == 0]


def device_sum_hs(measured: Sequence[Measurement]) -> float | None:
    """The best rates of all devices, each measured alone, added up; None for a single device.

    The CPU counts once, whether C, Numba or OpenCL runs on it, and so does a GPU that two platforms show.
    """
    best: dict[str, float] = {}
    for measurement in measured:
        device = device_key(measurement.spec)
        best[device] = max(best.get(device, 0.0), measurement.median_hs())
    working = [rate_hs for rate_hs in best.values() if rate_hs]
    return sum(working) if len(working) > 1 else None


def device_key(spec: BackendSpec) -> str:
    """What tells a device from the others of a machine: the CPU is one, a GPU is its PCI bus id, else its name."""
    if spec.on_cpu:
        return "cpu"
    return (spec.hardware and spec.hardware.pci_bus_id) or spec.device


def _point(stretch: Measurement, at_s: float) -> SustainedPoint:
    clocks = [s.clock_hz for s in stretch.samples if s.clock_hz]
    turn = stretch.turns[-1] if stretch.turns else None
    return SustainedPoint(
        at_s=at_s,
        hashrate_hs=median(s.hashes / s.wall_s for s in stretch.samples),
        clock_hz=fmean(clocks) if clocks else None,
        temperature_c=conditions.temperature_c(),
        watts=turn.joules / turn.seconds if turn and turn.joules > 0 else None,
    )


def _sustained(measurement: Measurement, points: Sequence[SustainedPoint]) -> Sustained:
    tenth = max(1, len(points) // 10)
    return Sustained(
        backend=measurement.spec.name,
        mode="plain" if measurement.mode == "plain" else "rolled",
        threads=measurement.threads,
        start_hs=median(point.hashrate_hs for point in points[:tenth]),
        end_hs=median(point.hashrate_hs for point in points[-tenth:]),
        points=tuple(points),
    )
