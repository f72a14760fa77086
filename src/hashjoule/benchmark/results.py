"""What a record keeps of measurements: rates with their intervals, cycles, energy."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import replace

from msgspec import UNSET, UnsetType

from hashjoule.benchmark import energy
from hashjoule.benchmark.energy import Metering
from hashjoule.benchmark.measurement import Measurement, device_key
from hashjoule.hardware import Hardware
from hashjoule.records.schema import Rate, Result
from hashjoule.statistics import Weights, correlation, median_deviation, median_interval, relative_spread


def results(batch: Sequence[Measurement], metering: Metering | None = None) -> list[Result]:
    """Return the entries of measurements that were sampled together, in their order.

    Those of one device share its noise, so they all tell how much neighbouring samples are alike.
    """
    alike: dict[str, tuple[Weights, Weights]] = {}
    for device in {device_key(measurement.spec) for measurement in batch}:
        of_device = [m for m in batch if not m.refused and device_key(m.spec) == device]
        alike[device] = (
            correlation(m.rates_hs() for m in of_device),
            correlation(m.cycles_per_hash() for m in of_device),
        )
    found = (result(m, metering, *alike[device_key(m.spec)]) for m in batch)
    return [entry for entry in found if entry]


def rate(samples_hs: Sequence[float], clocks_hz: Sequence[float] = (), alike: Weights | None = None) -> Rate:
    """Return median, median absolute deviation and 95 % interval of the median.

    Another run meets another clock rate (turbo, heat, neighbours), so the interval has the clock's spread in it.
    """
    interval = median_interval(samples_hs, alike, relative_spread(clocks_hz))
    return Rate(statistics.median(samples_hs), median_deviation(samples_hs), interval.low, interval.high)


def result(
    measurement: Measurement,
    metering: Metering | None = None,
    rates_alike: Weights | None = None,
    cycles_alike: Weights | None = None,
) -> Result | None:
    """Return the measurement's entry in the record; None after a refusal or with fewer than two samples.

    Cycles per hash are CPU time times the clock rate measured beside it; null for devices, whose work the host's
    CPU time does not show. Energy is null unless a meter of `metering` covers the backend.
    """
    if measurement.refused or len(measurement.samples) < 2:
        return None
    spec, samples = measurement.spec, measurement.samples
    per_cpu_second = [s.hashes / s.cpu_s for s in samples if s.cpu_s > 0]
    cycles = measurement.cycles_per_hash() if spec.on_cpu else []
    clocks_hz = [s.clock_hz for s in samples if s.clock_hz] if spec.on_cpu else []
    hashrate = rate(measurement.rates_hs(), clocks_hz, rates_alike)
    metering = metering or Metering()
    spent, meter = metering.energy(measurement), metering.meter_for(measurement)
    total = energy.gross(spent, measurement.turns, hashrate, meter.step_j) if spent and meter else None
    return Result(
        backend=spec.name,
        mode=measurement.mode,
        device=spec.device,
        runtime=spec.runtime,
        threads=measurement.threads,
        hashes=sum(s.hashes for s in samples),
        samples_hs=tuple(measurement.rates_hs()),
        hashrate_hs=hashrate,
        hashes_per_cpu_second=statistics.median(per_cpu_second) if per_cpu_second and spec.on_cpu else None,
        cycles_per_hash=statistics.median(cycles) if cycles else None,
        cycles_per_hash_ci95=_bounds(cycles, cycles_alike),
        verified_hits=sum(s.verified_hits for s in samples),
        energy=spent,
        j_per_th=total,
        j_per_th_above_idle=energy.above_idle(spent, total) if spent and total else None,
        hardware=_hardware_used(measurement),
    )


def _bounds(samples: Sequence[float], alike: Weights | None) -> tuple[float, float] | UnsetType:
    """Return the 95 % interval of the median of samples, where there are enough of them."""
    if len(samples) < 2:
        return UNSET
    low, high = median_interval(samples, alike)
    return low, high


def _hardware_used(measurement: Measurement) -> Hardware | UnsetType:
    """Return the device's facts, with the cores of all threads."""
    hardware = measurement.spec.hardware
    return replace(hardware, cpu_cores=measurement.cores) if hardware else UNSET


def median_clock_hz(measured: Sequence[Measurement]) -> float | None:
    """Return the median clock rate over all samples."""
    clocks = [s.clock_hz for measurement in measured for s in measurement.samples if s.clock_hz]
    return statistics.median(clocks) if clocks else None


def device_sum_hs(measured: Sequence[Measurement]) -> float | None:
    """Return the best rates of all devices, each measured alone, added up; None for a single device.

    The CPU counts once, whether C, Numba or OpenCL runs on it, and so does a GPU that two platforms show.
    """
    best: dict[str, float] = {}
    for measurement in measured:
        device = device_key(measurement.spec)
        best[device] = max(best.get(device, 0.0), measurement.median_hs())
    working = [rate_hs for rate_hs in best.values() if rate_hs]
    return sum(working) if len(working) > 1 else None
