"""The machine's state, and warnings that say what to do."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from hashjoule import hardware
from hashjoule.benchmark import conditions
from hashjoule.records.schema import State
from tests.benchmark.test_sampling import sampled

QUIET = State(governor="performance")


def test_turbo_by_either_driver(tmp_path: Path) -> None:
    """Intel's switch says no_turbo, the others' says boost; neither says nothing."""
    assert conditions.turbo(tmp_path) is None
    (tmp_path / "cpufreq").mkdir()
    (tmp_path / "cpufreq/boost").write_text("0\n")
    assert conditions.turbo(tmp_path) is False
    (tmp_path / "intel_pstate").mkdir()
    (tmp_path / "intel_pstate/no_turbo").write_text("0\n")
    assert conditions.turbo(tmp_path) is True


def test_the_temperature_is_the_cpu_s(monkeypatch: pytest.MonkeyPatch) -> None:
    """The hottest sensor of the best driver; a disk's heat does not count; null where there is no sensor."""
    sensors = {"nvme": [SimpleNamespace(current=90.0)], "acpitz": [SimpleNamespace(current=20.0)]}
    sensors["k10temp"] = [SimpleNamespace(current=c) for c in (55.0, 61.5)]
    monkeypatch.setattr(psutil, "sensors_temperatures", lambda: sensors, raising=False)
    assert conditions.temperature_c() == 61.5
    monkeypatch.setattr(psutil, "sensors_temperatures", dict, raising=False)
    assert conditions.temperature_c() is None


def test_a_state_has_no_guesses() -> None:
    """What the system tells is plausible, the steal time is a part."""
    state = conditions.Surroundings().state()
    assert state.steal is None or 0 <= state.steal <= 1
    assert state.clock_hz is None or 2e8 < state.clock_hz < 1e10


def test_a_quiet_run_gives_no_warning() -> None:
    """Steady samples on a quiet machine."""
    assert conditions.warnings([sampled([1e6, 1e6, 1e6])], QUIET, State(steal=0.0)) == []


def test_warnings_name_the_cause_and_the_remedy() -> None:
    """Other programs, steal, governor, heat, clock, scatter and strays each give one sentence."""
    shaky = sampled([1e6, 2e6, 3e6], clocks_hz=[2e9, 4e9, 4e9])
    before, after = State(governor="powersave"), State(steal=0.2, temperature_c=97.0, others_busy=1.5)
    found = conditions.warnings([shaky], before, after)
    for word in ("kept 1.5", "hypervisor took 20%", "powersave", "97 °C", "2.00 to 4.00 GHz", "unsteady", "far off"):
        assert sum(word in warning for warning in found) == 1, word


def test_a_shared_core_is_told() -> None:
    """CPU time well below wall-clock time: somebody else had the core."""
    shared = sampled([1e6, 1e6, 1e6])
    shared.samples = [replace(sample, cpu_s=sample.cpu_s * 0.6) for sample in shared.samples]
    (found,) = conditions.warnings([shared], QUIET, State())
    assert "had 60% of its cores" in found


def test_other_programs_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """The CPU time of the cores that we may use, less our own, over the time: here a core and a half of two."""
    busy_s, own_s, now_s = iter([10.0, 16.0]), iter([1.0, 4.0]), iter([0.0, 2.0])

    def cpu_times(percpu: bool) -> list[SimpleNamespace]:
        shown = {"user": next(busy_s), "idle": 50.0, "guest": 3.0}
        return [SimpleNamespace(_asdict=lambda: shown)]

    monkeypatch.setattr(psutil, "cpu_times", cpu_times)
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0}, raising=False)
    monkeypatch.setattr(
        conditions, "time", SimpleNamespace(monotonic=lambda: next(now_s), process_time=lambda: next(own_s))
    )
    before = conditions._Busy.now()
    assert conditions._Busy.now().others_since(before) == pytest.approx(1.5)


def test_threads_that_share_a_core_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the system's own list, or by what a second thread gains; two threads with a core each are not."""
    one, two = sampled([1e6] * 3), sampled([1.27e6] * 3)
    two.threads, two.samples = 2, [replace(sample, cpu_s=2 * sample.cpu_s) for sample in two.samples]
    monkeypatch.setattr(conditions, "physical_cores", lambda: None)
    (guessed,) = conditions.warnings([one, two], QUIET, State())
    assert "2 threads give 1.27 times the rate of one" in guessed
    assert "does not tell which" in guessed
    monkeypatch.setattr(conditions, "physical_cores", lambda: 1)
    (known,) = conditions.warnings([one, two], QUIET, State())
    assert "they share the same core (hyperthreads)" in known
    monkeypatch.setattr(conditions, "physical_cores", lambda: 2)
    full = sampled([1.95e6] * 3)
    full.threads, full.samples = 2, [replace(sample, cpu_s=2 * sample.cpu_s) for sample in full.samples]
    assert conditions.warnings([one, full], QUIET, State()) == []


def test_physical_cores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hyperthreads of one core name each other in one list."""
    for number, siblings in enumerate(("0,2", "1,3", "0,2", "1,3")):
        folder = tmp_path / f"cpu{number}/topology"
        folder.mkdir(parents=True)
        (folder / "thread_siblings_list").write_text(f"{siblings}\n")
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 1, 2, 3}, raising=False)
    assert hardware.physical_cores(tmp_path) == 2
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 2}, raising=False)
    assert hardware.physical_cores(tmp_path) == 1
    assert hardware.physical_cores(tmp_path / "none") is None


def test_outliers_are_told() -> None:
    """Two of nine samples beyond Tukey's fences."""
    found = conditions.warnings([sampled([1e6, 1.001e6, 0.999e6] * 2 + [1e6, 0.99e6, 0.985e6])], QUIET, State())
    assert any("outliers" in warning for warning in found)


def test_too_few_samples_say_how_long_to_measure() -> None:
    """pyperf's rule: enough samples to know the mean within 1 %; backends that break it share one sentence."""
    loose = [1.00e6, 1.05e6, 0.95e6, 1.02e6, 0.98e6]
    several = [replace(made := sampled(loose), spec=replace(made.spec, name=f"fake:{n}")) for n in range(5)]
    (found,) = conditions.warnings(several, QUIET, State())
    assert "and 2 more" in found
    assert "--seconds 8" in found
