"""Energy of a measurement: whose work a meter shows, idle power, turns, joules per terahash."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hashjoule.backends import BackendSpec
from hashjoule.benchmark.energy import Metering, above_idle, gross
from hashjoule.benchmark.measurement import Measurement, Turn
from hashjoule.meters.stated import declared
from hashjoule.records.schema import Efficiency, Energy, Rate
from tests.benchmark.test_sampling import measurement
from tests.fakes import Faulty, SteadyMeter, device_spec, spec_of


def of(spec: BackendSpec, threads: int = 1) -> Measurement:
    """A measurement of a spec."""
    return replace(measurement(Faulty()), spec=spec, threads=threads)


CPU = of(spec_of(Faulty()))
GPU = of(device_spec("opencl:0.0", "Fake", kind="gpu", pci_bus_id="0000:41:00.0"))
POCL = of(device_spec("opencl:1.0", "cpu-fake", kind="cpu", cpu_cores=2))
RATE = Rate(2e6, 0.0, 1.6e6, 2.5e6)


def test_a_meter_shows_only_what_it_covers() -> None:
    """A package is for CPU work, OpenCL on it too; a board is for the GPU at its bus id; a battery is for all."""
    package, system = SteadyMeter(10).meter(), SteadyMeter(10).meter("system", covers="all")
    board = SteadyMeter(10).meter("board", covers="gpu", pci_bus_id="0000:41:00.0")
    other = SteadyMeter(10).meter("other", covers="gpu", pci_bus_id="0000:42:00.0")
    nameless = SteadyMeter(10).meter("nameless", covers="gpu")
    metering = Metering([package, nameless, other, board, system])
    assert [metering.meter_for(m) for m in (CPU, POCL, GPU)] == [package, package, board]
    assert Metering([package]).meter_for(GPU) is None
    only = SteadyMeter(10).meter("only", covers="only-gpu")
    assert [Metering([only]).meter_for(m) for m in (CPU, POCL, GPU)] == [None, None, only]
    unknown = of(device_spec("opencl:2.0", "Fake", kind="gpu"))
    assert Metering([nameless, board]).meter_for(unknown) is None


def test_idle_and_work_are_told_apart() -> None:
    """15 W at idle, 60 W at work: gross 60, above idle 45; both idle figures are kept."""
    fake = SteadyMeter(15)
    with Metering([fake.meter()], fake.clock, fake.sleep) as metering:
        metering.measure_idle([CPU, CPU])
        fake.watts = 60
        meter = metering.meter_for(CPU)
        turns = []
        for _ in range(4):
            before = metering.read(meter)
            fake.sleep(0.5)
            turns += [metering.turn(meter, before, 2e6)]
        fake.watts = 17
        metering.measure_idle([CPU])
        seen = [turn for turn in turns if turn]
        spent = metering.energy(replace(CPU, turns=seen))
        (idle,) = metering.idle()
    assert (idle.before_w, idle.after_w) == pytest.approx((15, 17))
    assert spent is not None
    assert (spent.joules, spent.seconds, spent.idle_w) == pytest.approx((120, 2, 16))
    assert (spent.scope, spent.method) == ("package", "counter")
    total = gross(spent, seen, RATE)
    assert total.value == pytest.approx(60 / 2e6 * 1e12)
    net = above_idle(spent, total)
    assert net is not None
    assert net.value == pytest.approx(44 / 2e6 * 1e12)
    assert fake.closed


def test_a_meter_that_is_lost_is_not_guessed_for() -> None:
    """Nobody knows since when it was wrong: its energy is null, no other meter takes over, a warning says why."""
    fake, rest = SteadyMeter(20), SteadyMeter(99)
    metering = Metering([fake.meter(), rest.meter("rest", covers="all")], fake.clock, fake.sleep)
    meter = metering.meter_for(CPU)
    before = metering.read(meter)
    fake.sleep(1)
    kept = metering.turn(meter, before, 1e6)
    assert kept is not None
    measured = replace(CPU, turns=[kept])
    spent = metering.energy(measured)
    assert spent is not None
    assert spent.joules == pytest.approx(20)
    fake.lost = True
    assert metering.read(meter) is None
    assert metering.turn(meter, before, 1e6) is None
    assert metering.energy(measured) is None
    (warning,) = metering.warnings
    assert warning == "no energy from fake: the fake was lost"
    metering.measure_idle([CPU])
    assert metering.idle()[0].before_w is None


def test_no_meter_no_energy_no_wait() -> None:
    """Without a meter nothing is read, nothing waits and energy stays null; a counter that stands still too."""
    fake = SteadyMeter(0)
    metering = Metering([], fake.clock, fake.sleep)
    metering.measure_idle([CPU])
    assert (metering.energy(CPU), metering.idle(), fake.clock()) == (None, (), 0.0)
    stuck = Metering([fake.meter()], fake.clock, fake.sleep)
    assert stuck.energy(replace(CPU, turns=[Turn(0.0, 1.0, 1e6)])) is None


def test_declared_power_is_exact_and_has_no_idle() -> None:
    """Watts times seconds, never opened, never watched at idle."""
    fake = SteadyMeter(0)
    metering = Metering([declared(350)], fake.clock, fake.sleep)
    metering.measure_idle([CPU])
    meter = metering.meter_for(CPU)
    before = metering.read(meter)
    fake.sleep(0.3)
    turn = metering.turn(meter, before, 1e6)
    assert turn is not None
    spent = metering.energy(replace(CPU, turns=[turn]))
    assert spent is not None
    assert spent.joules / spent.seconds == pytest.approx(350, rel=1e-15)
    assert (spent.method, spent.scope, spent.idle_w, metering.idle()) == ("declared", "declared", None, ())


def test_declared_power_is_that_of_one_state() -> None:
    """What a machine draws with two cores busy is not what it draws with one, or with a GPU."""
    of_two, of_a_device = Metering([declared(15, 2)]), Metering([declared(350, 0)])
    two = of(spec_of(Faulty()), threads=2)
    assert [of_two.meter_for(m) is not None for m in (CPU, two, POCL, GPU)] == [False, True, True, False]
    assert [of_a_device.meter_for(m) is not None for m in (CPU, two, POCL, GPU)] == [False, False, False, True]


def test_slow_meters_get_long_turns() -> None:
    """Ten renewals of the slowest meter that is in use, or a hundred steps of its counter."""
    slow = SteadyMeter(1).meter("slow", covers="all", interval_s=5.0)
    coarse = SteadyMeter(1).meter("coarse", covers="all", interval_s=1.0, step_j=3.6, power_w=15.0)
    assert Metering([slow]).turn_s([CPU]) == 50
    assert Metering([coarse]).turn_s([CPU]) == pytest.approx(24)
    assert Metering([SteadyMeter(1).meter(interval_s=0.001), slow]).turn_s([CPU]) == pytest.approx(0.01)
    assert Metering().turn_s([CPU]) == 0
    metering = Metering([slow])
    metering.caution([CPU, CPU], 60)
    assert metering.warnings == []
    metering.caution([CPU, CPU], 2)
    (warning,) = metering.warnings
    assert "--seconds 50 or more" in warning


def test_cautions_of_meters_in_use_are_said_once() -> None:
    """Not those of a meter that shows nobody's work."""
    plug = SteadyMeter(1).meter("plug", covers="all", cautions=("all of it counts",))
    board = SteadyMeter(1).meter("board", covers="gpu", pci_bus_id="0000:42:00.0", cautions=("not used",))
    metering = Metering([board, plug])
    metering.caution([CPU, POCL], 60)
    assert metering.warnings == ["all of it counts"]


