"""Backends that misbehave on purpose, and a meter with a clock of its own."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

from hashjoule.backends import BackendSpec
from hashjoule.backends.reference import Reference
from hashjoule.hardware import ONE_CORE, Hardware
from hashjoule.job import Hit, Job
from hashjoule.meters import Meter, MeterError


@dataclass
class Faulty:
    """A backend that loses or invents hits on request, and remembers the ranges that it was given."""

    lose: bool = False
    invent: int = 0
    delay_s: float = 0.0
    error: Exception | None = None
    compute: bool = True
    ranges: list[tuple[int, int]] = field(default_factory=list)

    def scan(self, job: Job, first_nonce: int, count: int) -> list[Hit]:
        """See `Backend.scan`."""
        self.ranges.append((first_nonce, count))
        if self.error:
            raise self.error
        time.sleep(self.delay_s)
        hits = Reference().scan(job, first_nonce, count) if self.compute and not self.lose else []
        return hits + [Hit(job.versions[0], first_nonce ^ 0x5A5A5A5A ^ i) for i in range(self.invent)]


def spec_of(backend: Any, name: str = "fake") -> BackendSpec:
    """Return a registry spec of a backend."""
    return BackendSpec(name=name, device="cpu", hardware=ONE_CORE, lanes=4, open=lambda: backend, rolled_versions=8)


def device_spec(name: str, device: str, **facts: Any) -> BackendSpec:
    """Return a registry spec of a device with these facts (see `Hardware`), which works outside the calling thread."""
    hardware = Hardware(**{"cpu_cores": 0} | facts)
    return BackendSpec(
        name=name,
        device=device,
        hardware=hardware,
        lanes=4,
        open=Faulty,
        rolled_versions=8,
        gains_from_threads=False,
        runs_in_caller=False,
    )


@dataclass
class SteadyMeter:
    """A meter that shows a constant power by a clock of its own, or by the real clock if it is `live`."""

    watts: float
    live: bool = False
    lost: bool = False
    closed: bool = False
    now_s: float = 0.0
    counted: float = 0.0

    def meter(self, name: str = "fake", **fields: Any) -> Meter:
        """Return the meter's entry in the registry: a package counter unless the fields say otherwise."""
        return Meter(
            **{"covers": "cpu"}
            | fields
            | {
                "name": name,
                "source": name,
                "scope": "package",
                "method": "counter",
                "open": lambda: self,
            }
        )

    def clock(self) -> float:
        """The fake time."""
        return self.now_s

    def sleep(self, seconds: float) -> None:
        """Advance time and energy."""
        self.now_s += seconds
        self.counted += self.watts * seconds

    def joules(self) -> float:
        """See `Reading.joules`."""
        if self.lost:
            raise MeterError("the fake was lost")
        if self.live:
            return self.watts * time.perf_counter()
        return self.counted

    def close(self) -> None:
        """Remember that the meter was closed."""
        self.closed = True


@dataclass
class FakeTime:
    """The `time` module with monotonic clocks that advance by a step each time they are asked, and no time of day."""

    step_s: float
    now_s: float = 0.0
    cpu_s: float = 0.0

    def perf_counter(self) -> float:
        """Return the next moment."""
        self.now_s += self.step_s
        return self.now_s

    def monotonic(self) -> float:
        """Return the next moment of the same clock."""
        return self.perf_counter()

    def thread_time(self) -> float:
        """Return the next moment of a clock of its own, at the same pace."""
        self.cpu_s += self.step_s
        return self.cpu_s

    def process_time(self) -> float:
        """Return the next moment of a third clock, as if no other thread worked."""
        return self.thread_time()

    def time(self) -> float:
        """Fail: nothing may be measured by the wall clock."""
        raise AssertionError("the wall clock is not for measuring")
