"""What was gauged: the rate of each miner as its shares prove it, beside what the miner says of itself."""

from __future__ import annotations

from html import escape

from hashjoule.records.gauge import Gauge
from hashjoule.records.schema import Record, Result
from hashjoule.report.bars import bar_line
from hashjoule.report.gauge import claim_sentence, constancy_sentences, rejected
from hashjoule.report.numbers import count, duration, hashrate, number, power
from hashjoule.report.sections.record import NamedRecord, power_note, record_section, time_of

Gauged = tuple[Result, Gauge]


def gauge_section(index: int, named: NamedRecord, heading: str) -> str:
    """Return the section of a record of `hashjoule gauge`."""
    _, record = named
    return record_section(
        index,
        named,
        heading,
        facts=_facts(record),
        finding=_finding(record),
        caption="Hash rate by verified shares with its 95% interval, and the mean of what the miner itself reports.",
        bars=_bars(record),
        notes=_notes(record),
    )


def miners_of(record: Record) -> list[str]:
    """Return the names of the miners of a record of `hashjoule gauge`."""
    return list(dict.fromkeys(result.device for result, _ in _gauged(record)))


def _gauged(record: Record) -> list[Gauged]:
    return [(result, result.gauge) for result in record.results if isinstance(result.gauge, Gauge)]


def _finding(record: Record) -> str:
    found = _gauged(record)
    if not found:
        return "No miner delivered enough shares"
    result, gauge = max(found, key=lambda pair: pair[0].hashrate_hs.median)
    shares = f"{hashrate(result.hashrate_hs.median)} proven by {count(gauge.shares.counted, 'share')}"
    return f"{result.device}: {shares} in {duration(gauge.seconds)}"


def _facts(record: Record) -> list[tuple[str, str]]:
    """Return when and by what was measured, and for each miner what was counted."""
    facts = [
        ("Measured", time_of(record)),
        ("Gauged by", f"{record.machine.cpu}, hashjoule {record.hashjoule.version}"),
    ]
    for result, gauge in _gauged(record):
        energy = result.energy
        watts = f", {power(energy.joules / energy.seconds)} ({energy.method})" if energy else ""
        joules = f", {number(result.j_per_th.value)} J/TH" if result.j_per_th else ""
        counted = f"{count(gauge.shares.counted, 'share')} counted, {rejected(gauge.shares)} rejected{watts}{joules}"
        facts.append((f"{result.device} ({gauge.agent or 'software not known'})", counted))
    return facts


def _bars(record: Record) -> str:
    found = _gauged(record)
    claims = [gauge.claim.hashrate_hs for _, gauge in found if gauge.claim and gauge.claim.hashrate_hs]
    longest = max([*claims, *(result.hashrate_hs.ci95_high for result, _ in found)], default=1.0)
    lines = []
    for result, gauge in found:
        rate = result.hashrate_hs
        lines.append(f'<h4 class="bars-head">{escape(result.device)}</h4>')
        lines.append(bar_line("measured", "rolled", rate.median, (rate.ci95_low, rate.ci95_high), longest))
        if gauge.claim and gauge.claim.hashrate_hs:
            lines.append(bar_line("reported", "plain", gauge.claim.hashrate_hs, None, longest))
    return "\n".join(lines)


def _notes(record: Record) -> list[str]:
    notes = [note for note in [power_note(record.results)] if note]
    for result, gauge in _gauged(record):
        sentences = [claim_sentence(result, gauge.claim) if gauge.claim else "", *constancy_sentences(result, gauge)]
        notes += [f"{result.device}: {sentence}" for sentence in sentences if sentence]
    return notes
