"""A machine's energy beside the chain: what it must cost from the bottom up, and by the calibrated model."""

from __future__ import annotations

from dataclasses import dataclass

from hashjoule.data.energy import instruction_energies
from hashjoule.efficiency.bottom_up import BottomUp, Estimate, Silicon, bottom_up
from hashjoule.efficiency.explain.types import Subject
from hashjoule.efficiency.model import ChipPoint, published_model

GATES_SOURCE = "transitions counted on a circuit times the energy of the node (results/gates.md); nothing is fitted"
FPGA_SOURCE = "Kuon & Rose, TCAD 2007: 14 times the dynamic power of standard cells"


@dataclass(frozen=True)
class Counted:
    """Predictions of a machine's energy, in J/TH."""

    predicted: BottomUp
    calibrated_j_per_th: float | None
    """By the model that is fitted to mining chips; None for other machines."""
    machine_over_predicted: float
    sources: tuple[str, ...]


def counted(subject: Subject) -> Counted | None:
    """Return the predictions for a machine, or None where no source names its node or its voltage."""
    if subject.process_nm is None or subject.supply is None:
        return None
    supply, done = subject.supply, subject.operations
    predicted = bottom_up(
        subject.machine_class,
        Silicon(subject.process_nm, Estimate(supply.value_v, supply.low_v, supply.high_v)),
        Estimate(done.count, done.low, done.high),
        asicboost=subject.asicboost,
    )
    return Counted(
        predicted,
        _calibrated(subject, subject.process_nm, supply.value_v),
        subject.j_per_th / predicted.total.value,
        (GATES_SOURCE, *_carrying_sources(subject.machine_class)),
    )


def counted_document(subject: Subject) -> dict[str, object] | None:
    """Return the predictions as plain values, for JSON."""
    found = counted(subject)
    if found is None:
        return None
    carrying = found.predicted.carrying
    return {
        "gates_j_per_th": _interval(found.predicted.work),
        "carrying_j_per_th": None if carrying is None else _interval(carrying),
        "predicted_j_per_th": _interval(found.predicted.total),
        "machine_over_predicted": found.machine_over_predicted,
        "calibrated_j_per_th": found.calibrated_j_per_th,
        "landauer_j_per_th": found.predicted.floor_j_per_th,
        "sources": list(found.sources),
    }


def _interval(estimate: Estimate) -> dict[str, float]:
    return {"value": estimate.value, "low": estimate.low, "high": estimate.high}


def _calibrated(subject: Subject, process_nm: float, voltage_v: float) -> float | None:
    """Return what the calibrated model says of a mining chip."""
    if subject.machine_class != "asic":
        return None
    point = ChipPoint(subject.name, "", process_nm, subject.j_per_th, voltage_v, subject.asicboost)
    return float(10 ** published_model().law(point))


def _carrying_sources(machine_class: str) -> tuple[str, ...]:
    if machine_class == "fpga":
        return (FPGA_SOURCE,)
    return tuple(
        f"{row.source_url}: {row.note}" for row in instruction_energies() if row.machine_class == machine_class
    )
