"""The shape of a command: options under headings and examples in --help. A thin layer over click.

rich-click and cloup do the same; the first adds 45 ms to the start of every command, the second 50 ms, which is as
much as `hashjoule --version` takes in all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import click


class Command(click.Command):
    """A command whose --help shows its options under headings, and examples at its end."""

    def __init__(
        self,
        *args: Any,
        examples: Sequence[str] = (),
        option_groups: Mapping[str, Sequence[str]] | None = None,
        **settings: Any,
    ) -> None:
        """Take what click takes, examples and groups of options.

        Args:
            *args: As of `click.Command`.
            examples: Command lines that run as they stand; a test runs them. "# ..." at the end of a line explains it.
            option_groups: Options under their headings, by the name that users type (`--threads`), in the order of
                --help. Options that stand in no group follow under "Options".
            **settings: As of `click.Command`.

        Raises:
            ValueError: If a group names an option that the command does not have.
        """
        super().__init__(*args, **settings)
        self.examples = tuple(examples)
        self.option_groups = dict(option_groups or {})
        known = {name for param in self.params for name in param.opts}
        if unknown := {name for names in self.option_groups.values() for name in names} - known:
            raise ValueError(f"{self.name} has no option {', '.join(sorted(unknown))}")

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options, each group under its heading."""
        heading = {name: title for title, names in self.option_groups.items() for name in names}
        rows: dict[str, list[tuple[str, str]]] = {title: [] for title in self.option_groups}
        for param in self.get_params(ctx):
            record = param.get_help_record(ctx)
            if isinstance(param, click.Option) and record:
                title = next((heading[name] for name in param.opts if name in heading), "Options")
                rows.setdefault(title, []).append(record)
        for title, records in rows.items():
            with formatter.section(title):
                formatter.write_dl(records)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples."""
        write_examples(self.examples, formatter)


class Group(click.Group):
    """A group of commands, with examples at the end of its --help."""

    command_class = Command

    def __init__(self, *args: Any, examples: Sequence[str] = (), **settings: Any) -> None:
        """Take what click takes, and examples as `Command` does."""
        super().__init__(*args, **settings)
        self.examples = tuple(examples)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples."""
        write_examples(self.examples, formatter)


def write_examples(examples: Iterable[str], formatter: click.HelpFormatter) -> None:
    """Write command lines as they are, unwrapped, so that they can be copied."""
    lines = [f"{'':{formatter.current_indent + 2}}{example}\n" for example in examples]
    if lines:
        with formatter.section("Examples"):
            formatter.write("".join(lines))


def command(
    name: str, *, examples: Sequence[str] = (), option_groups: Mapping[str, Sequence[str]] | None = None
) -> Callable[[Callable[..., object]], Command]:
    """Make a function a command; see `Command` for the arguments."""
    return click.command(name, cls=Command, examples=examples, option_groups=option_groups)
