"""What a hash must cost, from the bottom up: what has to switch or be executed, times the energy of each.

    gates:         E = switching events per hash x energy of an event(node) x (V / Vnominal)^2
    instructions:  E = instructions per hash x energy of an instruction, scaled from its node and voltage

Nothing is fitted to any mining machine. The events are counted on a circuit (results/gates.md), their energy is that of
the table of CMOS nodes, and the energy of instructions is the literature's. Wires, leakage, idle parts and power
conversion are left out: they separate these figures from published ones.

Energies are in J/TH, which is picojoules per hash.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from hashjoule.data.chips import cmos_nodes
from hashjoule.data.energy import Circuit, circuits, instruction_energies
from hashjoule.efficiency.frames import landauer_j_per_th
from hashjoule.efficiency.model import NodeTable

NODE_ENERGY_ERROR = 1 / 0.60
"""The largest factor between the table of CMOS nodes and our own simulation of its inverter (results/gates.md)."""

ROLLING_MIDSTATES = 4
"""Midstates of a chip that rolls versions."""


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

    def over(self, other: Estimate) -> Estimate:
        """Return the quotient; relative errors add in quadrature."""
        return self.times(Estimate(1 / other.value, 1 / other.high, 1 / other.low))

    def plus(self, other: Estimate) -> Estimate:
        """Return the sum, whose ends are the sums of the ends."""
        return Estimate(self.value + other.value, self.low + other.low, self.high + other.high)

    def squared(self) -> Estimate:
        """Return the square."""
        return Estimate(self.value**2, self.low**2, self.high**2)


def exactly(value: float) -> Estimate:
    """Return a figure without error."""
    return Estimate(value, value, value)


FPGA_OVERHEAD = Estimate(14 - 1, 12 - 1, 14 - 1)
"""What programmable logic adds to the gates, in multiples of their energy.

Source: dynamic power of an FPGA over standard cells, Kuon & Rose, TCAD 2007 (14 times) and FPGA 2006 (12 times).
"""

VECTOR_LANES = Estimate(4, 1, 16)
"""32-bit lanes that an instruction of a CPU serves where the code is not known: SSE2; scalar; AVX-512."""


@dataclass(frozen=True)
class Silicon:
    """What a chip is made in, and its core voltage in volts."""

    process_nm: float
    voltage_v: Estimate


@dataclass(frozen=True)
class BottomUp:
    """The energy of a hash in J/TH: of the work itself, and of what a machine needs around it to do that work.

    `carrying` is what instructions cost, or the programmable wires of an FPGA; None for fixed logic.
    """

    work: Estimate
    carrying: Estimate | None
    floor_j_per_th: float
    """Landauer's limit."""
    note: str

    @property
    def total(self) -> Estimate:
        """Work and carrying together."""
        return self.work if self.carrying is None else self.work.plus(self.carrying)


def event_energy_fj(silicon: Silicon) -> Estimate:
    """Return the energy of one switching event in fJ: the node's at nominal voltage, times (V / Vnominal)^2."""
    nodes = NodeTable(cmos_nodes())
    nominal = nodes.switching_energy_fj(silicon.process_nm)
    relative = silicon.voltage_v.over(exactly(nodes.nominal_voltage_v(silicon.process_nm)))
    return Estimate(nominal, nominal / NODE_ENERGY_ERROR, nominal * NODE_ENERGY_ERROR).times(relative.squared())


def circuit_with(midstates: int) -> Circuit:
    """Return the circuit with so many midstates."""
    return next(circuit for circuit in circuits() if circuit.midstates == midstates)


def gates_j_per_th(silicon: Silicon, *, asicboost: bool = False) -> Estimate:
    """Return what the gates of a hash cost in J/TH, with AsicBoost or without."""
    circuit = circuit_with(ROLLING_MIDSTATES if asicboost else 1)
    events = Estimate(circuit.events, circuit.events_low, circuit.events_high)
    return events.times(event_energy_fj(silicon), exactly(1e-3))


def instructions_j_per_th(machine_class: str, silicon: Silicon, operations: Estimate, lanes: Estimate) -> Estimate:
    """Return what it costs in J/TH to carry the instructions of a hash.

    Args:
        machine_class: `cpu` or `gpu`.
        silicon: Node and voltage, to which the published energy of an instruction is scaled.
        operations: 32-bit operations per hash.
        lanes: How many of them one paid instruction does; a GPU pays for each lane.
    """
    known = next(row for row in instruction_energies() if row.machine_class == machine_class)
    energy = Estimate(known.energy_pj, known.low_pj, known.high_pj)
    published_at = event_energy_fj(Silicon(known.process_nm, exactly(known.voltage_v)))
    scale = event_energy_fj(silicon).over(exactly(published_at.value))
    return operations.over(lanes).times(energy, scale)


def bottom_up(machine_class: str, silicon: Silicon, operations: Estimate, *, asicboost: bool = False) -> BottomUp:
    """Return what a hash must cost on a machine.

    Args:
        machine_class: `cpu`, `gpu`, `fpga` or `asic`.
        silicon: Node and voltage.
        operations: 32-bit operations per hash of a programmable machine.
        asicboost: Whether the machine rolls versions.
    """
    work = gates_j_per_th(silicon, asicboost=asicboost)
    floor = landauer_j_per_th()
    if machine_class == "asic":
        return BottomUp(work, None, floor, "the gates of a hash")
    if machine_class == "fpga":
        note = "the gates of a hash, and the look-up tables and programmable wires that stand in for them"
        return BottomUp(work, work.times(FPGA_OVERHEAD), floor, note)
    lanes = exactly(1) if machine_class == "gpu" else VECTOR_LANES
    carrying = instructions_j_per_th(machine_class, silicon, operations, lanes)
    return BottomUp(work, carrying, floor, "the gates of a hash, and the instructions that carry it")
