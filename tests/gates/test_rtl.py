"""The Verilog of rtl/: what comes out of its gates, cycle by cycle, is what hashlib says."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from bench.gates.netlist import Netlist
from bench.gates.running import BATCH_CYCLES, looped_cycles, run_pipeline
from bench.gates.simulation import pipeline_values, register_depth
from bench.gates.stimulus import Work, constant_ports, port_bits
from bench.gates.synthesis import Variant
from hashjoule.job import NONCES, Header, Job
from tests.support import headers, sha256d

COUNT = 6
"""Nonces of each job."""

PIPELINES = [Variant("shortcuts", "ripple", 1), Variant("shortcuts", "carry-save", 2), Variant("plain", "ripple", 1)]

Synthesise = Callable[[Variant], Netlist]


def jobs(variant: Variant) -> list[Work]:
    """Every known block around its nonce, random headers, and nonces that wrap past 2^32."""
    rng = random.Random(5)
    known = [Header.parse(vector.header) for vector in headers()]
    others = [Header.parse(rng.randbytes(80)) for _ in range(12)]

    def job(header: Header) -> Job:
        return Job.rolled(header, limit=variant.midstates, target=1) if variant.midstates > 1 else Job.plain(header, 1)

    works = [Work(job(header), (header.nonce - 2) % NONCES) for header in known]
    return [*works, *(Work(job(h), h.nonce) for h in others), Work(job(others[0]), NONCES - 3)]


def expected(work: Work, version: int, i: int) -> bytes:
    """The double SHA-256 of the header with a version and the i-th nonce."""
    header = replace(work.job.header, version=version, nonce=(work.first_nonce + i) % NONCES)
    return sha256d(header.pack())


def number(values: Sequence[int], bits: Sequence[int], at: int) -> int:
    """The number on a port in a cycle or lane."""
    return sum((values[node] >> at & 1) << i for i, node in enumerate(bits))


@pytest.mark.parametrize("variant", PIPELINES, ids=lambda variant: variant.name)
def test_pipelines_hash_every_nonce_of_every_version(variant: Variant, synthesised: Synthesise) -> None:
    """Known blocks, random headers and the wrap: every digest, or its last word, in the cycle in which it is due."""
    netlist, works = synthesised(variant), jobs(variant)
    values, length = run_pipeline(netlist, variant, works, COUNT)
    port, width = ("word7", 32) if variant.style == "shortcuts" else ("digest", 256)
    for w, work in enumerate(works):
        for i in range(COUNT):
            cycle = (w + 1) * length - COUNT + i
            for lane, version in enumerate(work.job.versions):
                digest = expected(work, version, i)
                found = number(values, netlist.ports[port][width * lane : width * (lane + 1)], cycle)
                assert found == int.from_bytes(digest[-width // 8 :], "big"), (w, i, lane)


@pytest.mark.parametrize("bits", [0, 1, 4, 7])
def test_candidates_are_planted_anywhere(bits: int, synthesised: Synthesise) -> None:
    """The filter picks the nonces whose last word has these bits at 0, in the pipeline's own order."""
    variant = Variant("shortcuts", "ripple", 1)
    netlist = synthesised(variant)
    work = Work(Job.plain(Header.parse(random.Random(bits).randbytes(80)), 1), 12345)
    cycles = register_depth(netlist) + 300
    mask = int.from_bytes(((1 << bits) - 1 << 32 - bits).to_bytes(4, "big"), "little")
    words = constant_ports(variant, work.job) | {"filter": [mask]}
    stimulus = {name: port_bits([(columns, cycles)]) for name, columns in words.items()}
    stimulus["nonce"] = port_bits(([work.nonce_word(i)], 1) for i in range(cycles))
    candidate = pipeline_values(netlist, stimulus, cycles)[netlist.ports["candidate"][0]] >> register_depth(netlist)
    wanted = {i for i in range(300) if not struct.unpack(">I", expected(work, work.job.versions[0], i)[28:])[0] & mask}
    assert {i for i in range(300) if candidate >> i & 1} == wanted
    assert wanted


def test_a_looped_core_hashes_batch_after_batch(synthesised: Synthesise) -> None:
    """Two batches of nonces on every known block: each digest in its cycle, two passes of 64 cycles later."""
    variant = Variant("looped", "ripple", 4)
    netlist, works = synthesised(variant), jobs(variant)
    checked = 0
    for cycle, values in enumerate(looped_cycles(netlist, variant, works, 3 * BATCH_CYCLES + 2 + variant.size)):
        batch, within = divmod(cycle - 2 * BATCH_CYCLES - 2, BATCH_CYCLES)
        if batch >= 0 and within < variant.size:
            for lane, work in enumerate(works):
                digest = expected(work, work.job.versions[0], batch * variant.size + within)
                assert number(values, netlist.ports["digest"], lane) == int.from_bytes(digest, "big")
                checked += 1
    assert checked == 2 * variant.size * len(works)


def test_the_pipeline_is_as_deep_as_it_says(synthesised: Synthesise) -> None:
    """A nonce takes a register, 62 stages of the first hash, one for its digest and 61 of the second hash."""
    assert register_depth(synthesised(Variant("shortcuts", "ripple", 1))) == 1 + 62 + 1 + 61