def test_a_battery_spoils_what_a_plug_shows() -> None:
    """A laptop that charges meanwhile is noticed, and the plug's energy is not used; a package's counter is."""
    why: list[str | None] = [None, None, "the battery is charging"]
    plug = replace(SteadyMeter(30).meter("plug"), scope="wall")
    metering = Metering([plug], disturbance=lambda: why.pop(0))
    assert metering.read(plug) is not None
    assert metering.read(plug) is not None
    assert metering.read(plug) is None
    assert metering.warnings == ["no energy from plug: the battery is charging"]
    package = SteadyMeter(30).meter()
    assert Metering([package], disturbance=lambda: "the battery is charging").read(package) is not None


def test_a_counter_that_starts_again_gives_no_energy() -> None:
    """A driver that was reloaded counts from 0: that turn is left out, not made negative."""
    fake = SteadyMeter(10)
    metering = Metering([fake.meter()], fake.clock, fake.sleep)
    meter = metering.meter_for(CPU)
    fake.sleep(5)
    before = metering.read(meter)
    fake.sleep(1)
    fake.counted = 0.0
    assert metering.turn(meter, before, 1e6) is None


def test_a_meter_that_counts_nothing_is_told() -> None:
    """A counter too coarse for the run leaves the energy null; one row with energy is enough to trust it."""
    fake = SteadyMeter(10)
    metering = Metering([fake.meter()])
    nothing, something = (replace(CPU, turns=[Turn(joules, 1.0, 1e6)]) for joules in (0.0, 3600.0))
    (warning,) = metering.uncounted([nothing])
    assert "counted nothing" in warning
    assert "--seconds" in warning
    assert metering.uncounted([nothing, something]) == []
    assert metering.uncounted([CPU]) == []


