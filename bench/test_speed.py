"""A guard against a slower search: `make speed`.

Runs every backend of the registry, plain and rolled, under pytest-benchmark by the CPU time of one thread, and compares
cycles per hash with the newest record in results/ of this CPU family. A row fails if it is more than 5 % slower and
their 95 % intervals do not overlap. A last test holds `auto` to within 2 % of the best row.

Each round scans a range that holds a real block's nonce, and must find it.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from bench.speed import SpeedRow, verdict
from hashjoule import backends, check, choose
from hashjoule.backends import BackendSpec
from hashjoule.benchmark.sampling import clock_hz
from hashjoule.job import NONCES, Hit
from hashjoule.records.facts import cpu_name
from hashjoule.records.files import load_record
from hashjoule.records.schema import Record

HEADER = check.known_blocks()[-1].header
HERE = [spec for spec in backends.specs() if not spec.unavailable and spec.runs_in_caller]
ROUNDS = 15
RESULTS = Path(__file__).parents[1] / "results"

_measured: dict[tuple[str, str], SpeedRow] = {}


@pytest.fixture(scope="module")
def rows() -> Iterator[dict[tuple[str, str], SpeedRow]]:
    """What was measured, by backend and mode; printed at the end."""
    yield _measured
    print(f"\n{'backend':14}{'mode':8}{'cycles/hash':>12}  {'95 % interval':18}{'recorded':>9}  {'change':>7}")
    for row in _measured.values():
        print(row)


@pytest.fixture(scope="module")
def recorded() -> Record | None:
    """The newest record of this CPU family; by the same kind of compiler if there is one."""
    return newest_record(RESULTS)


def newest_record(results: Path) -> Record | None:
    """Return the newest bench record of this machine's CPU, if possible with the compiler that built the core."""
    cpu, compiler = cpu_name(), (backends.specs("c")[0].runtime or "").split(" ")[0]
    found = [load_record(path) for path in results.glob("*/*-bench*.json")]
    same = [record for record in found if record.machine.cpu == cpu]
    return max(same, key=lambda r: (str(r.hashjoule.compiler).startswith(compiler), r.created), default=None)


@pytest.mark.parametrize("mode", check.MODES)
@pytest.mark.parametrize("spec", HERE, ids=lambda spec: spec.name)
def test_scan(
    benchmark: BenchmarkFixture,
    rows: dict[tuple[str, str], SpeedRow],
    recorded: Record | None,
    spec: BackendSpec,
    mode: str,
) -> None:
    """No row needs more cycles per hash than it did when it was recorded."""
    backend = check.ready(spec)
    job = check.job_for(HEADER, spec, mode)
    nonces = max(1, (1 << 20 if spec.lanes > 1 else 1 << 16) // len(job.versions))
    first = (HEADER.nonce - nonces // 2) % NONCES
    clocks: list[float] = []

    def found() -> list[Hit]:
        return backend.scan(job, first, nonces)

    def setup() -> None:
        clocks.append(clock_hz() or 0.0)

    hits = benchmark.pedantic(found, setup=setup, rounds=ROUNDS, warmup_rounds=1)  # type: ignore[no-untyped-call]
    assert hits == [Hit(HEADER.version, HEADER.nonce)]
    hashes = nonces * len(job.versions)
    assert benchmark.stats, "run without --benchmark-disable"
    seconds = benchmark.stats.stats.data
    cycles = [s * clock / hashes for s, clock in zip(seconds, clocks[-len(seconds) :], strict=True)]
    row = SpeedRow.of(spec.name, mode, cycles, recorded)
    rows[spec.name, mode] = row
    benchmark.extra_info["cycles_per_hash"] = statistics.median(cycles)
    if problem := verdict(row):
        pytest.fail(problem, pytrace=False)


@pytest.mark.parametrize("mode", check.MODES)
def test_auto_is_near_the_best(rows: dict[tuple[str, str], SpeedRow], mode: str) -> None:
    """`auto` is within 2 % of the best row of this run, outside the intervals."""
    chosen = choose.fastest(mode)
    cycles = {name: row for (name, row_mode), row in rows.items() if row_mode == mode}
    best, own = min(cycles.values(), key=lambda row: row.cycles.median), cycles[chosen.name]
    assert own.cycles.median <= 1.02 * best.cycles.median or own.cycles.low <= best.cycles.high
