"""`hashjoule explain`."""

from __future__ import annotations

from pathlib import Path

import click

from hashjoule.cli.common import POSITIVE, json_option
from hashjoule.cli.complete import BACKEND, MACHINE
from hashjoule.cli.frame import command
from hashjoule.cli.machines import named_machine
from hashjoule.efficiency import explain as why
from hashjoule.errors import UsageError
from hashjoule.records.files import load_record, to_json


@command(
    "explain",
    examples=(
        "hashjoule explain --machine 'GeForce RTX 4090'",
        "hashjoule explain result.json --watts 65    # a record without a meter",
        "hashjoule explain --machine 'Antminer S9' -o s9.svg",
        "hashjoule explain --machine 'Antminer S19' --json",
    ),
    option_groups={"Which machine": ["--machine", "--backend", "--watts"], "Output": ["--output", "--json"]},
)
@click.argument("record", required=False, type=click.Path(path_type=Path), metavar="[RESULT.json]")
@click.option(
    "--machine", type=MACHINE, metavar="NAME", help="A published machine instead of a record (see `hashjoule table`)."
)
@click.option(
    "--backend",
    type=BACKEND,
    metavar="NAME",
    help="Which backend of the record (default: the one with the fewest joules).",
)
@click.option("--watts", type=POSITIVE, metavar="W", help="Declare the power; the result is then called declared.")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), metavar="FILE.svg|FILE.png", help="Draw the factors as well."
)
@json_option
def explain_command(
    record: Path | None,
    machine: str | None,
    backend: str | None,
    watts: float | None,
    output: Path | None,
    as_json: bool,
) -> None:
    """Split the gap between a machine and the best ASIC into factors.

    The factors multiply to the gap exactly. Each has an interval and a source; the model ends at the best shipping
    ASIC whose chip is documented, and the last factor leads from there to the best one.

    RESULT.json is a record of `hashjoule bench`. Without a meter there are no joules in it: declare the power with
    --watts, or explain a published machine with --machine.
    """
    explanation = why.explain(_subject(record, machine, backend, watts))
    from hashjoule.report import waterfall

    if output is not None:
        waterfall.draw_waterfall(explanation, output)
        click.echo(f"wrote {output}", err=True)
    click.echo(to_json(why.document(explanation)) if as_json else waterfall.waterfall_text(explanation))


def _subject(record: Path | None, machine: str | None, backend: str | None, watts: float | None) -> why.Subject:
    """Return the machine that the arguments name."""
    if (record is None) == (machine is None):
        raise UsageError("explain one machine: a record RESULT.json, or a published one with --machine NAME")
    if machine is not None:
        if backend is not None:
            raise UsageError("--backend chooses from a record; a published machine has none")
        return why.published_subject(named_machine(machine), watts)
    assert record is not None
    return why.record_subject(load_record(record), backend, watts)
