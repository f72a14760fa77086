"""A flat netlist of gates and registers, made from the hierarchical one that Yosys writes.

Yosys maps each module to gates once. Here the instances are put together into one circuit in which every node knows
its function (the module that it stands in) and its part of the pipeline. Gates with constant inputs are simplified
and what reaches no output is dropped, as a synthesis tool does with a flat circuit.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from bench.gates.cells import CONSTANT, HALVES, INPUT, PINS, REGISTER

ZERO, ONE = 0, 1
"""The first two nodes of every netlist: the constants."""


class Place(NamedTuple):
    """Where a node stands: its function (a module of rtl/) and its part of the pipeline."""

    function: str
    part: str


OUTSIDE = Place("", "")


class Node(NamedTuple):
    """A gate, register, input or constant, and the numbers of the nodes that it takes."""

    kind: str
    inputs: tuple[int, ...]
    place: Place


@dataclass(frozen=True)
class Netlist:
    """Nodes in topological order; a node drives the net of its number.

    With `feedback`, registers close loops: they stand before all gates and take their input from later nodes.
    """

    nodes: list[Node]
    ports: dict[str, list[int]]
    """The node of each bit of every input and output port, lowest bit first."""
    feedback: bool


class _LoopError(Exception):
    """The circuit has a loop through registers."""


def flatten(design: Mapping[str, Any], top: str) -> Netlist:
    """Return the netlist of a module and of all that it instantiates.

    `design` holds the modules of Yosys's JSON by name. All their cells must be of the kinds in `cells.PINS`.
    """
    circuit = _Circuit(design)
    bound: dict[int, int] = {}
    circuit.add(top, bound, "")
    ports = design[top]["ports"]
    nets = {name: [circuit.net(bit, bound) for bit in port["bits"]] for name, port in ports.items()}
    inputs = [name for name, port in ports.items() if port["direction"] == "input"]
    try:
        return _Builder(circuit).netlist(nets, inputs, feedback=False)
    except _LoopError:
        return _Builder(circuit).netlist(nets, inputs, feedback=True)


def split_exclusive_ors(netlist: Netlist) -> Netlist:
    """Return the netlist with every XOR and XNOR as the two simple gates that it is made of."""
    new: list[int] = []
    for node in netlist.nodes:
        new.append((new[-1] if new else -1) + (2 if node.kind in HALVES else 1))
    nodes: list[Node] = []
    for node in netlist.nodes:
        inputs = tuple(new[i] for i in node.inputs)
        if node.kind in HALVES:
            first, second = HALVES[node.kind]
            nodes += [Node(first, inputs, node.place), Node(second, (*inputs, len(nodes)), node.place)]
        else:
            nodes.append(Node(node.kind, inputs, node.place))
    return Netlist(nodes, {name: [new[i] for i in bits] for name, bits in netlist.ports.items()}, netlist.feedback)


def simplify(kind: str, inputs: tuple[int, ...]) -> tuple[str, tuple[int, ...]]:
    """Return what a gate is when some of its inputs are constants.

    The result is a gate with fewer inputs, or an empty kind and the one node that the gate equals.
    """
    if kind in ("AOI3", "OAI3"):
        return _simplify_compound(kind, *inputs)
    free = tuple(i for i in inputs if i > ONE)
    ones = sum(i == ONE for i in inputs)
    if kind in ("XOR", "XNOR"):
        inverts = (ones % 2 == 1) == (kind == "XOR")
        if free:
            return ("NOT" if inverts else ""), free
        return "", (ONE if inverts else ZERO,)
    stop = ONE if kind == "NOR" else ZERO  # the input that decides by itself; all others leave an inverter
    if stop in inputs:
        return "", (ONE - stop,)
    return ("NOT", free) if free else ("", (stop,))


def _simplify_compound(kind: str, a: int, b: int, c: int) -> tuple[str, tuple[int, ...]]:
    """AOI3 and OAI3: a NAND and a NOR in one, or the other way round."""
    inner, outer, stop = ("NAND", "NOR", ONE) if kind == "AOI3" else ("NOR", "NAND", ZERO)
    if c == stop:
        return "", (ONE - stop,)
    if c == ONE - stop:
        kind, inputs = inner, (a, b)
    elif ONE - stop in (a, b):
        return "NOT", (c,)
    else:
        kind, inputs = outer, (b if a == stop else a, c)
    return simplify(kind, inputs) if min(inputs) <= ONE else (kind, inputs)


@dataclass
class _Circuit:
    """All instances of a design side by side: nets are numbers, each has a driver or is another net's alias."""

    design: Mapping[str, Any]
    driver: dict[int, Node] = field(default_factory=dict)
    alias: dict[int, int] = field(default_factory=dict)
    last_net: int = ONE

    def add(self, module: str, bound: dict[int, int], part: str) -> None:
        """Add an instance of a module; `bound` holds the nets of its connected bits and takes up the others."""
        function = module.split("\\")[-1 if module.startswith("$paramod$") else 1] if "\\" in module else module
        for name, cell in self.design[module]["cells"].items():
            pins = cell["connections"]
            if cell["type"] in self.design:
                self._add_child(cell["type"], pins, bound, part or re.sub(r"^lane\[\d+\]\.", "", name))
                continue
            kind = REGISTER if cell["type"] == "$_DFF_P_" else cell["type"][2:-1]
            inputs = tuple(self.net(pins[pin][0], bound) for pin in PINS[kind])
            output = self.net(pins["Q" if kind == REGISTER else "Y"][0], bound)
            self.driver[output] = Node(kind, inputs, Place(function, part))

    def net(self, bit: int | str, bound: dict[int, int]) -> int:
        """Return the net of an instance's local bit, which may be a constant."""
        if isinstance(bit, str):
            return ONE if bit == "1" else ZERO
        if bit not in bound:
            self.last_net += 1
            bound[bit] = self.last_net
        return bound[bit]

    def resolve(self, net: int) -> int:
        """Return the net that has a driver for one that may be an alias."""
        while net in self.alias:
            net = self.alias[net]
        return net

    def _add_child(self, module: str, pins: Mapping[str, Any], bound: dict[int, int], part: str) -> None:
        inner: dict[int, int] = {}
        ports = self.design[module]["ports"]
        for name in sorted(ports, key=lambda name: str(ports[name]["direction"])):  # inputs, then outputs
            for bit, outer in zip(ports[name]["bits"], pins[name], strict=True):
                net = self.net(outer, bound)
                if isinstance(bit, str) or bit in inner:  # a constant, or wired through from another port
                    self.alias[net] = self.net(bit, inner)
                else:
                    inner[bit] = net
        self.add(module, inner, part)


