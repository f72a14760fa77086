"""The command line. Results go to stdout, progress and warnings to stderr.

Exit codes: 0 done, 1 did not hold or not found, 2 bad input, 3 node, pool, meter or device unreachable,
130 interrupted.
"""

from __future__ import annotations

import errno
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module

import click

from hashjoule import __version__
from hashjoule.cli.frame import Group
from hashjoule.errors import HashjouleError

SECTIONS = {
    "Measure": {
        "bench": "hashjoule.cli.bench:bench_command",
        "gauge": "hashjoule.cli.gauge:gauge_command",
        "devices": "hashjoule.cli.devices:devices_command",
        "check": "hashjoule.cli.check:check_command",
        "prepare": "hashjoule.cli.prepare:prepare_command",
    },
    "Mine": {
        "mine": "hashjoule.cli.mine:mine_command",
        "grind": "hashjoule.cli.grind:grind_command",
    },
    "Compare": {
        "table": "hashjoule.cli.table:table_command",
        "plot": "hashjoule.cli.plot:plot_command",
        "explain": "hashjoule.cli.explain:explain_command",
        "economics": "hashjoule.cli.economics:economics_command",
        "claims": "hashjoule.cli.claims:claims_command",
        "compare": "hashjoule.cli.compare:compare_command",
        "show": "hashjoule.cli.show:show_command",
        "report": "hashjoule.cli.report:report_command",
    },
}
"""The commands under their headings, in the order of --help, and where each is defined."""

COMMANDS = {name: target for section in SECTIONS.values() for name, target in section.items()}

COMPLETION_VARIABLE = "_HASHJOULE_COMPLETE"
"""Set by the shell that asks for completions."""


@contextmanager
def interrupts_held_back() -> Iterator[None]:
    """Deliver a Ctrl-C after the block: Python can lose one that comes during an import (its module locks)."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class LazyGroup(Group):
    """The commands of `SECTIONS`, each imported when it is used, so that none pays for another's libraries."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the command, or None if there is none of that name."""
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name].partition(":")
        with interrupts_held_back():
            command: click.Command = getattr(import_module(module), attribute)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command that the arguments name; if there is none, suggest the one that was probably meant."""
        if args[0] not in COMMANDS and not args[0].startswith("-") and not ctx.resilient_parsing:
            from difflib import get_close_matches

            close = get_close_matches(args[0], COMMANDS, n=1)
            hint = f". Did you mean {close[0]!r}?" if close else ""
            raise click.UsageError(f"No such command {args[0]!r}{hint}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write one line for each command, under the headings."""
        width = max(map(len, COMMANDS))
        for title, names in SECTIONS.items():
            commands = [(f"{name:{width}}", self.get_command(ctx, name)) for name in names]
            with formatter.section(title):
                formatter.write_dl([(name, command.get_short_help_str(80)) for name, command in commands if command])


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"]},
    examples=(
        "hashjoule bench --quick                   # measure this machine",
        "hashjoule table --class asic --limit 10   # the most efficient machines",
        "hashjoule mine --embedded my-chain --blocks 10",
    ),
)
@click.version_option(__version__, "-V", "--version")
def cli() -> None:
    """How many joules does a terahash cost on this machine?

    hashjoule measures double-SHA-256 block-header search on your CPUs and GPUs, checks every hit, and sets the
    result beside the mining machines of all years. `hashjoule COMMAND --help` explains a command.
    """


def main() -> None:
    """Run the command line and exit; every error becomes one sentence on stderr."""
    if COMPLETION_VARIABLE in os.environ:
        from hashjoule.cli import complete  # noqa: F401 - registers the completion for bash
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run one command line and return its exit code."""
    try:
        return int(cli.main(arguments, prog_name="hashjoule", standalone_mode=False) or 0)
    except click.exceptions.NoArgsIsHelpError as stop:
        click.echo(stop.format_message(), err=True)
        return stop.exit_code
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except click.ClickException as error:
        return _complain(_usage_message(error), 2)
    except HashjouleError as error:
        return _complain(str(error), error.exit_code)
    except (KeyboardInterrupt, click.Abort):
        return 130
    except OSError as error:
        return _complain(_os_message(error), 2)


def _usage_message(error: click.ClickException) -> str:
    """Return what click says about bad input, and where to read what is right."""
    message = error.format_message().strip().rstrip(".")
    context = error.ctx if isinstance(error, click.UsageError) else None
    if context is None or message.endswith("?"):  # click has made a suggestion
        return message
    return f"{message}; see `{context.command_path} --help`"


def _os_message(error: OSError) -> str:
    """Return a sentence about the disk or the file; anything else is a bug, and raised again."""
    if error.errno == errno.ENOSPC:
        return "the output cannot be written, the disk is full; free some space and run again"
    if error.filename is None:
        raise error
    return f"{error.filename} cannot be used: {error.strerror}"


def _complain(message: str, code: int) -> int:
    sentence = message.strip()
    click.echo(f"hashjoule: {sentence if sentence.endswith(('.', '?')) else sentence + '.'}", err=True)
    return code
