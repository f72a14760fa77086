"""Sampling hash rates: interleaved samples, each with a planted solution, by wall clock and by thread CPU time.

A sample is one scan a thread over a range that holds the winning nonce of a real block. A scan that does not report
that hit computed something else, however fast it looked, and its backend's rate is refused.
"""

from __future__ import annotations

import random
import statistics
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import NamedTuple

from hashjoule import search
from hashjoule.backends import c
from hashjoule.benchmark.energy import Metering
from hashjoule.benchmark.measurement import Measurement, Sample
from hashjoule.errors import HashjouleError
from hashjoule.job import NONCES, Hit

SAMPLE_SECONDS = 0.15
"""What a sample is calibrated to: long against timer and call costs, short against changes of the clock rate."""
SHORTEST_SAMPLE_SECONDS = 0.05
WANTED_SAMPLES = 8
"""With fewer, nothing can be said of how alike neighbours are, and an interval is several times as wide; a short
measurement takes shorter samples instead."""

SUSTAINED_POINTS = 600
"""The most points that a sustained run is recorded with."""

_CLOCK_LINKS = 4_000_000


class RateRefusedError(HashjouleError):
    """A timed scan did not find its planted nonce, found false ones, or took no time."""


def clock_hz() -> float | None:
    """Return the clock rate in Hz of the core that runs this thread; None where no chain of instructions is known.

    It is the number of dependent instructions of one cycle each, over the CPU time that they take.
    """
    began = time.thread_time()
    links = c.clock_chain(_CLOCK_LINKS)
    spent = time.thread_time() - began
    return links / spent if links and spent > 0 else None


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


def calibrate(measurement: Measurement, sample_s: float = SAMPLE_SECONDS) -> None:
    """Warm up and find the nonces that take `sample_s` seconds; set `refused` where the result is wrong."""
    nonces = search.first_chunk(measurement.job)
    while True:
        sample = _sample_or_refuse(measurement, nonces)
        if sample is None:
            return
        factor = sample_s / max(sample.wall_s, 1e-6)
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


class Schedule(NamedTuple):
    """How the time of a measurement is divided."""

    sample_s: float
    turn_s: float
    rounds: int
    """Turns of each measurement."""

    @classmethod
    def of(cls, seconds: float, shortest_turn_s: float = 0.0) -> Schedule:
        """Return a schedule for that many seconds each.

        A turn is one sample, unless the meters in use need longer turns; it is never longer than the measurement.
        """
        sample_s = min(SAMPLE_SECONDS, max(SHORTEST_SAMPLE_SECONDS, seconds / WANTED_SAMPLES))
        turn_s = max(sample_s, min(seconds, shortest_turn_s))
        return cls(sample_s, turn_s, max(1 if turn_s > sample_s else 3, round(seconds / turn_s)))


def measure(
    measured: Sequence[Measurement],
    seconds: float,
    progress: Callable[[Measurement, float], None] | None = None,
    metering: Metering | None = None,
) -> None:
    """Calibrate all measurements, then sample them in turn, for about that many seconds each.

    Round after round in changing order, so that a machine that slows down slows all of them alike. Samples are kept in
    the measurements as they come: after a KeyboardInterrupt what was measured is there. `progress` gets the measurement
    that is next and the part of the whole that is done, 0 to 1.
    """
    metering = metering or Metering()
    schedule = Schedule.of(seconds, metering.turn_s(measured))
    steps, step = (schedule.rounds + 1) * max(1, len(measured)), 0
    for number in range(schedule.rounds + 1):
        order = list(measured) if number == 0 else random.sample(list(measured), len(measured))
        for measurement in order:
            if progress:
                progress(measurement, step / steps)
            step += 1
            if measurement.refused:
                continue
            if number == 0:
                calibrate(measurement, schedule.sample_s)
            else:
                take_turn(measurement, schedule.turn_s if schedule.turn_s > schedule.sample_s else 0.0, metering)


def take_turn(measurement: Measurement, seconds: float, metering: Metering) -> None:
    """Take one sample, and more until that many seconds have passed; with the energy that its meter shows."""
    meter = metering.meter_for(measurement)
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
    """Run a calibrated measurement without a pause for that long; yield it with the samples of each second or so.

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
