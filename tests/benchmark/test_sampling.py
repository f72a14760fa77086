"""Measuring: planted solutions, refusals, statistics, warnings."""

from __future__ import annotations

import pytest

from hashjoule import check, choose
from hashjoule.backends import specs
from hashjoule.benchmark import sampling
from hashjoule.benchmark.energy import Metering
from hashjoule.benchmark.measurement import Measurement, Sample, measurements
from hashjoule.benchmark.results import result
from hashjoule.benchmark.sampling import RateRefusedError, Schedule
from hashjoule.job import Header, Job
from tests.fakes import FakeTime, Faulty, SteadyMeter, device_spec, spec_of

HEADER = check.known_blocks()[-1].header


def measurement(backend: Faulty, mode: str = "plain", threads: int = 1) -> Measurement:
    """A measurement around a fake backend."""
    spec = spec_of(backend)
    return Measurement(
        spec, "rolled" if mode == "rolled" else "plain", backend, check.job_for(HEADER, spec, mode), threads
    )


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
    assert result(refused) is None


def test_a_backend_that_fails_its_self_test_is_not_measured() -> None:
    """It comes with the reason, and is never run."""
    fault = Faulty(lose=True)
    (failed,) = measurements([spec_of(fault, "fake:lossy")], ["plain"], 1)
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
    assert [len(s.samples) for s in several] == [8, 8]
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
    found = result(one)
    assert found is not None
    assert len(found.samples_hs) == 2


def sampled(rates_hs: list[float], clocks_hz: list[float] | None = None, device: str = "cpu") -> Measurement:
    """A measurement with made-up samples of one million hashes."""
    made = measurement(Faulty())
    made.spec = made.spec if device == "cpu" else device_spec("fake", device, kind="gpu")
    clocks = clocks_hz or [4e9] * len(rates_hs)
    made.samples = [Sample(10**6, 1e6 / r, 1e6 / r, hz or None, 1) for r, hz in zip(rates_hs, clocks, strict=True)]
    return made


@pytest.mark.parametrize(
    ("seconds", "shortest_turn_s", "sample_s", "turn_s", "rounds"),
    [
        (2.0, 0.0, 0.15, 0.15, 13),
        (0.4, 0.0, 0.05, 0.05, 8),
        (0.1, 0.0, 0.05, 0.05, 3),
        (2.0, 1.0, 0.15, 1.0, 2),
        (24.0, 24.0, 0.15, 24.0, 1),
        (2.0, 60.0, 0.15, 2.0, 1),
    ],
)
def test_short_measurements_take_short_samples(
    seconds: float, shortest_turn_s: float, sample_s: float, turn_s: float, rounds: int
) -> None:
    """Eight samples at least, unless they would be shorter than 50 ms; turns as long as the meters need."""
    schedule = Schedule.of(seconds, shortest_turn_s)
    assert tuple(schedule) == pytest.approx((sample_s, turn_s, rounds))


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
    assert [s.wall_s for s in one.samples] == pytest.approx([0.1] * 8)


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
