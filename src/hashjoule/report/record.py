"""A record as text, Markdown and CSV."""

from __future__ import annotations

import csv
import io
from typing import Any, Literal

from hashjoule.power import METERED
from hashjoule.records.schema import Record, Result, Sustained
from hashjoule.report.gauge import gauge_markdown, gauge_text, is_gauge
from hashjoule.report.numbers import change, hashrate, number, percent, power
from hashjoule.report.text import columns, wrapped
from hashjoule.report.verdict import bound_j_per_th, verdict, without_a_meter
from hashjoule.statistics import outliers

Format = Literal["text", "md", "csv"]


def render_record(record: Record, form: Format) -> str:
    """Return the record in one of the three formats; CSV holds every figure but the samples, unrounded."""
    return {"text": record_text, "md": markdown, "csv": comma_separated}[form](record)


def record_text(record: Record) -> str:
    """Return the record for a terminal of 80 columns: machine, rates, energy, and what follows from them."""
    if is_gauge(record):
        return gauge_text(record)
    parts = ["\n".join(_headline(record))]
    if record.results:
        parts.append(_rates(record))
    if energies := _energies(record):
        parts.append(energies)
    return "\n\n".join([*parts, *(wrapped(note) for note in (*notes(record), *verdict(record)))])


def _headline(record: Record) -> list[str]:
    machine, software = record.machine, record.hashjoule
    clock = f", {number(machine.clock_hz / 1e9)} GHz measured" if machine.clock_hz else ""
    guest = ", a virtual machine" if machine.virtualised else ""
    cores = "1 core" if machine.cores == 1 else f"{machine.cores} cores"
    return [
        f"{machine.cpu}{clock}, {cores}{guest}",
        f"{machine.os}; hashjoule {software.version}, C core by {software.compiler or 'nothing: not built'}",
        f"measured {record.created[:10]} {record.created[11:16]} UTC",
    ]


def notes(record: Record) -> list[str]:
    """Return what the figures do not say, a sentence each: an interrupted run, sums, heat, idle power, no meter."""
    found = []
    if not record.complete:
        found.append("The run was interrupted: this is what it had measured until then.")
    if not record.results:
        return [*found, "No backend could be measured."]
    if record.device_sum_hs:
        found.append(f"All devices together, each measured alone: {hashrate(record.device_sum_hs)}.")
    if record.sustained:
        found.append(_sustained(record, record.sustained))
    found += [f"Idle: {_idle(idle.before_w, idle.after_w)} ({idle.source})." for idle in record.conditions.idle]
    if not any(result.energy for result in record.results):
        found += without_a_meter(record)
    return found


def remarks(record: Record) -> list[str]:
    """Return what goes to stderr beside the record: backends that were refused, and what made it less certain."""
    refused = [f"refused: {refusal.reason}" for refusal in record.refused]
    return refused + [f"warning: {warning}" for warning in record.conditions.warnings]


def _rates(record: Record) -> str:
    """Return the table of rates, the fastest first, each with its part of the fastest."""
    ordered = sorted(record.results, key=lambda result: -result.hashrate_hs.median)
    fastest_hs = ordered[0].hashrate_hs.median
    header = ["backend", "mode", "cores", "MH/s", "95% interval", "of fastest", "cycles/hash"]
    return columns(header, [_rate_line(record, result, fastest_hs) for result in ordered], left=2)


def _rate_line(record: Record, result: Result, fastest_hs: float) -> list[str]:
    rate = result.hashrate_hs
    return [
        result.backend,
        result.mode,
        str(record.cores_of(result) or "-"),
        number(rate.median / 1e6),
        f"{number(rate.ci95_low / 1e6)} to {number(rate.ci95_high / 1e6)}",
        percent(rate.median / fastest_hs),
        number(result.cycles_per_hash),
    ]


def _energies(record: Record) -> str:
    """Return the table of joules, the fewest first; ≤ marks a bound from the CPU's rated power. Empty without any."""
    lines = []
    for result in record.results:
        bound = bound_j_per_th(record, result)
        if result.j_per_th and result.energy:
            lines.append((result.j_per_th.value, _energy_line(record, result)))
        elif bound and record.cpu_rating:
            line = [result.backend, result.mode, str(record.cores_of(result))]
            lines.append(
                (bound, [*line, f"≤{power(record.cpu_rating.power_w)}", "rated", f"≤{number(bound)}", "-", "-"])
            )
    if not lines:
        return ""
    header = ["backend", "mode", "cores", "power", "method", "J/TH", "95%", "above idle"]
    table = columns(header, [line for _, line in sorted(lines, key=lambda pair: pair[0])], left=2)
    if any(line[4] == "rated" for _, line in lines) and record.cpu_rating:
        rated = f"≤: if the CPU drew its rated {power(record.cpu_rating.power_w)}; an upper bound, no measurement."
        return f"{table}\n{rated}"
    return table


