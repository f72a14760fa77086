"""The command line. Results go to stdout, progress and warnings to stderr.

Exit codes: 0 done, 1 did not hold or not found, 2 bad input, 3 node or device unreachable, 130 interrupted.
"""

from __future__ import annotations

import errno
import sys
from importlib import import_module

import click

from hashjoule import __version__
from hashjoule.errors import HashjouleError

COMMANDS = {
    "bench": "hashjoule.cli.bench:bench_command",
    "gauge": "hashjoule.cli.gauge:gauge_command",
    "devices": "hashjoule.cli.devices:devices_command",
    "check": "hashjoule.cli.check:check_command",
    "show": "hashjoule.cli.show:show_command",
    "compare": "hashjoule.cli.compare:compare_command",
    "grind": "hashjoule.cli.grind:grind_command",
    "mine": "hashjoule.cli.mine:mine_command",
    "table": "hashjoule.cli.table:table_command",
    "plot": "hashjoule.cli.plot:plot_command",
    "explain": "hashjoule.cli.explain:explain_command",
    "economics": "hashjoule.cli.economics:economics_command",
    "report": "hashjoule.cli.report:report_command",
}
"""Command names in the order of --help, and where each is defined; a command is imported when it is used."""


class LazyGroup(click.Group):
    """A group that imports a command when it is called, so that none pays for another's libraries."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All names."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, or None if there is none of that name."""
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name].partition(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, "-V", "--version")
def cli() -> None:
    """How many joules does a terahash cost on this machine?

    hashjoule measures double-SHA-256 block-header search on your CPUs and GPUs, checks every hit, and sets the
    result beside the mining machines of all years.
    """


def main() -> None:
    """Runs the command line and exits; every error becomes one sentence on stderr."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Runs one command line and returns its exit code."""
    try:
        return int(cli.main(arguments, prog_name="hashjoule", standalone_mode=False) or 0)
    except (click.exceptions.NoArgsIsHelpError, click.exceptions.Exit) as stop:
        if isinstance(stop, click.exceptions.NoArgsIsHelpError):
            click.echo(stop.format_message(), err=True)
        return stop.exit_code
    except click.ClickException as error:
        return _complain(error.format_message(), 2)
    except HashjouleError as error:
        return _complain(str(error), error.exit_code)
    except (KeyboardInterrupt, click.Abort):
        return 130
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        return _complain("the output cannot be written, the disk is full; free some space and run again", 2)


def _complain(message: str, code: int) -> int:
    text = message.strip()
    click.echo(f"hashjoule: {text if text.endswith(('.', '?')) else text + '.'}", err=True)
    return code
