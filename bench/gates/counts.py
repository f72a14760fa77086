"""How often the nodes of a circuit switch for one hash, and what that costs in switching events (see `cells`)."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from bench.gates.cells import (
    EFFORTS,
    EVENT_CAPACITANCE,
    INPUT,
    PARASITICS,
    REGISTER,
    REGISTER_CLOCK_EVENTS,
    REGISTER_DATA_EVENTS,
)
from bench.gates.netlist import Netlist, Place
from bench.gates.running import BATCH_CYCLES, edges, hashes_per_lane
from bench.gates.simulation import SOURCES, count_transitions
from bench.gates.stimulus import Work
from bench.gates.synthesis import Variant

FUNCTIONS = {
    "ripple": "adders", "carry_save": "adders", "big_sigma0": "sigmas", "big_sigma1": "sigmas",
    "small_sigma0": "sigmas", "small_sigma1": "sigmas", "choose": "Ch", "majority": "Maj", "register": "registers",
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


@dataclass(frozen=True)
class Activity:
    """What switches in one place for one hash, in each group of jobs: transitions, and their switching events."""

    place: Place
    nodes: int
    useful: tuple[float, ...]
    all: tuple[float, ...]
    useful_events: tuple[float, ...]
    all_events: tuple[float, ...]

    @property
    def function(self) -> str:
        """What the nodes are for."""
        return FUNCTIONS.get(self.place.function, "control")

    @property
    def part(self) -> str:
        """The part of the double hash."""
        return PARTS.get(self.place.part, "rounds, first hash")


@dataclass(frozen=True)
class Count:
    """A circuit, counted with one model of delays; figures are per hash."""

    variant: Variant
    activities: tuple[Activity, ...]
    registers: int
    cycles_per_hash: float

    @cached_property
    def groups(self) -> int:
        """Groups of jobs, each counted by itself."""
        return len(self.activities[0].all)

    def clock_events(self, likelihood: int = 1) -> float:
        """Return what the clock costs: low (0), likely (1) or high (2)."""
        return self.registers * self.cycles_per_hash * REGISTER_CLOCK_EVENTS[likelihood]

    def events_by_group(self, likelihood: int = 1) -> list[float]:
        """Return all switching events per hash, clock included, in each group of jobs."""
        extra = REGISTER_DATA_EVENTS[likelihood] - REGISTER_DATA_EVENTS[1]
        changes = [a for a in self.activities if a.function == "registers"]
        return [
            sum(a.all_events[g] for a in self.activities)
            + extra * sum(a.useful[g] for a in changes)
            + self.clock_events(likelihood)
            for g in range(self.groups)
        ]

    def events(self, likelihood: int = 1) -> float:
        """Return all switching events per hash, clock included: low (0), likely (1) or high (2) for registers."""
        return sum(self.events_by_group(likelihood)) / self.groups


def total(activities: Iterable[Activity], what: Callable[[Activity], Sequence[float]]) -> float:
    """Return the sum of a figure over places, as the mean over the groups of jobs."""
    return sum(sum(values) / len(values) for values in map(what, activities))


def count(
    variant: Variant,
    netlist: Netlist,
    groups: Sequence[Sequence[Work]],
    nonces: int,
    delays: Sequence[int],
    *,
    inertial: bool = True,
) -> Count:
    """Count what switches for one hash, over `nonces` nonces of every work; a group's works are counted together."""
    sizes = [len(works) * nonces for works in groups]
    every = [work for works in groups for work in works]
    masks = [(1 << size) - 1 << sum(sizes[:i]) for i, size in enumerate(sizes)]
    useful = [[0] * len(groups) for _ in netlist.nodes]
    transitions = [[0] * len(groups) for _ in netlist.nodes]
    for edge in edges(netlist, variant, every, nonces):
        counted = count_transitions(netlist, edge.before, edge.after, delays, sizes, inertial=inertial)
        for number, (old, new) in enumerate(zip(edge.before, edge.after, strict=True)):
            for g, mask in enumerate(masks):
                useful[number][g] += ((old ^ new) & mask).bit_count()
                transitions[number][g] += counted[number][g]
    hashes = [size * hashes_per_lane(variant) for size in sizes]
    cycles = BATCH_CYCLES / variant.size if variant.style == "looped" else 1 / variant.midstates
    return Count(
        variant,
        _by_place(netlist, useful, transitions, hashes),
        sum(node.kind == REGISTER for node in netlist.nodes),
        cycles,
    )


def _by_place(
    netlist: Netlist, useful: Sequence[Sequence[int]], transitions: Sequence[Sequence[int]], hashes: Sequence[int]
) -> tuple[Activity, ...]:
    """Add up nodes of the same place, and divide by the number of hashes in each group."""
    sums: dict[Place, list[list[float]]] = {}
    nodes: dict[Place, int] = {}
    for number, (node, load) in enumerate(zip(netlist.nodes, loads(netlist), strict=True)):
        if node.kind == INPUT:  # driven from outside
            continue
        own = REGISTER_DATA_EVENTS[1] if node.kind == REGISTER else PARASITICS[node.kind] / EVENT_CAPACITANCE
        weight = own + load / EVENT_CAPACITANCE
        nodes[node.place] = nodes.get(node.place, 0) + 1
        rows = sums.setdefault(node.place, [[0.0] * len(hashes) for _ in range(4)])
        for g, per_hash in enumerate(hashes):
            for row, value in zip(rows, (useful[number][g], transitions[number][g]), strict=False):
                row[g] += value / per_hash
            for row, value in zip(rows[2:], (useful[number][g], transitions[number][g]), strict=True):
                row[g] += value * weight / per_hash
    return tuple(Activity(place, nodes[place], *map(tuple, rows)) for place, rows in sums.items())
