"""`hashjoule report`."""

from __future__ import annotations

from pathlib import Path

import click

from hashjoule.cli.common import command, json_option
from hashjoule.efficiency.table import dated_record
from hashjoule.records.files import to_json
from hashjoule.report.page import write_page


@command(
    "report",
    examples=(
        "hashjoule report -o page                # the published machines alone",
        "hashjoule report results/*/*.json -o page",
    ),
)
@click.argument("files", nargs=-1, type=click.Path(path_type=Path), metavar="[RESULT.json]...")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), required=True, metavar="DIR", help="Folder to write to."
)
@json_option
def report_command(files: tuple[Path, ...], output: Path, as_json: bool) -> None:
    """Make one self-contained web page from your records.

    DIR/index.html shows hash rates, J/TH among the published machines, the reasons for the gap, and economics. It
    works offline and can be passed on. RESULT.json is a record that `hashjoule bench --save` wrote; without one the
    page shows the published machines alone. Prints the path of the page.
    """
    page = write_page([(file.name, dated_record(file)) for file in files], output)
    click.echo(to_json({"page": str(page), "records": [str(file) for file in files]}) if as_json else page)
