"""What was measured on one machine: facts, warnings, the rate of every backend, and the notes of the record."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from html import escape

from hashjoule.records.schema import Conditions, Record, Result
from hashjoule.report.bars import rate_bars
from hashjoule.report.document import fragment
from hashjoule.report.numbers import count, frequency, hashrate, number, percent
from hashjoule.report.record import notes

NamedRecord = tuple[str, Record]
"""The name of a record's file, and the record."""

_METHODS = {
    "counter": "read from an energy counter",
    "sampled": "the mean of sampled power",
    "reported": "reported by the device itself",
    "bound": "an upper bound",
}
_SCOPES = {
    "package": "of the CPU package",
    "board": "of the board",
    "device": "of the device",
    "system": "of the whole machine",
    "wall": "at the wall",
}
_UNKNOWN = "not known"
_CAPTION = (
    "Median hash rate in each mode, with its 95% interval. <em>Plain</em> searches nonces; <em>rolled</em> also "
    "searches versions (AsicBoost)."
)


def machine_section(index: int, named: NamedRecord, heading: str) -> str:
    """Return the section of one record."""
    name, record = named
    return fragment(
        "machine.html",
        anchor=' id="machine"' if index == 0 else "",
        index=str(index),
        heading=escape(heading),
        facts="".join(f"<div><dt>{escape(term)}</dt><dd>{escape(fact)}</dd></div>" for term, fact in _facts(record)),
        warnings=titled_list("Warnings", record.conditions.warnings) or '<p class="muted">No warnings.</p>',
        refused=titled_list("Refused", [refusal.reason for refusal in record.refused]),
        finding=escape(rate_finding(record)),
        caption=_CAPTION,
        bars=rate_bars(record),
        notes="".join(f'<p class="source">{escape(note)}</p>' for note in _notes(record)),
        file=escape(name),
    )


def headings(names: Sequence[str], records: Sequence[Record]) -> list[str]:
    """Return a heading for each record: its name, with the time of the measurement where several have the same name."""
    several = Counter(names)
    found = [name if several[name] == 1 else f"{name}, {time_of(r)}" for name, r in zip(names, records, strict=True)]
    twice = Counter(found)
    return [f"{heading} (record {i})" if twice[heading] > 1 else heading for i, heading in enumerate(found, 1)]


def time_of(record: Record) -> str:
    """Return when a record was made, for readers."""
    return record.created[:16].replace("T", " ") + (" UTC" if record.created.endswith("Z") else "")


def rate_finding(record: Record) -> str:
    """Return a sentence on the fastest code, compared with code on as many cores only."""
    on_one_core = [result for result in record.results if record.cores_of(result) == 1]
    compared = on_one_core or list(record.results)
    if not compared:
        return "No backend gave a rate that can be trusted"
    fastest = max(compared, key=lambda result: result.hashrate_hs.median)
    where = "the fastest code on one core" if on_one_core else "the fastest"
    finding = f"{fastest.backend} is {where}: {hashrate(fastest.hashrate_hs.median)} {fastest.mode}"
    base = [r for r in compared if r.backend == "reference" and r.mode == fastest.mode and r is not fastest]
    if base:
        ratio = fastest.hashrate_hs.median / base[0].hashrate_hs.median
        finding += f", {number(ratio)} times the rate of hashlib"
    return finding + _on_more_cores(record)


def _on_more_cores(record: Record) -> str:
    """Return the fastest result on the most CPU cores, as a second half of the sentence; nothing if all run on one."""
    most = max((record.cores_of(result) for result in record.results), default=0)
    if most <= 1:
        return ""
    fastest = max(
        (result for result in record.results if record.cores_of(result) == most),
        key=lambda result: result.hashrate_hs.median,
    )
    return f"; {fastest.backend} on {count(most, 'core')}: {hashrate(fastest.hashrate_hs.median)} {fastest.mode}"


def power_note(record: Record) -> str:
    """Return how the power of a record was found; nothing if there is none."""
    found = sorted({(r.energy.method, r.energy.scope, r.energy.source) for r in record.results if r.energy})
    return " ".join(_power_sentence(*parts) for parts in found)


def _power_sentence(method: str, scope: str, source: str) -> str:
    if method == "declared":
        return "The power was declared by the person who measured; no meter was read."
    return f"Power {_SCOPES.get(scope, scope)}: {_METHODS[method]} ({source})."


def _facts(record: Record) -> list[tuple[str, str]]:
    machine, conditions, software = record.machine, record.conditions, record.hashjoule
    return [
        ("Measured", time_of(record)),
        ("Cores", str(machine.cores)),
        ("Clock while measuring", frequency(machine.clock_hz) if machine.clock_hz else _UNKNOWN),
        ("Memory", f"{number(machine.memory / 2**30)} GiB"),
        ("System", machine.os),
        ("Virtual machine", {True: "yes", False: "no", None: _UNKNOWN}[machine.virtualised]),
        ("Load before", _UNKNOWN if conditions.load is None else f"{conditions.load:.2f}"),
        ("Stolen CPU time", _UNKNOWN if conditions.steal is None else percent(conditions.steal)),
        ("Frequency governor", conditions.governor or _UNKNOWN),
        ("Turbo", {True: "on", False: "off", None: _UNKNOWN}[conditions.before.turbo if conditions.before else None]),
        ("Temperature", _temperatures(conditions) or _UNKNOWN),
        ("Instruction sets", ", ".join(machine.features) or "none known"),
        ("Program", f"hashjoule {software.version}" + (f", commit {software.commit}" if software.commit else "")),
        ("Compiler of the C core", software.compiler or "not built"),
    ]


def _temperatures(conditions: Conditions) -> str:
    moments = {"before": conditions.before, "during": conditions.during, "after": conditions.after}
    known = {name: state.temperature_c for name, state in moments.items() if state and state.temperature_c is not None}
    return ", ".join(f"{celsius:.0f} °C {name}" for name, celsius in known.items())


def titled_list(title: str, entries: Sequence[str]) -> str:
    """Return a list under a heading; nothing if it is empty."""
    items = "".join(f"<li>{escape(entry)}</li>" for entry in entries)
    return f'<div class="warnings"><h3>{title}</h3><ul>{items}</ul></div>' if entries else ""


def _notes(record: Record) -> list[str]:
    """Return what the bars do not say: joules with all power and above idle, and the notes of `hashjoule show`."""
    found = [note for note in [power_note(record)] if note]
    found += [_above_idle(result) for result in record.results if result.j_per_th and result.j_per_th_above_idle]
    return found + notes(record)


def _above_idle(result: Result) -> str:
    gross = number(result.j_per_th.value) if result.j_per_th else "-"
    net = number(result.j_per_th_above_idle.value) if result.j_per_th_above_idle else "-"
    return f"{result.backend} {result.mode}: {gross} J/TH with all power, {net} J/TH above idle."
