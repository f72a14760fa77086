"""`hashjoule show`."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import click

from hashjoule.errors import UsageError
from hashjoule.records.files import load, load_record, schema_of
from hashjoule.report.record import Format, render


@click.command("show")
@click.argument("file", type=click.Path(path_type=Path), metavar="RESULT.json")
@click.option(
    "--format", "form", type=click.Choice(get_args(Format)), default="text", show_default=True, help="How to print."
)
def show_command(file: Path, form: Any) -> None:
    """Print a saved record as text, Markdown or CSV.

    The record of a fleet is printed as text.
    """
    if schema_of(file).startswith("hashjoule.fleet/"):
        click.echo(_fleet(file, form))
    else:
        click.echo(render(load_record(file), form))


def _fleet(file: Path, form: str) -> str:
    from hashjoule.fleet import summary
    from hashjoule.report.fleet import fleet_text

    if form != "text":
        raise UsageError("the record of a fleet is shown as text; give a host's record for other formats")
    return fleet_text(load(file, summary.Fleet, summary.SCHEMA))
