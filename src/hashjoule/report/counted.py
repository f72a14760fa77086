"""The bottom-up prediction of an explained machine, as lines of text."""

from __future__ import annotations

from hashjoule.efficiency.bottom_up import Estimate
from hashjoule.efficiency.explain.counted import counted
from hashjoule.efficiency.explain.types import Subject
from hashjoule.report.numbers import number
from hashjoule.report.text import columns, wrapped

CARRYING = {"cpu": "carrying its instructions", "gpu": "carrying its instructions", "fpga": "programmable wires"}


def counted_text(subject: Subject) -> str:
    """Return what the machine must cost from the bottom up beside what it does, or why that is not known."""
    found = counted(subject)
    if found is None:
        return wrapped(f"From the bottom up: unknown, for no source names node and core voltage of {subject.name}.")
    predicted = found.predicted
    rows = [_row("gates of a hash", predicted.work)]
    if predicted.carrying is not None:
        rows += [_row(CARRYING[subject.machine_class], predicted.carrying), _row("together", predicted.total)]
    if found.calibrated_j_per_th is not None:
        rows.append(("calibrated model", number(found.calibrated_j_per_th), ""))
    rows += [
        (f"the machine ({subject.basis})", number(subject.j_per_th), ""),
        ("Landauer's floor", number(predicted.floor_j_per_th), ""),
    ]
    table = columns(("from the bottom up", "J/TH", "interval"), rows)
    return f"{table}\n{wrapped(_verdict(found.machine_over_predicted, subject.basis))}"


def counted_sources(subject: Subject) -> list[str]:
    """Return where the energies of gates and instructions come from."""
    found = counted(subject)
    return [] if found is None else [f"From the bottom up: {source}" for source in found.sources]


def _row(name: str, estimate: Estimate) -> tuple[str, str, str]:
    return name, number(estimate.value), f"{number(estimate.low)} to {number(estimate.high)}"


def _verdict(ratio: float, basis: str) -> str:
    bound = "at most " if basis == "upper bound" else ""
    return (
        f"The machine takes {bound}{number(ratio)} times what is counted. Wires, leakage, memory, idle parts and power "
        "conversion are not counted."
    )
