"""`hashjoule compare`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from hashjoule.benchmark import comparison
from hashjoule.benchmark.comparison import Change, Comparison
from hashjoule.cli.common import command, json_option
from hashjoule.errors import UsageError
from hashjoule.records.files import load_record, to_json
from hashjoule.report.numbers import change as percent_change
from hashjoule.report.numbers import number, rate_unit
from hashjoule.report.text import columns, wrapped


@command(
    "compare",
    examples=(
        "hashjoule compare before.json after.json",
        "hashjoule compare before.json after.json --by rate --threshold 10",
    ),
)
@click.argument("before", type=click.Path(path_type=Path), metavar="A.json")
@click.argument("after", type=click.Path(path_type=Path), metavar="B.json")
@click.option(
    "--by",
    type=click.Choice(["cycles", "rate"]),
    default="cycles",
    show_default=True,
    help="Judge CPU backends by CPU cycles per hash, or by hashes per second of wall-clock time.",
)
@click.option(
    "--threshold",
    type=float,
    default=5.0,
    show_default=True,
    metavar="PERCENT",
    help="Call a backend that is slower by more than this a regression.",
)
@json_option
@click.pass_context
def compare_command(ctx: click.Context, before: Path, after: Path, by: Any, threshold: float, as_json: bool) -> None:
    """Compare two records and say which backends changed.

    A backend is faster or slower only if the 95% intervals of the two records do not overlap. CPU backends are judged
    by their cycles per hash, since the clock rate and other programs change how many hashes a second these make;
    devices are judged by their rate.

    Exits with 1 if a backend became slower by more than --threshold.
    """
    if not 0 <= threshold < 100:  # NaN is neither
        raise UsageError("--threshold is a percentage from 0 to below 100")
    found = comparison.compare_records(load_record(before), load_record(after), by)
    if not found.changes:
        raise UsageError("the two records have no backend in common")
    slower = comparison.regressions(found, threshold / 100)
    click.echo(to_json(found) if as_json else _text(found))
    if not as_json:
        for warning in found.warnings:
            click.echo(f"warning: {warning}", err=True)
        for change in slower:
            click.echo(f"regression: {change.name} is {1 - change.ratio:.1%} slower, over {threshold:g}%", err=True)
    ctx.exit(1 if slower else 0)


def _text(found: Comparison) -> str:
    """Return the figures that decide, and below them those that do not."""
    by_cycles = [change for change in found.changes if change.measure == "cycles"]
    by_rate = [change for change in found.changes if change.measure == "rate"]
    judged = {change.name for change in by_rate}
    unjudged = [change for change in found.rates if change.name not in judged]
    parts = []
    if by_cycles:
        parts.append("CPU cycles per hash\n" + _table(by_cycles, 1.0, judged=True))
    if by_rate:
        parts.append(_rates(by_rate, " by wall clock", judged=True))
    if unjudged:
        parts.append(_rates(unjudged, " by wall clock, for information", judged=False))
    if found.only_before:
        parts.append(wrapped(f"only in A: {', '.join(found.only_before)}"))
    if found.only_after:
        parts.append(wrapped(f"only in B: {', '.join(found.only_after)}"))
    return "\n\n".join(parts)


def _rates(changes: Sequence[Change], title: str, judged: bool) -> str:
    name, size_hs = rate_unit(max(change.before for change in changes))
    return f"{name}{title}\n{_table(changes, size_hs, judged)}"


def _table(changes: Sequence[Change], unit: float, judged: bool) -> str:
    header = ["backend", "A", "B", "speed", "between", *["verdict"] * judged]
    lines = [
        [
            change.name,
            number(change.before / unit),
            number(change.after / unit),
            percent_change(change.ratio),
            f"{percent_change(change.low)} and {percent_change(change.high)}",
            *[change.verdict] * judged,
        ]
        for change in changes
    ]
    return columns(header, lines, left=1)
