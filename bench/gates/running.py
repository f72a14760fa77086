"""Circuits at work: a netlist run on jobs until it is full, and then from one settled cycle to the next."""

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
class Edge:
    """A clock edge in many lanes: every node's settled value before it and at the end of the cycle after it."""

    before: list[int]
    after: list[int]


def run_pipeline(netlist: Netlist, variant: Variant, works: Sequence[Work], count: int) -> tuple[list[int], int]:
    """Run `count` nonces of each work through a pipeline, one work after the other.

    Returns every node's value in all cycles, and how many cycles a work takes: its outputs are in the last `count`.
    """
    length = register_depth(netlist) + count
    stimulus = _ports(variant, works, [length] * len(works))
    stimulus["nonce"] = port_bits(([work.nonce_word(i)], 1) for work in works for i in range(length))
    return pipeline_values(netlist, stimulus, length * len(works)), length


def pipeline_edge(netlist: Netlist, variant: Variant, works: Sequence[Work], count: int) -> Edge:
    """Return `count` clock edges of a full pipeline for each work as the lanes of one edge, work by work."""
    values, length = run_pipeline(netlist, variant, works, count + 1)
    ones = (1 << count) - 1
    starts = [(i + 1) * length - count - 1 for i in range(len(works))]

    def window(value: int, later: int) -> int:
        return sum((value >> start + later & ones) << i * count for i, start in enumerate(starts))

    return Edge([window(value, 0) for value in values], [window(value, 1) for value in values])


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


def edges(netlist: Netlist, variant: Variant, works: Sequence[Work], count: int) -> Iterator[Edge]:
    """Yield the clock edges of a full circuit that belong to `count` nonces of each work.

    A pipeline needs an edge for each nonce: they are lanes of one `Edge`, work by work. In a looped core each lane is
    a circuit of its own, `count` of them for each work with nonces of their own, and a whole batch is counted.
    """
    if variant.style != "looped":
        yield pipeline_edge(netlist, variant, works, count)
        return
    copies = [Work(work.job, work.first_nonce + i * 3 * variant.size) for work in works for i in range(count)]
    values = looped_cycles(netlist, variant, copies, 3 * BATCH_CYCLES + 1)
    before = None
    for cycle, after in enumerate(values):  # two batches fill both hashes, the third one is counted
        if before is not None and cycle > 2 * BATCH_CYCLES:
            yield Edge(before, after)
        before = after


def hashes_per_lane(variant: Variant) -> int:
    """Return how many hashes the edges of one lane stand for."""
    return variant.size if variant.style == "looped" else variant.midstates


def _ports(variant: Variant, works: Sequence[Work], lengths: Sequence[int]) -> dict[str, list[int]]:
    """Return the bits of the constant ports, each work for so many cycles or lanes."""
    ports: list[Mapping[str, list[int]]] = [constant_ports(variant, work.job) for work in works]
    return {
        name: port_bits((own[name], length) for own, length in zip(ports, lengths, strict=True)) for name in ports[0]
    }
