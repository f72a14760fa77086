"""From Yosys's modules to one circuit: instances, constants, loops, and gates made simpler."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.gates.cells import PINS, REGISTER
from bench.gates.netlist import ONE, ZERO, Netlist, Place, flatten, simplify, split_exclusive_ors
from tests.gates.circuits import random_circuits, settle, value_of

GATES = [kind for kind in PINS if kind != REGISTER]


@pytest.mark.parametrize("kind", GATES)
def test_a_gate_with_constant_inputs_stays_the_same_function(kind: str) -> None:
    """Every gate with constants in any of its inputs gives what the simpler one gives, which has fewer inputs."""
    free = (2, 3, 4)
    for inputs in itertools.product((ZERO, ONE, *free), repeat=len(PINS[kind])):
        if min(inputs) > ONE:
            continue
        simpler, rest = simplify(kind, inputs)
        assert len(rest) < len(inputs) or simpler == ""
        for assigned in itertools.product((False, True), repeat=len(free)):
            values = [False, True, *assigned]
            expected = value_of(kind, [values[i] for i in inputs])
            found = value_of(simpler, [values[i] for i in rest]) if simpler else values[rest[0]]
            assert found == expected, (kind, inputs, simpler, rest)


@given(random_circuits(GATES), st.data())
def test_splitting_exclusive_ors_keeps_every_output(netlist: Netlist, data: st.DataObject) -> None:
    """A XOR as two gates puts out the same, and none is left."""
    split = split_exclusive_ors(netlist)
    size = len(netlist.ports["in"])
    inputs = data.draw(st.lists(st.booleans(), min_size=size, max_size=size))
    old, new = settle(netlist, inputs), settle(split, inputs)
    assert [old[i] for i in netlist.ports["out"]] == [new[i] for i in split.ports["out"]]
    assert not {node.kind for node in split.nodes} & {"XOR", "XNOR"}


def cell(kind: str, **connections: Sequence[int | str]) -> dict[str, Any]:
    """A cell of Yosys's JSON."""
    return {"type": kind, "connections": {pin: list(bits) for pin, bits in connections.items()}}


def module(
    inputs: dict[str, list[int]], outputs: dict[str, list[int | str]], **cells: dict[str, Any]
) -> dict[str, Any]:
    """A module of Yosys's JSON."""
    ports = {name: {"direction": "input", "bits": bits} for name, bits in inputs.items()}
    ports |= {name: {"direction": "output", "bits": bits} for name, bits in outputs.items()}
    return {"ports": ports, "cells": cells}


def test_instances_share_their_module_and_bear_their_place() -> None:
    """A module used twice gives two circuits; a node knows its module and the instance at the top that it is in."""
    design = {
        "choose": module({"x": [2]}, {"y": [3]}, g=cell("$_NOT_", A=[2], Y=[3])),
        "$paramod$4f\\rounds": module({"i": [2]}, {"o": [3]}, c=cell("choose", x=[2], y=[3])),
        "top": module(
            {"a": [2]},
            {"b": [4]},
            **{
                "lane[0].rounds_1": cell("$paramod$4f\\rounds", i=[2], o=[3]),
                "lane[1].rounds_2": cell("$paramod$4f\\rounds", i=[3], o=[4]),
            },
        ),
    }
    netlist = flatten(design, "top")
    gates = [node for node in netlist.nodes if node.kind == "NOT"]
    assert [node.place for node in gates] == [Place("choose", "rounds_1"), Place("choose", "rounds_2")]
    assert netlist.ports["b"] == [len(netlist.nodes) - 1]


def test_wires_through_a_module_and_constants_cost_nothing() -> None:
    """Outputs that are inputs, constants or each other are the same node; gates that reach nothing are dropped."""
    design = {
        "wires": module(
            {"x": [2]}, {"same": [2], "one": ["1"], "twice": [3], "again": [3]}, g=cell("$_NOT_", A=[2], Y=[3])
        ),
        "top": module(
            {"a": [2]},
            {"o": [3, 4, 7]},
            w=cell("wires", x=[2], same=[3], one=[4], twice=[5], again=[6]),
            n=cell("$_NAND_", A=[5], B=[4], Y=[7]),
            m=cell("$_NOR_", A=[6], B=[4], Y=[8]),
        ),
    }
    netlist = flatten(design, "top")
    same, one, inverted = netlist.ports["o"]
    assert (same, one) == (netlist.ports["a"][0], ONE)
    assert [node.kind for node in netlist.nodes if node.inputs] == ["NOT", "NOT"]
    assert netlist.nodes[inverted].kind == "NOT"  # a NAND with 1, of the module's own inverter


def test_loops_go_through_registers() -> None:
    """Registers that close a loop stand first and take what comes after them."""
    design = {
        "top": module(
            {"en": [2]}, {"q": [3]}, x=cell("$_XOR_", A=[2], B=[3], Y=[4]), r=cell("$_DFF_P_", C=[9], D=[4], Q=[3])
        )
    }
    netlist = flatten(design, "top")
    assert netlist.feedback
    register = netlist.ports["q"][0]
    assert netlist.nodes[register].kind == REGISTER
    assert netlist.nodes[netlist.nodes[register].inputs[0]].kind == "XOR"
