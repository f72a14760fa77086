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

from hashjoule import check, search
from hashjoule.backends import Backend, Row, c
from hashjoule.benchmark import energy
from hashjoule.benchmark.energy import Metering, Turn
from hashjoule.errors import HashjouleError, UnavailableError
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
class Subject:
    """A backend in one mode, with what was measured of it so far."""

    row: Row
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

    def median_hs(self) -> float:
        """The median rate so far; 0 without one."""
        return 0.0 if self.refused or not self.samples else statistics.median(s.hashes / s.wall_s for s in self.samples)


def clock_hz() -> float | None:
    """The clock rate of the core that runs this thread: a chain of one-cycle instructions over its CPU time."""
    began = time.thread_time()
    links = c.clock_chain(_CLOCK_LINKS)
    spent = time.thread_time() - began
    return links / spent if links and spent > 0 else None


def subjects(chosen: Sequence[Row], modes: Sequence[str], threads: int) -> Iterator[Subject]:
    """A subject for each row and mode, self-tested; one that fails comes with its refusal instead of a rate."""
    header = check.known_blocks()[-1].header
    for row in chosen:
        for mode in modes:
            job = check.job_for(header, row, mode)
            try:
                yield Subject(row, mode, check.ready(row), job, threads if row.threads else 1)
            except (check.SelfTestError, UnavailableError) as error:
                yield Subject(row, mode, _Never(), job, 1, refused=str(error))


class _Never:
    """Stands where no backend could be opened."""

    def scan(self, job: Job, first_nonce: int, count: int) -> list[Hit]:
        raise AssertionError("a refused backend is never run")


def take_sample(subject: Subject, nonces: int) -> Sample:
    """Times one scan of that many nonces in each of the subject's threads.

    Raises RateRefusedError if a thread missed its planted hit or reported a false one.
    """
    barrier = threading.Barrier(subject.threads)
    if subject.threads == 1:
        parts = [_timed_scan(subject, nonces, barrier)]
    else:
        with ThreadPoolExecutor(subject.threads) as pool:
            parts = list(pool.map(lambda _: _timed_scan(subject, nonces, barrier), range(subject.threads)))
    clocks = [part.clock_hz for part in parts if part.clock_hz]
    wall_s = max(part.ended for part in parts) - min(part.began for part in parts)
    if wall_s <= 0:
        raise RateRefusedError(
            f"{subject.row.name} {subject.mode}: the system's monotonic clock stood still or went back during a "
            "sample; its rate is refused"
        )
    return Sample(
        hashes=subject.threads * nonces * len(subject.job.versions),
        wall_s=wall_s,
        cpu_s=sum(part.cpu_s for part in parts),
        clock_hz=statistics.fmean(clocks) if clocks else None,
        verified_hits=sum(part.hits for part in parts),
    )


@dataclass(frozen=True, slots=True)
class _Part:
    began: float
    ended: float
    cpu_s: float
    clock_hz: float | None
    hits: int


def _timed_scan(subject: Subject, nonces: int, barrier: threading.Barrier) -> _Part:
    planted = Hit(subject.job.header.version, subject.job.header.nonce)
    first = (planted.nonce - random.randrange(nonces)) % NONCES
    clock_before = clock_hz()
    barrier.wait()
    began, cpu_began = time.perf_counter(), time.thread_time()
    scanned = search.scan(subject.backend, subject.job, first, nonces)
    cpu_s, ended = time.thread_time() - cpu_began, time.perf_counter()
    clock_after = clock_hz()
    if planted not in scanned.hits or scanned.wrong:
        found = "found" if planted in scanned.hits else "not found"
        raise RateRefusedError(
            f"{subject.row.name} {subject.mode}: the planted solution was {found}, with {scanned.wrong} false hits; "
            "its rate is refused"
        )
    clock = (clock_before + clock_after) / 2 if clock_before and clock_after else None
    return _Part(began, ended, cpu_s, clock, len(scanned.hits))


def calibrate(subject: Subject) -> None:
    """Warms up and finds the nonces that take SAMPLE_SECONDS; sets `refused` where the result is wrong."""
    nonces = search.first_chunk(subject.job)
    while True:
        sample = _sample_or_refuse(subject, nonces)
        if sample is None:
            return
        factor = SAMPLE_SECONDS / max(sample.wall_s, 1e-6)
        if factor < 3:
            subject.nonces = max(1, min(NONCES, round(nonces * factor)))
            return
        if nonces == NONCES:
            subject.nonces = NONCES
            return
        nonces = min(NONCES, round(nonces * min(factor, 20)))


def _sample_or_refuse(subject: Subject, nonces: int) -> Sample | None:
    try:
        return take_sample(subject, nonces)
    except HashjouleError as error:
        subject.refused = str(error)
        return None


