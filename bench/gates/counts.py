"""How often the nodes of a circuit switch for one hash, and what that costs in switching events (see `cells`)."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Sequence

import msgspec

from bench.gates.cells import (
    CONSTANT,
    EFFORTS,
    EVENT_CAPACITANCE,
    INPUT,
    PARASITICS,
    REGISTER,
    REGISTER_CLOCK_EVENTS,
    REGISTER_DATA_EVENTS,
)
from bench.gates.netlist import Netlist, Place, split_exclusive_ors
from bench.gates.running import BATCH_CYCLES, edges
from bench.gates.simulation import SOURCES, count_transitions
from bench.gates.stimulus import Work
from bench.gates.synthesis import Variant

LOW, LIKELY, HIGH = 0, 1, 2
"""Places in the triples of `cells`."""

REGISTERS = "registers"

FUNCTIONS = {
    "ripple": "adders", "carry_save": "adders", "big_sigma0": "sigmas", "big_sigma1": "sigmas",
    "small_sigma0": "sigmas", "small_sigma1": "sigmas", "choose": "Ch", "majority": "Maj", "register": REGISTERS,
}  # fmt: skip
"""What a module of rtl/ serves; all others are control."""

PARTS = {
    "expander_1": "schedule, first hash", "expander_2": "schedule, second hash", "rounds_2": "rounds, second hash",
    "feed_forward_2": "rounds, second hash",
}  # fmt: skip
"""Which part of the work a part of the pipeline does; all others are the rounds of the first hash."""

STAGE_EFFORT = 4.0
"""Of gates that are sized for their load: near the optimum of 3.6 (Logical Effort, chapter 3)."""

VARIATION = 0.2
"""Standard deviation of a gate's delay where wires and process make every one different."""


def loads(netlist: Netlist) -> list[float]:
    """Return the capacitance of the inputs that each node drives, in units."""
    found = [0.0] * len(netlist.nodes)
    for node in netlist.nodes:
        for number, effort in zip(node.inputs, EFFORTS[node.kind], strict=True):
            found[number] += effort
    return found


def effort_delays(netlist: Netlist) -> list[int]:
    """Return delays of gates of unit strength: their own capacitance and their load, in a fifth of an FO4 delay."""
    return [
        0 if node.kind in SOURCES and node.kind != REGISTER else round(PARASITICS[node.kind] + load)
        for node, load in zip(netlist.nodes, loads(netlist), strict=True)
    ]


def varied_delays(netlist: Netlist) -> list[int]:
    """Return the same, each by chance shorter or longer."""
    rng = random.Random(17)
    return [max(1, round(delay * rng.gauss(1, VARIATION))) if delay else 0 for delay in effort_delays(netlist)]


def sized_delays(netlist: Netlist) -> list[int]:
    """Return delays of gates that are as strong as their load needs."""
    return [0 if node.kind in SOURCES else round(PARASITICS[node.kind] + STAGE_EFFORT) for node in netlist.nodes]


def unit_delays(netlist: Netlist) -> list[int]:
    """Return one unit of time for every gate."""
    return [0 if node.kind in SOURCES else 1 for node in netlist.nodes]


DELAYS: dict[str, Callable[[Netlist], list[int]]] = {
    "logical effort": effort_delays,
    "logical effort, varied by 20 %": varied_delays,
    "gates sized for their load": sized_delays,
    "every gate the same": unit_delays,
}
"""Models of gate delays. The first one is the likeliest, all of them together give the range."""

LIKELIEST = next(iter(DELAYS))


class Total(msgspec.Struct, frozen=True):
    """What switches for one hash in nodes of one function in one part, as the mean over all jobs."""

    part: str
    function: str
    nodes: int
    useful: float
    """Transitions from one settled value to the next."""
    all: float
    """Transitions with those in between, the glitches."""
    useful_events: float
    """The same in switching events: weighed by capacitance."""
    all_events: float


class Count(msgspec.Struct, frozen=True):
    """A circuit, counted with one model of gate delays."""

    variant: str
    delays: str
    inertial: bool
    cells: dict[str, int]
    """How many there are of each kind, as mapped by Yosys."""
    cycles_per_hash: float
    totals: tuple[Total, ...]
    group_events: tuple[float, ...]
    """All events per hash in each group of jobs."""

    @property
    def registers(self) -> int:
        """Register bits."""
        return self.cells[REGISTER]

    def sum(self, what: str, *functions: str) -> float:
        """Return a figure's sum over all parts: of these functions, or of all gates."""
        logic = {total.function for total in self.totals} - {REGISTERS}
        wanted = set(functions) or logic
        return float(sum(getattr(total, what) for total in self.totals if total.function in wanted))

    def clock_events(self, likelihood: int = LIKELY) -> float:
        """Return what the clock costs for a hash."""
        return self.registers * self.cycles_per_hash * REGISTER_CLOCK_EVENTS[likelihood]

    def register_events(self, likelihood: int = LIKELY) -> float:
        """Return what changing register bits cost for a hash, clock aside."""
        more = REGISTER_DATA_EVENTS[likelihood] - REGISTER_DATA_EVENTS[LIKELY]
        return self.sum("all_events", REGISTERS) + more * self.sum("useful", REGISTERS)

    def events(self, likelihood: int = LIKELY) -> float:
        """Return all switching events of a hash."""
        return self.sum("all_events") + self.register_events(likelihood) + self.clock_events(likelihood)


