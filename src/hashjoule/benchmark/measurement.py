"""What is measured: one backend in one mode on so many threads, with its samples and its energy."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from hashjoule import check
from hashjoule.backends import Backend, BackendSpec
from hashjoule.errors import UnavailableError
from hashjoule.job import Hit, Job


@dataclass(frozen=True, slots=True)
class Sample:
    """One timed scan in every thread."""

    hashes: int
    wall_s: float
    cpu_s: float
    clock_hz: float | None
    verified_hits: int


@dataclass(frozen=True, slots=True)
class Turn:
    """Samples of one measurement in a row, and the energy from before the first to after the last of them."""

    joules: float
    seconds: float
    hashrate_hs: float


@dataclass
class Measurement:
    """A backend in one mode, with what was measured of it so far."""

    spec: BackendSpec
    mode: Literal["plain", "rolled"]
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

    @property
    def cores(self) -> int:
        """The CPU cores that it keeps busy: 0 for a device that is not the CPU."""
        return self.threads * self.spec.hardware.cpu_cores if self.spec.hardware else self.threads

    def rates_hs(self) -> list[float]:
        """Return the rate of each sample in hashes a second of wall-clock time."""
        return [sample.hashes / sample.wall_s for sample in self.samples]

    def cycles_per_hash(self) -> list[float]:
        """Return CPU time times clock rate over hashes of each sample whose clock is known."""
        return [s.cpu_s * s.clock_hz / s.hashes for s in self.samples if s.clock_hz and s.cpu_s > 0]

    def median_hs(self) -> float:
        """Return the median rate so far; 0 without one."""
        return 0.0 if self.refused or not self.samples else statistics.median(self.rates_hs())


def device_key(spec: BackendSpec) -> str:
    """Return what tells a device from the others of a machine.

    The CPU is one, whatever runs on it; a GPU is its PCI bus id, or else its name.
    """
    if spec.on_cpu:
        return "cpu"
    return (spec.hardware and spec.hardware.pci_bus_id) or spec.device


def measurements(chosen: Sequence[BackendSpec], modes: Sequence[str], threads: int) -> Iterator[Measurement]:
    """Yield a measurement for each spec and mode, self-tested; one that fails comes with its refusal."""
    header = check.known_blocks()[-1].header
    for spec in chosen:
        for name in modes:
            mode: Literal["plain", "rolled"] = "plain" if name == "plain" else "rolled"
            job = check.job_for(header, spec, mode)
            try:
                yield Measurement(spec, mode, check.ready(spec), job, threads if spec.gains_from_threads else 1)
            except (check.SelfTestError, UnavailableError) as error:
                yield Measurement(spec, mode, _Never(), job, 1, refused=str(error))


class _Never:
    """Stands where no backend could be opened."""

    def scan(self, job: Job, first_nonce: int, count: int) -> list[Hit]:
        raise AssertionError("a refused backend is never run")
