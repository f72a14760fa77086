"""Measuring hash rates: interleaved samples, each with a planted solution, by wall clock and by thread CPU time.

A sample is one scan a thread over a range that holds the winning nonce of a real block. A scan that does not
report that hit computed something else, however fast it looked, and its backend's rate is refused.
"""

from __future__ import annotations

import random
import statistics
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

from msgspec import UNSET, UnsetType

from hashjoule import check, search
from hashjoule.backends import Backend, BackendSpec, c
from hashjoule.benchmark import energy
from hashjoule.benchmark.energy import Metering, Turn
from hashjoule.errors import HashjouleError, UnavailableError
from hashjoule.hardware import Hardware
from hashjoule.job import NONCES, Hit, Job
from hashjoule.records.schema import Rate, Result
from hashjoule.statistics import median_deviation, median_interval, relative_spread

SAMPLE_SECONDS = 0.15
"""What a sample is calibrated to: long against timer and call costs, short against changes of the clock rate."""

SUSTAINED_POINTS = 600
"""The most points that a sustained run is recorded with."""

_CLOCK_LINKS = 4_000_000


class RateRefusedError(HashjouleError):
    """A timed scan did not find its planted nonce, found false ones, or took no time."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One timed scan in every thread."""

    hashes: int
    wall_s: float
    cpu_s: float
    clock_hz: float | None
    verified_hits: int


@dataclass
class Measurement:
    """A backend in one mode, with what was measured of it so far."""

    spec: BackendSpec
    mode: str
    backend: Backend
    job: Job
    threads: int
    nonces: int = 0
    """Nonces a thread and sample, once calibrated."""
    samples: list[Sample] = field(default_factory=list)
    turns: list[Turn] = field(default_factory=list)
    """Energy beside the samples, where a meter showed it."""
    refused: str | None = None

    @property
    def label(self) -> str:
        """What is measured, for people: backend, mode, and threads if there are several."""
        return f"{self.spec.name} {self.mode}" + (f" x {self.threads} threads" if self.threads > 1 else "")

    def median_hs(self) -> float:
        """The median rate so far; 0 without one."""
        return 0.0 if self.refused or not self.samples else statistics.median(s.hashes / s.wall_s for s in self.samples)


def clock_hz() -> float | None:
    """The clock rate of the core that runs this thread: a chain of one-cycle instructions over its CPU time."""
    began = time.thread_time()
    links = c.clock_chain(_CLOCK_LINKS)
    spent = time.thread_time() - began
    return links / spent if links and spent > 0 else None


def measurements(chosen: Sequence[BackendSpec], modes: Sequence[str], threads: int) -> Iterator[Measurement]:
    """A measurement for each spec and mode, self-tested; one that fails comes with its refusal instead of a rate."""
    header = check.known_blocks()[-1].header
    for spec in chosen:
        for mode in modes:
            job = check.job_for(header, spec, mode)
            try:
                yield Measurement(spec, mode, check.ready(spec), job, threads if spec.gains_from_threads else 1)
            except (check.SelfTestError, UnavailableError) as error:
                yield Measurement(spec, mode, _Never(), job, 1, refused=str(error))


class _Never:
    """Stands where no backend could be opened."""

    def scan(self, job: Job, first_nonce: int, count: int) -> list[Hit]:
        raise AssertionError("a refused backend is never run")


def take_sample(measurement: Measurement, nonces: int) -> Sample:
    """Time one scan of that many nonces in each of the measurement's threads.

    The CPU time is that of the scanning threads, or of the whole process where a runtime's own threads do the work.

    Raises:
        RateRefusedError: if a thread missed its planted hit or reported a false one, or the clock stood still.
    """
    barrier = threading.Barrier(measurement.threads)
    process_cpu_began = time.process_time()
    if measurement.threads == 1:
        scans = [_timed_scan(measurement, nonces, barrier)]
    else:
        with ThreadPoolExecutor(measurement.threads) as pool:
            scans = list(pool.map(lambda _: _timed_scan(measurement, nonces, barrier), range(measurement.threads)))
    process_cpu_s = time.process_time() - process_cpu_began - sum(scan.clock_cpu_s for scan in scans)
    clocks = [scan.clock_hz for scan in scans if scan.clock_hz]
    wall_s = max(scan.ended for scan in scans) - min(scan.began for scan in scans)
    if wall_s <= 0:
        raise RateRefusedError(
            f"{measurement.label}: the system's monotonic clock stood still or went back during a sample; "
            "its rate is refused"
        )
    return Sample(
        hashes=measurement.threads * nonces * len(measurement.job.versions),
        wall_s=wall_s,
        cpu_s=sum(scan.cpu_s for scan in scans) if measurement.spec.runs_in_caller else process_cpu_s,
        clock_hz=statistics.fmean(clocks) if clocks else None,
        verified_hits=sum(scan.hits for scan in scans),
    )


