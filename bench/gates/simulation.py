"""Simulation of a netlist, for all clock cycles or all lanes at once: a node's value is an integer, one bit for each.

`pipeline_values` runs a netlist without loops. There a bit stands for a clock cycle, so that a register is a shift by
one, and one pass over the nodes simulates every cycle. `settled` evaluates one cycle of any netlist, a bit for each
lane, for those whose registers close loops.

`count_transitions` counts what happens between two settled cycles when gates have delays. A node's whole waveform is
one integer: a slot for each unit of time, a bit for each lane in it. A delay is then a shift as well. With inertial
delays a gate swallows pulses that are shorter than its delay, as real ones do; with transport delays it passes all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache

from bench.gates.cells import CONSTANT, INPUT, REGISTER
from bench.gates.netlist import ONE, Netlist, Node

SOURCES = (REGISTER, INPUT, CONSTANT)
"""Nodes that change at the clock edge, not after other nodes."""


def gate(node: Node, values: Sequence[int], ones: int) -> int:
    """Return a gate's output from its inputs' values; `ones` has every used bit set."""
    kind, inputs = node.kind, node.inputs
    first = values[inputs[0]]
    if kind == "NOT":
        return first ^ ones
    second = values[inputs[1]]
    if kind == "NAND":
        return (first & second) ^ ones
    if kind == "NOR":
        return (first | second) ^ ones
    if kind == "AOI3":
        return (first & second | values[inputs[2]]) ^ ones
    return ((first | second) & values[inputs[2]]) ^ ones


def register_depth(netlist: Netlist) -> int:
    """Return how many registers there are on the longest way from a port to a port of a netlist without loops."""
    depth: list[int] = []
    for node in netlist.nodes:
        depth.append(max((depth[i] for i in node.inputs), default=0) + (node.kind == REGISTER))
    return max(depth)


def pipeline_values(netlist: Netlist, stimulus: Mapping[str, Sequence[int]], cycles: int) -> list[int]:
    """Return every node's values of all cycles, the first one lowest, for a netlist without loops.

    `stimulus` gives the same for each bit of each input port. Registers are 0 in the first cycle.
    """
    values = _with_ports(netlist, stimulus, cycles)
    ones = values[ONE]
    for number, node in enumerate(netlist.nodes):
        if node.kind == REGISTER:
            values[number] = values[node.inputs[0]] << 1 & ones
        elif node.kind not in SOURCES:
            values[number] = gate(node, values, ones)
    return values


def settled(
    netlist: Netlist, stimulus: Mapping[str, Sequence[int]], lanes: int, before: Sequence[int] | None
) -> list[int]:
    """Return every node's value in a cycle, one bit a lane. `before` is the cycle before; None is registers at 0."""
    values = _with_ports(netlist, stimulus, lanes)
    for number, node in enumerate(netlist.nodes):
        if node.kind == REGISTER:
            values[number] = before[node.inputs[0]] if before else 0
        elif node.kind not in SOURCES:
            values[number] = gate(node, values, values[ONE])
    return values


def _with_ports(netlist: Netlist, stimulus: Mapping[str, Sequence[int]], bits: int) -> list[int]:
    values = [0] * len(netlist.nodes)
    values[ONE] = (1 << bits) - 1
    for name, port in stimulus.items():
        for number, value in zip(netlist.ports[name], port, strict=True):
            values[number] = value
    return values


def arrivals(netlist: Netlist, delays: Sequence[int]) -> list[int]:
    """Return when each node may change for the last time, in units of time after the clock edge."""
    last = [0] * len(netlist.nodes)
    for number, node in enumerate(netlist.nodes):
        after = 0 if node.kind in SOURCES else max(last[i] for i in node.inputs)
        last[number] = after + delays[number]
    return last


class Waves:
    """Waveforms of one length: `slots` units of time from just before the clock edge on, `lanes` bits in each."""

    def __init__(self, lanes: int, slots: int) -> None:
        self._lanes, self._slots = lanes, slots
        self.ones = (1 << lanes * slots) - 1
        self._repeat = cache(lambda slots: sum(1 << lanes * slot for slot in range(slots)))

    def constant(self, value: int, slots: int) -> int:
        """Return a value held for a number of slots."""
        return value * int(self._repeat(slots))

    def delayed(self, wave: int, slots: int, before: int) -> int:
        """Return a waveform later by a number of slots, in which it has the value that it had before."""
        return wave << self._lanes * slots & self.ones | self.constant(before, slots)

    def step(self, before: int, after: int, slot: int) -> int:
        """Return a waveform that changes once, at the beginning of a slot."""
        return self.delayed(self.constant(after, self._slots), slot, before)

    def inertial(self, wave: int, delay: int, before: int) -> int:
        """Return a waveform through a gate that follows its input once it has been stable for the whole delay."""
        always = ever = self.delayed(wave, 1, before)  # the input in all, in any of the last slots
        covered = 1
        while covered < delay:
            more = min(covered, delay - covered)
            always &= self.delayed(always, more, before)
            ever |= self.delayed(ever, more, before)
            covered += more
        holds = ever & ~always  # undecided lanes keep their value from the slot before: a carry, by doubling
        reach = 1
        while holds:
            always |= holds & self.delayed(always, reach, before)
            holds &= holds << self._lanes * reach & self.ones
            reach *= 2
        return always

    def changes(self, wave: int) -> int:
        """Return a bit for every slot after the first, and lane, in which the waveform changes."""
        return (wave ^ wave >> self._lanes) & self.ones >> self._lanes


def count_transitions(
    netlist: Netlist,
    before: Sequence[int],
    after: Sequence[int],
    delays: Sequence[int],
    lanes: int,
    groups: Sequence[int],
    *,
    inertial: bool = True,
) -> list[tuple[int, ...]]:
    """Return how often each node changes between two settled cycles, for each group of lanes.

    Args:
        netlist: Of gates without XOR.
        before: Every node's value before the clock edge, one bit a lane.
        after: The same at the end of the cycle.
        delays: Of each node in units of time; a register's is that of its output after the clock edge.
        lanes: How many.
        groups: The lanes of each group, as bits.
        inertial: Whether gates swallow short pulses.
    """
    slots = max(arrivals(netlist, delays)) + 2
    waves = Waves(lanes, slots)
    masks = [waves.constant(group, slots) for group in groups]
    users = [0] * len(netlist.nodes)
    for node in netlist.nodes:
        if node.kind != REGISTER:
            for i in node.inputs:
                users[i] += 1
    shapes = [0] * len(netlist.nodes)
    counts: list[tuple[int, ...]] = []
    for number, node in enumerate(netlist.nodes):
        old, delay = before[number], delays[number]
        if node.kind in SOURCES:
            wave = waves.step(old, after[number], delay + 1)
        else:
            wave = gate(node, shapes, waves.ones)
            through = waves.inertial if inertial and delay > 1 else waves.delayed
            wave = through(wave, delay, old)
            for i in node.inputs:  # a waveform goes when its last user has taken it: they need much memory
                users[i] -= 1
                if not users[i]:
                    shapes[i] = 0
        if users[number]:
            shapes[number] = wave
        changes = waves.changes(wave)
        counts.append(tuple((changes & mask).bit_count() for mask in masks))
    return counts
