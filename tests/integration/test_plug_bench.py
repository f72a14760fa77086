"""`bench --meter` with a plug on loopback whose load is known exactly: J/TH within 1%, and faults of the plug."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from hashjoule import backends, cli
from hashjoule.benchmark import energy, run
from hashjoule.benchmark.energy import Metering
from hashjoule.benchmark.measurement import Turn
from hashjoule.benchmark.plan import Plan
from hashjoule.meters import MeterError, battery, web
from hashjoule.records.schema import Record
from tests.meters.plug_server import Load, SimulatedPlug, served, url

SECRET = "not to be seen"


@pytest.fixture(autouse=True)
def surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Set the plug's login, shorten the idle measurement, and hide any battery."""
    monkeypatch.setenv(web.PASSWORD, SECRET)
    monkeypatch.setattr(energy, "_LONGEST_WALL_IDLE_SECONDS", 1.0)
    monkeypatch.setattr(battery, "disturbance", lambda: None)


@contextmanager
def drawn(load: Load, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[float]]:
    """Collect the joules that the load drew between the two readings of each turn."""
    joules: list[float] = []
    turn = Metering.turn

    def spied(self: Metering, meter: object, before: object, hashrate_hs: float) -> Turn | None:
        found = turn(self, meter, before, hashrate_hs)  # type: ignore[arg-type]
        if found and hashrate_hs:
            ended_s = time.perf_counter()
            joules.append(load.energy_j(ended_s) - load.energy_j(ended_s - found.seconds))
        return found

    with monkeypatch.context() as patched:
        patched.setattr(Metering, "turn", spied)
        yield joules


def bench(plug: SimulatedPlug, netloc: str, seconds: float = 0.2) -> Record:
    """Run the benchmark of one backend with this plug."""
    plan = Plan(names=("c:portable",), modes=("plain",), threads=1, seconds=seconds, meter=url(plug, netloc))
    plan.check()
    return run.run(plan, backends.resolve(plan.names), lambda text, part: None)


LOADS = [
    SimulatedPlug("shelly-gen2", Load(15.0), password=SECRET),
    SimulatedPlug("shelly-gen2", Load(150.0, swing_w=60.0, period_s=3.0)),
    SimulatedPlug("tasmota", Load(15.0, swing_w=5.0, period_s=11.0), password=SECRET),
]


@pytest.mark.parametrize("plug", LOADS, ids=["15.00 W", "varying, counted", "varying, integrated"])
def test_j_per_th_of_a_known_load(plug: SimulatedPlug, monkeypatch: pytest.MonkeyPatch) -> None:
    """J/TH is within 1% of the load's joules over the hashes of the same time."""
    with served(plug) as netloc, drawn(plug.load, monkeypatch) as joules:
        record = bench(plug, netloc)
    (result,) = record.results
    assert result.energy
    assert result.j_per_th
    truth_w = sum(joules) / result.energy.seconds
    if not plug.load.swing_w:
        assert truth_w == pytest.approx(15.0)
    assert result.j_per_th.value == pytest.approx(truth_w / result.hashrate_hs.median * 1e12, rel=0.01)
    assert result.energy.scope == "wall"
    assert any("counts everything that it feeds" in warning for warning in record.conditions.warnings)
    assert SECRET not in repr(record)


def test_a_turn_is_as_long_as_the_counter_s_steps_demand(monkeypatch: pytest.MonkeyPatch) -> None:
    """A turn lasts for enough steps and renewals of the counter: at 45 W it grows from 0.2 s to 10 s."""
    plug = SimulatedPlug("shelly-gen2", Load(45.0))
    with served(plug) as netloc:
        record = bench(plug, netloc)
    (result,) = record.results
    assert result.energy
    assert 10.0 <= result.energy.seconds < 12.0
    assert result.energy.idle_w == pytest.approx(45.0, rel=0.1)


def fault(plug: SimulatedPlug, kind: str) -> None:
    """Break a plug."""
    if kind == "gone":
        plug.silent = True
    elif kind == "reset":
        plug.energy_offset_j = -plug.load.energy_j()
    elif kind == "stuck":
        plug.frozen_j = plug.load.energy_j()
    else:
        plug.load = Load(-5.0)


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ("gone", "does not answer"),
        ("reset", "somebody has reset it"),
        ("stuck", "stands still"),
        ("negative", "negative"),
    ],
)
def test_a_plug_that_fails_during_the_run(kind: str, says: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A warning says what happened, the energy is null, the rate is kept, and nothing hangs."""
    monkeypatch.setattr("hashjoule.meters.watch.STILL_S", 2.0)
    monkeypatch.setattr("hashjoule.meters.watch.SILENCE_S", 1.0)
    monkeypatch.setattr(web, "TIMEOUT_S", 0.5)
    monkeypatch.setattr("hashjoule.meters.RENEWALS", 5)
    plug = SimulatedPlug("shelly-gen2", Load(150.0))
    with served(plug) as netloc:
        timer = threading.Timer(3.5, fault, [plug, kind])
        timer.start()
        record = bench(plug, netloc)
        timer.join()
    (result,) = record.results
    assert (result.energy, result.j_per_th, result.j_per_th_above_idle) == (None, None, None)
    assert result.hashrate_hs.median > 0
    (warning,) = [w for w in record.conditions.warnings if w.startswith("no energy from shelly://")]
    assert says in warning


def test_a_laptop_that_charges_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A charging battery ends the run at its start; if charging begins later, the energy is null."""
    charging = "the battery is charging, and the plug counts that too"
    monkeypatch.setattr("hashjoule.meters.RENEWALS", 2)
    plug = SimulatedPlug("shelly-gen2", Load(1500.0))
    with served(plug) as netloc:
        monkeypatch.setattr(battery, "disturbance", lambda: charging)
        with pytest.raises(MeterError, match="is charging"):
            bench(plug, netloc)
        states = iter([None, None, None])
        monkeypatch.setattr(battery, "disturbance", lambda: next(states, charging))
        record = bench(plug, netloc)
    (result,) = record.results
    assert result.energy is None
    assert any(charging in warning for warning in record.conditions.warnings)


def test_devices_shows_what_a_plug_says(capsys: pytest.CaptureFixture[str]) -> None:
    """`devices` shows the plug's power, how it is read, and its resolution."""
    plug = SimulatedPlug("shelly-gen2", Load(15.0), password=SECRET)
    with served(plug) as netloc:
        assert cli.run(["devices", "--meter", url(plug, netloc)]) == 0
    printed = capsys.readouterr().out
    assert "shows 15.0 W now" in printed
    assert "steps of 3.60 J" in printed
    assert "24.0 s or more is good to 1%" in printed
    assert SECRET not in printed


def test_devices_claims_nothing_of_a_counter_that_did_not_move(capsys: pytest.CaptureFixture[str]) -> None:
    """A sensor in tenths of kWh stands for hours; its power is not known, and neither is when it is good to 1%."""
    plug = SimulatedPlug("homeassistant-energy", Load(0.0), unit="kWh", energy_decimals=1)
    with served(plug) as netloc:
        assert cli.run(["devices", "--meter", url(plug, netloc)]) == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert "did not move while it was watched" in printed
    assert "A reading of 100 steps or more is good to 1%" in printed
    assert "moves by 360,000 J at a time" in printed