def _energy_line(record: Record, result: Result) -> list[str]:
    energy, efficiency, net = result.energy, result.j_per_th, result.j_per_th_above_idle
    assert energy is not None
    assert efficiency is not None
    mark = "" if energy.method in METERED else "≤" if energy.method == "bound" else "~"
    return [
        result.backend,
        result.mode,
        str(record.cores_of(result) or "-"),
        f"{mark}{power(energy.joules / energy.seconds)}",
        energy.method,
        f"{mark}{number(efficiency.value)}",
        f"±{percent((efficiency.high - efficiency.low) / 2 / efficiency.value)}",
        number(net.value) if net else "-",
    ]


def _idle(before_w: float | None, after_w: float | None) -> str:
    return f"{power(before_w)} before, {power(after_w)} after"


def _sustained(record: Record, run: Sustained) -> str:
    first, last = run.points[0], run.points[-1]
    heat = (
        f", {first.temperature_c:.0f} to {last.temperature_c:.0f} °C"
        if first.temperature_c and last.temperature_c
        else ""
    )
    clock = f", {first.clock_hz / 1e9:.2f} to {last.clock_hz / 1e9:.2f} GHz" if first.clock_hz and last.clock_hz else ""
    threads = " on 1 thread" if run.threads == 1 else f" on {run.threads} threads"
    if any(result.backend == run.backend and record.kind_of(result) != "cpu" for result in record.results):
        threads = ""
    return (
        f"Sustained for {last.at_s:.0f} s, {run.backend} {run.mode}{threads}: {hashrate(run.start_hs)} in the "
        f"first tenth, {hashrate(run.end_hs)} in the last ({change(run.end_hs / run.start_hs)}){clock}{heat}."
    )


def markdown(record: Record) -> str:
    """Return a Markdown table under a line that says what was measured, where and with what."""
    if is_gauge(record):
        return gauge_markdown(record)
    machine = record.machine
    clock = f" at {machine.clock_hz / 1e9:.2f} GHz (measured)" if machine.clock_hz else ""
    guest = ", a virtual machine" if machine.virtualised else ""
    lines = [
        f"{machine.cpu}{clock}{guest}, {machine.cores} cores; {record.hashjoule.compiler}; {record.created[:10]}.",
        "",
        "| backend | mode | cores | MH/s | 95% interval | cycles/hash | J/TH |",
        "|---|---|--:|--:|--:|--:|--:|",
        *(_markdown_line(record, result) for result in record.results),
    ]
    if record.sustained:
        lines += ["", _sustained(record, record.sustained)]
    return "\n".join(lines)


def _markdown_line(record: Record, result: Result) -> str:
    rate, bound = result.hashrate_hs, bound_j_per_th(record, result)
    cycles = f"{result.cycles_per_hash:.1f}" if result.cycles_per_hash else "-"
    j_per_th = f"≤{bound:,.0f} (rated power)" if bound else "no meter"
    if result.j_per_th and result.energy:
        mark = "≤" if result.energy.method == "bound" else ""
        j_per_th = f"{mark}{result.j_per_th.value:,.0f} ({result.energy.method})"
    interval = f"{rate.ci95_low / 1e6:.2f} - {rate.ci95_high / 1e6:.2f}"
    return (
        f"| `{result.backend}` | {result.mode} | {record.cores_of(result) or '-'} "
        f"| {rate.median / 1e6:.2f} | {interval} | {cycles} | {j_per_th} |"
    )


def comma_separated(record: Record) -> str:
    """Return a line for each result, with a header; empty where a figure is not known."""
    out = io.StringIO()
    lines = [_plain(result) for result in record.results]
    writer = csv.DictWriter(out, list(lines[0]) if lines else ["backend"], lineterminator="\n")
    writer.writeheader()
    writer.writerows(lines)
    return out.getvalue().rstrip("\n")


def _plain(result: Result) -> dict[str, Any]:
    rate, energy, gross, net = result.hashrate_hs, result.energy, result.j_per_th, result.j_per_th_above_idle
    cycles_low, cycles_high = result.cycles_per_hash_ci95 or (None, None)
    return {
        "backend": result.backend,
        "mode": result.mode,
        "device": result.device,
        "runtime": result.runtime,
        "threads": result.threads,
        "hashes": result.hashes,
        "samples": len(result.samples_hs),
        "outliers": outliers(result.samples_hs),
        "hashrate_hs": rate.median,
        "mad_hs": rate.mad,
        "ci95_low_hs": rate.ci95_low,
        "ci95_high_hs": rate.ci95_high,
        "hashes_per_cpu_second": result.hashes_per_cpu_second,
        "cycles_per_hash": result.cycles_per_hash,
        "cycles_per_hash_low": cycles_low,
        "cycles_per_hash_high": cycles_high,
        "watts": energy.joules / energy.seconds if energy else None,
        "idle_w": energy.idle_w if energy else None,
        "energy_source": energy.source if energy else None,
        "energy_scope": energy.scope if energy else None,
        "energy_method": energy.method if energy else None,
        "j_per_th": gross.value if gross else None,
        "j_per_th_low": gross.low if gross else None,
        "j_per_th_high": gross.high if gross else None,
        "j_per_th_above_idle": net.value if net else None,
    }
