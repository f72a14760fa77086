"""`hashjoule table`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

import click

from hashjoule.cli.common import json_option
from hashjoule.cli.complete import MACHINE
from hashjoule.cli.frame import command
from hashjoule.cli.machines import named_machine
from hashjoule.data.hardware import MachineClass, PublishedMachine
from hashjoule.efficiency.table import (
    SORT_KEYS,
    Filter,
    TableRow,
    dropped_for_want_of_a_date,
    load_table,
    published_with,
    select,
)
from hashjoule.errors import UsageError
from hashjoule.report.numbers import count
from hashjoule.report.side_by_side import MOST, side_by_side
from hashjoule.report.table import Format, render_table

FILES = (".json", ".csv")


@command(
    "table",
    examples=(
        "hashjoule table --class asic --limit 10   # the most efficient machines",
        "hashjoule table --model 'S21 XP'          # every mode of a model",
        "hashjoule table 'Antminer S21' 'Antminer S9 14T'   # side by side",
        "hashjoule table result.json --sources",
        "hashjoule table --since 2025 --json",
    ),
    option_groups={
        "Which machines": ["--class", "--model", "--maker", "--node-nm", "--since", "--until", "--limit"],
        "How they are shown": ["--sort", "--sources", "--format", "--json"],
    },
)
@click.argument("names", nargs=-1, type=MACHINE, metavar="[RESULT.json|ROWS.csv|MACHINE]...")
@click.option("--class", "machine_class", type=click.Choice(get_args(MachineClass)), help="Only this class.")
@click.option("--model", metavar="WORDS", help="Only machines whose maker, model and mode have these words.")
@click.option("--maker", metavar="NAME", help="Only makers whose name contains this.")
@click.option("--node-nm", type=float, metavar="NM", help="Only this process node, in nanometres.")
@click.option("--since", type=int, metavar="YEAR", help="Only machines shipped in this year or later.")
@click.option("--until", type=int, metavar="YEAR", help="Only machines shipped in this year or before.")
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="At most this many published rows.")
@click.option("--sort", type=click.Choice(SORT_KEYS), default="j_per_th", show_default=True, help="Order of the rows.")
@click.option("--sources", is_flag=True, help="List the source and the note of each row below the table.")
@click.option(
    "--format", "form", type=click.Choice(get_args(Format)), default="text", show_default=True, help="How to print."
)
@json_option
def table_command(
    names: tuple[str, ...], sort: Any, limit: int | None, sources: bool, form: Any, as_json: bool, **wanted: Any
) -> None:
    """Print the J/TH table: published machines and your own.

    RESULT.json is a record that `hashjoule bench --save` wrote; its rows are always shown. ROWS.csv adds machines in
    the format of the data set. With one or more MACHINE, only those are shown; two or three stand side by side. A
    model's name alone means its stock mode. Filters choose among the published rows.
    """
    form = "json" if as_json else form
    files = [Path(name) for name in names if name.lower().endswith(FILES)]
    machines = [name for name in names if not name.lower().endswith(FILES)]
    rows = load_table(files)
    if machines:
        if any(value is not None for value in (*wanted.values(), limit)):
            raise UsageError("name machines or filter the table, not both")
        shown = _named(rows, [named_machine(name, published_with(files)) for name in machines])
        beside = form == "text" and len(shown) <= MOST
        click.echo(side_by_side(shown) if beside else render_table(shown, form, sources=sources))
        return
    chosen = Filter(**wanted)
    shown = select(rows, chosen, sort, limit)
    if not shown:
        raise UsageError("no machine matches; leave out a filter, or see `hashjoule table` for all of them")
    if all(row.origin == "measured" for row in shown):
        click.echo("No published machine matches.", err=True)
    if undated := dropped_for_want_of_a_date(rows, chosen):
        click.echo(f"{count(undated, 'machine')} left out: the shipping date is not known.", err=True)
    click.echo(render_table(shown, form, makers=sort == "maker", sources=sources))


def _named(rows: Sequence[TableRow], machines: Sequence[PublishedMachine]) -> tuple[TableRow, ...]:
    """Return the user's own rows, and those of these machines, in their order."""
    published = {(row.maker, row.model, row.mode): row for row in rows if row.origin == "published"}
    own = [row for row in rows if row.origin == "measured"]
    return (*own, *(published[machine.maker, machine.model, machine.mode] for machine in machines))
