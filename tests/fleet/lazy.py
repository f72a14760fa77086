"""A backend that sleeps instead of searching, knows the solution, and keeps a diary of what it was asked.

Workers load it with `dask worker --preload tests.fleet.lazy`, the command line with `python -m tests.fleet.lazy`.
Environment variables set it up: HASHJOULE_LAZY_DIARY is the file of the diary, HASHJOULE_LAZY_CRASH makes it kill its
own process, and HASHJOULE_LAZY_SET overrides constants of `fleet.grind` and `fleet.benchmark` to shorten waits.
"""

from __future__ import annotations

import json
import os
import time
from importlib import import_module
from pathlib import Path

from hashjoule import backends, cli
from hashjoule.backends import BackendSpec
from hashjoule.backends.reference import Reference
from hashjoule.fleet import worker
from hashjoule.hardware import ONE_CORE
from hashjoule.job import Hit, Job
from tests.support import headers

RATE_HS = 4e6
EASY = 1 << 240
"""Targets of self-tests, which are really searched."""

SOLUTIONS = [Hit(vector.version, vector.nonce) for vector in headers()]


class Lazy:
    """A backend that takes as long as RATE_HS says and finds the nonces of real blocks."""

    def scan(self, job: Job, first_nonce: int, count: int) -> list[Hit]:
        """Sleep as long as the scan would take, then write a line to the diary (see `Backend.scan`)."""
        if "HASHJOULE_LAZY_CRASH" in os.environ:
            os.abort()
        if job.target >= EASY:
            return Reference().scan(job, first_nonce, count)
        time.sleep(count * len(job.versions) / RATE_HS)
        searching = worker._searching.locked() and job.target > 1  # and no self-test or trial
        if searching and (diary := os.environ.get("HASHJOULE_LAZY_DIARY")):
            with Path(diary).open("a") as file:
                file.write(f"{os.getpid()} {job.versions[0]} {first_nonce} {count}\n")
        return [
            h
            for h in SOLUTIONS
            if (h.nonce - first_nonce) % 2**32 < count and h.version in job.versions and job.verify(h)
        ]


def specs() -> list[BackendSpec]:
    """Return the lazy backend alone."""
    return [BackendSpec(name="lazy", device="cpu", hardware=ONE_CORE, lanes=1, open=Lazy, rolled_versions=16)]


backends.PROVIDERS["lazy"] = "tests.fleet.lazy"
for module, constants in json.loads(os.environ.get("HASHJOULE_LAZY_SET", "{}")).items():
    for name, value in constants.items():
        setattr(import_module(f"hashjoule.fleet.{module}"), name, value)

if __name__ == "__main__":
    cli.main()
