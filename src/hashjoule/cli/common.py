"""What several commands share: option types, backend options, progress on stderr."""

from __future__ import annotations

import logging
import math
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import click

from hashjoule.backends import Row, select
from hashjoule.errors import UsageError
from hashjoule.measure import fastest
from hashjoule.records import usable_cores


class HexNumber(click.ParamType[int]):
    """An unsigned number in hex, with or without 0x."""

    name = "hex"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The number; a usage error for anything else."""
        if isinstance(value, int):
            return value
        digits = value.removeprefix("0x").removeprefix("0X")
        if not digits or digits.strip("0123456789abcdefABCDEF"):
            self.fail(f"{value!r} is not a hexadecimal number", param, ctx)
        return int(digits, 16)


class PositiveFloat(click.ParamType[float]):
    """A finite number above zero."""

    name = "number"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The number; a usage error for anything else."""
        try:
            number = float(value)
        except ValueError:
            number = math.nan
        if not 0 < number < math.inf:
            self.fail(f"{value!r} is not a number above zero", param, ctx)
        return number


HEX = HexNumber()
POSITIVE = PositiveFloat()

json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON document instead of text.")


def threads_option(default_help: str) -> Callable[[Any], Any]:
    """The --threads option; None means the command's own default."""
    return click.option(
        "--threads", type=click.IntRange(1, 4096), metavar="N", help=f"CPU threads (default: {default_help})."
    )


def _shorten_launches(ctx: click.Context, param: click.Parameter, ms: float | None) -> None:
    if ms is not None:
        from hashjoule.backends import opencl

        ctx.with_resource(opencl.launches_of_at_most(ms / 1000))


max_launch_option = click.option(
    "--max-launch-ms",
    type=POSITIVE,
    metavar="MS",
    callback=_shorten_launches,
    expose_value=False,
    help="Shorter OpenCL launches, for a GPU whose display stutters (default: about 50).",
)


def one_row(name: str, mode: str) -> Row:
    """The one backend that a name stands for; the fastest for `auto`. Raises UsageError where it stands for more."""
    if name == "auto":
        return fastest(mode)
    chosen = select([name])
    if len(chosen) > 1:
        raise UsageError(f"{name} stands for several backends; name one of {', '.join(r.name for r in chosen)}")
    return chosen[0]


def all_cores() -> int:
    """The default number of threads."""
    return usable_cores()


@contextmanager
def progress_bar(shown: bool = True) -> Iterator[Callable[[str, float], None]]:
    """A bar with time left on stderr if that is a terminal, nothing otherwise: call with a text and a part, 0 to 1.

    What backends log meanwhile, such as that they compile for the first time, stands above it.
    """
    if not shown or not sys.stderr.isatty():
        yield lambda text, part: None
        return
    from rich.console import Console
    from rich.logging import RichHandler
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    fields = (TextColumn("{task.description:<24}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"))
    with Progress(*fields, TimeRemainingColumn(), console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=1.0)
        logger = logging.getLogger("hashjoule")
        handler = RichHandler(console=bar.console, show_time=False, show_level=False, show_path=False)
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)
        try:
            yield lambda text, part: bar.update(task, description=text, completed=part)
        finally:
            logger.removeHandler(handler)
