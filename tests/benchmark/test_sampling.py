"""Measuring: planted solutions, refusals, statistics, warnings."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from hashjoule import check, choose
from hashjoule.backends import specs
from hashjoule.backends.reference import Reference
from hashjoule.benchmark import sampling
from hashjoule.benchmark.energy import Metering, Turn
from hashjoule.benchmark.sampling import Measurement, RateRefusedError, Sample
from hashjoule.hardware import Hardware
from hashjoule.job import NONCES, Header, Hit, Job
from tests.fakes import FakeTime, Faulty, SteadyMeter, device_spec, spec_of

HEADER = check.known_blocks()[-1].header


def measurement(backend: Faulty, mode: str = "plain", threads: int = 1) -> Measurement:
    """A measurement around a fake backend."""
    spec = spec_of(backend)
    return Measurement(spec, mode, backend, check.job_for(HEADER, spec, mode), threads)


@pytest.mark.parametrize("mode", check.MODES)
@pytest.mark.parametrize("threads", [1, 3])
def test_a_sample_holds_the_planted_solution(mode: str, threads: int) -> None:
    """Each thread's scan finds it, and the hashes of all versions and threads count."""
    taken = sampling.take_sample(measurement(Faulty(), mode, threads), 50)
    assert taken.hashes == threads * 50 * (8 if mode == "rolled" else 1)
    assert taken.verified_hits == threads
    assert taken.wall_s > 0


@pytest.mark.parametrize("fault", [Faulty(lose=True), Faulty(invent=1)], ids=["loses", "invents"])
def test_a_rate_without_its_solution_is_refused(fault: Faulty) -> None:
    """A launch that missed the planted hit, or made one up, gives no rate, however fast it was."""
    with pytest.raises(RateRefusedError, match="refused"):
        sampling.take_sample(measurement(fault), 50)
    refused = measurement(fault)
    sampling.measure([refused], 0.1)
    assert refused.refused
    assert sampling.result(refused) is None


def test_a_backend_that_fails_its_self_test_is_not_measured() -> None:
    """It comes with the reason, and is never run."""
    fault = Faulty(lose=True)
    (failed,) = sampling.measurements([spec_of(fault, "fake:lossy")], ["plain"], 1)
    assert failed.refused
    assert "self-test" in failed.refused
    scans = len(fault.ranges)
    sampling.measure([failed], 0.1)
    assert len(fault.ranges) == scans


def test_subjects_take_turns() -> None:
    """After calibration every round samples each measurement once."""
    slow = Faulty(delay_s=0.06, compute=False)
    slow.compute = True
    several = [measurement(Faulty()), measurement(Faulty(), "rolled")]
    seen: list[float] = []
    sampling.measure(several, 0.45, lambda who, part: seen.append(part))
    assert [len(s.samples) for s in several] == [3, 3]
    assert seen == sorted(seen)
    assert 0 <= seen[0] < seen[-1] < 1


def test_an_interrupted_run_keeps_what_it_measured() -> None:
    """Samples are in the measurements as soon as they are taken."""
    one = measurement(Faulty())

    def stop_late(who: Measurement, part: float) -> None:
        if len(one.samples) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sampling.measure([one], 2.0, stop_late)
    result = sampling.result(one)
    assert result is not None
    assert len(result.samples_hs) == 2


def sampled(rates_hs: list[float], clocks_hz: list[float] | None = None, device: str = "cpu") -> Measurement:
    """A measurement with made-up samples of one million hashes."""
    made = measurement(Faulty())
    made.spec = made.spec if device == "cpu" else device_spec("fake", device, kind="gpu")
    clocks = clocks_hz or [4e9] * len(rates_hs)
    made.samples = [Sample(10**6, 1e6 / r, 1e6 / r, hz or None, 1) for r, hz in zip(rates_hs, clocks, strict=True)]
    return made


def test_figures_of_a_result() -> None:
    """Medians by wall clock, cycles by CPU time and clock, energy from the turns that a meter saw."""
    measured = sampled([1e6, 2e6, 4e6])
    measured.turns = [Turn(8.0 * seconds, seconds, 1e6 / seconds) for seconds in (1.0, 0.5, 0.25)]
    result = sampling.result(measured, Metering([SteadyMeter(8).meter()]))
    assert result is not None
    assert result.hashrate_hs.median == pytest.approx(2e6)
    assert result.cycles_per_hash == pytest.approx(4e9 / 2e6)
    assert result.hashes == 3 * 10**6
    assert result.energy is not None
    assert (result.energy.method, result.energy.scope) == ("counter", "package")
    assert result.energy.joules == pytest.approx(8.0 * 1.75)
    assert result.j_per_th is not None
    assert result.j_per_th.value == pytest.approx(8.0 / 2e6 * 1e12)
    assert result.j_per_th.low <= 2e6 <= result.j_per_th.high >= 8e6
    assert result.j_per_th_above_idle is None


def test_without_a_meter_there_is_no_energy() -> None:
    """No watts, no joules, no J/TH."""
    result = sampling.result(sampled([1e6]))
    assert result is not None
    assert (result.energy, result.j_per_th, result.j_per_th_above_idle) == (None, None, None)


