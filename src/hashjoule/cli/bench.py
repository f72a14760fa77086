"""`hashjoule bench`."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import click

from hashjoule import backends, meters, records
from hashjoule.benchmark import Benchmark, thread_steps
from hashjoule.check import MODES
from hashjoule.cli.common import POSITIVE, all_cores, json_option, max_launch_option, progress_bar, threads_option
from hashjoule.energy import Metering
from hashjoule.errors import UsageError
from hashjoule.meters import Meter
from hashjoule.meters import tdp as rated
from hashjoule.meters.stated import declared
from hashjoule.records import Record, RecordFile
from hashjoule.report.record import text

SECONDS = 2.0
"""Time for each measurement, unless asked otherwise."""

QUICK_SECONDS = 0.3


@click.command("bench")
@click.option("--backend", "names", multiple=True, metavar="B", help="Backend to measure (default: all usable ones).")
@click.option(
    "--mode", type=click.Choice([*MODES, "both"]), default="both", show_default=True, help="Nonces, or versions."
)
@threads_option("one, and then all cores for the fastest")
@max_launch_option
@click.option("--thread-scan", is_flag=True, help="Also measure the fastest on 1, 2, ... up to --threads or all cores.")
@click.option("--seconds", type=POSITIVE, metavar="S", help="Time for each measurement (default: 2).")
@click.option("--quick", is_flag=True, help="A first look in some fifteen seconds: three samples of each.")
@click.option(
    "--sustained", "sustained_s", type=POSITIVE, metavar="S", help="Then run the fastest that long on all cores: heat."
)
@click.option("--watts", type=POSITIVE, metavar="W", help="Power that you declare, for J/TH; no meter is read then.")
@click.option("--tdp", is_flag=True, help="Where no meter is, the CPU's rated power as an upper bound.")
@click.option("--save", type=click.Path(file_okay=False, path_type=Path), metavar="DIR", help="Keep the record there.")
@json_option
@click.pass_context
def bench_command(
    ctx: click.Context,
    names: tuple[str, ...],
    mode: str,
    threads: int | None,
    thread_scan: bool,
    seconds: float | None,
    quick: bool,
    sustained_s: float | None,
    watts: float | None,
    tdp: bool,
    save: Path | None,
    as_json: bool,
) -> None:
    """Measure how many hashes a second every backend makes here, each sample proven on a real block."""
    chosen = backends.select(names or ["all"])
    if quick and seconds:
        raise UsageError("--quick says the time already; leave out --seconds")
    seconds = QUICK_SECONDS if quick else seconds or SECONDS
    modes = MODES if mode == "both" else (mode,)
    file = RecordFile(save, records.cpu_name(), records.utc_now()) if save else None
    most = threads or all_cores()
    interrupted = False
    with Metering(_meters(watts, tdp)) as metering, progress_bar() as show:
        bench = Benchmark(metering, show, lambda record: _keep(record, file))
        try:
            bench.compare(chosen, modes, 1 if thread_scan else threads or 1, seconds)
            if thread_scan or threads is None:
                bench.scale(thread_steps(most) if thread_scan else [most], seconds)
            if sustained_s:
                bench.sustain(most, sustained_s)
            bench.finish()
        except KeyboardInterrupt:
            interrupted = True
        record = bench.record()
    _show(record, as_json)
    if file and record.results:
        click.echo(f"saved {file.write(record)}", err=True)
    ctx.exit(130 if interrupted else 0 if record.results else 1)


def _meters(watts: float | None, tdp: bool) -> list[Meter]:
    if watts and tdp:
        raise UsageError("--watts says the power already; leave out --tdp")
    if watts:
        return [declared(watts)]
    return meters.meters() + ([rated.bound(records.cpu_name(), rated.sockets())] if tdp else [])


def _keep(record: Record, file: RecordFile | None) -> None:
    """Writes what there is so far. A disk that is full now is told at the end, when nothing can be lost by it."""
    if file and record.results:
        with suppress(UsageError):
            file.write(record)


def _show(record: Record, as_json: bool) -> None:
    click.echo(records.to_json(record) if as_json else text(record))
    if as_json:
        return
    for refusal in record.refused:
        click.echo(f"refused: {refusal.reason}", err=True)
    for warning in record.conditions.warnings:
        click.echo(f"warning: {warning}", err=True)
