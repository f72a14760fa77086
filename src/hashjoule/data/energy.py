"""What a hash takes in gates, counted on our circuits, and what an instruction costs a programmable machine."""

from __future__ import annotations

from functools import cache
from typing import Literal

from hashjoule.data.reading import Positive, Sourced, Text, shipped_table


class Circuit(Sourced, frozen=True, kw_only=True):
    """A circuit of `rtl/` and what switches in it for one hash. `python -m bench.gates` writes these rows."""

    circuit: Text
    midstates: Positive
    """Versions of the header that share a message schedule (AsicBoost)."""
    gates: Positive
    registers: Positive
    useful_transitions: Positive
    """Transitions of gates from one settled value to the next."""
    glitches: Positive
    """Transitions of gates in between."""
    register_changes: Positive
    clock_edges: Positive
    events: Positive
    """Everything that switches, weighed by capacitance: transitions of an inverter that drives four others."""
    events_low: Positive
    events_high: Positive


class InstructionEnergy(Sourced, frozen=True, kw_only=True):
    """What an instruction costs a programmable machine, apart from the operation that it asks for."""

    machine_class: Literal["cpu", "gpu"]
    energy_pj: Positive
    low_pj: Positive
    high_pj: Positive
    process_nm: Positive
    voltage_v: Positive


@cache
def circuits() -> tuple[Circuit, ...]:
    """Return the counted circuits: one each for 1, 2 and 4 midstates."""
    return shipped_table("gates.csv", Circuit)


@cache
def instruction_energies() -> tuple[InstructionEnergy, ...]:
    """Return the energy of an instruction for each class of programmable machines."""
    return shipped_table("instruction_energy.csv", InstructionEnergy)
