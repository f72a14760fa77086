"""`hashjoule plot`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from hashjoule.cli.common import json_option
from hashjoule.cli.frame import command
from hashjoule.efficiency.table import load_table
from hashjoule.records.files import to_json
from hashjoule.report.plot import save
from hashjoule.report.views import VIEW_NAMES, drawable, view_of


@command(
    "plot",
    examples=(
        "hashjoule plot -o frontier.svg              # how J/TH fell over the years",
        "hashjoule plot --view node -o nodes.png",
        "hashjoule plot result.json -o mine.html     # interactive, your machine in it",
    ),
)
@click.argument("files", nargs=-1, type=click.Path(path_type=Path), metavar="[RESULT.json|ROWS.csv]...")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    metavar="FILE.svg|.png|.html",
    help="The file to write; its suffix says the format.",
)
@click.option("--view", type=click.Choice(VIEW_NAMES), default="frontier", show_default=True, help="What to draw.")
@json_option
def plot_command(files: tuple[Path, ...], output: Path, view: Any, as_json: bool) -> None:
    """Draw the J/TH table with your own machine on it.

    frontier: J/TH over the years. node: J/TH against process node. power: hash rate against power. An .html file is
    interactive. Prints the finding and the path of the file.
    """
    rows = load_table(files)
    missing = [row for row in rows if row.origin == "measured" and not drawable(row, view)]
    for row in missing:
        lacks = "power" if row.j_per_th is None else "process node"
        click.echo(f"{row.name} has no known {lacks} and is not in the picture.", err=True)
    save(rows, view, output)
    drawn = view_of(rows, view)
    found = {"file": str(output), "view": view, "title": drawn.title, "caption": drawn.caption, "rows": len(drawn.rows)}
    click.echo(to_json(found) if as_json else f"{drawn.title}\n{output}")
