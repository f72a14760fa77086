"""Shell completion of names: backends, published machines, countries; and a completion for bash that knows colons."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable

import click
from click.shell_completion import BashComplete, CompletionItem, add_completion_class, split_arg_string


class NameType(click.ParamType[str]):
    """A name that the shell can complete; whoever looks it up says what is wrong with it."""

    def __init__(self, name: str, candidates: Callable[[str], Iterable[str]]) -> None:
        self.name = name
        self._candidates = candidates

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the name as it was typed."""
        return value

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem[str]]:
        """Return the names that begin like the incomplete word, in either case."""
        typed = incomplete.casefold()
        return [CompletionItem(name) for name in self._candidates(incomplete) if name.casefold().startswith(typed)]


def _backends(incomplete: str) -> list[str]:
    """Return providers, and once one is typed with its colon, the names of its backends.

    Only that provider is asked: drivers of GPUs take a second to answer.
    """
    from hashjoule.backends import PROVIDERS, specs

    provider, colon, _ = incomplete.partition(":")
    if colon and provider in PROVIDERS:
        return [spec.name for spec in specs(provider)]
    return ["auto", *PROVIDERS]


def _machines(incomplete: str) -> list[str]:
    from hashjoule.data.hardware import machines

    return list(dict.fromkeys(machine.model for machine in machines()))


def _countries(incomplete: str) -> list[str]:
    from hashjoule.data.network import country_shares

    return sorted({share.country for share in country_shares()})


BACKEND = NameType("backend", _backends)
"""The name of a backend or provider; the command resolves it."""
MACHINE = NameType("machine", _machines)
"""The name of a published machine; the command finds it."""
COUNTRY = NameType("country", _countries)
"""The name of a country with a known share of the network."""


class ColonBashComplete(BashComplete):
    """Completion for bash of words with colons and spaces.

    Bash breaks the line into words at colons too, so `c:av` arrives as three words, and only what follows the last
    colon may be answered. Spaces have to come back with a backslash.
    """

    def get_completion_args(self) -> tuple[list[str], str]:
        """Return the words before the cursor, and the incomplete one, each with its colons."""
        typed = split_arg_string(os.environ["COMP_WORDS"])[: int(os.environ["COMP_CWORD"]) + 1]
        words: list[str] = []
        for i, word in enumerate(typed):
            if words and (word == ":" or (i and typed[i - 1] == ":")):
                words[-1] += word
            else:
                words.append(word)
        if len(typed) <= int(os.environ["COMP_CWORD"]):  # the cursor stands after a space: a new word begins
            return words[1:], ""
        return words[1:-1], words[-1]

    def complete(self) -> str:
        """Return the completions, one a line."""
        args, incomplete = self.get_completion_args()
        typed = incomplete.rpartition(":")[0]
        start = len(typed) + 1 if typed else 0
        items = self.get_completions(args, incomplete)
        return "\n".join(f"{item.type},{_escaped(item.value[start:])}" for item in items)


def _escaped(word: str) -> str:
    """Return a word with a backslash before each space, which click's script lets `read` take off once."""
    return word.replace(" ", r"\\ ")


add_completion_class(ColonBashComplete, "bash")
