"""The record of a benchmark run: its schema, how it is read and written, and the facts of the machine.

Everything is in SI units and unrounded: hashes a second, joules, seconds. What was not measured is null.
"""

from __future__ import annotations

import contextlib
import os
import platform
import re
import subprocess
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal, TypeVar

import msgspec
from msgspec import Meta, Struct

from hashjoule.errors import UsageError
from hashjoule.files import written

T = TypeVar("T")

SCHEMA: Literal["hashjoule.record/1"] = "hashjoule.record/1"

Positive = Annotated[float, Meta(gt=0)]
NonNegative = Annotated[float, Meta(ge=0)]
Count = Annotated[int, Meta(ge=0)]


class Software(Struct, frozen=True, forbid_unknown_fields=True):
    """What measured: this program's version, its commit where known, and the compiler of the C core."""

    version: str
    commit: str | None
    compiler: str | None


class Machine(Struct, frozen=True, forbid_unknown_fields=True):
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
    """The machine at one moment. `load` is the average over a minute, `steal` the part of CPU time since the run began.

    The temperature is that of the hottest CPU sensor, in degrees Celsius.
    """

    clock_hz: Positive | None = None
    governor: str | None = None
    turbo: bool | None = None
    temperature_c: float | None = None
    load: NonNegative | None = None
    steal: NonNegative | None = None


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
    """Hashes a second of wall-clock time: median, median absolute deviation, 95 % bootstrap interval of the median.

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
    method: Literal["counter", "sampled", "declared", "bound"]
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
    samples_hs: tuple[Positive, ...]
    hashrate_hs: Rate
    hashes_per_cpu_second: Positive | None
    cycles_per_hash: Positive | None
    verified_hits: Count
    energy: Energy | None = None
    j_per_th: Efficiency | None = None
    """Gross: with all that the meter saw."""
    j_per_th_above_idle: Efficiency | None = None
    """Net: without the power that the meter saw at idle."""


class Refusal(Struct, frozen=True, forbid_unknown_fields=True):
    """A backend whose rate is not given, and why."""

    backend: str
    mode: str
    reason: str


class Point(Struct, frozen=True, forbid_unknown_fields=True):
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
    points: tuple[Point, ...]


class Record(Struct, frozen=True, forbid_unknown_fields=True):
    """A benchmark run. `complete` is false while it goes on, and stays so if it is interrupted."""

    schema: Literal["hashjoule.record/1"]
    created: Annotated[str, Meta(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")]
    hashjoule: Software
    machine: Machine
    conditions: Conditions
    results: tuple[Result, ...]
    refused: tuple[Refusal, ...] = ()
    device_sum_hs: Positive | None = None
    """The best rates of all devices, each measured alone, added up; null for a single device."""
    sustained: Sustained | None = None
    complete: bool = True


class _Header(Struct):
    schema: str


def load_record(path: Path) -> Record:
    """Reads and validates a record. Raises UsageError, in one sentence, for anything that is not one."""
    return load(path, Record, SCHEMA)


def load(path: Path, kind: type[T], schema: str) -> T:
    """Reads and validates a file of this schema. Raises UsageError, in one sentence, for anything else."""
    found = schema_of(path, schema)
    if found != schema and found.startswith(schema.partition("/")[0] + "/"):
        raise UsageError(f"{path} is a {found}, but this version reads {schema} only; update hashjoule")
    return _decoded(path, kind, schema)


def schema_of(path: Path, expected: str = SCHEMA) -> str:
    """The schema that a file names. Raises UsageError, which says what was expected, for a file that names none."""
    return _decoded(path, _Header, expected).schema


def _decoded(path: Path, kind: type[T], schema: str) -> T:
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UsageError(f"{path} is no {schema} record: {error}") from None


def to_json(value: object) -> str:
    """Indented JSON of a record or of any plain value."""
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode()


class RecordFile:
    """The file of one run: `<folder>/<machine>/<date>-<suite>.json`, with a name that no other run has taken.

    A run of many machines, which has no `cpu`, stands in the folder itself.

    It appears with the first `write` and is replaced in one step by each further one, so that a run which is
    interrupted, or whose disk fills up, keeps what was written before.
    """

    def __init__(self, folder: Path, cpu: str | None, created: str, suite: str = "bench") -> None:
        """Creates the folder. Raises UsageError, before anything is measured, if it cannot be written."""
        self._folder = folder / _slug(cpu) if cpu else folder
        self._stem = f"{created[:10]}-{suite}"
        self.path: Path | None = None
        with self._one_sentence():
            self._folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self._folder):
                pass

    def write(self, record: Struct) -> Path:
        """Writes the record, in whole or not at all. Raises UsageError if the disk is full or the folder is gone."""
        with self._one_sentence(), written(f"{to_json(record)}\n".encode(), self._folder) as new:
            new.chmod(0o644)
            if self.path:
                new.replace(self.path)
            else:
                self.path = self._link_to_new_name(new)
        assert self.path
        return self.path

    def _link_to_new_name(self, new: Path) -> Path:
        for number in range(1, 10_000):
            path = self._folder / (f"{self._stem}.json" if number == 1 else f"{self._stem}-{number}.json")
            with contextlib.suppress(FileExistsError):
                os.link(new, path)  # fails where the name is taken, unlike a rename
                return path
        raise FileExistsError(17, "every name of this date is taken")

    @contextlib.contextmanager
    def _one_sentence(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise UsageError(f"the record cannot be saved in {self._folder}: {error.strerror}") from None


def save_record(record: Record, folder: Path, suite: str = "bench") -> Path:
    """Writes a record into a new file (see RecordFile) and returns its path."""
    return RecordFile(folder, record.machine.cpu, record.created, suite).write(record)


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-") or "unknown"


def commit() -> str | None:
    """The commit that this program runs from, if it runs from a git checkout."""
    root = Path(__file__).resolve().parents[2]
    if not (root / ".git").exists():
        return None
    try:
        done = subprocess.run(
            ["git", "-C", str(root), "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"],
            capture_output=True, text=True, timeout=5, check=True,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() or None


def utc_now() -> str:
    """The time as YYYY-MM-DDTHH:MM:SSZ."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def usable_cores() -> int:
    """Cores that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def machine_facts(features: tuple[str, ...], clock_hz: float | None) -> Machine:
    """What this machine is, as far as it says."""
    import psutil

    return Machine(
        cpu=cpu_name(),
        features=features,
        cores=usable_cores(),
        memory=psutil.virtual_memory().total,
        os=f"{platform.system()} {platform.release()} {platform.machine()}",
        virtualised=_virtualised(),
        clock_hz=clock_hz,
    )


def cpu_name() -> str:
    """The CPU's name; family and model beside it where the name alone tells too little (cloud machines)."""
    info = _cpuinfo()
    name = info.get("model name") or platform.processor() or platform.machine() or "unknown"
    if "cpu family" in info:
        return f"{name} (family {info['cpu family']} model {info.get('model', '?')})"
    return name


def _cpuinfo() -> dict[str, str]:
    try:
        first = Path("/proc/cpuinfo").read_text().split("\n\n")[0]
    except OSError:
        return {}
    pairs = (line.partition(":") for line in first.splitlines())
    return {key.strip(): value.strip() for key, _, value in pairs}


def _virtualised() -> bool | None:
    flags = _cpuinfo().get("flags")
    return None if flags is None else "hypervisor" in flags.split()


def cpu_governor() -> str | None:
    """The frequency governor of the first CPU; None where the system shows none."""
    try:
        return Path("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor").read_text().strip()
    except OSError:
        return None
