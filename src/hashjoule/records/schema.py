"""The schema of a benchmark record, `hashjoule.record/1`.

Everything is in SI units and unrounded: hashes per second, joules, seconds. What was not measured is null. Fields may
be added with a default; readers of old records keep working.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from hashjoule.hardware import Hardware, Kind
from hashjoule.records.fields import Count, NonNegative, Positive
from hashjoule.records.gauge import Gauge

SCHEMA: Literal["hashjoule.record/1"] = "hashjoule.record/1"


class Software(Struct, frozen=True, forbid_unknown_fields=True):
    """What measured: this program's version, its commit where known, and the compiler of the C core."""

    version: str
    commit: str | None
    compiler: str | None


class HostFacts(Struct, frozen=True, forbid_unknown_fields=True):
    """What was measured. `cores` are those that this process may use; `memory` is in bytes."""

    cpu: str
    features: tuple[str, ...]
    cores: Annotated[int, Meta(ge=1)]
    memory: Count
    os: str
    virtualised: bool | None
    clock_hz: Positive | None
    """The clock rate that a chain of dependent instructions showed, median over the run."""


class State(Struct, frozen=True, forbid_unknown_fields=True):
    """The machine at one moment. `load` is the average over a minute; `steal` and `others_busy` are since the start.

    `steal` is the part of CPU time that the hypervisor took, `others_busy` the number of cores that other programs kept
    busy on average. The temperature is that of the hottest CPU sensor, in degrees Celsius.
    """

    clock_hz: Positive | None = None
    governor: str | None = None
    turbo: bool | None = None
    temperature_c: float | None = None
    load: NonNegative | None = None
    steal: NonNegative | None = None
    others_busy: NonNegative | UnsetType | None = UNSET


class Idle(Struct, frozen=True, forbid_unknown_fields=True):
    """Watts that a meter showed while nothing was measured, before and after the run."""

    source: str
    before_w: NonNegative | None
    after_w: NonNegative | None


class Conditions(Struct, frozen=True, forbid_unknown_fields=True):
    """How quiet the machine was. `load` before the run, `steal` as the part of CPU time taken by the hypervisor."""

    load: NonNegative | None
    steal: NonNegative | None
    governor: str | None
    warnings: tuple[str, ...] = ()
    before: State | None = None
    during: State | None = None
    after: State | None = None
    idle: tuple[Idle, ...] = ()


class Rate(Struct, frozen=True, forbid_unknown_fields=True):
    """Hashes a second of wall-clock time: median, median absolute deviation, 95 % interval of the median.

    The interval of a CPU backend is widened by the spread of the clock rate that was measured beside the samples.
    """

    median: Positive
    mad: NonNegative
    ci95_low: Positive
    ci95_high: Positive

    def __post_init__(self) -> None:
        _check_order(self.ci95_low, self.median, self.ci95_high)


class Energy(Struct, frozen=True, forbid_unknown_fields=True):
    """Energy of the timed samples: joules in seconds, from where, of what, how it was had, and the idle power."""

    joules: Positive
    seconds: Positive
    source: str
    scope: str
    method: Literal["counter", "sampled", "declared", "reported", "bound"]
    idle_w: NonNegative | None = None


class Efficiency(Struct, frozen=True, forbid_unknown_fields=True):
    """Joules per terahash, with the bounds of its 95 % interval."""

    value: Positive
    low: Positive
    high: Positive

    def __post_init__(self) -> None:
        _check_order(self.low, self.value, self.high)


def _check_order(low: float, value: float, high: float) -> None:
    if not low <= value <= high:
        raise ValueError(f"{value} lies outside its own interval, {low} to {high}")


