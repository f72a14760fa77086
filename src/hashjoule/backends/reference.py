"""The reference: hashlib in a loop. Slow, and the one that nobody doubts."""

from __future__ import annotations

import hashlib
import struct
from dataclasses import replace

from hashjoule.backends import BackendSpec
from hashjoule.hardware import ONE_CORE
from hashjoule.job import NONCES, Hit, Job


class Reference:
    """Hashes every header with hashlib; the first 64 bytes of each version once."""

    def scan(self, job: Job, first_nonce: int, count: int) -> list[Hit]:
        """See `Backend.scan`."""
        heads = [(v, hashlib.sha256(replace(job.header, version=v).pack()[:64])) for v in job.versions]
        tail = job.header.pack()[64:76]
        sha256, pack_nonce = hashlib.sha256, struct.Struct("<I").pack
        hits = []
        for n in range(first_nonce, first_nonce + count):
            nonce = n % NONCES
            second = tail + pack_nonce(nonce)
            for version, head in heads:
                state = head.copy()
                state.update(second)
                if int.from_bytes(sha256(state.digest()).digest(), "little") <= job.target:
                    hits.append(Hit(version, nonce))
        return hits


def specs() -> list[BackendSpec]:
    """Return the one spec."""
    from ssl import OPENSSL_VERSION  # only to name it: 4 ms of imports

    runtime = f"hashlib, {OPENSSL_VERSION}"
    return [
        BackendSpec(
            name="reference",
            device="cpu",
            hardware=ONE_CORE,
            lanes=1,
            open=Reference,
            runtime=runtime,
            gains_from_threads=False,
            rolled_versions=16,
        )
    ]
