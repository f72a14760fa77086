"""What was measured on one machine: facts, warnings, the rate of every backend, and the notes of the record."""

from __future__ import annotations

from hashjoule.records.schema import Conditions, Record, Result
from hashjoule.report.bars import rate_bars
from hashjoule.report.document import unbroken
from hashjoule.report.numbers import count, frequency, hashrate, number, percent
from hashjoule.report.record import notes
from hashjoule.report.sections.record import NamedRecord, power_note, record_section, time_of

_UNKNOWN = "not known"
_CAPTION = (
    "Median hash rate in each mode, with its 95% interval. <em>Plain</em> searches nonces; <em>rolled</em> also "
    "searches versions (AsicBoost)."
)


def machine_section(index: int, named: NamedRecord, heading: str) -> str:
    """Return the section of a record of `hashjoule bench`."""
    _, record = named
    return record_section(
        index,
        named,
        heading,
        facts=_facts(record),
        finding=rate_finding(record),
        caption=_CAPTION,
        bars=rate_bars(record),
        notes=_notes(record),
    )


def rate_finding(record: Record) -> str:
    """Return a sentence on the fastest code: on one core, on the most cores, and on devices that are no CPU.

    Each is compared with code on as many cores only.
    """
    by_cores = {cores: _fastest(record, cores) for cores in map(record.cores_of, record.results)}
    if not by_cores:
        return "No backend gave a rate that can be trusted"
    parts = []
    if 1 in by_cores:
        rate = _rate(by_cores[1])
        parts.append(
            f"{by_cores[1].backend} is the fastest code on one core: {rate}{_over_hashlib(record, by_cores[1])}"
        )
    most = max(by_cores)
    if most > 1:
        parts.append(f"{by_cores[most].backend} on {count(most, 'core')}: {_rate(by_cores[most])}")
    if 0 in by_cores:
        parts.append(f"{by_cores[0].backend} on {by_cores[0].device}: {_rate(by_cores[0])}")
    return "; ".join(parts)


def _fastest(record: Record, cores: int) -> Result:
    """Return the fastest result on that many CPU cores; 0 stands for the other devices."""
    alike = (result for result in record.results if record.cores_of(result) == cores)
    return max(alike, key=lambda result: result.hashrate_hs.median)


def _rate(result: Result) -> str:
    return f"{hashrate(result.hashrate_hs.median)} {result.mode}"


def _over_hashlib(record: Record, fastest: Result) -> str:
    """Return how much faster than hashlib a result on one core is; nothing where hashlib was not measured."""
    base = [
        result
        for result in record.results
        if result.backend == "reference" and result.mode == fastest.mode and record.cores_of(result) == 1
    ]
    if not base or base[0] is fastest:
        return ""
    return f", {number(fastest.hashrate_hs.median / base[0].hashrate_hs.median)} times the rate of hashlib"


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
    return ", ".join(f"{unbroken(f'{celsius:.0f} °C')} {name}" for name, celsius in known.items())


def _notes(record: Record) -> list[str]:
    """Return what the bars do not say: joules with all power and above idle, and the notes of `hashjoule show`."""
    found = [note for note in [power_note(record.results)] if note]
    found += [_above_idle(result) for result in record.results if result.j_per_th and result.j_per_th_above_idle]
    return found + notes(record)


def _above_idle(result: Result) -> str:
    gross = number(result.j_per_th.value) if result.j_per_th else "-"
    net = number(result.j_per_th_above_idle.value) if result.j_per_th_above_idle else "-"
    return f"{result.backend} {result.mode}: {gross} J/TH with all power, {net} J/TH above idle."