def measure(
    measured: Sequence[Subject],
    seconds: float,
    progress: Callable[[Subject, float], None] | None = None,
    metering: Metering | None = None,
) -> None:
    """Calibrates all subjects, then samples them in turn, for about that many seconds each.

    Round after round in changing order, so that a machine that slows down slows all of them alike. A turn is one
    sample, or as many as the slowest meter in use needs. Samples are kept in the subjects as they come: after a
    KeyboardInterrupt what was measured is there. `progress` gets the subject that is next and the part of the whole
    that is done, 0 to 1.
    """
    metering = metering or Metering()
    turn_s = min(seconds, max(SAMPLE_SECONDS, metering.turn_s(s.row for s in measured)))
    rounds = max(3 if turn_s <= SAMPLE_SECONDS else 1, round(seconds / turn_s))
    steps = (rounds + 1) * max(1, len(measured))
    step = 0
    for number in range(rounds + 1):
        order = list(measured) if number == 0 else random.sample(list(measured), len(measured))
        for subject in order:
            if progress:
                progress(subject, step / steps)
            step += 1
            if subject.refused:
                continue
            if number == 0:
                calibrate(subject)
            else:
                take_turn(subject, turn_s if turn_s > SAMPLE_SECONDS else 0.0, metering)


def take_turn(subject: Subject, seconds: float, metering: Metering) -> None:
    """Takes one sample, and more until that many seconds have passed; with the energy that its meter shows."""
    meter = metering.meter_for(subject.row)
    before, taken = metering.read(meter), len(subject.samples)
    began = time.perf_counter()
    while sample := _sample_or_refuse(subject, subject.nonces):
        subject.samples.append(sample)
        if time.perf_counter() - began >= seconds:
            break
    samples = subject.samples[taken:]
    if samples and not subject.refused:
        hashrate_hs = sum(s.hashes for s in samples) / sum(s.wall_s for s in samples)
        if turn := metering.turn(meter, before, hashrate_hs):
            subject.turns.append(turn)


def sustain(subject: Subject, seconds: float, metering: Metering) -> Iterator[Subject]:
    """Runs a calibrated subject without a pause for that long; yields it with the samples of each second or so.

    The subject that is yielded is a new one each time, and the last sample of one is followed at once by the next.
    """
    stretch_s = max(1.0, seconds / SUSTAINED_POINTS)
    began = time.perf_counter()
    while not subject.refused and time.perf_counter() - began < seconds:
        stretch = replace(subject, samples=[], turns=[])
        take_turn(stretch, stretch_s, metering)
        subject.refused = stretch.refused
        if stretch.samples:
            yield stretch


def rate(samples_hs: Sequence[float], clocks_hz: Sequence[float] = ()) -> Rate:
    """Median, median absolute deviation and 95 % bootstrap interval of the median (see median_interval).

    Another run meets another clock rate (turbo, heat, neighbours), so the interval has the clock's spread in it.
    """
    interval = median_interval(samples_hs, relative_spread(clocks_hz))
    return Rate(statistics.median(samples_hs), median_deviation(samples_hs), interval.low, interval.high)


def result(subject: Subject, metering: Metering | None = None) -> Result | None:
    """The subject's line of the record; None without samples or after a refusal.

    Cycles per hash are CPU time times the clock rate measured beside it; null for devices, whose work the host's
    CPU time does not show. Energy is null unless a meter of `metering` covers the backend.
    """
    if subject.refused or not subject.samples:
        return None
    samples_hs = tuple(s.hashes / s.wall_s for s in subject.samples)
    on_cpu = subject.row.device == "cpu"
    per_cpu_second = [s.hashes / s.cpu_s for s in subject.samples if s.cpu_s > 0]
    cycles = [s.cpu_s * s.clock_hz / s.hashes for s in subject.samples if s.clock_hz and s.cpu_s > 0]
    hashrate = rate(samples_hs, [s.clock_hz for s in subject.samples if s.clock_hz] if on_cpu else [])
    spent = (metering or Metering()).energy(subject.row, subject.turns)
    total = energy.gross(spent, subject.turns, hashrate) if spent else None
    return Result(
        backend=subject.row.name,
        mode="plain" if subject.mode == "plain" else "rolled",
        device=subject.row.device,
        runtime=subject.row.runtime,
        threads=subject.threads,
        hashes=sum(s.hashes for s in subject.samples),
        samples_hs=samples_hs,
        hashrate_hs=hashrate,
        hashes_per_cpu_second=statistics.median(per_cpu_second) if per_cpu_second and on_cpu else None,
        cycles_per_hash=statistics.median(cycles) if cycles and on_cpu else None,
        verified_hits=sum(s.verified_hits for s in subject.samples),
        energy=spent,
        j_per_th=total,
        j_per_th_above_idle=energy.above_idle(spent, total) if spent and total else None,
    )


def median_clock_hz(measured: Sequence[Subject]) -> float | None:
    """The median clock rate over all samples."""
    clocks = [s.clock_hz for subject in measured for s in subject.samples if s.clock_hz]
    return statistics.median(clocks) if clocks else None
