"""The record of a fleet (`hashjoule.fleet/1`): totals, spread and outliers over its hosts. Pure functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

import hashjoule
from hashjoule.fleet.child import Reply
from hashjoule.records.fields import Count, NonNegative, Positive
from hashjoule.records.schema import Record, Result
from hashjoule.statistics import median_deviation

SCHEMA: Literal["hashjoule.fleet/1"] = "hashjoule.fleet/1"

OUTLIER_DEVIATIONS = 3.5
"""Flag a host whose rate lies more than this many robust standard deviations from the median of hosts with the same
hardware (Iglewicz and Hoaglin 1993: 1.4826 times the median absolute deviation) ..."""
OUTLIER_FRACTION = 0.05
"""... and more than this fraction of the median ..."""
OUTLIER_HOSTS = 3
"""... where at least this many hosts have the same hardware."""


class Host(Struct, frozen=True, forbid_unknown_fields=True):
    """A machine of the fleet: what was measured there, or why nothing was.

    The rate is the sum of the best result of each device. The power is what the meters of these results showed; null
    if one of them has no meter, or if one meter would count two devices.
    """

    name: str
    workers: Annotated[int, Meta(ge=1)]
    record: Record | None = None
    reason: str | None = None
    hashrate_hs: Positive | None = None
    power_w: Positive | None = None
    best: tuple[str, ...] = ()
    """Backend, mode and threads of the best result of each device."""
    outlier: str | None = msgspec.field(name="odd", default=None)
    """How its rate differs from that of hosts with the same hardware; null unless it stands out."""


class Spread(Struct, frozen=True, forbid_unknown_fields=True):
    """The hosts' rates in H/s: lowest, median, highest, median absolute deviation."""

    lowest: Positive
    median: Positive
    highest: Positive
    mad: NonNegative


class FleetEfficiency(Struct, frozen=True, forbid_unknown_fields=True):
    """Joules per terahash over the metered hosts: their total power over their total rate."""

    value: Positive
    hosts: Annotated[int, Meta(ge=1)]
    methods: tuple[str, ...]
    """How the energy was obtained (see `records.schema.Energy`); a `bound` makes the value an upper bound."""


