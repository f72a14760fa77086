"""The record of a fleet as text for a terminal."""

from __future__ import annotations

from hashjoule.fleet.summary import Fleet, Host, Spread
from hashjoule.report.numbers import count, hashrate, number, percent, power
from hashjoule.report.text import columns


def fleet_text(fleet: Fleet) -> str:
    """Return the fleet's record as text for a terminal."""
    lines = [_line(host, fleet.spread.median) for host in fleet.hosts if host.hashrate_hs and fleet.spread]
    table = columns(["host", "best backend", "hash rate", "of median", "power", "J/TH"], lines, left=2) if lines else ""
    return "\n\n".join(part for part in (table, *_notes(fleet)) if part)


def _line(host: Host, median_hs: float) -> list[str]:
    rate_hs = host.hashrate_hs or 0.0
    j_per_th = host.power_w / rate_hs * 1e12 if host.power_w else None
    figures = [hashrate(rate_hs), percent(rate_hs / median_hs, 3), power(host.power_w), number(j_per_th)]
    return [host.name, " + ".join(host.best), *figures]


def _notes(fleet: Fleet) -> list[str]:
    notes = [] if fleet.complete else ["The run was interrupted; this is what had been measured by then."]
    if fleet.spread and fleet.hashrate_hs:
        notes.append(_total(fleet.hashrate_hs, fleet.spread, fleet))
        notes += [f"Slowest: {fleet.slowest}."] * bool(fleet.slowest)
    if efficiency := fleet.j_per_th:
        at_most = "At most " if "bound" in efficiency.methods else ""
        where = f"on {count(efficiency.hosts, 'host')} ({', '.join(efficiency.methods)})"
        notes.append(f"{at_most}{number(efficiency.value)} J/TH {where}.")
    elif fleet.measured:
        notes.append("No J/TH: no power was measured. If you know the power of each host, state it with --watts WATTS.")
    return notes


def _total(hashrate_hs: float, spread: Spread, fleet: Fleet) -> str:
    total = f"{hashrate(hashrate_hs)} from {fleet.measured} of {count(len(fleet.hosts), 'host')}"
    if fleet.measured == 1:
        return f"{total}."
    middle, low, high, mad = map(hashrate, (spread.median, spread.lowest, spread.highest, spread.mad))
    return f"{total}, each measured alone: median {middle}, from {low} to {high}, median absolute deviation {mad}."
