"""A benchmark run, from its first self-test to its record."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from statistics import fmean, median

from msgspec import UNSET, UnsetType

import hashjoule
from hashjoule import backends
from hashjoule.backends import BackendSpec, c
from hashjoule.benchmark import conditions, prepare, results, sampling
from hashjoule.benchmark.energy import Metering
from hashjoule.benchmark.measurement import Measurement, measurements
from hashjoule.benchmark.plan import Plan
from hashjoule.hardware import usable_cores
from hashjoule.meters import tdp
from hashjoule.meters.plugs import LONGEST_S
from hashjoule.records.facts import commit, cpu_name, host_facts, utc_now
from hashjoule.records.schema import (
    SCHEMA,
    Conditions,
    Rating,
    Record,
    Refusal,
    Software,
    Sustained,
    SustainedPoint,
)

Progress = Callable[[str, float], None]
Keep = Callable[[Record], object]


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
    """Carry out a plan on these backends.

    After a KeyboardInterrupt the record has what there was, and says so.

    Raises:
        UsageError: if the plan does not fit these backends.
        UnavailableError: if its meter cannot be used.
    """
    plan = plan.settled(specs)
    progress("meters", 0.0)
    with Metering(plan.meters(specs)) as metering:
        bench = Benchmark(metering, progress, keep)
        with suppress(KeyboardInterrupt):  # the record is then incomplete, and says so
            _measure(bench, plan, bench.prepared(specs, leave_out=plan.quick and plan.names == ("all",)))
        return bench.record()


def _measure(bench: Benchmark, plan: Plan, specs: Sequence[BackendSpec]) -> None:
    most = plan.threads or usable_cores()
    bench.compare(specs, plan.modes, 1 if plan.thread_scan else plan.threads or 1, plan.seconds, grow=bool(plan.meter))
    if plan.thread_scan or plan.threads is None:
        bench.scale(thread_steps(most) if plan.thread_scan else [most])
    if plan.sustained_s:
        bench.sustain(most, plan.sustained_s)
    bench.finish()


class Benchmark:
    """What a run has measured so far: interrupted at any point, `record` gives what there is.

    `progress` gets a text and the part of the present step that is done. `keep` gets the record while the run goes
    on, again and again, in a twentieth of the time at most.
    """

    def __init__(self, metering: Metering, progress: Progress = lambda text, part: None, keep: Keep | None = None):
        self.complete = False
        self._batches: list[list[Measurement]] = []
        self._refused: list[Refusal] = []
        self._left_out: list[str] = []
        self._seconds = 0.0
        self._sustained: Sustained | None = None
        self._created = utc_now()
        self._metering, self._progress, self._keep = metering, progress, keep
        self._kept_at_s, self._pause_s = time.monotonic(), 1.0
        self._surroundings = conditions.Surroundings()
        self._during = self._after = self._surroundings.before

    @property
    def measured(self) -> list[Measurement]:
        """All measurements, in the order in which they were begun."""
        return [measurement for batch in self._batches for measurement in batch]

    def prepared(self, specs: Sequence[BackendSpec], leave_out: bool) -> list[BackendSpec]:
        """Compile and tune what has to be, or leave it out; return the rest, and note what is missing."""
        waiting = prepare.unprepared(specs)
        if leave_out:
            failed: dict[str, str] = {}
            if waiting:
                names = ", ".join(spec.name for spec in waiting)
                self._left_out.append(
                    f"left out: {names}, which must be compiled first; `hashjoule prepare` does it once, in about "
                    f"{prepare.expected_s(waiting):.0f} s"
                )
        else:
            failed = prepare.prepare(waiting, self._progress) if waiting else {}
            self._refused += [Refusal(name, "plain", reason) for name, reason in failed.items()]
        missing = {spec.name for spec in waiting} if leave_out else set(failed)
        return [spec for spec in specs if spec.name not in missing]

    def compare(
        self, specs: Sequence[BackendSpec], modes: Sequence[str], threads: int, seconds: float, grow: bool = False
    ) -> None:
        """Self-test all specs, watch their meters at idle and measure them interleaved, for so many seconds each.

        Where `grow`, each gets the time that its meter needs, up to a minute.
        """
        found: list[Measurement] = []
        for number, spec in enumerate(specs):
            self._progress(f"self-test of {spec.name}", number / len(specs))
            found += measurements([spec], modes, threads)
        self._batches.append(found)
        self._seconds = max(seconds, min(self._metering.turn_s(found), LONGEST_S)) if grow else seconds
        self._metering.caution(found, self._seconds)
        self._progress("idle power", 0.0)
        self._metering.measure_idle(found)
        sampling.measure(found, self._seconds, self._show, self._metering)

    def scale(self, threads: Sequence[int]) -> None:
        """Measure the fastest backend that gains from threads on each of these numbers of threads."""
        if best := self.best():
            found = [replace(best, threads=n, nonces=0, samples=[], turns=[]) for n in threads if n != best.threads]
            self._batches.append(found)
            sampling.measure(found, self._seconds, self._show, self._metering)

    def sustain(self, threads: int, seconds: float) -> None:
        """Run the fastest of all for that long, without a pause; on that many threads if it gains from them."""
        best = max(self.measured, key=Measurement.median_hs, default=None)
        if not (best and best.median_hs()):
            return
        measurement = replace(best, threads=threads if best.spec.gains_from_threads else 1, samples=[], turns=[])
        sampling.calibrate(measurement)
        began, points = time.perf_counter(), []
        for stretch in sampling.sustain(measurement, seconds, self._metering):
            at_s = time.perf_counter() - began
            points.append(_point(stretch, at_s))
            self._sustained = _sustained(stretch, points)
            self._show(stretch, min(1.0, at_s / seconds))

    def finish(self) -> None:
        """Watch the meters at idle once more and the machine a last time."""
        self._progress("idle power", 1.0)
        self._metering.measure_idle(self.measured)
        self._after = self._surroundings.state()
        self.complete = True

    def best(self) -> Measurement | None:
        """Return the fastest of the backends that gain from threads."""
        able = [m for m in self.measured if m.spec.gains_from_threads and m.median_hs()]
        return max(able, key=Measurement.median_hs, default=None)

    def record(self) -> Record:
        """Return the record of all that was measured so far."""
        before, after = self._surroundings.before, self._after if self.complete else self._surroundings.state()
        measured = self.measured
        warnings = [*self._left_out, *conditions.warnings(measured, before, after), *self._metering.warnings]
        warnings += self._metering.uncounted(measured) if self.complete else []
        return Record(
            schema=SCHEMA,
            created=self._created,
            hashjoule=Software(hashjoule.__version__, commit(), c.compiler()),
            machine=host_facts(c.features(), results.median_clock_hz(measured)),
            conditions=Conditions(
                load=before.load,
                steal=after.steal,
                governor=before.governor,
                warnings=tuple(warnings),
                before=before,
                during=self._during,
                after=after,
                idle=self._metering.idle(),
            ),
            results=tuple(entry for batch in self._batches for entry in results.results(batch, self._metering)),
            refused=(*self._refused, *(Refusal(m.spec.name, m.mode, m.refused) for m in measured if m.refused)),
            device_sum_hs=results.device_sum_hs(measured),
            sustained=self._sustained,
            complete=self.complete,
            cpu_rating=_cpu_rating(),
        )

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
    """Return 1, 2, ... 8, then about eight more up to `most`: enough to see where a machine stops gaining."""
    return [n for n in range(1, most + 1) if n <= 8 or n == most or n % -(-most // 8) == 0]


def _cpu_rating() -> Rating | UnsetType:
    """Return the rated power of all CPU packages, where it is known to bound what they draw."""
    rated, sockets = tdp.rating(cpu_name()), tdp.sockets()
    return Rating(rated.tdp_w * sockets, f"{sockets} x {rated.cpu}: {rated.source}") if rated else UNSET


def _point(stretch: Measurement, at_s: float) -> SustainedPoint:
    on_cpu = stretch.spec.on_cpu  # the CPU's clock and temperature say nothing about another device
    clocks = [s.clock_hz for s in stretch.samples if s.clock_hz and on_cpu]
    turn = stretch.turns[-1] if stretch.turns else None
    return SustainedPoint(
        at_s=at_s,
        hashrate_hs=median(stretch.rates_hs()),
        clock_hz=fmean(clocks) if clocks else None,
        temperature_c=conditions.temperature_c() if on_cpu else None,
        watts=turn.joules / turn.seconds if turn and turn.joules > 0 else None,
    )


def _sustained(measurement: Measurement, points: Sequence[SustainedPoint]) -> Sustained:
    tenth = max(1, len(points) // 10)
    return Sustained(
        backend=measurement.spec.name,
        mode=measurement.mode,
        threads=measurement.threads,
        start_hs=median(point.hashrate_hs for point in points[:tenth]),
        end_hs=median(point.hashrate_hs for point in points[-tenth:]),
        points=tuple(points),
    )
