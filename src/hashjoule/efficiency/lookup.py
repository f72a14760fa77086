"""Find a published machine by the name that a user types, and the best machine of all."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from hashjoule.efficiency.dataset import Machine, machines
from hashjoule.errors import UsageError


def find_machine(name: str, among: Sequence[Machine] | None = None) -> Machine:
    """The machine of that name, else the only one (or, of several modes, the first with a power) that contains it.

    Raises:
        UsageError: when none or several models match, with suggestions.
    """
    table = machines() if among is None else among
    wanted = name.strip().casefold()
    exact = [m for m in table if wanted in (m.name.casefold(), m.model.casefold())]
    found = exact or [m for m in table if wanted and wanted in f"{m.maker} {m.name}".casefold()]
    models = sorted({m.model for m in found})
    if len(models) == 1:
        return max(found, key=lambda m: m.power_w is not None)
    if models:
        listed = ", ".join(models[:6]) + (" and more" if len(models) > 6 else "")
        raise UsageError(f"{name!r} fits {len(models)} machines ({listed}): give a longer name")
    close = difflib.get_close_matches(name, [m.model for m in table], n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(close)}?" if close else "`hashjoule table` lists them"
    raise UsageError(f"no published machine is called {name!r}; {hint}")


def best_asic() -> tuple[Machine, float]:
    """The published ASIC with the least joules per terahash, and that figure; rows of low quality do not count."""
    rated = [(m, m.j_per_th) for m in machines() if m.machine_class == "asic" and m.quality != "low"]
    measured = [(m, value) for m, value in rated if value is not None]
    return min(measured, key=lambda pair: pair[1])
