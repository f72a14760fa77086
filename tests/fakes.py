"""Backends that misbehave on purpose."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from hashjoule.backends import Row
from hashjoule.backends.reference import Reference
from hashjoule.job import Hit, Job


@dataclass
class Faulty:
    """Finds what hashlib finds, then loses or invents hits as told; remembers the ranges it was given."""

    lose: bool = False
    invent: int = 0
    delay_s: float = 0.0
    error: Exception | None = None
    compute: bool = True
    ranges: list[tuple[int, int]] = field(default_factory=list)

    def scan(self, job: Job, first_nonce: int, count: int) -> list[Hit]:
        """See `Backend.scan`."""
        self.ranges.append((first_nonce, count))
        if self.error:
            raise self.error
        time.sleep(self.delay_s)
        hits = Reference().scan(job, first_nonce, count) if self.compute and not self.lose else []
        return hits + [Hit(job.versions[0], first_nonce ^ 0x5A5A5A5A ^ i) for i in range(self.invent)]


def row_of(backend: object, name: str = "fake") -> Row:
    """A registry row around a backend."""
    return Row(name, "cpu", 4, lambda: backend, rolled_midstates=8)  # type: ignore[arg-type, return-value]
