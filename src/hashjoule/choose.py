"""Choose the one backend to search with: by its name, or the fastest by a short trial."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from hashjoule import check
from hashjoule.backends import Backend, BackendSpec, resolve, specs
from hashjoule.errors import UnavailableError, UsageError
from hashjoule.job import Job

_AHEAD_OF_NUMBA = {"c:avx512", "c:shani", "c:shani_sse", "c:armv8"}
"""Where one of these is the fastest, Numba is not tried: it cannot use SHA instructions, and is 8 % behind c:avx512
(results/). Importing it takes two seconds."""

_QUICK_HASHES = 2048
_TRIAL_S = 0.002
_TRIAL_ROUNDS = 7
_NEAR = 1.3
"""Rows within this factor of the fastest quick trial are tried again, longer and in turn."""


def fastest(mode: str) -> BackendSpec:
    """Return the fastest backend on the CPU that passes its self-test, by trials of a few milliseconds.

    These are all C variants, and Numba if its kernels are compiled and no C variant is known to be ahead of it. A
    rolled job may also be searched version by version: where that is faster, the spec's `rolled_versions` is 1. Without
    any of them it is hashlib. Devices are not tried: opening one can take longer than the whole search.
    """
    order = _by_speed([trial for spec in specs("c") for trial in _trials(spec, mode)])
    if not order or order[0].spec.name not in _AHEAD_OF_NUMBA:
        numba = [trial for spec in specs("numba") if spec.on_cpu for trial in _trials(spec, mode)]
        order = _by_speed(order + numba)
    for trial in order:
        with contextlib.suppress(check.SelfTestError):
            check.ready(trial.spec)
            return trial.spec
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


@dataclass
class _Trial:
    """A backend with a job for it, and the least time that a hash took."""

    spec: BackendSpec
    backend: Backend
    job: Job
    hash_s: float = field(default=float("inf"))

    def run(self, hashes: float) -> None:
        """Scan about that many hashes, and keep the time if it is the least."""
        nonces = max(1, round(hashes / len(self.job.versions)))
        began = time.perf_counter()
        self.backend.scan(self.job, 0, nonces)
        spent = time.perf_counter() - began
        self.hash_s = min(self.hash_s, spent / (nonces * len(self.job.versions)))


def _trials(spec: BackendSpec, mode: str) -> Iterator[_Trial]:
    """Yield the ways to search with a backend in a mode; none if it cannot be used at once."""
    if spec.unavailable or not spec.is_prepared():
        return
    header = check.known_blocks()[0].header
    for versions in {1, spec.rolled_versions} if mode == "rolled" else {spec.rolled_versions}:
        way = replace(spec, rolled_versions=versions)
        with contextlib.suppress(UnavailableError):
            yield _Trial(way, spec.open(), check.job_for(header, way, mode, target=1))


def _by_speed(trials: Sequence[_Trial]) -> list[_Trial]:
    """Return the trials, fastest first.

    The least of several short times, taken in turn, is what a backend needs when nothing else gets in its way.
    """
    for trial in trials:
        trial.run(_QUICK_HASHES)  # also converts the job
        trial.run(_QUICK_HASHES)
    best_s = min((trial.hash_s for trial in trials), default=0.0)
    near = [trial for trial in trials if trial.hash_s <= _NEAR * best_s]
    for _ in range(_TRIAL_ROUNDS if len(near) > 1 else 0):
        for trial in near:
            trial.run(_TRIAL_S / best_s)
    return sorted(trials, key=lambda trial: trial.hash_s)
