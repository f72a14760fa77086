"""A record as text, Markdown and CSV."""

from __future__ import annotations

import csv
import io
from math import inf
from typing import Any, Literal

from hashjoule.data.hardware import machines
from hashjoule.records.schema import Record, Result, Sustained
from hashjoule.report.text import columns, significant
from hashjoule.statistics import outliers

Format = Literal["text", "md", "csv"]


def render(record: Record, form: Format) -> str:
    """The record in one of the three formats; CSV holds every figure but the samples, unrounded."""
    return {"text": text, "md": markdown, "csv": comma_separated}[form](record)


def text(record: Record) -> str:
    """The record for a terminal: machine, results, and what the figures alone do not say."""
    machine = record.machine
    clock = f", {machine.clock_hz / 1e9:.2f} GHz measured" if machine.clock_hz else ""
    parts = [f"{machine.cpu}{clock}, {machine.os}; C core by {record.hashjoule.compiler or 'nothing: not built'}"]
    if record.results:
        parts.append(_table(record))
    return "\n\n".join([*parts, *notes(record)])


def notes(record: Record) -> list[str]:
    """An interrupted run, what was added up, how a sustained run went, idle power, a missing meter: a sentence each."""
    found = []
    if not record.complete:
        found.append("The run was interrupted: this is what it had measured until then.")
    if record.device_sum_hs:
        found.append(f"All devices together, each measured alone: {significant(record.device_sum_hs / 1e6)} MH/s.")
    if record.sustained:
        found.append(_sustained(record.sustained))
    found += [f"Idle: {_idle(idle.before_w, idle.after_w)} ({idle.source})." for idle in record.conditions.idle]
    known = [result.j_per_th.value for result in record.results if result.j_per_th]
    if known:
        found.append(_distance(min(known)))
    if not any(result.energy for result in record.results):
        found.append("No J/TH: no power was measured. Declare it with --watts W if you know it.")
    return found


def _distance(j_per_th: float) -> str:
    """How far the best result is from the best machine ever published."""
    best = min((m for m in machines() if m.j_per_th and m.quality != "low"), key=lambda m: m.j_per_th or inf)
    ratio = significant(float(f"{j_per_th / (best.j_per_th or inf):.2g}"), 2)
    return (
        f"The best published machine, {best.name} ({best.source_date}), needs {significant(best.j_per_th)} J/TH: "
        f"the best result here takes {ratio} times as much. `hashjoule explain` says why."
    )


def _table(record: Record) -> str:
    net = any(result.j_per_th_above_idle for result in record.results)
    header = ["backend", "mode", "cores", "MH/s", "95 % interval", "cycles/hash", "W", "J/TH"]
    return columns(
        header + ["J/TH above idle"] * net, [_line(record, r) + [_net(r)] * net for r in record.results], left=2
    )


def _line(record: Record, result: Result) -> list[str]:
    rate, energy, j_per_th = result.hashrate_hs, result.energy, result.j_per_th
    return [
        result.backend,
        result.mode,
        str(record.cores_of(result) or "-"),
        significant(rate.median / 1e6),
        f"{significant(rate.ci95_low / 1e6)} - {significant(rate.ci95_high / 1e6)}",
        significant(result.cycles_per_hash),
        f"{significant(energy.joules / energy.seconds)} {energy.method}" if energy else "-",
        _at_most(result) + significant(j_per_th.value) if j_per_th else "-",
    ]


def _at_most(result: Result) -> str:
    return "<= " if result.energy and result.energy.method == "bound" else ""


def _net(result: Result) -> str:
    return significant(result.j_per_th_above_idle.value) if result.j_per_th_above_idle else "-"


def _idle(before_w: float | None, after_w: float | None) -> str:
    return f"{significant(before_w)} W before, {significant(after_w)} W after"


def _sustained(run: Sustained) -> str:
    change = run.end_hs / run.start_hs - 1
    first, last = run.points[0], run.points[-1]
    heat = (
        f", {first.temperature_c:.0f} to {last.temperature_c:.0f} °C"
        if first.temperature_c and last.temperature_c
        else ""
    )
    clock = f", {first.clock_hz / 1e9:.2f} to {last.clock_hz / 1e9:.2f} GHz" if first.clock_hz and last.clock_hz else ""
    return (
        f"Sustained for {last.at_s:.0f} s, {run.backend} {run.mode} on {run.threads} threads: "
        f"{significant(run.start_hs / 1e6)} MH/s in the first tenth, {significant(run.end_hs / 1e6)} in the last "
        f"({change:+.1%}){clock}{heat}."
    )


def markdown(record: Record) -> str:
    """A Markdown table under a line that says what was measured, where and with what."""
    machine = record.machine
    clock = f" at {machine.clock_hz / 1e9:.2f} GHz (measured)" if machine.clock_hz else ""
    guest = ", a virtual machine" if machine.virtualised else ""
    lines = [
        f"{machine.cpu}{clock}{guest}, {machine.cores} cores; {record.hashjoule.compiler}; {record.created[:10]}.",
        "",
        "| backend | mode | cores | MH/s | 95 % interval | cycles/hash | J/TH |",
        "|---|---|--:|--:|--:|--:|--:|",
        *(_markdown_line(record, result) for result in record.results),
    ]
    if record.sustained:
        lines += ["", _sustained(record.sustained)]
    return "\n".join(lines)


def _markdown_line(record: Record, result: Result) -> str:
    rate = result.hashrate_hs
    cycles = f"{result.cycles_per_hash:.1f}" if result.cycles_per_hash else "-"
    j_per_th = (
        f"{_at_most(result)}{result.j_per_th.value:,.0f} ({result.energy.method})"
        if result.j_per_th and result.energy
        else "no meter"
    )
    interval = f"{rate.ci95_low / 1e6:.2f} - {rate.ci95_high / 1e6:.2f}"
    return (
        f"| `{result.backend}` | {result.mode} | {record.cores_of(result) or '-'} "
        f"| {rate.median / 1e6:.2f} | {interval} | {cycles} | {j_per_th} |"
    )


def comma_separated(record: Record) -> str:
    """A line for each result, with a header; empty where a figure is not known."""
    out = io.StringIO()
    lines = [_plain(result) for result in record.results]
    writer = csv.DictWriter(out, list(lines[0]) if lines else ["backend"], lineterminator="\n")
    writer.writeheader()
    writer.writerows(lines)
    return out.getvalue().rstrip("\n")


def _plain(result: Result) -> dict[str, Any]:
    rate, energy, gross, net = result.hashrate_hs, result.energy, result.j_per_th, result.j_per_th_above_idle
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
