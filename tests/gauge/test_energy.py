"""The energy of a count: one meter from beginning to end, or none."""

from __future__ import annotations

import pytest

from hashjoule.gauge.energy import EnergyWatch, efficiency, reported
from hashjoule.meters import MeterError, closed
from hashjoule.meters.stated import declared
from hashjoule.records.schema import Energy, Rate
from tests.fakes import SteadyMeter


def test_a_meter_is_read_at_both_ends() -> None:
    """Its joules over its own time."""
    fake = SteadyMeter(20.0)
    watch = EnergyWatch(fake.meter(), fake.clock)
    before = watch.mark()
    fake.sleep(600.0)
    energy = watch.energy(before, watch.mark())
    assert energy == Energy(12_000.0, 600.0, "fake", "package", "counter")
    watch.close()
    assert fake.closed


def test_a_stated_power() -> None:
    """Times the time, and called declared."""
    fake = SteadyMeter(0.0)
    watch = EnergyWatch(declared(15.0), fake.clock)
    before = watch.mark()
    fake.sleep(100.0)
    assert watch.energy(before, watch.mark()) == Energy(1500.0, 100.0, "declared by the user", "declared", "declared")


def test_no_meter_no_energy() -> None:
    """And nothing to warn of."""
    watch = EnergyWatch(None)
    assert watch.energy(watch.mark(), watch.mark()) is None
    assert not watch.warnings


def test_a_meter_that_cannot_be_read_ends_the_run_before_it_begins() -> None:
    """One that is closed, and one that fails at its first reading."""
    with pytest.raises(MeterError, match="only root may"):
        EnergyWatch(closed("rapl", "package", "counter", "cpu", "only root may"))
    with pytest.raises(MeterError):
        EnergyWatch(SteadyMeter(1.0, lost=True).meter())


def test_a_meter_that_is_lost_gives_no_energy_and_one_warning() -> None:
    """It is closed and not read again."""
    fake = SteadyMeter(20.0)
    watch = EnergyWatch(fake.meter(), fake.clock)
    before = watch.mark()
    fake.sleep(60.0)
    fake.lost = True
    assert watch.mark() is None
    assert fake.closed
    fake.lost = False
    assert watch.energy(before, watch.mark()) is None
    assert len(watch.warnings) == 1
    assert "was lost" in watch.warnings[0]


def test_a_count_that_is_too_short_for_the_meter_is_told() -> None:
    """Ten renewals of its figure are needed."""
    fake = SteadyMeter(20.0)
    watch = EnergyWatch(fake.meter(interval_s=10.0, cautions=("unplug the screen",)), fake.clock)
    before = watch.mark()
    fake.sleep(60.0)
    assert watch.energy(before, watch.mark()) is not None
    assert watch.warnings == [
        "unplug the screen",
        "the count lasted 60 s, but the meter needs 100 s to be good to 1%",
    ]


def test_joules_per_terahash_have_the_interval_of_the_rate() -> None:
    """20 W at 1 TH/s are 20 J/TH; at the rate's low end they are more."""
    found = efficiency(Energy(200.0, 10.0, "x", "wall", "counter"), Rate(1e12, 0.0, 0.8e12, 1.25e12))
    assert (found.value, found.low, found.high) == pytest.approx((20.0, 16.0, 25.0))


def test_what_a_device_reports_is_called_so() -> None:
    """In source, scope and method."""
    assert reported(17.0, 10.0, "AxeOS at x:80") == Energy(170.0, 10.0, "AxeOS at x:80", "device", "reported")
