"""How long the chunks of a miner's search are."""

from __future__ import annotations

from hashjoule.backends import BackendSpec
from hashjoule.search import CHUNK_SECONDS

CPU_CHUNK_SECONDS = 0.002
"""A found block and a new tip or job wait for half a chunk on average. Chunks this short cost hashes, through the
Python code between them: 0.6% on a Zen 5, 4% on a Zen 3 (profile of a run at a pool)."""


def chunk_seconds(spec: BackendSpec) -> float:
    """Return how long one call of a backend should take while mining, in seconds.

    Calls of a device cost more than those of the CPU, so its chunks are longer.
    """
    return CPU_CHUNK_SECONDS if spec.gains_from_threads else CHUNK_SECONDS
