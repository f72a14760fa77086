"""`hashjoule table`."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import click

from hashjoule.efficiency.dataset import MachineClass
from hashjoule.efficiency.table import SORT_KEYS, Filter, load_table, select
from hashjoule.report.table import Format, render


@click.command("table")
@click.argument("files", nargs=-1, type=click.Path(path_type=Path), metavar="[RESULT.json|ROWS.csv]...")
@click.option("--class", "machine_class", type=click.Choice(get_args(MachineClass)), help="Only this class.")
@click.option("--since", type=int, metavar="YEAR", help="Only machines shipped in this year or later.")
@click.option("--until", type=int, metavar="YEAR", help="Only machines shipped in this year or before.")
@click.option("--maker", metavar="M", help="Only makers whose name contains this.")
@click.option("--node-nm", type=float, metavar="N", help="Only this process node.")
@click.option("--sort", type=click.Choice(SORT_KEYS), default="j_per_th", show_default=True, help="Order of the rows.")
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="At most this many published rows.")
@click.option(
    "--format", "form", type=click.Choice(get_args(Format)), default="text", show_default=True, help="How to print."
)
def table_command(files: tuple[Path, ...], sort: Any, limit: int | None, form: Any, **wanted: Any) -> None:
    """Print the J/TH table: published machines and your own.

    RESULT.json is a record that `hashjoule bench --save` wrote; its rows are always shown. ROWS.csv adds machines in
    the format of the data set. Filters choose among the published rows.
    """
    click.echo(render(select(load_table(files), Filter(**wanted), sort, limit), form))
