"""The verdict on a record compares like with like, and claims no energy that was not measured."""

from __future__ import annotations

import re

import pytest
from msgspec.structs import replace

from hashjoule.hardware import Hardware
from hashjoule.records.schema import Efficiency, Energy, Rate, Rating, Record, Result
from hashjoule.report.verdict import bound_j_per_th, verdict, without_a_meter
from tests.records.test_records import RECORD, RESULT

BARE = replace(RESULT, energy=None, j_per_th=None, j_per_th_above_idle=None)


def row(backend: str, mhs: float, cores: int = 1, mode: str = "plain") -> Result:
    """Return a result of a CPU backend at this rate."""
    rate, hardware = Rate(1e6 * mhs, 0.0, 1e6 * mhs, 1e6 * mhs), Hardware(kind="cpu", cpu_cores=cores)
    return replace(BARE, backend=backend, mode=mode, threads=1, hashrate_hs=rate, hardware=hardware)


def record(*results: Result) -> Record:
    """Return a record with these results."""
    return replace(RECORD, results=results, device_sum_hs=None)


def test_the_fastest_code_is_compared_on_equal_cores() -> None:
    """OpenCL on two cores is not compared with one core; the next fastest is another backend, not another mode."""
    found = verdict(
        record(
            row("c:avx2", 15.0),
            row("c:avx2", 18.0, mode="rolled"),
            row("numba", 12.0),
            row("reference", 0.5),
            row("opencl:0.0", 20.0, cores=2),
            row("c:avx2", 35.1, cores=2, mode="rolled"),
        )
    )
    assert found[0] == (
        "Fastest on one core: c:avx2 rolled with 18.0 MH/s; 1.50x the next (numba plain), 36.0x Python's hashlib."
    )
    assert found[1] == (
        "Fastest on 2 cores: c:avx2 rolled with 35.1 MH/s; 1.75x the next (opencl:0.0 plain), 1.95x the best on one "
        "core."
    )


def test_a_lead_within_the_intervals_is_none() -> None:
    """Two backends whose intervals overlap are not ranked by a third digit."""
    first, second = row("c:shani", 35.3), row("c:shani_sse", 35.2)
    wide = replace(first, hashrate_hs=Rate(35.3e6, 0.0, 33.9e6, 36.6e6))
    assert verdict(record(wide, second))[0] == (
        "Fastest on one core: c:shani plain with 35.3 MH/s; not clearly ahead of the next (c:shani_sse plain)."
    )


def test_one_row_has_nobody_to_be_compared_with() -> None:
    """With one result the sentence names no other; an empty record has no verdict."""
    assert verdict(record(row("c:avx2", 15.0)))[0] == "Fastest on one core: c:avx2 plain with 15.0 MH/s."
    assert verdict(record()) == []


def test_devices_have_a_sentence_of_their_own() -> None:
    """The verdict names the best result of each device."""
    gpu = Hardware(kind="gpu", cpu_cores=0)
    slow = replace(row("opencl:0.0", 900.0), device="Example GPU", hardware=gpu)
    found = verdict(record(slow, replace(slow, backend="numba:cuda", hashrate_hs=Rate(1e9, 0.0, 1e9, 1e9))))
    assert found[0] == "Fastest on Example GPU: numba:cuda plain with 1.00 GH/s."


def test_the_rate_in_the_world() -> None:
    """The verdict gives the mean time to a block in years, and how many such machines equal the best ASIC."""
    block, equal = verdict(record(row("c:avx2", 100.0)))[-2:]
    found = re.search(r"takes ([\d.,]+) (million )?years on average \(difficulty ([\d.]+) trillion", block)
    assert found
    years = float(found[1].replace(",", "")) * (1e6 if found[2] else 1)
    assert years == pytest.approx(float(found[3]) * 1e12 * 2**32 / 1e8 / 31_557_600, rel=0.02)
    assert "of these machines hash as fast as one" in equal
    assert "energy" not in equal


@pytest.mark.parametrize(
    ("method", "said"), [("counter", True), ("sampled", True), ("declared", False), ("bound", False)]
)
def test_only_measured_energy_is_compared(method: str, said: bool) -> None:
    """A declared power or an upper bound is not compared with measured energy."""
    spent = Energy(10.0, 1.0, "fake", "wall", method)  # type: ignore[arg-type]
    metered = replace(row("c:avx2", 100.0), energy=spent, j_per_th=Efficiency(1e5, 1e5, 1e5))
    assert ("each hash takes" in verdict(record(metered))[-1]) is said


def test_a_bound_is_for_the_whole_cpu() -> None:
    """The bound is the rated power over the rate of all cores; one core, devices and metered results have none."""
    rated = replace(record(), cpu_rating=Rating(280.0, "a source"), machine=replace(RECORD.machine, cores=2))
    assert bound_j_per_th(rated, row("c:avx2", 100.0, cores=2)) == pytest.approx(2.8e6)
    assert bound_j_per_th(rated, row("c:avx2", 100.0, cores=1)) is None
    metered = replace(row("c:avx2", 100.0, cores=2), energy=Energy(1.0, 1.0, "x", "wall", "counter"))
    assert bound_j_per_th(rated, metered) is None
    assert bound_j_per_th(record(), row("c:avx2", 100.0, cores=2)) is None


def test_what_helps_without_a_meter() -> None:
    """On real Linux hardware the verdict names three ways to get joules; a virtual machine has no energy counter."""
    (real,) = without_a_meter(
        replace(RECORD, machine=replace(RECORD.machine, virtualised=False, os="Linux 6.1 x86_64"))
    )
    assert all(word in real for word in ("--meter URL", "--watts W", "`hashjoule devices` shows the command"))
    (guest,) = without_a_meter(replace(RECORD, machine=replace(RECORD.machine, virtualised=True)))
    assert "a virtual machine has no meter" in guest
    assert "hashjoule devices" not in guest