def test_boards_of_one_kind_are_kept_apart() -> None:
    """Each has its own idle power; and nobody waits long for a slow meter."""
    fakes = [SteadyMeter(watts) for watts in (10, 20)]
    boards = [
        fake.meter(f"nvml:{i}", covers="gpu", pci_bus_id=f"0000:4{i}:00.0", interval_s=5.0)
        for i, fake in enumerate(fakes)
    ]
    on_boards = [of(device_spec(f"opencl:0.{i}", "Fake", kind="gpu", pci_bus_id=f"0000:4{i}:00.0")) for i in (0, 1)]

    def sleep(seconds: float) -> None:
        for fake in fakes:
            fake.sleep(seconds)

    metering = Metering(boards, fakes[0].clock, sleep)
    metering.measure_idle(on_boards)
    assert [idle.before_w for idle in metering.idle()] == pytest.approx([10, 20])
    assert fakes[0].clock() == 10


@pytest.mark.parametrize(("idle_w", "kept"), [(None, False), (10.0, False), (9.0, True)])
def test_what_hides_in_idle_power_is_not_shown(idle_w: float | None, kept: bool) -> None:
    """Idle power unknown or above the work's: no net figure."""
    spent = Energy(10.0, 1.0, "fake", "package", "counter", idle_w)
    assert (above_idle(spent, Efficiency(5.0, 4.0, 6.0)) is not None) == kept


def test_the_steps_of_a_counter_widen_the_interval() -> None:
    """A turn of 100 steps is off by a step at either end: 0.4 % of standard deviation, 0.8 % of interval."""
    turns, spent = [Turn(360.0, 24.0, 2e6)], Energy(360.0, 24.0, "fake", "wall", "counter")
    steady = Rate(2e6, 0.0, 2e6, 2e6)
    fine, coarse = gross(spent, turns, steady), gross(spent, turns, steady, step_j=3.6)
    assert fine.low == fine.value == fine.high
    assert (coarse.low / coarse.value, coarse.high / coarse.value) == pytest.approx((0.992, 1.008), abs=2e-4)


def test_meters_that_cannot_be_read_are_passed_over() -> None:
    """An unavailable meter never covers anything."""
    closed = replace(SteadyMeter(1).meter(), unavailable="no")
    assert Metering([closed]).meter_for(CPU) is None
