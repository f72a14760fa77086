"""Which nonces of which jobs the circuits are counted on."""

from __future__ import annotations

import gc
from collections.abc import Iterator

from bench.gates.counts import DELAYS, LIKELIEST, Count, count
from bench.gates.netlist import Netlist, flatten
from bench.gates.stimulus import Work
from bench.gates.synthesis import Variant, synthesise
from hashjoule.check import known_blocks
from hashjoule.job import Job

BLOCKS, GROUPS, NONCES = 30, 5, 2
"""Blocks of Bitcoin's chain from 2009 on, in groups to see how much jobs differ, and nonces of each from its own on."""

STUDIED = ("shortcuts-ripple-1", "shortcuts-carry-save-1")
"""Variants that are counted with every model of delays, inertial and not; the others with the likeliest."""

BOOSTED = "shortcuts-ripple-4"
"""Counted with every model of inertial delays, for the interval of what AsicBoost saves."""


def works(variant: Variant, blocks: int = BLOCKS) -> list[list[Work]]:
    """Return the jobs of a variant in groups, each with as many versions as the circuit has midstates."""
    found = []
    for block in known_blocks()[: GROUPS if variant.style == "looped" else blocks]:
        job = Job.rolled(block.header, limit=variant.midstates) if variant.midstates > 1 else Job.plain(block.header)
        found.append(Work(job, block.header.nonce))
    return [found[i::GROUPS] for i in range(GROUPS)]


def circuit(variant: Variant) -> Netlist:
    """Return a variant's netlist, from its Verilog text on."""
    gc.disable()  # a million nodes that stay: looking for cycles among them takes half of the time
    try:
        return flatten(synthesise(variant), variant.top)
    finally:
        gc.enable()


def counts_of(variant: Variant) -> Iterator[Count]:
    """Yield a variant's counts, the likeliest first."""
    netlist = circuit(variant)
    groups = works(variant)
    yield count(variant, netlist, groups, NONCES)
    if variant.name in (*STUDIED, BOOSTED):
        for delays in DELAYS:
            if delays != LIKELIEST:
                yield count(variant, netlist, groups, NONCES, delays)
    if variant.name in STUDIED:
        yield count(variant, netlist, groups, NONCES, inertial=False)


def small_count(variant: Variant) -> Count:
    """Return a count on the first job alone: what `--check` compares."""
    return count(variant, circuit(variant), [works(variant, blocks=1)[0]], 1)
