"""`hashjoule plot`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from hashjoule.efficiency.table import load_table
from hashjoule.report.plot import save
from hashjoule.report.views import VIEW_NAMES, drawable


@click.command("plot")
@click.argument("files", nargs=-1, type=click.Path(path_type=Path), metavar="[RESULT.json|ROWS.csv]...")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path, dir_okay=False), required=True, metavar="F.svg|F.png|F.html",
    help="The file to write; its suffix says the format.",
)  # fmt: skip
@click.option("--view", type=click.Choice(VIEW_NAMES), default="frontier", show_default=True, help="What to draw.")
def plot_command(files: tuple[Path, ...], output: Path, view: Any) -> None:
    """Draw the J/TH table with your own machine on it.

    frontier: J/TH against year. node: J/TH against process node. power: hash rate against power.
    """
    rows = load_table(files)
    missing = [row for row in rows if row.origin == "measured" and not drawable(row, view)]
    for row in missing:
        lacks = "power" if row.j_per_th is None else "process node"
        click.echo(f"{row.name} has no known {lacks} and is not in the picture.", err=True)
    save(rows, view, output)
