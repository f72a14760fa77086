"""A record of `hashjoule gauge` as text for a terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from hashjoule.power import UNMETERED
from hashjoule.records.gauge import DeviceClaim, Gauge, ShareCounts
from hashjoule.records.schema import Record, Result
from hashjoule.report.numbers import change, count, duration, hashrate, number, percent, power
from hashjoule.report.text import columns, wrapped

UNLIKELY = 0.001
"""A p-value below which a rate is said to have changed: one constant miner of a thousand is then blamed wrongly."""

_SCOPES = {"wall": "at the wall", "declared": "stated by you", "device": "as the device reports"}
_REASONS = {
    "above_target": "above target",
    "duplicate": "duplicate",
    "stale": "stale",
    "unknown_job": "of unknown jobs",
    "time_out_of_range": "with a time out of range",
    "version_bits": "with version bits outside the mask",
    "malformed": "malformed",
}


def is_gauge(record: Record) -> bool:
    """Whether the record is one of `hashjoule gauge`."""
    return any(isinstance(result.gauge, Gauge) for result in record.results)


def gauge_text(record: Record) -> str:
    """Return the record as text of 80 columns: a table of the miners, and what its figures alone do not say."""
    gauged = [(result, result.gauge) for result in record.results if isinstance(result.gauge, Gauge)]
    table = columns(_SHORT_HEADER, [row for result, gauge in gauged for row in _rows(result, gauge)])
    notes = [note for result, gauge in gauged for note in _notes(result, gauge)]
    notes += [note for method, note in _POWER_NOTES.items() if method in {_method(result) for result, _ in gauged}]
    if not record.complete:
        notes.append("The run was interrupted; this is what had been measured by then.")
    if not any(result.energy for result in record.results):
        notes.append("No J/TH: no power was measured. Name a meter with --meter URL, or state the power with --watts.")
    return "\n\n".join([table, *map(wrapped, notes)])


_POWER_NOTES = {
    "reported": "~ the power is what the device itself reports; no meter has measured it.",
    "declared": "~ the power is what you stated with --watts; no meter has measured it.",
}
_NAME_WIDTH = 22
"""A longer name of a miner takes several lines of the table."""
_SHORT_HEADER = ("miner", "hash rate", "95% interval", "shares", "power", "J/TH")
_HEADER = ("miner", "class", "hash rate", "95% interval", "shares", "rejected", "count", "power", "J/TH")


def _method(result: Result) -> str:
    return result.energy.method if result.energy else ""


def _rows(result: Result, gauge: Gauge) -> Iterator[list[str]]:
    """Yield the lines of the table for a miner; only the first one has figures."""
    rate, energy = result.hashrate_hs, result.energy
    first, *more = textwrap.wrap(result.device, _NAME_WIDTH) or [""]
    unit = hashrate(rate.median).split(" ", 1)[1]
    mark = "~" if _method(result) in UNMETERED else ""
    yield [
        first,
        hashrate(rate.median),
        rates(rate.ci95_low, rate.ci95_high).removesuffix(f" {unit}"),
        f"{gauge.shares.counted:,}",
        f"{mark}{power(energy.joules / energy.seconds)}" if energy else "-",
        f"{mark}{number(result.j_per_th.value)}" if result.j_per_th else "-",
    ]
    for line in more:
        yield [line, *[""] * (len(_SHORT_HEADER) - 1)]


def _kind(result: Result) -> str:
    return result.hardware.kind if result.hardware else "-"


def _full_row(result: Result, gauge: Gauge) -> list[str]:
    rate, energy = result.hashrate_hs, result.energy
    return [
        result.device,
        _kind(result),
        hashrate(rate.median),
        rates(rate.ci95_low, rate.ci95_high),
        f"{gauge.shares.counted:,}",
        f"{rejected(gauge.shares):,}",
        duration(gauge.seconds),
        f"{power(energy.joules / energy.seconds)} {energy.method}" if energy else "-",
        number(result.j_per_th.value) if result.j_per_th else "-",
    ]


def gauge_markdown(record: Record) -> str:
    """Return the table of the miners as Markdown."""
    lines = [_full_row(result, result.gauge) for result in record.results if isinstance(result.gauge, Gauge)]
    rule = ["---", "---", *["--:"] * (len(_HEADER) - 2)]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (_HEADER, rule, *lines))


def rates(low_hs: float, high_hs: float) -> str:
    """Return two rates with their unit once, if it is the same: 1.12 to 1.20 TH/s."""
    low, high = hashrate(low_hs), hashrate(high_hs)
    figure, unit = low.split(" ", 1)
    return f"{figure} to {high}" if high.endswith(f" {unit}") else f"{low} to {high}"


def rejected(shares: ShareCounts) -> int:
    """Return how many shares did not count."""
    return sum(getattr(shares, name) for name in _REASONS)


def _notes(result: Result, gauge: Gauge) -> Iterator[str]:
    name = result.device
    if gauge.claim and (sentence := claim_sentence(result, gauge.claim)):
        yield f"{name}: {sentence}"
    if rejected(gauge.shares):
        reasons = [f"{getattr(gauge.shares, key):,} {words}" for key, words in _REASONS.items()]
        told = ", ".join(reason for reason in reasons if not reason.startswith("0 "))
        yield f"{name}: {count(rejected(gauge.shares), 'share')} did not count: {told}."
    yield from (f"{name}: {sentence}" for sentence in constancy_sentences(result, gauge))
    yield f"{name}: {_count_sentence(result, gauge)}"


def _count_sentence(result: Result, gauge: Gauge) -> str:
    """Return how long a miner was counted, as which class, and what came before."""
    counted = f"counted as {_kind(result)} for {duration(gauge.seconds)}"
    if not gauge.ramp_up:
        return f"{counted}."
    ramp = gauge.ramp_up
    end = "until three estimates agreed" if ramp.settled else "the longest there is"
    shares = "share is" if ramp.shares == 1 else "shares are"
    return (
        f"{counted}, after a ramp-up of {duration(ramp.seconds)} ({end}); "
        f"its {ramp.shares:,} {shares} not part of the rate."
    )


def claim_sentence(result: Result, claim: DeviceClaim) -> str:
    """Return what the device says of itself beside what was measured; empty if it says neither rate nor power."""
    rate, energy = result.hashrate_hs, result.energy
    metered = energy if energy and energy.method not in UNMETERED else None
    said, measured, off = [], [], []
    if claim.hashrate_hs:
        said.append(hashrate(claim.hashrate_hs))
        off.append(f"rate {change(rate.median / claim.hashrate_hs)}")
    measured.append(f"{hashrate(rate.median)} ({rates(rate.ci95_low, rate.ci95_high)})")
    if claim.power_w:
        said.append(power(claim.power_w))
    if metered:
        watts = metered.joules / metered.seconds
        measured.append(f"{power(watts)} {_SCOPES.get(metered.scope, f'({metered.scope})')}")
        if claim.power_w:
            off.append(f"power {change(watts / claim.power_w)}")
    if not said:
        return ""
    against = f": {', '.join(off)} against the device's own figures" if off else ""
    return f"the device reports {' and '.join(said)}; measured {' and '.join(measured)}{against}."


def constancy_sentences(result: Result, gauge: Gauge) -> Iterator[str]:
    """Return what speaks against a constant rate, a sentence each."""
    p, parts = gauge.constancy.p_value, result.samples_hs
    if p is not None and p < UNLIKELY:
        yield (
            f"the rate was not constant (p = {p:.1g}): {hashrate(parts[0])} in the first tenth of the count and "
            f"{hashrate(parts[-1])} in the last; the tenths range from {rates(min(parts), max(parts))}."
        )
    if gauge.miners == 1 and gauge.constancy.silence_p_value < UNLIKELY:
        part = percent(gauge.constancy.longest_silence_s / gauge.seconds)
        yield f"no share came for {duration(gauge.constancy.longest_silence_s)} ({part} of the count): it paused."
