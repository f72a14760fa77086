"""`hashjoule claims`."""

from __future__ import annotations

from typing import Literal, get_args

import click

from hashjoule.cli.common import json_option
from hashjoule.cli.frame import command
from hashjoule.economics.claims.check import check_claims, document
from hashjoule.records.files import to_json
from hashjoule.report.claims import claims_markdown, claims_text

Format = Literal["text", "md"]


@command(
    "claims",
    examples=(
        "hashjoule claims                  # all of them",
        "hashjoule claims china-share      # one",
        "hashjoule claims zhejiang xinjiang",
        "hashjoule claims --json",
    ),
)
@click.argument("words", nargs=-1, metavar="[WORD]...")
@click.option(
    "--format", "form", type=click.Choice(get_args(Format)), default="text", show_default=True, help="How to print."
)
@json_option
def claims_command(words: tuple[str, ...], form: Format, as_json: bool) -> None:
    """Check numbers that articles on mining state.

    Prints for each claim what it states and implies, what our data say, the difference, a verdict, and the command
    that shows it. WORD is a claim's name, or part of its name, article or statement. Claims stand in data/claims.csv.
    """
    findings = check_claims(words)
    if as_json:
        click.echo(to_json(document(findings)))
    else:
        click.echo(claims_markdown(findings) if form == "md" else claims_text(findings))
