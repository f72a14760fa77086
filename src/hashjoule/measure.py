"""Measuring hash rates: interleaved samples, each with a planted solution, by wall clock and by thread CPU time.

A sample is one scan a thread over a range that holds the winning nonce of a real block. A scan that does not
report that hit computed something else, however fast it looked, and its backend's rate is refused.
"""

from __future__ import annotations

import contextlib
import random
import statistics
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from hashjoule import check, search
from hashjoule.backends import Backend, Row, c, rows
from hashjoule.errors import HashjouleError, UnavailableError
from hashjoule.job import NONCES, Hit, Job
from hashjoule.records import Efficiency, Energy, Rate, Result

SAMPLE_SECONDS = 0.15
"""What a sample is calibrated to: long against timer and call costs, short against changes of the clock rate."""

_CLOCK_LINKS = 4_000_000


class RateRefusedError(HashjouleError):
    """A timed scan did not find its planted nonce, or found false ones."""


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
    refused: str | None = None


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
    return Sample(
        hashes=subject.threads * nonces * len(subject.job.versions),
        wall_s=max(part.ended for part in parts) - min(part.began for part in parts),
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
    measured: Sequence[Subject], seconds: float, progress: Callable[[Subject, float], None] | None = None
) -> None:
    """Calibrates all subjects, then samples them in turn, for about that many seconds each.

    Round after round in changing order, so that a machine that slows down slows all of them alike. Samples are
    kept in the subjects as they come: after a KeyboardInterrupt what was measured is there. `progress` gets the
    subject at work and the part of the whole that is done, 0 to 1.
    """
    rounds = max(3, round(seconds / SAMPLE_SECONDS))
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
            elif sample := _sample_or_refuse(subject, subject.nonces):
                subject.samples.append(sample)


def rate(samples_hs: Sequence[float]) -> Rate:
    """Median, median absolute deviation and 95 % bootstrap interval of the median (Efron 1979), 1000 resamples.

    The resampling is seeded: the same samples give the same interval.
    """
    median = statistics.median(samples_hs)
    rng = random.Random(len(samples_hs))
    medians = sorted(statistics.median(rng.choices(samples_hs, k=len(samples_hs))) for _ in range(1000))
    return Rate(median, statistics.median(abs(s - median) for s in samples_hs), medians[25], medians[974])


def result(subject: Subject, watts: float | None = None) -> Result | None:
    """The subject's line of the record; None without samples or after a refusal.

    Cycles per hash are CPU time times the clock rate measured beside it; null for devices, whose work the host's
    CPU time does not show. `watts` is power that the user declares, never one that we know.
    """
    if subject.refused or not subject.samples:
        return None
    samples_hs = tuple(s.hashes / s.wall_s for s in subject.samples)
    on_cpu = subject.row.device == "cpu"
    cycles = [s.cpu_s * s.clock_hz / s.hashes for s in subject.samples if s.clock_hz]
    hashrate = rate(samples_hs)
    seconds = sum(s.wall_s for s in subject.samples)
    return Result(
        backend=subject.row.name,
        mode="plain" if subject.mode == "plain" else "rolled",
        device=subject.row.device,
        runtime=subject.row.runtime,
        threads=subject.threads,
        hashes=sum(s.hashes for s in subject.samples),
        samples_hs=samples_hs,
        hashrate_hs=hashrate,
        hashes_per_cpu_second=statistics.median(s.hashes / s.cpu_s for s in subject.samples) if on_cpu else None,
        cycles_per_hash=statistics.median(cycles) if cycles and on_cpu else None,
        verified_hits=sum(s.verified_hits for s in subject.samples),
        energy=Energy(watts * seconds, seconds, "declared by the user", "declared", "declared") if watts else None,
        j_per_th=_j_per_th(watts, hashrate) if watts else None,
    )


def _j_per_th(watts: float, hashrate: Rate) -> Efficiency:
    return Efficiency(
        watts / hashrate.median * 1e12, watts / hashrate.ci95_high * 1e12, watts / hashrate.ci95_low * 1e12
    )


def median_clock_hz(measured: Sequence[Subject]) -> float | None:
    """The median clock rate over all samples."""
    clocks = [s.clock_hz for subject in measured for s in subject.samples if s.clock_hz]
    return statistics.median(clocks) if clocks else None


def stability_warnings(
    measured: Sequence[Subject], load: float | None, steal: float | None, governor: str | None
) -> list[str]:
    """What made the figures less certain, each with what to do about it."""
    warnings = []
    if load is not None and load > 0.5:
        warnings.append(f"other work was running (load {load:.1f} before the start): close it and measure again")
    if steal is not None and steal > 0.01:
        warnings.append(f"the hypervisor took {steal:.0%} of the CPU time: compare cycles per hash, not MH/s")
    if governor not in (None, "performance", "schedutil"):
        warnings.append(f"the CPU's frequency governor is {governor!r}: set it to 'performance' for steady rates")
    clocks = [s.clock_hz for subject in measured for s in subject.samples if s.clock_hz]
    if clocks and min(clocks) < 0.9 * max(clocks):
        warnings.append(
            f"the clock rate varied from {min(clocks) / 1e9:.2f} to {max(clocks) / 1e9:.2f} GHz (turbo, heat or a "
            "shared core): let the machine cool, or measure longer with --seconds"
        )
    warnings += [warning for subject in measured if (warning := _unsteady(subject))]
    return warnings


def _unsteady(subject: Subject) -> str | None:
    if len(subject.samples) < 3 or subject.refused:
        return None
    values = rate([s.hashes / s.wall_s for s in subject.samples])
    if values.mad > 0.05 * values.median:
        return (
            f"{subject.row.name} {subject.mode} is unsteady (its samples vary by {values.mad / values.median:.0%}): "
            "measure longer with --seconds"
        )
    return None


def fastest(mode: str) -> Row:
    """The fastest C variant that passes its self-test here (`auto`), by a millisecond's trial of each; else hashlib.

    Devices are not tried: opening one can take longer than the whole search.
    """
    header = check.known_blocks()[0].header
    usable = [row for row in rows("c") if not row.unavailable]
    for row in sorted(usable, key=lambda row: _trial_seconds(row.open(), check.job_for(header, row, mode, target=1))):
        with contextlib.suppress(check.SelfTestError):
            check.ready(row)
            return row
    return rows("reference")[0]


def _trial_seconds(backend: Backend, job: Job) -> float:
    def once() -> float:
        began = time.perf_counter()
        backend.scan(job, 0, 2048 // len(job.versions))
        return time.perf_counter() - began

    return min(once() for _ in range(3))
