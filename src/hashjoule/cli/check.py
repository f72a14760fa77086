"""`hashjoule check`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import click

from hashjoule import backends, check
from hashjoule.check import CheckResult
from hashjoule.cli.common import POSITIVE, backends_option, command, json_option, max_launch_option, progress_bar
from hashjoule.records.files import to_json
from hashjoule.report.text import columns


@command(
    "check",
    examples=(
        "hashjoule check --seconds 0.5",
        "hashjoule check --backend c --seconds 0.2   # all variants of the C core",
    ),
)
@backends_option("Check")
@click.option(
    "--seconds",
    type=POSITIVE,
    default=2.0,
    show_default=True,
    metavar="SECONDS",
    help="Time for the random jobs of each backend.",
)
@max_launch_option
@json_option
@click.pass_context
def check_command(ctx: click.Context, names: tuple[str, ...], seconds: float, as_json: bool) -> None:
    """Compare every backend with hashlib on real and random jobs.

    Real blocks first, then random headers, ranges and targets.

    Exits with 1 if any backend misses a hit or reports a false one.
    """
    specs = backends.resolve(names or ["all"])
    checked: dict[str, CheckResult] = {}
    with progress_bar() as show:
        for i, spec in enumerate(specs):
            done = partial(_show_part, show, spec.name, i, len(specs))
            checked[spec.name] = check.check_backend(spec, seconds, progress=done)
    if as_json:
        click.echo(to_json({name: _plain(found) for name, found in checked.items()}))
    else:
        click.echo(_text(checked))
    ctx.exit(1 if any(found.differences for found in checked.values()) else 0)


def _text(checked: dict[str, CheckResult]) -> str:
    lines = [
        [name, str(found.blocks), str(found.rounds), _judged(len(found.differences))] for name, found in checked.items()
    ]
    table = columns(["backend", "real blocks", "random jobs", "hits"], lines, left=1)
    details = [f"{name}: {difference}" for name, found in checked.items() for difference in found.differences]
    return "\n".join([table, *details])


def _judged(differences: int) -> str:
    if not differences:
        return "all as hashlib"
    return "1 job differs" if differences == 1 else f"{differences} jobs differ"


def _show_part(show: Callable[[str, float], None], name: str, i: int, n: int, part: float) -> None:
    show(name, (i + part) / n)


def _plain(found: CheckResult) -> dict[str, object]:
    return {
        "real_blocks": found.blocks,
        "random_jobs": found.rounds,
        "differences": [str(difference) for difference in found.differences],
    }