class Result(Struct, frozen=True, forbid_unknown_fields=True):
    """One backend in one mode."""

    backend: str
    mode: Literal["plain", "rolled"]
    device: str
    runtime: str
    threads: Annotated[int, Meta(ge=1)]
    hashes: Count
    samples_hs: tuple[NonNegative, ...]
    """Rates of single samples, or of the parts of a count of shares; a part without a share has rate 0."""
    hashrate_hs: Rate
    hashes_per_cpu_second: Positive | None
    cycles_per_hash: Positive | None
    verified_hits: Count
    energy: Energy | None = None
    j_per_th: Efficiency | None = None
    """Gross: with all that the meter saw."""
    j_per_th_above_idle: Efficiency | None = None
    """Net: without the power that the meter saw at idle."""
    hardware: Hardware | UnsetType = UNSET
    """Facts of the device, with the CPU cores of all threads; records of early versions have none."""
    cycles_per_hash_ci95: tuple[Positive, Positive] | UnsetType = UNSET
    """The bounds of the 95 % interval of the cycles per hash; records of early versions have none."""
    gauge: Gauge | UnsetType = UNSET
    """How the shares were counted; only in results of `hashjoule gauge`, whose backend is `stratum`."""


class Refusal(Struct, frozen=True, forbid_unknown_fields=True):
    """A backend whose rate is not given, and why."""

    backend: str
    mode: str
    reason: str


class SustainedPoint(Struct, frozen=True, forbid_unknown_fields=True):
    """A stretch of a sustained run, at its end: seconds since the start, median rate, clock, heat, mean power."""

    at_s: NonNegative
    hashrate_hs: Positive
    clock_hz: Positive | None = None
    temperature_c: float | None = None
    watts: NonNegative | None = None


class Sustained(Struct, frozen=True, forbid_unknown_fields=True):
    """One backend run without a pause. The rates are medians over the first and the last tenth."""

    backend: str
    mode: Literal["plain", "rolled"]
    threads: Annotated[int, Meta(ge=1)]
    start_hs: Positive
    end_hs: Positive
    points: tuple[SustainedPoint, ...]


_POCL_NAMES = ("cpu", "pthread", "basic")
"""How PoCL begins the names of its CPU devices, by their driver."""


class Rating(Struct, frozen=True, forbid_unknown_fields=True):
    """The rated power of all CPU packages: an upper bound on what they draw, and no measurement."""

    power_w: Positive
    source: str


class Record(Struct, frozen=True, forbid_unknown_fields=True):
    """A benchmark run. `complete` is false while it goes on, and stays so if it is interrupted."""

    schema: Literal["hashjoule.record/1"]
    created: Annotated[str, Meta(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")]
    hashjoule: Software
    machine: HostFacts
    conditions: Conditions
    results: tuple[Result, ...]
    refused: tuple[Refusal, ...] = ()
    device_sum_hs: Positive | None = None
    """The best rates of all devices, each measured alone, added up; null for a single device."""
    sustained: Sustained | None = None
    complete: bool = True
    cpu_rating: Rating | UnsetType = UNSET
    """Where it is known; records of early versions have none."""

    def kind_of(self, result: Result) -> Kind:
        """Return the kind of device of one of the results.

        Early records hold no device facts. There PoCL and Intel's runtime are told by the name that they give to the
        CPU, and every other OpenCL device counts as a GPU.
        """
        if result.hardware is not UNSET:
            return result.hardware.kind
        if result.backend == "numba:cuda":
            return "gpu"
        if not result.backend.startswith("opencl"):
            return "cpu"
        named = result.device.lower().startswith(_POCL_NAMES) or "cpu" in result.device.lower()
        return "cpu" if named or result.device in self.machine.cpu else "gpu"

    def cores_of(self, result: Result) -> int:
        """Return the number of CPU cores that the search of a result kept busy: 0 for GPUs and other devices."""
        if result.hardware is not UNSET:
            return result.hardware.cpu_cores
        if self.kind_of(result) != "cpu":
            return 0
        return self.machine.cores if result.backend.startswith("opencl") else result.threads

    def name_of(self, result: Result) -> str:
        """Return what a result measured, in words: the CPU by its name, or the device."""
        if result.gauge is not UNSET:  # another machine than the one that this record describes
            return result.device
        return self.machine.cpu if self.kind_of(result) == "cpu" else result.device
