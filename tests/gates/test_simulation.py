"""The simulators: all lanes, cycles and times at once, held against one event after the other."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bench.gates.cells import INPUT, REGISTER
from bench.gates.netlist import Netlist, Node
from bench.gates.simulation import Waves, arrivals, count_transitions, pipeline_values, register_depth, settled
from tests.gates.circuits import CONSTANTS, HERE, circuit, random_circuits, settle, transitions

SIMPLE = ("NOT", "NAND", "NOR", "AOI3", "OAI3")


@given(random_circuits(SIMPLE), st.data(), st.booleans())
def test_transitions_are_those_of_an_event_simulator(netlist: Netlist, data: st.DataObject, inertial: bool) -> None:
    """Any circuit, delays and change of inputs: as many transitions of each node, in each lane."""
    inputs = len(netlist.ports["in"])
    vectors = st.lists(st.booleans(), min_size=inputs, max_size=inputs)
    lanes = data.draw(st.lists(st.tuples(vectors, vectors), min_size=1, max_size=4))
    delays = [data.draw(st.integers(0 if node.kind == INPUT else 1, 6)) for node in netlist.nodes[2:]]
    delays = [0, 0, *delays]
    columns = [[settle(netlist, lane[side]) for lane in lanes] for side in (0, 1)]
    before, after = (
        [sum(column[number] << lane for lane, column in enumerate(side)) for number in range(len(netlist.nodes))]
        for side in columns
    )
    counted = count_transitions(
        netlist, before, after, delays, len(lanes), [1 << i for i in range(len(lanes))], inertial=inertial
    )
    for lane, (old, new) in enumerate(lanes):
        assert transitions(netlist, old, new, delays, inertial=inertial) == [each[lane] for each in counted]


def test_a_hazard_is_a_glitch_if_it_is_wide_enough() -> None:
    """NAND(a, NOT a) makes a pulse as wide as the inverter's delay: a slower gate swallows it."""
    netlist = circuit(1, ("NOT", (2,)), ("NAND", (2, 3)))
    before, after = [0, 1, 0, 1, 1], [0, 1, 1, 0, 1]
    for inverter, nand, pulses in ((3, 3, 2), (3, 2, 2), (2, 3, 0)):
        counted = count_transitions(netlist, before, after, [0, 0, 0, inverter, nand], 1, [1])
        assert counted[4] == (pulses,)
    passed = count_transitions(netlist, before, after, [0, 0, 0, 2, 3], 1, [1], inertial=False)
    assert passed[4] == (2,)


def test_arrivals_are_the_longest_ways() -> None:
    """The last change of a node comes over its slowest input."""
    netlist = circuit(2, ("NOT", (2,)), ("NAND", (3, 4)), ("NOR", (3, 5)))
    assert arrivals(netlist, [0, 0, 1, 0, 5, 2, 4]) == [0, 0, 1, 0, 6, 8, 12]


def shift_register() -> Netlist:
    """An input, two registers after it, and a gate of both."""
    nodes = [
        *CONSTANTS,
        Node(INPUT, (), HERE),
        *(Node(REGISTER, (i,), HERE) for i in (2, 3)),
        Node("NOR", (3, 4), HERE),
    ]
    return Netlist(nodes, {"in": [2], "out": [5]}, feedback=False)


def test_a_pipeline_shifts_by_a_cycle_at_each_register() -> None:
    """A bit is a cycle: a register shows in the next one what it was given."""
    values = pipeline_values(shift_register(), {"in": [0b011011]}, 6)
    assert values[3] == 0b110110
    assert values[4] == 0b101100
    assert values[5] == 0b000001
    assert register_depth(shift_register()) == 2


def test_cycle_by_cycle_gives_the_same() -> None:
    """Stepping a circuit one cycle after the other, as loops need it, agrees with all cycles at once."""
    netlist = shift_register()
    at_once = pipeline_values(netlist, {"in": [0b011011]}, 6)
    values: list[int] | None = None
    for cycle in range(6):
        values = settled(netlist, {"in": [0b011011 >> cycle & 1]}, 1, values)
        assert values == [value >> cycle & 1 for value in at_once]


@given(st.integers(1, 5), st.integers(2, 12), st.data())
def test_a_wave_later_begins_with_what_was_before(lanes: int, slots: int, data: st.DataObject) -> None:
    """`delayed` moves every slot and fills up with the old value; `step` changes once."""
    waves = Waves(lanes, slots)
    before, after = (data.draw(st.integers(0, (1 << lanes) - 1)) for _ in range(2))
    slot = data.draw(st.integers(1, slots))
    step = waves.step(before, after, slot)
    shown = [step >> lanes * i & (1 << lanes) - 1 for i in range(slots)]
    assert shown == [before] * slot + [after] * (slots - slot)
    assert waves.changes(step).bit_count() == ((before ^ after).bit_count() if slot < slots else 0)
