"""What a record keeps of measurements: figures, intervals, energy."""

from __future__ import annotations

import random
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from hashjoule.backends.reference import Reference
from hashjoule.benchmark import sampling
from hashjoule.benchmark.energy import Metering
from hashjoule.benchmark.measurement import Turn
from hashjoule.benchmark.results import result, results
from hashjoule.hardware import Hardware
from hashjoule.job import NONCES, Hit, Job
from tests.benchmark.test_sampling import measurement, sampled
from tests.fakes import Faulty, SteadyMeter, device_spec


def test_figures_of_a_result() -> None:
    """Medians by wall clock, cycles by CPU time and clock, energy from the turns that a meter saw."""
    measured = sampled([1e6, 2e6, 4e6])
    measured.turns = [Turn(8.0 * seconds, seconds, 1e6 / seconds) for seconds in (1.0, 0.5, 0.25)]
    found = result(measured, Metering([SteadyMeter(8).meter()]))
    assert found is not None
    assert found.hashrate_hs.median == pytest.approx(2e6)
    assert found.cycles_per_hash == pytest.approx(4e9 / 2e6)
    assert found.hashes == 3 * 10**6
    assert found.energy is not None
    assert (found.energy.method, found.energy.scope) == ("counter", "package")
    assert found.energy.joules == pytest.approx(8.0 * 1.75)
    assert found.j_per_th is not None
    assert found.j_per_th.value == pytest.approx(8.0 / 2e6 * 1e12)
    assert found.j_per_th.low <= 2e6 <= found.j_per_th.high >= 8e6
    assert found.j_per_th_above_idle is None


def test_without_a_meter_there_is_no_energy() -> None:
    """No watts, no joules, no J/TH."""
    found = result(sampled([1e6, 1e6]))
    assert found is not None
    assert (found.energy, found.j_per_th, found.j_per_th_above_idle) == (None, None, None)


def test_devices_have_no_cycles_per_hash() -> None:
    """The host's CPU time says nothing of a device's work; an unknown clock says nothing of cycles."""
    device = result(sampled([1e6, 1e6], device="gpu"))
    unclocked = result(sampled([1e6, 1e6], clocks_hz=[0.0, 0.0]))
    assert device is not None
    assert unclocked is not None
    assert device.cycles_per_hash is device.hashes_per_cpu_second is unclocked.cycles_per_hash is None


def test_one_sample_shows_no_scatter() -> None:
    """A rate without an interval is not given; two samples have one."""
    assert result(sampled([1e6])) is None
    assert result(sampled([1e6, 1.1e6])) is not None


def test_cycles_have_an_interval_of_their_own() -> None:
    """It follows the scatter of the cycles alone: here the clock and the rate move together, and the cycles do not."""
    clocks_hz = [4e9, 4.4e9, 4.1e9, 4.3e9, 4.2e9, 4.0e9, 4.4e9, 4.2e9]
    found = result(sampled([hz / 4000 for hz in clocks_hz], clocks_hz=clocks_hz))
    assert found is not None
    assert found.cycles_per_hash == pytest.approx(4000)
    assert found.cycles_per_hash_ci95 == pytest.approx((4000, 4000))
    assert found.hashrate_hs.ci95_high / found.hashrate_hs.ci95_low > 1.05


def test_rows_of_one_device_tell_of_each_other() -> None:
    """Eight rows whose neighbours are not alike narrow an interval that would be wide for one of them alone."""
    rng = random.Random(1)
    rows = [sampled([1e6 * rng.gauss(1, 0.02) for _ in range(5)]) for _ in range(8)]
    together = results(rows)[0].hashrate_hs
    alone = results(rows[:1])[0].hashrate_hs
    assert alone.median == together.median
    assert alone.ci95_high - alone.ci95_low > 1.3 * (together.ci95_high - together.ci95_low)


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
    found = result(made)
    assert found is not None
    assert found.cycles_per_hash is not None
    assert found.hardware == Hardware(kind="cpu", cpu_cores=2)
