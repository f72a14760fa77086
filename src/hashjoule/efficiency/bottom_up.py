"""What a hash must cost, from the bottom up: transitions of transistors, or instructions, times their energy.

    gates:         E = switching events per hash x energy of an event(node) x (V / Vnominal)^2
    instructions:  E = instructions per hash x energy of an instruction, scaled from its node and voltage

Nothing is fitted to any mining machine. The events are counted on a circuit (results/gates.md), their energy is that of
the table of CMOS nodes, and the energy of instructions is the literature's. Wires, leakage, idle parts and power
conversion are left out: they separate these figures from published ones.

Energies are in J/TH, which is picojoules per hash.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Literal

from hashjoule.efficiency.calibration import NodeTable
from hashjoule.efficiency.sources import Positive, Sourced, Text, cmos_nodes
from hashjoule.efficiency.sources import _shipped as shipped_table

NODE_ENERGY_ERROR = 1 / 0.60
"""The largest factor between the table of CMOS nodes and our own simulation of its inverter (results/gates.md)."""

FPGA_OVERHEAD = (14.0, 12.0, 14.0)
"""Dynamic power of an FPGA over standard cells: likely, low, high (Kuon & Rose, TCAD 2007: 14; FPGA 2006: 12)."""

VECTOR_LANES = (4.0, 1.0, 16.0)
"""32-bit lanes of a CPU's instructions where the code is not known: likely (SSE2), least, most (AVX-512)."""

BOLTZMANN_J_PER_K = 1.380649e-23
ROOM_TEMPERATURE_K = 300.0


class Circuit(Sourced, frozen=True, kw_only=True):
    """A circuit of rtl/ with what was counted for one hash, written by `python -m bench.gates`."""

    circuit: Text
    midstates: Positive
    gates: Positive
    registers: Positive
    useful_transitions: Positive
    """Of gates, from one settled value to the next."""
    glitches: Positive
    """Transitions of gates in between."""
    register_changes: Positive
    clock_edges: Positive
    events: Positive
    """All of it as transitions of an inverter that drives four others, each weighed by its capacitance."""
    events_low: Positive
    events_high: Positive


class InstructionEnergy(Sourced, frozen=True, kw_only=True):
    """What it costs a programmable machine to fetch an instruction, interpret it and bring its operands."""

    machine_class: Literal["cpu", "gpu"]
    energy_pj: Positive
    low_pj: Positive
    high_pj: Positive
    process_nm: Positive
    voltage_v: Positive


@cache
def circuits() -> tuple[Circuit, ...]:
    """Return the counted circuits, each with as many midstates as it hashes side by side."""
    return shipped_table("gates.csv", Circuit)


@cache
def instruction_energies() -> tuple[InstructionEnergy, ...]:
    """Return the energy of an instruction for each class of programmable machines."""
    return shipped_table("instruction_energy.csv", InstructionEnergy)


@dataclass(frozen=True)
class Estimate:
    """A figure with its interval."""

    value: float
    low: float
    high: float

    def times(self, *others: Estimate) -> Estimate:
        """Return the product; relative errors add in quadrature."""
        factors = (self, *others)
        value = math.prod(factor.value for factor in factors)
        down = math.hypot(*(math.log(factor.value / factor.low) for factor in factors))
        up = math.hypot(*(math.log(factor.high / factor.value) for factor in factors))
        return Estimate(value, value * math.exp(-down), value * math.exp(up))

    def inverse(self) -> Estimate:
        """Return one over it."""
        return Estimate(1 / self.value, 1 / self.high, 1 / self.low)

    def plus(self, other: Estimate) -> Estimate:
        """Return the sum, whose ends are the sums of the ends."""
        return Estimate(self.value + other.value, self.low + other.low, self.high + other.high)


@dataclass(frozen=True)
class BottomUp:
    """The energy of a hash in J/TH: of the work itself, and of what a machine needs around it to do that work.

    `carrying` is what instructions cost, or the configurability of an FPGA; None for fixed logic. `floor_j_per_th` is
    Landauer's: kT ln 2 for each gate of the circuit.
    """

    work: Estimate
    carrying: Estimate | None
    floor_j_per_th: float
    note: str

    @property
    def total(self) -> Estimate:
        """Work and carrying together."""
        return self.work if self.carrying is None else self.work.plus(self.carrying)


