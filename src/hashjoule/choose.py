"""Choose the one backend to search with: by its name, or the fastest by a short trial."""

from __future__ import annotations

import contextlib
import time

from hashjoule import check
from hashjoule.backends import Backend, BackendSpec, resolve, specs
from hashjoule.errors import UsageError
from hashjoule.job import Job


def fastest(mode: str) -> BackendSpec:
    """Return the fastest C variant that passes its self-test here, by a trial of about a millisecond each.

    Without any C variant that is hashlib. Devices are not tried: opening one can take longer than the whole search.
    """
    header = check.known_blocks()[0].header
    usable = [spec for spec in specs("c") if not spec.unavailable]
    for spec in sorted(
        usable, key=lambda spec: _trial_seconds(spec.open(), check.job_for(header, spec, mode, target=1))
    ):
        with contextlib.suppress(check.SelfTestError):
            check.ready(spec)
            return spec
    return specs("reference")[0]


def backend_named(name: str, mode: str) -> BackendSpec:
    """Return the backend that a name stands for; `auto` is the fastest.

    Raises:
        UsageError: if the name stands for several backends.
    """
    if name == "auto":
        return fastest(mode)
    chosen = resolve([name])
    if len(chosen) > 1:
        raise UsageError(f"{name} stands for several backends; name one of {', '.join(r.name for r in chosen)}")
    return chosen[0]


def _trial_seconds(backend: Backend, job: Job) -> float:
    def once() -> float:
        began = time.perf_counter()
        backend.scan(job, 0, 2048 // len(job.versions))
        return time.perf_counter() - began

    return min(once() for _ in range(3))
