"""Facts of this machine and this program, for a record: processor, memory, operating system, commit, time."""

from __future__ import annotations

import platform
import subprocess
from datetime import UTC, datetime
from pathlib import Path

from hashjoule.hardware import usable_cores
from hashjoule.records.schema import HostFacts


def commit() -> str | None:
    """Return the commit that this program runs from, if it runs from a git checkout."""
    root = Path(__file__).resolve().parents[2]
    if not (root / ".git").exists():
        return None
    try:
        done = subprocess.run(
            ["git", "-C", str(root), "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"],
            capture_output=True,
            text=True,
            timeout=5,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() or None


def utc_now() -> str:
    """Return the time as YYYY-MM-DDTHH:MM:SSZ."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def host_facts(features: tuple[str, ...], clock_hz: float | None) -> HostFacts:
    """Return what this machine is, as far as it says."""
    import psutil

    return HostFacts(
        cpu=cpu_name(),
        features=features,
        cores=usable_cores(),
        memory=psutil.virtual_memory().total,
        os=f"{platform.system()} {platform.release()} {platform.machine()}",
        virtualised=_virtualised(),
        clock_hz=clock_hz,
    )


def cpu_name() -> str:
    """Return the CPU's name; family and model beside it where the name alone tells too little (cloud machines)."""
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
    """Return the frequency governor of the first CPU; None where the system shows none."""
    try:
        return Path("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor").read_text().strip()
    except OSError:
        return None
