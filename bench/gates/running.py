"""Circuits at work: netlists run on jobs until they are full, and their clock edges from then on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from bench.gates.netlist import Netlist
from bench.gates.simulation import pipeline_values, register_depth, settled
from bench.gates.stimulus import Work, constant_ports, port_bits
from bench.gates.synthesis import Variant

BATCH_CYCLES = 64
"""Cycles that a looped core takes for a batch of nonces."""


@dataclass(frozen=True)
class Edges:
    """Clock edges side by side: every node's settled value before each edge and at the end of the cycle after it."""

    before: list[int]
    after: list[int]
    lanes: int
    works: list[int]
    """The lanes of each work, as bits."""


def run_pipeline(netlist: Netlist, variant: Variant, works: Sequence[Work], count: int) -> tuple[list[int], int]:
    """Run `count` nonces of each work through a pipeline, one work after the other.

    Returns every node's value in all cycles, and how many cycles a work takes: its outputs are in the last `count`.
    """
    length = register_depth(netlist) + count
    stimulus = _ports(variant, works, [length] * len(works))
    stimulus["nonce"] = port_bits(([work.nonce_word(i)], 1) for work in works for i in range(length))
    return pipeline_values(netlist, stimulus, length * len(works)), length


def pipeline_edges(netlist: Netlist, variant: Variant, works: Sequence[Work], count: int) -> Edges:
    """Return the clock edges of a full pipeline for `count` nonces of each work."""
    values, length = run_pipeline(netlist, variant, works, count + 1)
    ones = (1 << count) - 1
    starts = [(i + 1) * length - count - 1 for i in range(len(works))]

    def window(value: int) -> int:
        return sum((value >> start & ones) << i * count for i, start in enumerate(starts))

    before, after = [window(value) for value in values], [window(value >> 1) for value in values]
    return Edges(before, after, count * len(works), [ones << i * count for i in range(len(works))])


def looped_cycles(netlist: Netlist, variant: Variant, works: Sequence[Work], cycles: int) -> Iterator[list[int]]:
    """Run a looped core on a work in each lane; yields every node's value in each cycle."""
    stimulus = _ports(variant, works, [1] * len(works))
    values: list[int] | None = None
    for cycle in range(cycles):
        batch, within = divmod(cycle, BATCH_CYCLES)
        nonce = batch * variant.size + min(within, variant.size - 1)
        stimulus["nonce"] = port_bits(([work.nonce_word(nonce)], 1) for work in works)
        stimulus["cycle"] = port_bits([([within], len(works))])[:6]
        values = settled(netlist, stimulus, len(works), values)
        yield values


def looped_edges(netlist: Netlist, variant: Variant, works: Sequence[Work]) -> Edges:
    """Return the clock edges of looped cores, one core a work, for the third batch of nonces: two fill the core."""
    lanes, every = len(works), BATCH_CYCLES * len(works)
    before, after = [0] * len(netlist.nodes), [0] * len(netlist.nodes)
    for cycle, values in enumerate(looped_cycles(netlist, variant, works, 3 * BATCH_CYCLES + 1)):
        place = cycle - 2 * BATCH_CYCLES
        if 0 <= place < BATCH_CYCLES:
            before = [old | value << place * lanes for old, value in zip(before, values, strict=True)]
        if place >= 1:
            after = [old | value << (place - 1) * lanes for old, value in zip(after, values, strict=True)]
    works_lanes = [sum(1 << cycle * lanes + i for cycle in range(BATCH_CYCLES)) for i in range(lanes)]
    return Edges(before, after, every, works_lanes)


def edges(netlist: Netlist, variant: Variant, works: Sequence[Work], count: int) -> tuple[Edges, int]:
    """Return clock edges of a full circuit and the hashes of each work that they stand for.

    `count` is the number of nonces of each work in a pipeline; a looped core takes a batch.
    """
    if variant.style == "looped":
        return looped_edges(netlist, variant, works), variant.size
    return pipeline_edges(netlist, variant, works, count), count * variant.midstates


def _ports(variant: Variant, works: Sequence[Work], lengths: Sequence[int]) -> dict[str, list[int]]:
    """Return the bits of the constant ports, each work for so many cycles or lanes."""
    ports: list[Mapping[str, list[int]]] = [constant_ports(variant, work.job) for work in works]
    return {
        name: port_bits((own[name], length) for own, length in zip(ports, lengths, strict=True)) for name in ports[0]
    }