@dataclass(frozen=True, slots=True)
class _TimedScan:
    """One thread's part of a sample."""

    began: float
    ended: float
    cpu_s: float
    clock_hz: float | None
    clock_cpu_s: float
    """CPU time that went into finding the clock rate, which is not the backend's."""
    hits: int


def _timed_scan(measurement: Measurement, nonces: int, barrier: threading.Barrier) -> _TimedScan:
    planted = Hit(measurement.job.header.version, measurement.job.header.nonce)
    first = (planted.nonce - random.randrange(nonces)) % NONCES
    thread_began = time.thread_time()
    clock_before = clock_hz()
    barrier.wait()
    began, cpu_began = time.perf_counter(), time.thread_time()
    scanned = search.scan(measurement.backend, measurement.job, first, nonces)
    cpu_ended, ended = time.thread_time(), time.perf_counter()
    clock_after = clock_hz()
    if planted not in scanned.hits or scanned.wrong:
        found = "found" if planted in scanned.hits else "not found"
        raise RateRefusedError(
            f"{measurement.label}: the planted solution was {found}, with {scanned.wrong} false hits; "
            "its rate is refused"
        )
    return _TimedScan(
        began=began,
        ended=ended,
        cpu_s=cpu_ended - cpu_began,
        clock_hz=(clock_before + clock_after) / 2 if clock_before and clock_after else None,
        clock_cpu_s=cpu_began - thread_began + time.thread_time() - cpu_ended,
        hits=len(scanned.hits),
    )


def calibrate(measurement: Measurement) -> None:
    """Warms up and finds the nonces that take SAMPLE_SECONDS; sets `refused` where the result is wrong."""
    nonces = search.first_chunk(measurement.job)
    while True:
        sample = _sample_or_refuse(measurement, nonces)
        if sample is None:
            return
        factor = SAMPLE_SECONDS / max(sample.wall_s, 1e-6)
        if factor < 3:
            measurement.nonces = max(1, min(NONCES, round(nonces * factor)))
            return
        if nonces == NONCES:
            measurement.nonces = NONCES
            return
        nonces = min(NONCES, round(nonces * min(factor, 20)))


def _sample_or_refuse(measurement: Measurement, nonces: int) -> Sample | None:
    try:
        return take_sample(measurement, nonces)
    except HashjouleError as error:
        measurement.refused = str(error)
        return None


def measure(
    measured: Sequence[Measurement],
    seconds: float,
    progress: Callable[[Measurement, float], None] | None = None,
    metering: Metering | None = None,
) -> None:
    """Calibrates all measurements, then samples them in turn, for about that many seconds each.

    Round after round in changing order, so that a machine that slows down slows all of them alike. A turn is one
    sample, or as many as the slowest meter in use needs. Samples are kept in the measurements as they come: after a
    KeyboardInterrupt what was measured is there. `progress` gets the measurement that is next and the part of the whole
    that is done, 0 to 1.
    """
    metering = metering or Metering()
    turn_s = min(seconds, max(SAMPLE_SECONDS, metering.turn_s(s.spec for s in measured)))
    rounds = max(3 if turn_s <= SAMPLE_SECONDS else 1, round(seconds / turn_s))
    steps = (rounds + 1) * max(1, len(measured))
    step = 0
    for number in range(rounds + 1):
        order = list(measured) if number == 0 else random.sample(list(measured), len(measured))
        for measurement in order:
            if progress:
                progress(measurement, step / steps)
            step += 1
            if measurement.refused:
                continue
            if number == 0:
                calibrate(measurement)
            else:
                take_turn(measurement, turn_s if turn_s > SAMPLE_SECONDS else 0.0, metering)


