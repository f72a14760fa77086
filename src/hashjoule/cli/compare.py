"""`hashjoule compare`."""

from __future__ import annotations

from pathlib import Path

import click

from hashjoule.benchmark import comparison
from hashjoule.benchmark.comparison import Change, Comparison
from hashjoule.cli.common import json_option
from hashjoule.errors import UsageError
from hashjoule.records.files import load_record, to_json
from hashjoule.report.text import columns, significant


@click.command("compare")
@click.argument("before", type=click.Path(path_type=Path), metavar="A.json")
@click.argument("after", type=click.Path(path_type=Path), metavar="B.json")
@click.option(
    "--threshold", type=float, default=5.0, show_default=True, metavar="PERCENT", help="Slower by more is a regression."
)
@json_option
@click.pass_context
def compare_command(ctx: click.Context, before: Path, after: Path, threshold: float, as_json: bool) -> None:
    """Compare two records and report which backends changed.

    Says for each backend whether record B is faster than record A, slower, or no different.

    Exits with 1 if a backend became slower by more than --threshold and its interval leaves no doubt about it.
    """
    if not 0 <= threshold < 100:  # NaN is neither
        raise UsageError("--threshold is a percentage from 0 to below 100")
    found = comparison.compare_records(load_record(before), load_record(after))
    if not found.changes:
        raise UsageError("the two records have no backend in common")
    slower = comparison.regressions(found, threshold / 100)
    click.echo(to_json(found) if as_json else _text(found))
    if not as_json:
        for warning in found.warnings:
            click.echo(f"warning: {warning}", err=True)
        for regression in slower:
            name = f"{regression.backend} {regression.mode}"
            click.echo(f"regression: {name} is {1 - regression.ratio:.1%} slower, over {threshold:g} %", err=True)
    ctx.exit(1 if slower else 0)


def _text(found: Comparison) -> str:
    header = ["backend", "mode", "threads", "A MH/s", "B MH/s", "change", "between", "verdict"]
    parts = [columns(header, [_line(change) for change in found.changes], left=2)]
    if found.only_before:
        parts.append(f"only in A: {', '.join(found.only_before)}")
    if found.only_after:
        parts.append(f"only in B: {', '.join(found.only_after)}")
    return "\n".join(parts)


def _line(change: Change) -> list[str]:
    return [
        change.backend,
        change.mode,
        str(change.threads),
        significant(change.before_hs / 1e6),
        significant(change.after_hs / 1e6),
        f"{change.ratio - 1:+.1%}",
        f"{change.low - 1:+.1%} and {change.high - 1:+.1%}",
        change.verdict,
    ]