def test_a_slow_meter_gets_samples_in_a_row(monkeypatch: pytest.MonkeyPatch) -> None:
    """A turn lasts ten renewals of the meter: four samples of 0.3 s here; each turn has its energy."""
    monkeypatch.setattr(sampling, "time", FakeTime(0.1))
    metering = Metering([SteadyMeter(10).meter(interval_s=0.1)])
    several = [measurement(Faulty()), measurement(Faulty(), "rolled")]
    sampling.measure(several, 2.0, metering=metering)
    assert [(len(s.samples), len(s.turns)) for s in several] == [(8, 2), (8, 2)]


@pytest.mark.parametrize("step_s", [0.0, -0.1])
def test_a_clock_that_does_not_advance_gives_no_rate(monkeypatch: pytest.MonkeyPatch, step_s: float) -> None:
    """Standing still or going back, it is named, and no rate is divided by it."""
    monkeypatch.setattr(sampling, "time", FakeTime(step_s))
    stuck = measurement(Faulty())
    sampling.measure([stuck], 0.1)
    assert stuck.samples == []
    assert "clock stood still or went back" in str(stuck.refused)


def test_jumps_of_the_wall_clock_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rates come from the monotonic clock; the time of day, which NTP and people set, is never asked."""
    monkeypatch.setattr(sampling, "time", FakeTime(0.1))
    one = measurement(Faulty())
    sampling.measure([one], 0.45)
    assert [s.wall_s for s in one.samples] == pytest.approx([0.1] * 3)


def test_a_sustained_run_comes_in_stretches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every stretch holds its own samples; a wrong result ends the run with its reason."""
    monkeypatch.setattr(sampling, "time", FakeTime(0.1))
    one = measurement(Faulty())
    one.nonces = 50
    stretches = list(sampling.sustain(one, 3.0, Metering()))
    assert len(stretches) == 3
    assert all(len(stretch.samples) == 4 for stretch in stretches)
    failing = measurement(Faulty(lose=True))
    failing.nonces = 50
    assert list(sampling.sustain(failing, 3.0, Metering())) == []
    assert "refused" in str(failing.refused)


def test_devices_have_no_cycles_per_hash() -> None:
    """The host's CPU time says nothing of a device's work; an unknown clock says nothing of cycles."""
    device = sampling.result(sampled([1e6], device="gpu"))
    unclocked = sampling.result(sampled([1e6], clocks_hz=[0.0]))
    assert device is not None
    assert unclocked is not None
    assert device.cycles_per_hash is device.hashes_per_cpu_second is unclocked.cycles_per_hash is None


def test_the_clock_is_plausible() -> None:
    """The measured clock rate lies where CPUs run; null only where the core knows no chain."""
    clock = sampling.clock_hz()
    assert clock is None or 2e8 < clock < 1e10


@pytest.mark.parametrize("mode", check.MODES)
def test_auto_takes_a_usable_row(mode: str) -> None:
    """`auto` is one of the usable C variants, not the slowest."""
    chosen = choose.fastest(mode)
    usable = [spec.name for spec in specs("c") if not spec.unavailable]
    assert chosen.name in usable
    assert len(usable) == 1 or chosen.name != "c:portable"


def test_auto_passes_over_a_failing_backend(monkeypatch: pytest.MonkeyPatch) -> None:
    """A variant that computes wrongly is never chosen; with none left, hashlib is."""
    broken = spec_of(Faulty(lose=True), "c:broken")
    genuine = specs("reference")
    monkeypatch.setattr(choose, "specs", lambda provider: [broken] if provider == "c" else genuine)
    assert choose.fastest("plain").name == "reference"


def test_planted_job_is_solvable() -> None:
    """The header that is planted is a real, rolled-version block."""
    assert Header.parse(HEADER.pack()).meets(Job.plain(HEADER).target)


class InThreads:
    """Searches in two threads of its own, and keeps count of their CPU time."""

    cpu_s = 0.0

    def scan(self, job: Job, first_nonce: int, count: int) -> list[Hit]:
        """See `Backend.scan`."""
        parts = [(first_nonce, count // 2), ((first_nonce + count // 2) % NONCES, count - count // 2)]
        with ThreadPoolExecutor(2) as pool:
            found = list(pool.map(lambda part: self._half(job, *part), parts))
        self.cpu_s += sum(cpu_s for _, cpu_s in found)
        return [hit for hits, _ in found for hit in hits]

    def _half(self, job: Job, first_nonce: int, count: int) -> tuple[list[Hit], float]:
        began = time.thread_time()
        return Reference().scan(job, first_nonce, count), time.thread_time() - began


def test_a_runtime_with_threads_of_its_own_is_measured_by_the_process() -> None:
    """CPU time of an OpenCL device on the CPU is that of the process, and all of its cores stand in the result."""
    made, backend = measurement(Faulty()), InThreads()
    made.spec, made.backend = device_spec("opencl:0.0", "cpu-fake", kind="cpu", cpu_cores=2), backend
    made.samples = [sampling.take_sample(made, 20_000) for _ in range(3)]
    assert sum(sample.cpu_s for sample in made.samples) >= backend.cpu_s > 0
    found = sampling.result(made)
    assert found is not None
    assert found.cycles_per_hash is not None
    assert found.hardware == Hardware(kind="cpu", cpu_cores=2)
