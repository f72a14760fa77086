"""`hashjoule report`."""

from __future__ import annotations

from pathlib import Path

import click

from hashjoule.efficiency.table import dated_record
from hashjoule.report.page import write_page


@click.command("report")
@click.argument("files", nargs=-1, type=click.Path(path_type=Path), metavar="[RESULT.json]...")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), required=True, metavar="DIR", help="Folder to write to."
)
def report_command(files: tuple[Path, ...], output: Path) -> None:
    """Make one self-contained web page: rates, J/TH against the published field, why, and economics.

    DIR/index.html works offline and can be passed on. RESULT.json is a record that `hashjoule bench --save` wrote;
    without one the page shows the published field alone. Prints the page's path.
    """
    click.echo(write_page([(file.name, dated_record(file)) for file in files], output))
