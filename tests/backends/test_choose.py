"""The choice of `auto`: backends of known speed on a clock of their own."""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

import pytest

from hashjoule import check, choose
from hashjoule.backends import BackendSpec
from hashjoule.backends.reference import Reference
from hashjoule.job import Hit, Job
from tests.fakes import spec_of


class Clock:
    """A clock that stands still unless a backend works."""

    now_s = 1000.0


@dataclass
class Timed:
    """Finds what hashlib finds, and takes a known time for each hash; every third scan is disturbed."""

    clock: Clock
    plain_ns: float
    rolled_ns: float
    scans: int = 0

    def scan(self, job: Job, first_nonce: int, count: int) -> list[Hit]:
        """See `Backend.scan`."""
        self.scans += 1
        per_hash_ns = self.plain_ns if len(job.versions) == 1 else self.rolled_ns
        disturbance = 3.0 if self.scans % 3 == 0 else 1.0
        self.clock.now_s += disturbance * 1e-9 * per_hash_ns * count * len(job.versions) + 2e-6
        return [] if job.target == 1 else Reference().scan(job, first_nonce, count)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock that trials are timed with."""
    clock = Clock()
    monkeypatch.setattr(choose, "time", SimpleNamespace(perf_counter=lambda: clock.now_s))
    monkeypatch.setattr(check, "_ready", {})
    return clock


def registry(monkeypatch: pytest.MonkeyPatch, c: list[BackendSpec], numba: list[BackendSpec]) -> None:
    """Make these the known backends."""
    known = {"c": c, "numba": numba, "reference": [spec_of(Reference(), "reference")]}
    monkeypatch.setattr(choose, "specs", lambda provider: known[provider])


def timed(clock: Clock, name: str, plain_ns: float, rolled_ns: float, **changes: Any) -> BackendSpec:
    """A backend of known speed."""
    return replace(spec_of(Timed(clock, plain_ns, rolled_ns), name), **changes)


@pytest.mark.parametrize("mode", check.MODES)
@pytest.mark.parametrize("best", range(3))
def test_rows_that_are_two_percent_apart_are_told_apart(
    monkeypatch: pytest.MonkeyPatch, clock: Clock, mode: str, best: int
) -> None:
    """Wherever the best row stands, and though a third of all scans is disturbed, it is found."""
    speeds = [(40.0, 30.0)] * 3
    speeds[best] = (39.2, 29.4)
    registry(monkeypatch, [timed(clock, f"c:{i}", *speed) for i, speed in enumerate(speeds)], [])
    assert choose.fastest(mode).name == f"c:{best}"


def test_a_rolled_search_may_go_version_by_version(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> None:
    """Where the plain search of a backend beats every rolled one, its rolled jobs carry one version."""
    registry(monkeypatch, [timed(clock, "c:a", 50, 31), timed(clock, "c:b", 30, 60)], [])
    chosen = choose.fastest("rolled")
    assert (chosen.name, chosen.rolled_versions) == ("c:b", 1)
    assert len(check.job_for(check.known_blocks()[0].header, chosen, "rolled").versions) == 1


def test_numba_is_chosen_where_it_is_fastest(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> None:
    """It is tried beside the vector variants, and the C core need not be built at all."""
    numba = timed(clock, "numba", 38, 28)
    registry(monkeypatch, [timed(clock, "c:avx2", 40, 30)], [numba])
    assert choose.fastest("plain").name == "numba"
    registry(monkeypatch, [timed(clock, "c:avx2", 30, 20)], [numba])
    assert choose.fastest("plain").name == "c:avx2"
    registry(monkeypatch, [], [numba])
    assert choose.fastest("rolled").name == "numba"


def test_numba_is_not_compiled_for_a_choice(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> None:
    """Kernels that are not compiled yet would take longer than many a search."""
    unprepared = timed(clock, "numba", 1, 1, is_prepared=lambda: False, open=lambda: pytest.fail("opened"))
    registry(monkeypatch, [timed(clock, "c:avx2", 40, 30)], [unprepared])
    assert choose.fastest("plain").name == "c:avx2"


def test_numba_is_not_even_asked_beside_sha_instructions(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> None:
    """Asking means importing it, which takes two seconds."""
    asked = timed(clock, "numba", 1, 1, is_prepared=lambda: pytest.fail("asked"))
    registry(monkeypatch, [timed(clock, "c:shani", 40, 30)], [asked])
    assert choose.fastest("plain").name == "c:shani"


def test_a_wrong_backend_is_passed_over(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> None:
    """The fastest that computes wrongly is not chosen; with none left it is hashlib."""

    class Wrong(Timed):
        def scan(self, job: Job, first_nonce: int, count: int) -> list[Hit]:
            super().scan(job, first_nonce, count)
            return []

    wrong = spec_of(Wrong(clock, 1, 1), "c:wrong")
    registry(monkeypatch, [wrong, timed(clock, "c:right", 40, 30)], [])
    assert choose.fastest("plain").name == "c:right"
    registry(monkeypatch, [wrong], [])
    assert choose.fastest("plain").name == "reference"
