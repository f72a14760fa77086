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
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from hashjoule.errors import UsageError

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


class Conditions(Struct, frozen=True, forbid_unknown_fields=True):
    """How quiet the machine was. `load` before the run, `steal` as the part of CPU time taken by the hypervisor."""

    load: NonNegative | None
    steal: NonNegative | None
    governor: str | None
    warnings: tuple[str, ...] = ()


class Rate(Struct, frozen=True, forbid_unknown_fields=True):
    """Hashes a second of wall-clock time: median, median absolute deviation, 95 % bootstrap interval of the median."""

    median: Positive
    mad: NonNegative
    ci95_low: Positive
    ci95_high: Positive


class Energy(Struct, frozen=True, forbid_unknown_fields=True):
    """Energy of the timed samples: joules in seconds, from where, of what, how it was had, and the idle power."""

    joules: Positive
    seconds: Positive
    source: str
    scope: str
    method: Literal["counter", "sampled", "declared", "bound"]
    idle_w: NonNegative | None = None


class Efficiency(Struct, frozen=True, forbid_unknown_fields=True):
    """Joules per terahash, with the bounds that the rate's interval gives."""

    value: Positive
    low: Positive
    high: Positive


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


class Refusal(Struct, frozen=True, forbid_unknown_fields=True):
    """A backend whose rate is not given, and why."""

    backend: str
    mode: str
    reason: str


class Record(Struct, frozen=True, forbid_unknown_fields=True):
    """A benchmark run."""

    schema: Literal["hashjoule.record/1"]
    created: str
    hashjoule: Software
    machine: Machine
    conditions: Conditions
    results: tuple[Result, ...]
    refused: tuple[Refusal, ...] = ()


def load_record(path: Path) -> Record:
    """Reads and validates a record. Raises UsageError, in one sentence, for anything that is not one."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Record)
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from None
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise UsageError(f"{path} is no {SCHEMA} record: {error}") from None


def to_json(value: object) -> str:
    """Indented JSON of a record or of any plain value."""
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode()


def save_record(record: Record, folder: Path, suite: str = "bench") -> Path:
    """Writes `<folder>/<machine>/<date>-<suite>.json` atomically, never over an existing file; returns the path.

    Raises UsageError if the folder cannot be written.
    """
    target = folder / _slug(record.machine.cpu)
    stem = f"{record.created[:10]}-{suite}"
    try:
        target.mkdir(parents=True, exist_ok=True)
        return _write_new(target, stem, to_json(record) + "\n")
    except OSError as error:
        raise UsageError(f"the record cannot be saved in {target}: {error.strerror}") from None


def _write_new(folder: Path, stem: str, text: str) -> Path:
    handle, temporary = tempfile.mkstemp(dir=folder, prefix=".", suffix=".tmp")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(0o644)
        for number in range(1, 10_000):
            path = folder / (f"{stem}.json" if number == 1 else f"{stem}-{number}.json")
            with contextlib.suppress(FileExistsError):
                os.link(temporary, path)  # fails where the name is taken, unlike a rename
                return path
        raise FileExistsError(17, "every name of this date is taken")
    finally:
        Path(temporary).unlink(missing_ok=True)


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
