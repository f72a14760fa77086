"""The cells of a netlist: what they compute, how large they are, and what it costs to switch them.

Sizes are those of the method of logical effort (Sutherland, Sproull and Harris 1999): every gate is as strong as an
inverter of unit size, whose input capacitance is the unit of capacitance. A transition of a node charges or discharges
the node's own capacitance (the parasitic) and the inputs that it drives (their logical effort). Gates drive
minimum-size gates over no wire.

The unit of energy is the *switching event* of the project's table of CMOS nodes (Stillmaker and Baas 2017): one
transition, the mean of rising and falling, of an inverter that drives four others. Its capacitance is 5 units: 1 of
its own and 4 of its load. `bench.gates.spice` says how that was checked.
"""

from __future__ import annotations

CONSTANT, INPUT, REGISTER = "constant", "input", "DFF"

PINS = {
    "NOT": "A", "NAND": "AB", "NOR": "AB", "XOR": "AB", "XNOR": "AB", "AOI3": "ABC", "OAI3": "ABC", REGISTER: "D",
}  # fmt: skip
"""Inputs of the cells in the order of Yosys. AOI3 is not((A and B) or C), OAI3 is not((A or B) and C)."""

HALVES = {"XOR": ("NOR", "AOI3"), "XNOR": ("NAND", "OAI3")}
"""A XOR is AOI3(A, B, NOR(A, B)) and a XNOR is OAI3(A, B, NAND(A, B)): ten transistors each."""

EFFORTS = {
    "NOT": (1.0,), "NAND": (4 / 3, 4 / 3), "NOR": (5 / 3, 5 / 3), "AOI3": (2.0, 2.0, 5 / 3), "OAI3": (2.0, 2.0, 4 / 3),
    REGISTER: (1.0,), INPUT: (), CONSTANT: (),
}  # fmt: skip
"""Capacitance of each input, in units. Source: Logical Effort, chapter 4; PMOS twice as wide as NMOS."""

PARASITICS = {
    "NOT": 1.0, "NAND": 2.0, "NOR": 2.0, "AOI3": 7 / 3, "OAI3": 8 / 3, REGISTER: 1.0, INPUT: 0.0, CONSTANT: 0.0,
}  # fmt: skip
"""Capacitance of the output itself, in units: the transistors whose drains it joins."""

EVENT_CAPACITANCE = 5.0
"""Capacitance of one switching event, in units: an inverter that drives four."""

REGISTER_CLOCK_EVENTS = (2.00, 2.28, 2.63)
"""What the two clock edges of a cycle cost in a register bit, whatever it holds: low, likely, high.

Source: `bench.gates.spice` on PTM models of 130, 45 and 22 nm, a register of 24 transistors without and with drain
capacitance: lowest, geometric mean and highest. Contains the load of its clock pin; the clock tree before it is not
counted.
"""

REGISTER_DATA_EVENTS = (1.59, 2.57, 4.06)
"""What it costs in addition when the bit changes, without the gates that it drives: low, likely, high. Same source."""

EVENT_ENERGY_RATIO = (0.60, 1.00)
"""Energy of an FO4 transition simulated by `bench.gates.spice`, over that of the table of CMOS nodes: low, high."""
