"""What several commands share: option types, options, progress on stderr."""

from __future__ import annotations

import logging
import math
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from hashjoule.cli.complete import BACKEND
from hashjoule.cli.frame import command as command
from hashjoule.errors import UsageError
from hashjoule.hardware import usable_cores

if TYPE_CHECKING:
    from rich.progress import Progress, ProgressColumn, TaskID


class HexNumber(click.ParamType[int]):
    """An unsigned number in hex, with or without 0x."""

    name = "hex"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the number; fail with a usage error for anything else."""
        if isinstance(value, int):
            return value
        digits = value.removeprefix("0x").removeprefix("0X")
        if not digits or digits.strip("0123456789abcdefABCDEF"):
            self.fail(f"{value!r} is not a hexadecimal number", param, ctx)
        return int(digits, 16)


class PositiveFloat(click.ParamType[float]):
    """A finite number greater than zero."""

    name = "number"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the number; fail with a usage error for anything else."""
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


backend_option = click.option(
    "--backend",
    type=BACKEND,
    default="auto",
    show_default=True,
    metavar="NAME",
    help="Search with NAME; `hashjoule devices` lists them.",
)


def backends_option(verb: str) -> Callable[[Any], Any]:
    """Return the --backend option of a command that handles several; none means all usable backends.

    Args:
        verb: What the command does with each, as its help begins: "Measure".
    """
    return click.option(
        "--backend",
        "names",
        type=BACKEND,
        multiple=True,
        metavar="NAME",
        help=f"{verb} this backend; may be repeated (default: all usable ones).",
    )


def threads_option(default_help: str) -> Callable[[Any], Any]:
    """Return the --threads option; None means the default of the command."""
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
    help="Limit an OpenCL launch to MS milliseconds, for a GPU whose display stutters (default: about 50).",
)


dask_option = click.option(
    "--dask",
    metavar="ADDRESS|FILE",
    help="Use the workers of the Dask cluster at this HOST:PORT, or of this scheduler file.",
)


def refuse(ctx: click.Context, *parameters: str) -> None:
    """Refuse options that were given with --dask, where they would do nothing.

    Raises:
        UsageError: For the first of these parameters that was given on the command line.
    """
    for name in parameters:
        if ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            raise UsageError(
                f"--{name.replace('_', '-')} does not reach the workers of a cluster; leave it out with --dask"
            )


def all_cores() -> int:
    """Return the default number of threads."""
    return usable_cores()


@contextmanager
def progress_bar(shown: bool = True) -> Iterator[Callable[[str, float], None]]:
    """Show a bar with the time left on stderr if that is a terminal, and nothing otherwise.

    What backends log meanwhile, such as that they compile for the first time, stands above the bar.

    Yields:
        A function to call with a text and the fraction that is done, 0 to 1.
    """
    if not shown or not sys.stderr.isatty():
        yield lambda text, part: None
        return
    from rich.progress import TimeRemainingColumn

    with _bars(TimeRemainingColumn()) as bars:
        task = bars.add_task("", total=1.0)
        yield lambda text, part: bars.update(task, description=text, completed=part)


@contextmanager
def progress_bars(noun: str) -> Iterator[Callable[[str, str, float | None], None]]:
    """Show a bar for each of several things that go on at a time, below one that counts those that ended.

    Nothing is shown where stderr is not a terminal.

    Args:
        noun: What the things are called, in the plural.

    Yields:
        A function to call with the name of a thing, a text, and the fraction that is done, 0 to 1, or None at its end.
    """
    if not sys.stderr.isatty():
        yield lambda name, text, part: None
        return
    with _bars() as bars:
        tasks: dict[str, TaskID] = {}
        whole = bars.add_task(noun, total=1.0)

        def show(name: str, text: str, part: float | None) -> None:
            if name not in tasks:
                tasks[name] = bars.add_task(name, total=1.0)
                bars.update(whole, total=len(tasks))
            bars.update(tasks[name], description=f"{name}: {text}", completed=part or 0.0, visible=part is not None)
            ended = sum(not task.visible for task in bars.tasks)
            bars.update(whole, completed=ended, description=f"{ended} of {len(tasks)} {noun} measured")

        yield show


@contextmanager
def _bars(*more: ProgressColumn) -> Iterator[Progress]:
    from rich.console import Console
    from rich.logging import RichHandler
    from rich.progress import BarColumn, Progress, TextColumn

    fields = (TextColumn("{task.description:<24}"), BarColumn(), TextColumn("{task.percentage:>3.0f}%"))
    with Progress(*fields, *more, console=Console(stderr=True), transient=True) as bars:
        logger = logging.getLogger("hashjoule")
        handler = RichHandler(console=bars.console, show_time=False, show_level=False, show_path=False)
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)
        try:
            yield bars
        finally:
            logger.removeHandler(handler)
