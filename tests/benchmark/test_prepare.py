"""Compiling and tuning before measuring: shown as it goes on, left out of a quick run, and never an end of the run."""

from __future__ import annotations

import time
from dataclasses import replace

from hashjoule import check
from hashjoule.backends import BackendSpec
from hashjoule.backends.reference import Reference
from hashjoule.benchmark import prepare
from hashjoule.benchmark.energy import Metering
from hashjoule.benchmark.run import Benchmark
from hashjoule.errors import UnavailableError
from tests.fakes import Faulty, spec_of


class Compiled(Reference):
    """A backend that takes some time to open."""

    def __init__(self, seconds: float, fails: bool = False) -> None:
        time.sleep(seconds)
        if fails:
            raise UnavailableError("its compiler is broken")
        self.ready = True


def waiting(name: str, seconds: float, fails: bool = False) -> BackendSpec:
    """A spec that has to be compiled first."""
    opened: list[Compiled] = []

    def open_() -> Compiled:
        opened.append(Compiled(seconds, fails))
        return opened[-1]

    spec = replace(spec_of(Faulty(), name), open=open_, prepare_s=seconds)
    return replace(spec, is_prepared=lambda: bool(opened))


def test_progress_moves_while_a_compiler_works() -> None:
    """From 0 to 1, never back, and several times in between; each backend is named."""
    check._ready.clear()
    seen: list[tuple[str, float]] = []
    specs = [waiting("fake:a", 0.8), waiting("fake:b", 0.8)]
    assert prepare.unprepared(specs) == specs
    assert prepare.expected_s(specs) == 1.6
    assert prepare.prepare(specs, lambda text, part: seen.append((text, part))) == {}
    parts = [part for _, part in seen]
    assert parts == sorted(parts)
    assert len(parts) >= 5
    assert parts[-1] == 1.0
    assert {text for text, _ in seen} == {"compiling fake:a (1 of 2)", "compiling fake:b (2 of 2)", "compiled"}
    assert prepare.unprepared(specs) == []


def test_a_compiler_that_fails_is_told() -> None:
    """The others are prepared, and the run goes on without it."""
    check._ready.clear()
    specs = [waiting("fake:bad", 0.0, fails=True), waiting("fake:good", 0.0)]
    bench = Benchmark(Metering())
    assert [spec.name for spec in bench.prepared(specs, leave_out=False)] == ["fake:good"]
    (refusal,) = bench.record().refused
    assert (refusal.backend, refusal.reason) == ("fake:bad", "its compiler is broken")


def test_a_quick_run_leaves_out_what_is_not_prepared() -> None:
    """And says what, and what to do about it."""
    check._ready.clear()
    specs = [spec_of(Faulty(), "fake:ready"), waiting("fake:slow", 42.0)]
    bench = Benchmark(Metering())
    assert [spec.name for spec in bench.prepared(specs, leave_out=True)] == ["fake:ready"]
    warning = bench.record().conditions.warnings[0]
    assert warning.startswith("left out: fake:slow, which must be compiled first")
    assert "`hashjoule prepare` does it once, in about 42 s" in warning
