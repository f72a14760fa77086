"""`hashjoule show`."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import click

from hashjoule.records import load_record
from hashjoule.report.record import Format, render


@click.command("show")
@click.argument("file", type=click.Path(path_type=Path), metavar="RESULT.json")
@click.option(
    "--format", "form", type=click.Choice(get_args(Format)), default="text", show_default=True, help="How to print."
)
def show_command(file: Path, form: Any) -> None:
    """Print a record that `hashjoule bench --save` wrote, as text, Markdown or CSV."""
    click.echo(render(load_record(file), form))
