"""The record of a fleet (`hashjoule.fleet/1`): what its hosts did, together and beside each other. Pure functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

import hashjoule
from hashjoule.fleet.child import Reply
from hashjoule.records.schema import Count, NonNegative, Positive, Record, Result
from hashjoule.report.text import columns, significant
from hashjoule.statistics import median_deviation

SCHEMA: Literal["hashjoule.fleet/1"] = "hashjoule.fleet/1"

ODD_DEVIATIONS, ODD_PART, ODD_HOSTS = 3.5, 0.05, 3
"""Odd is who is further from the median of its like than so many standard deviations, told robustly by the median
deviation (Iglewicz and Hoaglin 1993), and than that part of it; among at least so many hosts of one model."""


class Host(Struct, frozen=True, forbid_unknown_fields=True):
    """A machine of the fleet: what was measured there, or why nothing was.

    Its rate is that of its best results, one a device, added up; its power what their meters showed, null where one
    of them has none, or one meter would count two devices.
    """

    name: str
    workers: Annotated[int, Meta(ge=1)]
    record: Record | None = None
    reason: str | None = None
    hashrate_hs: Positive | None = None
    power_w: Positive | None = None
    best: tuple[str, ...] = ()
    """Backend, mode and threads of these results."""
    odd: str | None = None
    """How it differs from hosts of its model, if it stands out."""


class Spread(Struct, frozen=True, forbid_unknown_fields=True):
    """Hashes a second of the hosts: lowest, median, highest, median absolute deviation."""

    lowest: Positive
    median: Positive
    highest: Positive
    mad: NonNegative


class FleetEfficiency(Struct, frozen=True, forbid_unknown_fields=True):
    """Joules per terahash of the hosts that are metered: all their power over all their hashes."""

    value: Positive
    hosts: Annotated[int, Meta(ge=1)]
    methods: tuple[str, ...]
    """How the energy was had (see `records.Energy`); a `bound` among them makes the value one."""


class Fleet(Struct, frozen=True, forbid_unknown_fields=True):
    """A benchmark run on a cluster. `complete` is false if it was interrupted."""

    schema: Literal["hashjoule.fleet/1"]
    created: Annotated[str, Meta(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")]
    version: str
    hosts: tuple[Host, ...]
    measured: Count
    hashrate_hs: Positive | None
    """The hosts' rates, each measured alone, added up."""
    spread: Spread | None
    j_per_th: FleetEfficiency | None
    slowest: str | None
    complete: bool = True


def host(name: str, workers: int, outcomes: Sequence[Reply]) -> Host:
    """A machine from what its workers measured, each the devices that the ones before it did not see."""
    reasons = [outcome.reason for outcome in outcomes if outcome.reason]
    found = [outcome for outcome in outcomes if outcome.record and outcome.record.results]
    if not found:
        return Host(name, workers, reason=reasons[0] if reasons else "it showed no device to measure")
    devices = {backend: device for outcome in found for backend, device in outcome.devices.items()}
    record = merged([outcome.record for outcome in found if outcome.record])
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
    """One record of a machine whose devices several runs have measured, each some of them."""
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
    """The fastest result of each device."""
    best: dict[str, Result] = {}
    for result in sorted(results, key=lambda result: result.hashrate_hs.median):
        best[devices.get(result.backend, result.device)] = result
    return list(best.values())


def power_w(best: Sequence[Result]) -> float | None:
    """The power of these results together; None if one has no meter, or a meter of the whole system saw several."""
    if any(result.j_per_th is None for result in best):
        return None
    if len(best) > 1 and any(result.energy and result.energy.scope == "system" for result in best):
        return None
    return sum(r.j_per_th.value * r.hashrate_hs.median / 1e12 for r in best if r.j_per_th)


def summarise(hosts: Sequence[Host], created: str, complete: bool = True) -> Fleet:
    """The fleet's record from those of its hosts."""
    rates = {host.name: host.hashrate_hs for host in hosts if host.hashrate_hs}
    values = list(rates.values())
    named = _odd_named(hosts)
    return Fleet(
        schema=SCHEMA,
        created=created,
        version=hashjoule.__version__,
        hosts=tuple(sorted(named, key=lambda host: (host.hashrate_hs is None, host.name))),
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


def _odd_named(hosts: Sequence[Host]) -> list[Host]:
    """The hosts, with how they differ from others of their model."""
    alike: dict[tuple[str, ...], list[float]] = {}
    for one in hosts:
        if one.record and one.hashrate_hs:
            alike.setdefault(_model(one.record), []).append(one.hashrate_hs)
    named = []
    for one in hosts:
        why = oddness(one.hashrate_hs, alike[_model(one.record)]) if one.record and one.hashrate_hs else None
        named.append(msgspec.structs.replace(one, odd=why))
    return named


def _model(record: Record) -> tuple[str, ...]:
    """What should be equally fast: the same CPU with as many cores, the same devices."""
    return record.machine.cpu, str(record.machine.cores), *sorted({result.device for result in record.results})


def oddness(rate_hs: float, like_hs: Sequence[float]) -> str | None:
    """How a rate differs from those of its like, itself among them, as a sentence; None if it does not stand out."""
    middle = median(like_hs)
    limit = max(ODD_DEVIATIONS * 1.4826 * median_deviation(like_hs), ODD_PART * middle)
    if len(like_hs) < ODD_HOSTS or abs(rate_hs - middle) <= limit:
        return None
    way = "slower" if rate_hs < middle else "faster"
    return f"{abs(rate_hs / middle - 1):.0%} {way} than the median of the {len(like_hs)} hosts of its model"


def text(fleet: Fleet) -> str:
    """The fleet's record for a terminal."""
    lines = [_line(host, fleet.spread.median) for host in fleet.hosts if host.hashrate_hs and fleet.spread]
    table = columns(["host", "best", "MH/s", "of the median", "W", "J/TH"], lines, left=2) if lines else ""
    return "\n\n".join(part for part in (table, *_notes(fleet)) if part)


def _line(host: Host, median_hs: float) -> list[str]:
    rate_hs = host.hashrate_hs or 0.0
    j_per_th = host.power_w / rate_hs * 1e12 if host.power_w else None
    figures = [significant(rate_hs / 1e6), f"{rate_hs / median_hs:.0%}", significant(host.power_w)]
    return [host.name, " + ".join(host.best), *figures, significant(j_per_th)]


def _notes(fleet: Fleet) -> list[str]:
    found = [] if fleet.complete else ["The run was interrupted: this is what it had measured until then."]
    if fleet.spread and fleet.hashrate_hs:
        s = fleet.spread
        low, middle, high, mad = (significant(hs / 1e6) for hs in (s.lowest, s.median, s.highest, s.mad))
        total = f"{significant(fleet.hashrate_hs / 1e6)} MH/s by {fleet.measured} of {len(fleet.hosts)} hosts"
        spread = f", each measured alone: median {middle}, from {low} to {high}, median deviation {mad}"
        found.append(total + spread * (fleet.measured > 1) + ".")
        found += [f"Slowest: {fleet.slowest}."] * bool(fleet.slowest)
    if e := fleet.j_per_th:
        at_most = "At most " if "bound" in e.methods else ""
        found.append(f"{at_most}{significant(e.value)} J/TH on {e.hosts} hosts ({', '.join(e.methods)}).")
    elif fleet.measured:
        found.append("No J/TH: no power was measured. Declare that of each host with --watts W if you know it.")
    return found
