"""pytest-benchmark over the registry: `make speed`, or `pytest bench --benchmark-compare` against an earlier run.

Each round scans a range that holds a real block's nonce and proves that it was found. Time is the thread's CPU time.
"""

from __future__ import annotations

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from hashjoule import backends, check
from hashjoule.backends import BackendSpec
from hashjoule.job import NONCES, Hit

HEADER = check.known_blocks()[-1].header


@pytest.mark.parametrize("mode", check.MODES)
@pytest.mark.parametrize("spec", [r for r in backends.specs() if not r.unavailable], ids=lambda r: r.name)
def test_scan(benchmark: BenchmarkFixture, spec: BackendSpec, mode: str) -> None:
    """Hashes a second of one thread, in the table's extra info."""
    backend = check.ready(spec)
    job = check.job_for(HEADER, spec, mode)
    nonces = max(1, (1 << 20 if spec.lanes > 1 else 1 << 16) // len(job.versions))
    first = (HEADER.nonce - nonces // 2) % NONCES
    hits = benchmark(backend.scan, job, first, nonces)
    assert hits == [Hit(HEADER.version, HEADER.nonce)]
    if benchmark.stats:
        benchmark.extra_info["hashrate_hs"] = nonces * len(job.versions) / benchmark.stats.stats.median