def count(
    variant: Variant,
    netlist: Netlist,
    groups: Sequence[Sequence[Work]],
    nonces: int,
    delays: str = LIKELIEST,
    *,
    inertial: bool = True,
) -> Count:
    """Count what switches for one hash.

    Args:
        variant: The circuit.
        netlist: What Yosys made of it.
        groups: Works to run, each group of which is also counted by itself.
        nonces: How many of each work; of a looped core, a batch is counted whatever is given.
        delays: A name in `DELAYS`.
        inertial: Whether gates swallow pulses that are shorter than their delay.
    """
    gates = split_exclusive_ors(netlist)
    found, hashes_per_work = edges(gates, variant, [work for works in groups for work in works], nonces)
    lanes_of = iter(found.works)
    masks = [sum(next(lanes_of) for _ in works) for works in groups]
    useful = [
        tuple(((old ^ new) & mask).bit_count() for mask in masks)
        for old, new in zip(found.before, found.after, strict=True)
    ]
    every = count_transitions(
        gates, found.before, found.after, DELAYS[delays](gates), found.lanes, masks, inertial=inertial
    )
    hashes = [len(works) * hashes_per_work for works in groups]
    cycles = BATCH_CYCLES / variant.size if variant.style == "looped" else 1 / variant.midstates
    cells = Counter(node.kind for node in netlist.nodes if node.kind not in (INPUT, CONSTANT))
    clock = cells[REGISTER] * cycles * REGISTER_CLOCK_EVENTS[LIKELY]
    return Count(
        variant=variant.name,
        delays=delays,
        inertial=inertial,
        cells=dict(sorted(cells.items())),
        cycles_per_hash=cycles,
        totals=_totals(gates, useful, every, sum(hashes)),
        group_events=tuple(round(events + clock, 1) for events in _group_events(gates, every, hashes)),
    )


def weights(netlist: Netlist) -> list[float]:
    """Return what one transition of each node costs, in switching events."""
    own = {kind: parasitic / EVENT_CAPACITANCE for kind, parasitic in PARASITICS.items()}
    own[REGISTER] = REGISTER_DATA_EVENTS[LIKELY]
    return [
        own[node.kind] + load / EVENT_CAPACITANCE if node.kind != INPUT else 0.0  # ports are driven from outside
        for node, load in zip(netlist.nodes, loads(netlist), strict=True)
    ]


def _group_events(netlist: Netlist, every: Sequence[Sequence[int]], hashes: Sequence[int]) -> list[float]:
    """Return the events per hash of each group, without the clock's."""
    sums = [0.0] * len(hashes)
    for weight, transitions in zip(weights(netlist), every, strict=True):
        for group, changes in enumerate(transitions):
            sums[group] += weight * changes
    return [events / number for events, number in zip(sums, hashes, strict=True)]


def _totals(
    netlist: Netlist, useful: Sequence[Sequence[int]], every: Sequence[Sequence[int]], hashes: int
) -> tuple[Total, ...]:
    """Add up the nodes of each function in each part."""
    sums: dict[tuple[str, str], list[float]] = {}
    for number, (node, weight) in enumerate(zip(netlist.nodes, weights(netlist), strict=True)):
        if node.kind in (INPUT, CONSTANT):
            continue
        row = sums.setdefault(_heading(node.place), [0.0] * 5)
        settled, transitions = sum(useful[number]) / hashes, sum(every[number]) / hashes
        for column, value in enumerate((1, settled, transitions, settled * weight, transitions * weight)):
            row[column] += value
    return tuple(
        Total(part, function, int(nodes), *(round(value, 1) for value in rest))
        for (part, function), (nodes, *rest) in sorted(sums.items())
    )


def _heading(place: Place) -> tuple[str, str]:
    """Return the part of the double hash and the function that a node belongs to."""
    return PARTS.get(place.part, "rounds, first hash"), FUNCTIONS.get(place.function, "control")
