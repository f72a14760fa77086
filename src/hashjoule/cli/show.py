"""`hashjoule show`."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import click

from hashjoule.cli.common import command, json_option
from hashjoule.errors import UsageError
from hashjoule.records.files import load, load_record, schema_of, to_json
from hashjoule.report.record import Format, remarks, render_record


@command(
    "show",
    examples=(
        "hashjoule show result.json",
        "hashjoule show result.json --format csv   # every figure but the samples",
        "hashjoule show result.json --json",
    ),
)
@click.argument("file", type=click.Path(path_type=Path), metavar="RESULT.json")
@click.option(
    "--format",
    "form",
    type=click.Choice(get_args(Format)),
    default="text",
    show_default=True,
    help="Print text, a Markdown table or CSV.",
)
@json_option
def show_command(file: Path, form: Any, as_json: bool) -> None:
    """Print a saved record as text, Markdown, CSV or JSON.

    The record of a fleet is printed as text or JSON.
    """
    is_fleet = schema_of(file).startswith("hashjoule.fleet/")
    if as_json:
        click.echo(to_json(_load_fleet(file) if is_fleet else load_record(file)))
    elif is_fleet:
        click.echo(_fleet(file, form))
    else:
        record = load_record(file)
        click.echo(render_record(record, form))
        for remark in remarks(record) if form == "text" else ():
            click.echo(remark, err=True)


def _load_fleet(file: Path) -> Any:
    from hashjoule.fleet import summary

    return load(file, summary.Fleet, summary.SCHEMA)


def _fleet(file: Path, form: str) -> str:
    from hashjoule.report.fleet import fleet_text

    if form != "text":
        raise UsageError("the record of a fleet is shown as text; give a host's record for other formats")
    return fleet_text(_load_fleet(file))
