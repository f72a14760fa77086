"""`hashjoule check`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import click

from hashjoule import backends, check
from hashjoule.check import CheckResult
from hashjoule.cli.common import POSITIVE, json_option, max_launch_option, progress_bar
from hashjoule.cli.complete import BACKEND
from hashjoule.records.files import to_json
from hashjoule.report.text import columns


@click.command("check")
@click.option(
    "--backend", "names", type=BACKEND, multiple=True, metavar="B", help="Backend to check (default: all usable ones)."
)
@click.option("--seconds", type=POSITIVE, default=2.0, show_default=True, help="Time for each backend's random jobs.")
@max_launch_option
@json_option
@click.pass_context
def check_command(ctx: click.Context, names: tuple[str, ...], seconds: float, as_json: bool) -> None:
    """Compare every backend with hashlib on real and random jobs.

    Real blocks first, then random headers, ranges and targets.

    Exits with 1 if any backend misses a hit or reports a false one.
    """
    specs = backends.resolve(names or ["all"])
    verdicts: dict[str, CheckResult] = {}
    with progress_bar() as show:
        for i, spec in enumerate(specs):
            done = partial(_show_part, show, spec.name, i, len(specs))
            verdicts[spec.name] = check.check_backend(spec, seconds, progress=done)
    if as_json:
        click.echo(to_json({name: _plain(verdict) for name, verdict in verdicts.items()}))
    else:
        lines = [
            [name, str(v.blocks), str(v.rounds), "; ".join(map(str, v.differences)) or "all as hashlib"]
            for name, v in verdicts.items()
        ]
        click.echo(columns(["backend", "real blocks", "random jobs", "hits"], lines, left=1))
    ctx.exit(1 if any(v.differences for v in verdicts.values()) else 0)


def _show_part(show: Callable[[str, float], None], name: str, i: int, n: int, part: float) -> None:
    show(name, (i + part) / n)


def _plain(verdict: CheckResult) -> dict[str, object]:
    return {
        "real_blocks": verdict.blocks,
        "random_jobs": verdict.rounds,
        "differences": [str(difference) for difference in verdict.differences],
    }