class Fleet(Struct, frozen=True, forbid_unknown_fields=True):
    """A benchmark run on a cluster. `complete` is false if it was interrupted."""

    schema: Literal["hashjoule.fleet/1"]
    created: Annotated[str, Meta(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")]
    version: str
    hosts: tuple[Host, ...]
    measured: Count
    hashrate_hs: Positive | None
    """The sum of the hosts' rates, each measured alone."""
    spread: Spread | None
    j_per_th: FleetEfficiency | None
    slowest: str | None
    complete: bool = True


def host(name: str, workers: int, replies: Sequence[Reply]) -> Host:
    """Combine what the workers of a machine measured, each for devices that earlier ones did not see."""
    reasons = [reply.reason for reply in replies if reply.reason]
    found = [reply for reply in replies if reply.record and reply.record.results]
    if not found:
        return Host(name, workers, reason=reasons[0] if reasons else "it has no device to measure")
    devices = {backend: device for reply in found for backend, device in reply.devices.items()}
    record = merged([reply.record for reply in found if reply.record])
    best = best_by_device(record.results, devices)
    return Host(
        name,
        workers,
        record,
        "; ".join(reasons) or None,
        sum(result.hashrate_hs.median for result in best),
        power_w(best),
        tuple(f"{r.backend} {r.mode}" + f" x {r.threads}" * (r.threads > 1) for r in best),
    )


def merged(parts: Sequence[Record]) -> Record:
    """Merge the records of several runs on one machine, each of which measured some of its devices."""
    first = parts[0]
    if len(parts) == 1:
        return first
    warnings = tuple(dict.fromkeys(w for part in parts for w in part.conditions.warnings))
    best = [part.device_sum_hs or max((r.hashrate_hs.median for r in part.results), default=0) for part in parts]
    return msgspec.structs.replace(
        first,
        conditions=msgspec.structs.replace(first.conditions, warnings=warnings),
        results=tuple(result for part in parts for result in part.results),
        refused=tuple(refusal for part in parts for refusal in part.refused),
        device_sum_hs=sum(best),
        complete=all(part.complete for part in parts),
    )


def best_by_device(results: Sequence[Result], devices: Mapping[str, str]) -> list[Result]:
    """Return the fastest result of each device; `devices` maps backend names to devices."""
    best: dict[str, Result] = {}
    for result in sorted(results, key=lambda result: result.hashrate_hs.median):
        best[devices.get(result.backend, result.device)] = result
    return list(best.values())


def power_w(best: Sequence[Result]) -> float | None:
    """Return the total power in watts; None if a result has no meter, or one system-wide meter saw several devices."""
    if any(result.j_per_th is None for result in best):
        return None
    if len(best) > 1 and any(result.energy and result.energy.scope == "system" for result in best):
        return None
    return sum(r.j_per_th.value * r.hashrate_hs.median / 1e12 for r in best if r.j_per_th)


def summarise(hosts: Sequence[Host], created: str, complete: bool = True) -> Fleet:
    """Return the fleet's record, made from those of its hosts."""
    rates = {host.name: host.hashrate_hs for host in hosts if host.hashrate_hs}
    values = list(rates.values())
    flagged = _flag_outliers(hosts)
    return Fleet(
        schema=SCHEMA,
        created=created,
        version=hashjoule.__version__,
        hosts=tuple(sorted(flagged, key=lambda host: (host.hashrate_hs is None, host.name))),
        measured=len(rates),
        hashrate_hs=sum(values) or None,
        spread=Spread(min(values), median(values), max(values), median_deviation(values)) if values else None,
        j_per_th=_efficiency(hosts),
        slowest=min(rates, key=lambda name: rates[name]) if len(rates) > 1 else None,
        complete=complete,
    )


def _efficiency(hosts: Sequence[Host]) -> FleetEfficiency | None:
    metered = [host for host in hosts if host.power_w and host.hashrate_hs and host.record]
    if not metered:
        return None
    watts = sum(host.power_w or 0 for host in metered)
    rate_hs = sum(host.hashrate_hs or 0 for host in metered)
    methods = {r.energy.method for host in metered if host.record for r in host.record.results if r.energy}
    return FleetEfficiency(watts / rate_hs * 1e12, len(metered), tuple(sorted(methods)))


def _flag_outliers(hosts: Sequence[Host]) -> list[Host]:
    """Return the hosts, those that stand out among equal ones with a sentence that says how."""
    rates: dict[tuple[str, ...], list[float]] = {}
    for one in hosts:
        if one.record and one.hashrate_hs:
            rates.setdefault(_same_hardware(one.record), []).append(one.hashrate_hs)
    flagged = []
    for one in hosts:
        why = None
        if one.record and one.hashrate_hs:
            why = outlier(one.hashrate_hs, rates[_same_hardware(one.record)])
        flagged.append(msgspec.structs.replace(one, outlier=why))
    return flagged


def _same_hardware(record: Record) -> tuple[str, ...]:
    """Return what hosts have in common that should be equally fast: CPU, number of cores, devices."""
    return record.machine.cpu, str(record.machine.cores), *sorted({result.device for result in record.results})


def outlier(rate_hs: float, same_hardware_hs: Sequence[float]) -> str | None:
    """Say how a rate differs from those of all hosts with the same hardware; None if it does not stand out."""
    middle = median(same_hardware_hs)
    limit = max(OUTLIER_DEVIATIONS * 1.4826 * median_deviation(same_hardware_hs), OUTLIER_FRACTION * middle)
    if len(same_hardware_hs) < OUTLIER_HOSTS or abs(rate_hs - middle) <= limit:
        return None
    direction = "slower" if rate_hs < middle else "faster"
    difference = abs(rate_hs / middle - 1)
    return f"{difference:.0%} {direction} than the median of the {len(same_hardware_hs)} hosts with the same hardware"
