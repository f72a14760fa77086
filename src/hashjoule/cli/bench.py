"""`hashjoule bench`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import click
import psutil

import hashjoule
from hashjoule import backends, measure, records
from hashjoule.backends import c
from hashjoule.check import MODES
from hashjoule.cli.common import POSITIVE, all_cores, json_option, progress_bar, threads_option
from hashjoule.measure import Subject
from hashjoule.records import Record, Refusal, Result
from hashjoule.report.text import columns, significant


@click.command("bench")
@click.option("--backend", "names", multiple=True, metavar="B", help="Backend to measure (default: all usable ones).")
@click.option(
    "--mode", type=click.Choice([*MODES, "both"]), default="both", show_default=True, help="Nonces, or versions."
)
@threads_option("one, and then all cores for the fastest")
@click.option(
    "--seconds", type=POSITIVE, default=2.0, show_default=True, metavar="S", help="Time for each measurement."
)
@click.option("--watts", type=POSITIVE, metavar="W", help="Power that you declare, for J/TH.")
@click.option("--save", type=click.Path(file_okay=False, path_type=Path), metavar="DIR", help="Keep the record there.")
@json_option
@click.pass_context
def bench_command(
    ctx: click.Context,
    names: tuple[str, ...],
    mode: str,
    threads: int | None,
    seconds: float,
    watts: float | None,
    save: Path | None,
    as_json: bool,
) -> None:
    """Measure how many hashes a second every backend makes here, each sample proven on a real block."""
    chosen = backends.select(names or ["all"])
    modes = MODES if mode == "both" else (mode,)
    before = _Surroundings()
    measured: list[Subject] = []
    interrupted = False
    with progress_bar() as show:
        try:
            show("self-tests", 0)
            measured += measure.subjects(chosen, modes, threads or 1)
            measure.measure(measured, seconds, lambda s, part: show(f"{s.row.name} {s.mode}", part))
            if threads is None and all_cores() > 1 and (best := _best(measured)):
                together = Subject(best.row, best.mode, best.backend, best.job, all_cores())
                measured.append(together)
                measure.measure([together], seconds, lambda s, part: show(f"{s.row.name} x {s.threads} threads", part))
        except KeyboardInterrupt:
            interrupted = True
    record = _record(measured, before, watts)
    if as_json:
        click.echo(records.to_json(record))
    else:
        _show(record)
    if save and record.results:
        click.echo(f"saved {records.save_record(record, save)}", err=True)
    ctx.exit(130 if interrupted else 0 if record.results else 1)


class _Surroundings:
    """What else the machine is doing: read before the run, compared after it."""

    def __init__(self) -> None:
        self._times = psutil.cpu_times()
        self.load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None

    def steal(self) -> float | None:
        """The part of all CPU time since the start that the hypervisor took; None where the system does not tell."""
        now = psutil.cpu_times()
        if not hasattr(now, "steal"):
            return None
        total = sum(now[:8]) - sum(self._times[:8])
        return max(0.0, (now.steal - self._times.steal) / total) if total > 0 else None


def _best(measured: Sequence[Subject]) -> Subject | None:
    """The fastest of the backends that gain from threads."""
    able = [(r.hashrate_hs.median, s) for s in measured if s.row.threads and (r := measure.result(s))]
    return max(able, key=lambda pair: pair[0])[1] if able else None


def _record(measured: Sequence[Subject], surroundings: _Surroundings, watts: float | None) -> Record:
    steal, governor = surroundings.steal(), records.cpu_governor()
    warnings = measure.stability_warnings(measured, surroundings.load, steal, governor)
    results = tuple(r for s in measured if (r := measure.result(s, watts)))
    return Record(
        schema=records.SCHEMA,
        created=records.utc_now(),
        hashjoule=records.Software(hashjoule.__version__, records.commit(), c.compiler()),
        machine=records.machine_facts(c.features(), measure.median_clock_hz(measured)),
        conditions=records.Conditions(surroundings.load, steal, governor, tuple(warnings)),
        results=results,
        refused=tuple(Refusal(s.row.name, s.mode, s.refused) for s in measured if s.refused),
    )


def _show(record: Record) -> None:
    machine = record.machine
    clock = f", {machine.clock_hz / 1e9:.2f} GHz measured" if machine.clock_hz else ""
    click.echo(f"{machine.cpu}{clock}, {machine.os}; C core by {record.hashjoule.compiler or 'nothing: not built'}\n")
    if record.results:
        header = ["backend", "mode", "threads", "MH/s", "95 % interval", "cycles/hash", "W", "J/TH"]
        click.echo(columns(header, [_line(result) for result in record.results], left=2))
    if not any(result.energy for result in record.results):
        click.echo("\nNo J/TH: no power was measured. Declare it with --watts W if you know it.")
    for refusal in record.refused:
        click.echo(f"refused: {refusal.reason}", err=True)
    for warning in record.conditions.warnings:
        click.echo(f"warning: {warning}", err=True)


def _line(result: Result) -> list[str]:
    rate, energy, j_per_th = result.hashrate_hs, result.energy, result.j_per_th
    return [
        result.backend,
        result.mode,
        str(result.threads),
        significant(rate.median / 1e6),
        f"{significant(rate.ci95_low / 1e6)} - {significant(rate.ci95_high / 1e6)}",
        significant(result.cycles_per_hash),
        f"{significant(energy.joules / energy.seconds)} {energy.method}" if energy else "-",
        significant(j_per_th.value) if j_per_th else "-",
    ]
