"""Published machines by name, for every command that takes one; which mode was taken is said on stderr."""

from __future__ import annotations

from collections.abc import Sequence

import click

from hashjoule.data.hardware import PublishedMachine, machines
from hashjoule.data.names import STOCK_RULE, find_machine, other_modes

_SHOWN = 6


def named_machine(name: str, among: Sequence[PublishedMachine] | None = None) -> PublishedMachine:
    """Return the machine of that name; where the name left the mode open, say which one was taken.

    Raises:
        UsageError: If no machine, or several, have that name.
    """
    table = machines() if among is None else among
    machine = find_machine(name, table)
    others = other_modes(machine, table)
    if others and (not machine.mode or machine.mode.casefold() not in name.casefold()):
        listed = ", ".join(others[:_SHOWN]) + (f" and {len(others) - _SHOWN} more" if len(others) > _SHOWN else "")
        click.echo(f"Taken: {machine.name} ({STOCK_RULE}). Other modes: {listed}.", err=True)
    return machine
