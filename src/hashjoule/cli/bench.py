"""`hashjoule bench`."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hashjoule import backends
from hashjoule.benchmark import run
from hashjoule.benchmark.run import QUICK_SECONDS, SECONDS, Plan
from hashjoule.check import MODES
from hashjoule.cli.common import (
    POSITIVE,
    dask_option,
    json_option,
    max_launch_option,
    progress_bar,
    progress_bars,
    refuse,
    threads_option,
)  # fmt: skip
from hashjoule.cli.complete import BACKEND
from hashjoule.errors import UsageError
from hashjoule.records.facts import cpu_name, utc_now
from hashjoule.records.files import RecordFile, save_record, to_json
from hashjoule.records.schema import Record
from hashjoule.report.record import text

if TYPE_CHECKING:
    from hashjoule.fleet.summary import Host


@click.command("bench")
@click.option(
    "--backend",
    "names",
    type=BACKEND,
    multiple=True,
    metavar="B",
    help="Backend to measure (default: all usable ones).",
)
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
@dask_option
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
    dask: str | None,
    as_json: bool,
) -> None:
    """Measure the hash rate and energy of every backend here.

    Every sample has to find the nonce of a real block.

    With --dask: on each machine of the cluster, once and alone, however many workers it has.
    """
    if quick and seconds:
        raise UsageError("--quick says the time already; leave out --seconds")
    plan = Plan(
        names=names or ("all",),
        modes=MODES if mode == "both" else (mode,),
        threads=threads,
        thread_scan=thread_scan,
        seconds=QUICK_SECONDS if quick else seconds or SECONDS,
        sustained_s=sustained_s,
        watts=watts,
        tdp=tdp,
    )
    plan.check()
    if dask:
        refuse(ctx, "max_launch_ms")
        ctx.exit(_on_a_cluster(dask, plan, save, as_json))
    chosen = backends.resolve(plan.names)
    file = RecordFile(save, cpu_name(), utc_now()) if save else None
    with progress_bar() as show:
        record = run.run(plan, chosen, show, lambda record: _keep(record, file))
    _show(record, as_json)
    if file and record.results:
        click.echo(f"saved {file.write(record)}", err=True)
    ctx.exit(130 if not record.complete else 0 if record.results else 1)


def _on_a_cluster(where: str, plan: Plan, save: Path | None, as_json: bool) -> int:
    from hashjoule.fleet import cluster
    from hashjoule.fleet.benchmark import FleetBenchmark
    from hashjoule.report.fleet import fleet_text

    cluster.require()
    file = RecordFile(save, None, utc_now(), "fleet") if save else None
    interrupted, told = False, list[str]()
    with progress_bars("hosts") as show:
        bench = FleetBenchmark(where, plan, show, lambda host: _keep_host(host, save, told))
        try:
            cluster.run(bench.run())
        except KeyboardInterrupt:
            interrupted = True
    fleet = bench.fleet()
    click.echo(to_json(fleet) if as_json else fleet_text(fleet))
    for host in fleet.hosts:
        _tell(host)
    for line in told:
        click.echo(line, err=True)
    if file and fleet.measured:
        click.echo(f"saved {file.write(fleet)}", err=True)
    return 130 if interrupted else 0 if fleet.measured else 1


def _tell(host: Host) -> None:
    """What is wrong with a host, on stderr."""
    if host.reason:
        click.echo(f"{'partly ' if host.record else ''}left out: {host.name}: {host.reason}", err=True)
    if host.outlier:
        click.echo(f"odd: {host.name}: {host.outlier}", err=True)
    for warning in host.record.conditions.warnings if host.record else ():
        click.echo(f"warning: {host.name}: {warning}", err=True)


def _keep_host(host: Host, save: Path | None, told: list[str]) -> None:
    """Saves a host's record; a disk that is full stops no other host."""
    if host.record and save:
        try:
            told.append(f"saved {save_record(host.record, save)}")
        except UsageError as error:
            told.append(f"warning: {host.name}: {error}")


def _keep(record: Record, file: RecordFile | None) -> None:
    """Writes what there is so far. A disk that is full now is told at the end, when nothing can be lost by it."""
    if file and record.results:
        with suppress(UsageError):
            file.write(record)


def _show(record: Record, as_json: bool) -> None:
    click.echo(to_json(record) if as_json else text(record))
    if as_json:
        return
    for refusal in record.refused:
        click.echo(f"refused: {refusal.reason}", err=True)
    for warning in record.conditions.warnings:
        click.echo(f"warning: {warning}", err=True)