def take_turn(measurement: Measurement, seconds: float, metering: Metering) -> None:
    """Takes one sample, and more until that many seconds have passed; with the energy that its meter shows."""
    meter = metering.meter_for(measurement.spec)
    before, taken = metering.read(meter), len(measurement.samples)
    began = time.perf_counter()
    while sample := _sample_or_refuse(measurement, measurement.nonces):
        measurement.samples.append(sample)
        if time.perf_counter() - began >= seconds:
            break
    samples = measurement.samples[taken:]
    if samples and not measurement.refused:
        hashrate_hs = sum(s.hashes for s in samples) / sum(s.wall_s for s in samples)
        if turn := metering.turn(meter, before, hashrate_hs):
            measurement.turns.append(turn)


def sustain(measurement: Measurement, seconds: float, metering: Metering) -> Iterator[Measurement]:
    """Runs a calibrated measurement without a pause for that long; yields it with the samples of each second or so.

    The measurement that is yielded is a new one each time, and the last sample of one is followed at once by the next.
    """
    stretch_s = max(1.0, seconds / SUSTAINED_POINTS)
    began = time.perf_counter()
    while not measurement.refused and time.perf_counter() - began < seconds:
        stretch = replace(measurement, samples=[], turns=[])
        take_turn(stretch, stretch_s, metering)
        measurement.refused = stretch.refused
        if stretch.samples:
            yield stretch


def rate(samples_hs: Sequence[float], clocks_hz: Sequence[float] = ()) -> Rate:
    """Median, median absolute deviation and 95 % bootstrap interval of the median (see median_interval).

    Another run meets another clock rate (turbo, heat, neighbours), so the interval has the clock's spread in it.
    """
    interval = median_interval(samples_hs, relative_spread(clocks_hz))
    return Rate(statistics.median(samples_hs), median_deviation(samples_hs), interval.low, interval.high)


def result(measurement: Measurement, metering: Metering | None = None) -> Result | None:
    """Return the measurement's entry in the record; None without samples or after a refusal.

    Cycles per hash are CPU time times the clock rate measured beside it; null for devices, whose work the host's
    CPU time does not show. Energy is null unless a meter of `metering` covers the backend.
    """
    if measurement.refused or not measurement.samples:
        return None
    spec, samples = measurement.spec, measurement.samples
    samples_hs = tuple(s.hashes / s.wall_s for s in samples)
    per_cpu_second = [s.hashes / s.cpu_s for s in samples if s.cpu_s > 0]
    cycles = [s.cpu_s * s.clock_hz / s.hashes for s in samples if s.clock_hz and s.cpu_s > 0]
    hashrate = rate(samples_hs, [s.clock_hz for s in samples if s.clock_hz] if spec.on_cpu else [])
    spent = (metering or Metering()).energy(spec, measurement.turns)
    total = energy.gross(spent, measurement.turns, hashrate) if spent else None
    return Result(
        backend=spec.name,
        mode="plain" if measurement.mode == "plain" else "rolled",
        device=spec.device,
        runtime=spec.runtime,
        threads=measurement.threads,
        hashes=sum(s.hashes for s in samples),
        samples_hs=samples_hs,
        hashrate_hs=hashrate,
        hashes_per_cpu_second=statistics.median(per_cpu_second) if per_cpu_second and spec.on_cpu else None,
        cycles_per_hash=statistics.median(cycles) if cycles and spec.on_cpu else None,
        verified_hits=sum(s.verified_hits for s in samples),
        energy=spent,
        j_per_th=total,
        j_per_th_above_idle=energy.above_idle(spent, total) if spent and total else None,
        hardware=_hardware_used(measurement),
    )


def _hardware_used(measurement: Measurement) -> Hardware | UnsetType:
    """The device's facts, with the cores of all threads."""
    hardware = measurement.spec.hardware
    return replace(hardware, cpu_cores=measurement.threads * hardware.cpu_cores) if hardware else UNSET


def median_clock_hz(measured: Sequence[Measurement]) -> float | None:
    """The median clock rate over all samples."""
    clocks = [s.clock_hz for measurement in measured for s in measurement.samples if s.clock_hz]
    return statistics.median(clocks) if clocks else None
