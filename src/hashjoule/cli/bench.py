"""`hashjoule bench`."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hashjoule import backends
from hashjoule.benchmark import run
from hashjoule.benchmark.plan import QUICK_SECONDS, SECONDS, Plan
from hashjoule.check import MODES
from hashjoule.cli.common import (
    POSITIVE,
    backends_option,
    command,
    dask_option,
    json_option,
    max_launch_option,
    progress_bar,
    progress_bars,
    refuse,
    threads_option,
)
from hashjoule.errors import UsageError
from hashjoule.records.facts import cpu_name, utc_now
from hashjoule.records.files import RecordFile, save_record, to_json
from hashjoule.records.schema import Record
from hashjoule.report.record import record_text, remarks

if TYPE_CHECKING:
    from hashjoule.fleet.summary import Host

GROUPS = {
    "What is measured": ("--backend", "--mode", "--threads", "--thread-scan", "--dask"),
    "How long": ("--seconds", "--quick", "--sustained", "--max-launch-ms"),
    "Energy": ("--meter", "--watts", "--tdp"),
    "Output": ("--save", "--json"),
}
EXAMPLES = (
    "hashjoule bench --quick",
    "hashjoule bench --save results             # keep the record",
    "hashjoule bench --backend c --watts 65     # J/TH from a power that you know",
    "hashjoule bench --sustained 2              # does the rate last?",
)


@command("bench", examples=EXAMPLES, option_groups=GROUPS)
@backends_option("Measure")
@click.option(
    "--mode",
    type=click.Choice([*MODES, "both"]),
    default="both",
    show_default=True,
    help="Search nonces only, or roll versions too.",
)
@threads_option("one, and then all cores for the fastest")
@click.option("--thread-scan", is_flag=True, help="Also measure the fastest on 1, 2, ... threads.")
@click.option("--seconds", type=POSITIVE, metavar="SECONDS", help=f"Time for each measurement (default: {SECONDS:g}).")
@click.option(
    "--quick", is_flag=True, help=f"Take {QUICK_SECONDS:g} s for each; leave out what must be compiled first."
)
@click.option(
    "--sustained",
    "sustained_s",
    type=POSITIVE,
    metavar="SECONDS",
    help="Afterwards run the fastest (a CPU on all cores) for so long, to show thermal throttling.",
)
@click.option(
    "--meter",
    metavar="URL",
    help="Read a wall plug: shelly://HOST, tasmota://HOST, kasa://HOST or homeassistant://HOST/sensor.NAME.",
)
@click.option(
    "--watts",
    type=POSITIVE,
    metavar="WATTS",
    help="State what the whole machine draws while it searches on all cores (or --threads); marked as declared.",
)
@click.option("--tdp", is_flag=True, help="Save the CPU's rated power in the record, as an upper bound.")
@click.option(
    "--save", type=click.Path(file_okay=False, path_type=Path), metavar="DIR", help="Save the JSON record under DIR."
)
@max_launch_option
@dask_option
@json_option
@click.pass_context
def bench_command(ctx: click.Context, /, save: Path | None, dask: str | None, as_json: bool, **options: Any) -> None:
    """Measure the hash rate and energy of every backend here.

    Every sample has to find the nonce of a real block, and every hit is checked with hashlib.

    With --meter, everything that the plug feeds counts. The plug's login comes from the environment:
    HASHJOULE_METER_USER, HASHJOULE_METER_PASSWORD, HASHJOULE_METER_TOKEN. docs/meters.md compares plugs.

    With --dask, each machine of the cluster is measured once and alone, however many workers it has.
    """
    plan = _plan(**options)
    plan.check()
    if dask:
        refuse(ctx, "max_launch_ms", "meter")
        ctx.exit(_on_a_cluster(dask, plan, save, as_json))
    chosen = backends.resolve(plan.names)
    file = RecordFile(save, cpu_name(), utc_now()) if save else None
    with progress_bar() as show:
        record = run.run(plan, chosen, show, lambda record: _keep(record, file))
    _show(record, as_json)
    if file and record.results:
        click.echo(f"saved {file.write(record)}", err=True)
    ctx.exit(130 if not record.complete else 0 if record.results else 1)


def _plan(names: tuple[str, ...], mode: str, seconds: float | None, quick: bool, **options: Any) -> Plan:
    if quick and seconds:
        raise UsageError("--quick sets the time itself; leave out --seconds")
    return Plan(
        names=names or ("all",),
        modes=MODES if mode == "both" else (mode,),
        seconds=QUICK_SECONDS if quick else seconds or SECONDS,
        quick=quick,
        **options,
    )


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
    """Say on stderr what is wrong with a host."""
    if host.reason:
        click.echo(f"{'partly ' if host.record else ''}left out: {host.name}: {host.reason}", err=True)
    if host.outlier:
        click.echo(f"outlier: {host.name}: {host.outlier}", err=True)
    for warning in host.record.conditions.warnings if host.record else ():
        click.echo(f"warning: {host.name}: {warning}", err=True)


def _keep_host(host: Host, save: Path | None, told: list[str]) -> None:
    """Save a host's record; a disk that is full stops no other host."""
    if host.record and save:
        try:
            told.append(f"saved {save_record(host.record, save)}")
        except UsageError as error:
            told.append(f"warning: {host.name}: {error}")


def _keep(record: Record, file: RecordFile | None) -> None:
    """Write what there is so far. If the disk is full now, the last write says so; the run goes on."""
    if file and record.results:
        with suppress(UsageError):
            file.write(record)


def _show(record: Record, as_json: bool) -> None:
    click.echo(to_json(record) if as_json else record_text(record))
    for remark in remarks(record) if not as_json else ():
        click.echo(remark, err=True)
