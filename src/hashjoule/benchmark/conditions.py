"""What else the machine is doing: its state before, during and after a run, and what made the figures less certain."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import psutil

from hashjoule.benchmark.measurement import Measurement
from hashjoule.benchmark.sampling import SAMPLE_SECONDS, clock_hz
from hashjoule.hardware import physical_cores
from hashjoule.records.facts import cpu_governor
from hashjoule.records.schema import State
from hashjoule.statistics import outliers, required_samples

CPUS = Path("/sys/devices/system/cpu")
_CPU_SENSORS = ("coretemp", "k10temp", "zenpower", "cpu_thermal", "acpitz")
"""Drivers of CPU temperature, the most exact first, as psutil names them."""

QUIET_CORES = 0.1
"""Cores that other programs may keep busy during a run before it counts as disturbed."""
QUIET_STEAL = 0.01
_SHARED_GAIN = 0.75
"""What each thread gains of one alone, at least, where no two share a core: the clock falls by a quarter at most."""


class Surroundings:
    """Looks at the machine when it is made and whenever `state` is called."""

    def __init__(self) -> None:
        self._times, self._busy = psutil.cpu_times(), _Busy.now()
        self.before = self.state()

    def state(self) -> State:
        """Return the state of the machine now; None for what the system does not tell."""
        return State(
            clock_hz=clock_hz(),
            governor=cpu_governor(),
            turbo=turbo(),
            temperature_c=temperature_c(),
            load=os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
            steal=self._steal(),
            others_busy=_Busy.now().others_since(self._busy),
        )

    def _steal(self) -> float | None:
        """Return the part of all CPU time since the start that the hypervisor took."""
        now = psutil.cpu_times()
        if not hasattr(now, "steal"):
            return None
        total = sum(now[:8]) - sum(self._times[:8])
        return max(0.0, (now.steal - self._times.steal) / total) if total > 0 else None


class _Busy(NamedTuple):
    """CPU time that was spent on the cores that this process may use, and that this process spent."""

    at_s: float
    all_s: float | None
    own_s: float

    @classmethod
    def now(cls) -> _Busy:
        usable = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else None
        each = psutil.cpu_times(percpu=True)
        # Where the list does not hold every CPU of the affinity (some containers), nothing is known.
        known = usable is None or (bool(each) and max(usable) < len(each))
        busy_s = sum(_busy_s(each[i]) for i in usable or range(len(each))) if known else None
        return cls(time.monotonic(), busy_s, time.process_time())

    def others_since(self, before: _Busy) -> float | None:
        """Return the number of cores that other programs kept busy on average; None over less than a second."""
        passed_s = self.at_s - before.at_s
        if self.all_s is None or before.all_s is None or passed_s < 1:
            return None
        return max(0.0, (self.all_s - before.all_s - self.own_s + before.own_s) / passed_s)


def _busy_s(times: Any) -> float:
    """Return the time in which a CPU worked; a guest's time is counted in the user's already."""
    resting = ("idle", "iowait", "steal", "guest", "guest_nice")
    return float(sum(value for name, value in times._asdict().items() if name not in resting))


def turbo(cpus: Path = CPUS) -> bool | None:
    """Return whether the clock may exceed its base rate; None where the system does not tell."""
    for switch, on in (("intel_pstate/no_turbo", "0"), ("cpufreq/boost", "1")):
        try:
            return (cpus / switch).read_text("ascii").strip() == on
        except OSError:
            continue
    return None


def temperature_c() -> float | None:
    """Return the temperature of the hottest sensor of the CPU's best driver, in degrees Celsius."""
    if not hasattr(psutil, "sensors_temperatures"):
        return None
    found = psutil.sensors_temperatures()
    return next((max(t.current for t in found[name]) for name in _CPU_SENSORS if found.get(name)), None)


def warnings(measured: Sequence[Measurement], before: State, after: State) -> list[str]:
    """Return what made the figures less certain, each with what to do about it."""
    found = [*_of_the_machine(before, after), *_of_the_time_on_cores(measured), *_of_shared_cores(measured)]
    return [*found, *_of_the_clock(measured), *_of_the_samples(measured)]


def _of_the_machine(before: State, after: State) -> list[str]:
    found = []
    if isinstance(after.others_busy, float) and after.others_busy > QUIET_CORES:
        found.append(
            f"other programs kept {after.others_busy:.1f} of the CPU's cores busy during the run: close them and "
            "measure again"
        )
    if after.steal is not None and after.steal > QUIET_STEAL:
        found.append(f"the hypervisor took {after.steal:.0%} of the CPU time: compare cycles per hash, not MH/s")
    if before.governor not in (None, "performance", "schedutil"):
        found.append(f"the CPU's frequency governor is {before.governor!r}: set it to 'performance' for steady rates")
    if after.temperature_c is not None and after.temperature_c > 90:
        found.append(f"the CPU was at {after.temperature_c:.0f} °C after the run: clean or improve its cooling")
    return found


def _of_the_time_on_cores(measured: Sequence[Measurement]) -> list[str]:
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


def _of_shared_cores(measured: Sequence[Measurement]) -> list[str]:
    """Tell threads that share a core: by what the system says, or by how little they gain.

    The gain is by CPU time, so that other programs on the same cores do not count as such.
    """
    alone = {(m.spec.name, m.mode): m for m in measured if m.threads == 1 and m.median_hs()}
    for measurement in sorted(measured, key=lambda m: -m.threads):
        one, n = alone.get((measurement.spec.name, measurement.mode)), measurement.threads
        if n == 1 or not one or not measurement.median_hs():
            continue
        gain, cores = n * _per_cpu_second(measurement) / _per_cpu_second(one), physical_cores()
        said = f"{n} threads give {gain:.2f} times the rate of one"
        if cores is not None and cores < n:
            share = "the same core" if cores == 1 else f"{cores} cores"
            return [f"{said}: they share {share} (hyperthreads), so a rate for each core is the whole over {cores}"]
        if gain < _SHARED_GAIN * n:
            return [f"{said}: they share cores (hyperthreads), or the clock fell; this system does not tell which"]
        return []
    return []


def _per_cpu_second(measurement: Measurement) -> float:
    return statistics.median(sample.hashes / max(sample.cpu_s, 1e-9) for sample in measurement.samples)


def _of_the_clock(measured: Sequence[Measurement]) -> list[str]:
    clocks = [s.clock_hz for measurement in measured for s in measurement.samples if s.clock_hz]
    if not clocks or min(clocks) >= 0.9 * max(clocks):
        return []
    return [
        f"the clock rate varied from {min(clocks) / 1e9:.2f} to {max(clocks) / 1e9:.2f} GHz (turbo, heat or a "
        "shared core): let the machine cool, or measure longer with --seconds"
    ]


def _of_the_samples(measured: Sequence[Measurement]) -> list[str]:
    """Apply pyperf's rules for results that may not be stable: one sentence for all that break the same one."""
    samples_hs = {m.label: m.rates_hs() for m in measured if not m.refused and len(m.samples) >= 3}
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
        "too few samples to know the rate within 1%",
        f"measure with --seconds {wanted:.0f}",
    )


def _deviation(rates: Sequence[float]) -> float:
    return statistics.stdev(rates) / statistics.fmean(rates)


def _strays(rates: Sequence[float]) -> bool:
    mean = statistics.fmean(rates)
    return min(rates) <= 0.5 * mean or max(rates) >= 1.5 * mean


def _listed(names: Sequence[str], fault: str, remedy: str) -> list[str]:
    if not names:
        return []
    shown = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
    return [f"{shown}: {fault}; {remedy}"]
