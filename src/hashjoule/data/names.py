"""Find a published machine by the name that a user types."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence

from hashjoule.data.hardware import PublishedMachine, machines
from hashjoule.errors import UsageError

_SUGGESTIONS = 6
_BIN = re.compile(r"\d+(\.\d+)?T")

STOCK_RULE = "the mode without a name, else the plain bin with the highest hash rate"
"""Which mode a model's name alone stands for."""


def find_machine(name: str, among: Sequence[PublishedMachine] | None = None) -> PublishedMachine:
    """Return the machine of that name: a model, a model and its mode, or enough of either to be the only one.

    A model alone stands for its stock mode (`STOCK_RULE`).

    Raises:
        UsageError: If no model or several match, with suggestions.
    """
    table = machines() if among is None else among
    wanted = _words(name)
    with_mode = [m for m in table if m.mode and wanted in [[*words, *_words(m.mode)] for words in _spellings(m)]]
    if len(with_mode) == 1:
        return with_mode[0]
    of_model = [m for m in table if wanted and wanted in _spellings(m)]
    found = of_model or matching(name, table)
    models = sorted({m.model for m in found}, key=lambda model: (len(model), model))
    if len(models) == 1:
        return stock_mode(found)
    if models:
        rest = f" and {len(models) - _SUGGESTIONS} more" if len(models) > _SUGGESTIONS else ""
        listed = ", ".join(models[:_SUGGESTIONS])
        raise UsageError(f"{name!r} fits {len(models)} models ({listed}{rest}): give a longer name")
    close = _similar(name, table)
    hint = f"did you mean {' or '.join(close)}?" if close else "`hashjoule table --model PART` searches for one"
    raise UsageError(f"no published machine is called {name!r}; {hint}")


def matching(pattern: str, among: Sequence[PublishedMachine]) -> list[PublishedMachine]:
    """Return the machines whose maker, model and mode hold every word of a pattern, in any order."""
    words = _words(pattern)
    return [m for m in among if words and all(word in _text(m) for word in words)]


def stock_mode(modes: Sequence[PublishedMachine]) -> PublishedMachine:
    """Return the stock mode of one model's modes, by `STOCK_RULE`; modes with a power go first."""
    return max(
        modes,
        key=lambda m: (m.power_w is not None, not m.mode, _BIN.fullmatch(m.mode) is not None, m.hashrate_hs),
    )


def other_modes(machine: PublishedMachine, among: Sequence[PublishedMachine] | None = None) -> list[str]:
    """Return the names of the other modes of a machine's model."""
    table = machines() if among is None else among
    return [m.mode or "stock" for m in table if m.model == machine.model and m.mode != machine.mode]


def _words(text: str) -> list[str]:
    return re.sub(r"[(),]", " ", text).casefold().split()


def _spellings(machine: PublishedMachine) -> list[list[str]]:
    """Return the names of a model, in words: with its maker, as it is, and without its brand ("S21 XP")."""
    model = _words(machine.model)
    return [
        model,
        [*_words(machine.maker), *model],
        *([model[1:], [*_words(machine.maker), *model[1:]]] if model[1:] else []),
    ]


def _text(machine: PublishedMachine) -> str:
    return f"{machine.maker} {machine.model} {machine.mode}".casefold()


def _similar(name: str, among: Sequence[PublishedMachine]) -> list[str]:
    """Return the models that are spelt like a name, with or without the brand before them; each once."""
    spellings: dict[str, str] = {}
    for machine in among:
        for spelling in (machine.model, machine.model.partition(" ")[2], f"{machine.maker} {machine.model}"):
            spellings.setdefault(spelling.casefold(), machine.model)
    close = difflib.get_close_matches(name.casefold(), [s for s in spellings if s], n=8, cutoff=0.6)
    return list(dict.fromkeys(spellings[spelling] for spelling in close))[:3]
