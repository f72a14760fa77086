"""hashjoule explain: why a machine needs so much more energy than the best ASIC."""

from __future__ import annotations

from pathlib import Path

import click

from hashjoule.cli.common import POSITIVE, json_option
from hashjoule.cli.complete import BACKEND, MACHINE
from hashjoule.efficiency import explain as why
from hashjoule.efficiency.lookup import find_machine
from hashjoule.errors import UsageError
from hashjoule.records.files import load_record, to_json


@click.command("explain")
@click.argument("record", required=False, type=click.Path(path_type=Path), metavar="[RESULT.json]")
@click.option(
    "--machine", type=MACHINE, metavar="NAME", help="A published machine instead of a record (see `hashjoule table`)."
)
@click.option(
    "--backend",
    type=BACKEND,
    metavar="B",
    help="Which backend of the record (default: the one with the fewest joules).",
)
@click.option("--watts", type=POSITIVE, metavar="W", help="Declare the power; the result is then called declared.")
@click.option("-o", "--output", type=click.Path(path_type=Path), metavar="F.svg|F.png", help="Draw the waterfall.")
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

    The factors multiply to the gap exactly.

    RESULT.json is a record of `hashjoule bench`. Without a meter there are no joules in it: declare the power with
    --watts, or explain a published machine with --machine.
    """
    explanation = why.explain(_subject(record, machine, backend, watts), why.best_subject())
    from hashjoule.report import waterfall

    if output is not None:
        waterfall.draw(explanation, output)
        click.echo(f"wrote {output}", err=True)
    click.echo(to_json(why.document(explanation)) if as_json else waterfall.text(explanation))


def _subject(record: Path | None, machine: str | None, backend: str | None, watts: float | None) -> why.Subject:
    """The machine that the arguments name."""
    if (record is None) == (machine is None):
        raise UsageError("explain one machine: a record RESULT.json, or a published one with --machine NAME")
    if machine is not None:
        if backend is not None:
            raise UsageError("--backend chooses from a record; a published machine has none")
        return why.published_subject(find_machine(machine), watts)
    assert record is not None
    return why.record_subject(load_record(record), backend, watts)
