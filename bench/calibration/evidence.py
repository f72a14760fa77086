"""How far the explanation and the data set reach the bars that they are held to."""

from __future__ import annotations

from collections.abc import Iterable

from bench.calibration import tables
from hashjoule.data.hardware import PublishedMachine, catalogue_figures, machines
from hashjoule.efficiency.explain import best_subject, explain, published_subject, reference_subject


def section() -> str:
    """Return the section on explanation and data."""
    inside, rests = rests_that_hold_one()
    near, figures, unmarked = agreement()
    rows = machines()
    metered = [row for row in rows if row.power_basis == "measured"]
    ends = (best_subject(), reference_subject())
    lines = [
        ("rests of ASICs with a known node whose interval holds 1", f"{inside} of {rests}", "9 of 11",
         _met(inside / rests >= 9 / 11)),
        ("figures of independent catalogues within 3% of ours", f"{near} of {figures}, {near / figures:.1%}", "95%",
         _met(near / figures >= 0.95)),
        ("rows off by over 10% without a mark or a second catalogue that agrees", str(unmarked), "0",
         _met(unmarked == 0)),
        ("rows", str(len(rows)), "400", _met(len(rows) >= 400)),
        ("rows metered by a user or an independent reviewer", str(len(metered)), "30", _met(len(metered) >= 30)),
        ("default references that do not ship", str(sum(end.announced for end in ends)), "0",
         _met(not any(end.announced for end in ends))),
    ]  # fmt: skip
    return f"""
## Explanation and data

{tables.table(("what", "found", "bar", "verdict"), lines)}

Catalogues contradict each other: a row keeps the maker's figure, or the better source's, and its note names the other
one. What is missing to thirty metered rows is measurements that say where the meter sat and what the machine computed.
"""


def _met(holds: bool) -> str:
    return "met" if holds else "missed"


def rests_that_hold_one() -> tuple[int, int]:
    """Return for how many ASICs with a known node the interval of the rest holds 1, and of how many."""
    known = [m for m in machines() if m.machine_class == "asic" and m.node_nm and m.power_w and m.quality != "low"]
    rests = [next(f for f in explain(published_subject(m)).factors if f.name == "rest") for m in known]
    return sum(rest.low <= 1 <= rest.high for rest in rests), len(rests)


def agreement() -> tuple[int, int, int]:
    """Return how many catalogue figures lie within 3% of ours, how many there are, and how many rows are unmarked."""
    rows = {(m.maker, m.model, m.mode): m for m in machines()}
    off: dict[tuple[str, str, str], list[float]] = {}
    for figure in catalogue_figures():
        name = (figure.maker, figure.model, figure.mode)
        off.setdefault(name, []).append(abs((rows[name].j_per_th or 0.0) / figure.j_per_th - 1))
    every = [part for parts in off.values() for part in parts]
    unmarked = sum(_unmarked(rows[name], parts) for name, parts in off.items())
    return sum(part <= 0.03 for part in every), len(every), unmarked


def _unmarked(machine: PublishedMachine, off: Iterable[float]) -> bool:
    """Whether a row is off by over 10% and neither doubtful nor backed by another catalogue."""
    parts = list(off)
    marked = machine.quality == "low" or machine.deviates or min(parts) <= 0.03
    return max(parts) > 0.10 and not marked
