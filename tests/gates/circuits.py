"""Circuits for the tests: small ones by hand, and a plain simulator that does one event after the other."""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Mapping, Sequence

from hypothesis import strategies as st

from bench.gates.cells import CONSTANT, INPUT
from bench.gates.netlist import Netlist, Node, Place

HERE = Place("choose", "rounds_1")
CONSTANTS = [Node(CONSTANT, (), HERE), Node(CONSTANT, (), HERE)]


def circuit(inputs: int, *gates: tuple[str, tuple[int, ...]]) -> Netlist:
    """A netlist whose nodes are the constants 0 and 1, the inputs from 2 on, and these gates after them."""
    nodes = [*CONSTANTS, *(Node(INPUT, (), HERE) for _ in range(inputs)), *(Node(k, i, HERE) for k, i in gates)]
    return Netlist(nodes, {"in": list(range(2, 2 + inputs)), "out": [len(nodes) - 1]}, feedback=False)


def value_of(kind: str, inputs: Sequence[bool]) -> bool:
    """What a gate puts out, from its definition."""
    first, *rest = inputs
    return {
        "NOT": lambda: not first,
        "NAND": lambda: not (first and rest[0]),
        "NOR": lambda: not (first or rest[0]),
        "XOR": lambda: first != rest[0],
        "XNOR": lambda: first == rest[0],
        "AOI3": lambda: not ((first and rest[0]) or rest[1]),
        "OAI3": lambda: not ((first or rest[0]) and rest[1]),
    }[kind]()


def settle(netlist: Netlist, inputs: Sequence[bool]) -> list[bool]:
    """Every node's value, for registers as they come: a circuit without registers."""
    values: list[bool] = []
    given = iter(inputs)
    for number, node in enumerate(netlist.nodes):
        if node.kind == CONSTANT:
            values.append(number == 1)
        elif node.kind == INPUT:
            values.append(next(given))
        else:
            values.append(value_of(node.kind, [values[i] for i in node.inputs]))
    return values


def transitions(
    netlist: Netlist, before: Sequence[bool], after: Sequence[bool], delays: Sequence[int], *, inertial: bool
) -> list[int]:
    """How often each node changes when the inputs go from one value to another, event by event.

    A gate whose function of its inputs changes plans to change its output after its delay. With inertial delays it
    takes back what it had planned; with transport delays it does not.
    """
    values, counts = settle(netlist, before), [0] * len(netlist.nodes)
    functions = list(values)
    users: Mapping[int, set[int]] = defaultdict(set)
    for number, node in enumerate(netlist.nodes):
        for i in node.inputs:
            users[i].add(number)
    inputs = [number for number, node in enumerate(netlist.nodes) if node.kind == INPUT]
    events = [(delays[number], number, new, 0) for number, new in zip(inputs, after, strict=True)]
    heapq.heapify(events)
    plans: dict[int, int] = defaultdict(int)
    while events:
        now, changed = events[0][0], set[int]()
        while events and events[0][0] == now:
            _, number, new, plan = heapq.heappop(events)
            if netlist.nodes[number].kind != INPUT and inertial and plan != plans[number]:
                continue  # taken back
            if values[number] != new:
                values[number] = new
                counts[number] += 1
                changed |= users[number]
        for number in sorted(changed):
            node = netlist.nodes[number]
            new = value_of(node.kind, [values[i] for i in node.inputs])
            if new != functions[number]:
                functions[number] = new
                plans[number] += 1
                heapq.heappush(events, (now + delays[number], number, new, plans[number]))
    return counts


@st.composite
def random_circuits(draw: st.DrawFn, kinds: Sequence[str]) -> Netlist:
    """Circuits of up to five inputs and fourteen gates, each gate on any nodes before it."""
    inputs = draw(st.integers(1, 5))
    gates: list[tuple[str, tuple[int, ...]]] = []
    for number in range(draw(st.integers(1, 14))):
        kind = draw(st.sampled_from(kinds))
        pins = {"NOT": 1, "AOI3": 3, "OAI3": 3}.get(kind, 2)
        taken = st.integers(2, 1 + inputs + number)
        gates.append((kind, tuple(draw(taken) for _ in range(pins))))
    return circuit(inputs, *gates)
