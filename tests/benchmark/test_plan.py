"""What is to be measured: options that contradict each other, threads, and a power that is stated for one state."""

from __future__ import annotations

import pytest

from hashjoule.benchmark import plan as plans
from hashjoule.benchmark.plan import Plan
from hashjoule.errors import UsageError
from hashjoule.meters import MeterError
from tests.fakes import Faulty, SteadyMeter, device_spec, spec_of

CPU = spec_of(Faulty(), "c:fake")
POCL = device_spec("opencl:1.0", "cpu-fake", kind="cpu", cpu_cores=2)
GPU = device_spec("opencl:0.0", "Fake", kind="gpu", pci_bus_id="0000:41:00.0")


@pytest.fixture(autouse=True)
def cores(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine of four cores."""
    monkeypatch.setattr(plans, "usable_cores", lambda: 4)


@pytest.mark.parametrize(
    ("plan", "says"),
    [
        (Plan(watts=5, tdp=True), "--watts says the power already; leave out --tdp"),
        (Plan(meter="shelly://plug", watts=5), "--meter says the power already; leave out --watts"),
        (Plan(meter="shelly://plug", tdp=True, watts=5), "leave out --watts and --tdp"),
        (Plan(watts=5, thread_scan=True), "--thread-scan"),
        (Plan(meter="shelly://"), "shelly://HOST"),
        (Plan(names=("abacus",)), "no backend 'abacus'"),
    ],
)
def test_what_contradicts_itself(plan: Plan, says: str) -> None:
    """One sentence, before any device is looked at."""
    with pytest.raises(UsageError, match=says):
        plan.check()


def test_no_more_threads_than_cores() -> None:
    """`--threads 999` on four cores only takes turns."""
    assert Plan(threads=4).settled([CPU]).threads == 4
    with pytest.raises(UsageError, match="--threads 999 is more than this process may use, which is 4"):
        Plan(threads=999).settled([CPU])


def test_a_stated_power_is_that_of_full_load() -> None:
    """All cores then, or so many as asked for; a device by itself; never one figure for two devices."""
    plan = Plan(watts=15.0)
    assert plan.settled([CPU, POCL]).threads == 4
    assert Plan(watts=15.0, threads=2).settled([CPU]).threads == 2
    (meter,) = plan.settled([CPU, POCL]).meters([CPU, POCL])
    assert (meter.stated_w, meter.stated_cores) == (15.0, 4)
    (meter,) = plan.meters([GPU])
    assert (meter.stated_w, meter.stated_cores) == (15.0, 0)
    with pytest.raises(UsageError, match=r"2 devices are to be measured \(cpu, Fake\); choose one with --backend"):
        plan.settled([CPU, GPU])


def test_meters(monkeypatch: pytest.MonkeyPatch) -> None:
    """A plug that is named stands for all; a plug that is not there is an error before anything is measured."""
    built_in = SteadyMeter(1).meter()
    monkeypatch.setattr("hashjoule.meters.meters", lambda: [built_in])
    assert Plan().meters([CPU]) == [built_in]
    monkeypatch.setattr(plans, "cpu_name", lambda: "AMD EPYC 9755 128-Core Processor")
    assert [meter.method for meter in Plan(tdp=True).meters([CPU])] == ["counter", "bound"]
    with pytest.raises(MeterError, match="cannot be reached"):
        Plan(meter="shelly://127.0.0.1:1").meters([CPU])
