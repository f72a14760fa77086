"""What else the machine is doing: its state before, during and after a run, and what made the figures less certain."""

from __future__ import annotations

import os
import statistics
from collections.abc import Sequence
from pathlib import Path

import psutil

from hashjoule.benchmark.sampling import SAMPLE_SECONDS, Measurement, clock_hz
from hashjoule.records.facts import cpu_governor
from hashjoule.records.schema import State
from hashjoule.statistics import outliers, required_samples

CPUS = Path("/sys/devices/system/cpu")
_CPU_SENSORS = ("coretemp", "k10temp", "zenpower", "cpu_thermal", "acpitz")
"""Drivers of CPU temperature, the most exact first, as psutil names them."""


class Surroundings:
    """Looks at the machine when it is made and whenever `state` is called."""

    def __init__(self) -> None:
        self._times = psutil.cpu_times()
        self.before = self.state()

    def state(self) -> State:
        """The machine now; None for what the system does not tell."""
        return State(
            clock_hz=clock_hz(),
            governor=cpu_governor(),
            turbo=turbo(),
            temperature_c=temperature_c(),
            load=os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
            steal=self._steal(),
        )

    def _steal(self) -> float | None:
        """The part of all CPU time since the start that the hypervisor took."""
        now = psutil.cpu_times()
        if not hasattr(now, "steal"):
            return None
        total = sum(now[:8]) - sum(self._times[:8])
        return max(0.0, (now.steal - self._times.steal) / total) if total > 0 else None


def turbo(cpus: Path = CPUS) -> bool | None:
    """Whether the clock may exceed its base rate; None where the system does not tell."""
    for switch, on in (("intel_pstate/no_turbo", "0"), ("cpufreq/boost", "1")):
        try:
            return (cpus / switch).read_text("ascii").strip() == on
        except OSError:
            continue
    return None


def temperature_c() -> float | None:
    """The hottest sensor of the CPU's best driver."""
    if not hasattr(psutil, "sensors_temperatures"):
        return None
    found = psutil.sensors_temperatures()
    return next((max(t.current for t in found[name]) for name in _CPU_SENSORS if found.get(name)), None)


def warnings(measured: Sequence[Measurement], before: State, after: State) -> list[str]:
    """What made the figures less certain, each with what to do about it."""
    found = [*_of_the_machine(before, after), *_of_the_cores(measured)]
    return [*found, *_of_the_clock(measured), *_of_the_samples(measured)]


def _of_the_cores(measured: Sequence[Measurement]) -> list[str]:
    shares = [
        sum(s.cpu_s for s in measurement.samples) / measurement.threads / sum(s.wall_s for s in measurement.samples)
        for measurement in measured
        if measurement.spec.runs_in_caller and measurement.samples
    ]
    if not shares or statistics.median(shares) >= 0.95:
        return []
    return [
        f"the run had {statistics.median(shares):.0%} of its cores, other processes the rest: close them, or use fewer "
        "--threads"
    ]


def _of_the_machine(before: State, after: State) -> list[str]:
    found = []
    if before.load is not None and before.load > 0.5:
        found.append(f"other work was running (load {before.load:.1f} before the start): close it and measure again")
    if after.steal is not None and after.steal > 0.01:
        found.append(f"the hypervisor took {after.steal:.0%} of the CPU time: compare cycles per hash, not MH/s")
    if before.governor not in (None, "performance", "schedutil"):
        found.append(f"the CPU's frequency governor is {before.governor!r}: set it to 'performance' for steady rates")
    if after.temperature_c is not None and after.temperature_c > 90:
        found.append(f"the CPU was at {after.temperature_c:.0f} °C after the run: clean or improve its cooling")
    return found


def _of_the_clock(measured: Sequence[Measurement]) -> list[str]:
    clocks = [s.clock_hz for measurement in measured for s in measurement.samples if s.clock_hz]
    if not clocks or min(clocks) >= 0.9 * max(clocks):
        return []
    return [
        f"the clock rate varied from {min(clocks) / 1e9:.2f} to {max(clocks) / 1e9:.2f} GHz (turbo, heat or a "
        "shared core): let the machine cool, or measure longer with --seconds"
    ]


def _of_the_samples(measured: Sequence[Measurement]) -> list[str]:
    """pyperf's rules for results that may not be stable, one sentence for all backends that break the same one."""
    samples_hs = {
        s.label: rates
        for s in measured
        if not s.refused and len(rates := [sample.hashes / sample.wall_s for sample in s.samples]) >= 3
    }
    shaken = {name: rates for name, rates in samples_hs.items() if _deviation(rates) >= 0.1}
    short = {name: n for name, rates in samples_hs.items() if (n := required_samples(rates)) > len(rates)}
    found = _listed(
        [name for name, rates in samples_hs.items() if _strays(rates)],
        "samples far off (half the mean or more)",
        "something interrupted the run; close other programs and measure again",
    )
    found += _listed(
        [name for name, rates in samples_hs.items() if outliers(rates) > 0.1 * len(rates)],
        "more than a tenth of the samples are outliers (1.5 interquartile ranges off)",
        "the median passes over them, but measure again on a quiet machine",
    )
    found += _listed(
        list(shaken),
        f"unsteady (standard deviation up to {max(map(_deviation, shaken.values()), default=0):.0%} of the mean)",
        "close other programs, fix the clock rate or measure longer with --seconds",
    )
    wanted = max((n for name, n in short.items() if name not in shaken), default=0) * SAMPLE_SECONDS
    return found + _listed(
        [name for name in short if name not in shaken],
        "too few samples to know the rate within 1 %",
        f"measure with --seconds {wanted:.0f}",
    )


def _deviation(rates: Sequence[float]) -> float:
    return statistics.stdev(rates) / statistics.fmean(rates)


def _strays(rates: Sequence[float]) -> bool:
    mean = statistics.fmean(rates)
    return min(rates) <= 0.5 * mean or max(rates) >= 1.5 * mean


def _listed(names: Sequence[str], what: str, remedy: str) -> list[str]:
    if not names:
        return []
    shown = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
    return [f"{shown}: {what}; {remedy}"]