@dataclass(frozen=True)
class Silicon:
    """What a chip is made in and at which voltage it runs."""

    process_nm: float
    voltage_v: Estimate


def node_table() -> NodeTable:
    """Return the table of CMOS nodes."""
    return NodeTable(cmos_nodes())


def event_energy_fj(silicon: Silicon) -> Estimate:
    """Return the energy of one switching event: the node's at nominal voltage, times (V / Vnominal)^2."""
    nodes = node_table()
    nominal = nodes.switching_energy_fj(silicon.process_nm)
    relative = silicon.voltage_v.times(_exact(1 / nodes.nominal_voltage_v(silicon.process_nm)))
    squared = Estimate(relative.value**2, relative.low**2, relative.high**2)
    return Estimate(nominal, nominal / NODE_ENERGY_ERROR, nominal * NODE_ENERGY_ERROR).times(squared)


def circuit_for(midstates: int) -> Circuit:
    """Return the circuit with so many midstates."""
    return next(circuit for circuit in circuits() if circuit.midstates == midstates)


def gates(silicon: Silicon, *, asicboost: bool) -> Estimate:
    """Return what the gates of a hash cost in J/TH. AsicBoost is four midstates that share a schedule."""
    circuit = circuit_for(4 if asicboost else 1)
    events = Estimate(circuit.events, circuit.events_low, circuit.events_high)
    return events.times(event_energy_fj(silicon), _exact(1e-3))


def instructions(machine_class: str, silicon: Silicon, operations: Estimate, lanes: Estimate) -> Estimate:
    """Return what it costs in J/TH to carry the instructions of a hash.

    Args:
        machine_class: `cpu` or `gpu`.
        silicon: Node and voltage, to which the published energy is scaled.
        operations: 32-bit operations per hash.
        lanes: How many of them an instruction does for the price of one; of a GPU each lane is paid for.
    """
    known = next(energy for energy in instruction_energies() if energy.machine_class == machine_class)
    own = Silicon(known.process_nm, _exact(known.voltage_v))
    scale = event_energy_fj(silicon).value / event_energy_fj(own).value
    energy = Estimate(known.energy_pj, known.low_pj, known.high_pj)
    node = Estimate(scale, scale / NODE_ENERGY_ERROR, scale * NODE_ENERGY_ERROR)
    return operations.times(lanes.inverse(), energy, node)


def landauer_floor_j_per_th() -> float:
    """Return kT ln 2 at 300 K for each gate of the smallest circuit: what conventional logic must cost at least."""
    return circuit_for(1).gates * BOLTZMANN_J_PER_K * ROOM_TEMPERATURE_K * math.log(2) * 1e12


def bottom_up(
    machine_class: str, silicon: Silicon, operations: Estimate, lanes: Estimate | None = None, *, asicboost: bool = False
) -> BottomUp:
    """Return what a hash must cost on a machine.

    Args:
        machine_class: `cpu`, `gpu`, `fpga` or `asic`.
        silicon: Node and voltage.
        operations: 32-bit operations per hash of a programmable machine.
        lanes: Lanes of a CPU's instructions; None if its code is not known.
        asicboost: Whether the machine rolls versions.
    """
    work = gates(silicon, asicboost=asicboost)
    floor = landauer_floor_j_per_th()
    if machine_class == "asic":
        return BottomUp(work, None, floor, "the gates of a hash")
    if machine_class == "fpga":
        value, low, high = (ratio - 1 for ratio in FPGA_OVERHEAD)
        note = "the gates of a hash; look-up tables and programmable wires around them"
        return BottomUp(work, work.times(Estimate(value, low, high)), floor, note)
    width = _exact(1.0) if machine_class == "gpu" else lanes or Estimate(*VECTOR_LANES)
    carrying = instructions(machine_class, silicon, operations, width)
    return BottomUp(work, carrying, floor, "the gates of a hash; instructions fetched, interpreted and fed")


def _exact(value: float) -> Estimate:
    return Estimate(value, value, value)


def median_decades(pairs: Iterable[tuple[float, float]]) -> float:
    """Return the median of log10(second / first)."""
    logs = sorted(math.log10(second / first) for first, second in pairs)
    middle = len(logs) // 2
    return logs[middle] if len(logs) % 2 else (logs[middle - 1] + logs[middle]) / 2
