"""`hashjoule prepare`."""

from __future__ import annotations

import time

import click

from hashjoule import backends
from hashjoule.benchmark import prepare
from hashjoule.cli.common import backends_option, command, json_option, progress_bar
from hashjoule.records.files import to_json


@command(
    "prepare",
    examples=(
        "hashjoule prepare --backend c       # nothing to do: it is compiled already",
        "hashjoule prepare --backend numba",
    ),
)
@backends_option("Prepare")
@json_option
@click.pass_context
def prepare_command(ctx: click.Context, names: tuple[str, ...], as_json: bool) -> None:
    """Compile and tune the backends that need it, once.

    Numba and OpenCL compile their kernels on this machine and keep them on disk; OpenCL also tries which build is
    fastest. `bench` does it too when it has to, and `bench --quick` leaves out what is not prepared.
    """
    waiting = prepare.unprepared(backends.resolve(names or ["all"]))
    if not waiting:
        click.echo(to_json({"prepared": [], "failed": {}}) if as_json else "Everything is prepared.")
        return
    if not as_json:
        listed = ", ".join(spec.name for spec in waiting)
        click.echo(f"preparing {listed}: about {prepare.expected_s(waiting):.0f} s", err=True)
    began_s = time.monotonic()
    with progress_bar() as show:
        failed = prepare.prepare(waiting, show)
    prepared = [spec.name for spec in waiting if spec.name not in failed]
    if as_json:
        click.echo(to_json({"prepared": prepared, "failed": failed, "seconds": time.monotonic() - began_s}))
    else:
        for name in prepared:
            click.echo(f"{name} is prepared")
        for name, reason in failed.items():
            click.echo(f"refused: {name}: {reason}", err=True)
    ctx.exit(1 if failed else 0)