class _Builder:
    """Brings a circuit's nodes into topological order and simplifies them on the way."""

    def __init__(self, circuit: _Circuit) -> None:
        self._circuit = circuit
        self._nodes = [Node(CONSTANT, (), OUTSIDE), Node(CONSTANT, (), OUTSIDE)]
        self._number_of = {ZERO: ZERO, ONE: ONE}

    def netlist(self, nets: Mapping[str, list[int]], inputs: Iterable[str], *, feedback: bool) -> Netlist:
        """Build all that the ports need.

        Raises:
            _LoopError: if registers close a loop and `feedback` does not allow it.
        """
        for net in (net for name in inputs for net in nets[name]):
            self._number_of[net] = self._emit(Node(INPUT, (), OUTSIDE))
        registers = {net: node for net, node in self._circuit.driver.items() if node.kind == REGISTER and feedback}
        for net, node in registers.items():
            self._number_of[net] = self._emit(Node(REGISTER, (), node.place))
        for net, node in registers.items():
            taken = self._build(node.inputs[0])
            self._nodes[self._number_of[net]] = Node(REGISTER, (taken,), node.place)
        ports = {name: [self._build(net) for net in bits] for name, bits in nets.items()}
        return _reachable(Netlist(self._nodes, ports, feedback))

    def _emit(self, node: Node) -> int:
        self._nodes.append(node)
        return len(self._nodes) - 1

    def _build(self, wanted: int) -> int:
        """Return the number of the node that drives a net, built after all that it needs."""
        wanted = self._circuit.resolve(wanted)
        open_nets = [wanted]
        waiting: set[int] = set()
        while open_nets:
            net = open_nets[-1]
            if net in self._number_of:
                open_nets.pop()
                continue
            node = self._circuit.driver[net]
            inputs = [self._circuit.resolve(i) for i in node.inputs]
            missing = [i for i in inputs if i not in self._number_of]
            if not missing:
                self._number_of[net] = self._simplest(node, tuple(self._number_of[i] for i in inputs))
            elif net in waiting:
                raise _LoopError
            else:
                waiting.add(net)
                open_nets += missing
        return self._number_of[wanted]

    def _simplest(self, node: Node, inputs: tuple[int, ...]) -> int:
        kind = node.kind
        if kind != REGISTER and min(inputs) <= ONE:
            kind, inputs = simplify(kind, inputs)
        return self._emit(Node(kind, inputs, node.place)) if kind else inputs[0]


def _reachable(netlist: Netlist) -> Netlist:
    """Return the netlist without the nodes that reach no port; the ports and the constants stay."""
    needed = {ZERO, ONE}
    open_nodes = [number for bits in netlist.ports.values() for number in bits]
    while open_nodes:
        number = open_nodes.pop()
        if number not in needed:
            needed.add(number)
            open_nodes += netlist.nodes[number].inputs
    new = {old: number for number, old in enumerate(sorted(needed))}
    nodes = [
        Node(node.kind, tuple(new[i] for i in node.inputs), node.place) for node in (netlist.nodes[old] for old in new)
    ]
    return Netlist(nodes, {name: [new[i] for i in bits] for name, bits in netlist.ports.items()}, netlist.feedback)
