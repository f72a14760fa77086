"""Wall plugs: servers on loopback that answer as the makers document it, with loads whose energy is known exactly."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace

import pytest

from hashjoule.errors import UsageError
from hashjoule.meters import MeterError, kasa_plug, plug_url, plugs, web
from hashjoule.meters.dialects import DIALECTS
from hashjoule.meters.plugs import Look
from hashjoule.meters.watch import SILENCE_S, STILL_S, Answer, PlugReading
from hashjoule.meters.web import Login
from tests.meters import kasa_server
from tests.meters.plug_server import Load, SimulatedPlug, served, url

SECRET = "not to be seen"


@pytest.fixture(autouse=True)
def login(monkeypatch: pytest.MonkeyPatch) -> None:
    """The secret in all variables, short looks and frequent samples."""
    for variable in (web.PASSWORD, web.TOKEN):
        monkeypatch.setenv(variable, SECRET)
    monkeypatch.delenv(web.USER, raising=False)
    monkeypatch.setattr(plugs, "_LOOK_PERIOD_S", 0.1)
    monkeypatch.setattr(plugs, "_MAX_LOOK_S", 0.6)


KINDS = [
    SimulatedPlug("shelly-gen2", Load(150)),
    SimulatedPlug("shelly-gen2", Load(150), password=SECRET),
    SimulatedPlug("shelly-pm1", Load(150), password=SECRET),
    SimulatedPlug("shelly-gen1", Load(150)),
    SimulatedPlug("shelly-gen1", Load(150), password=SECRET),
    SimulatedPlug("tasmota", Load(150)),
    SimulatedPlug("tasmota", Load(150), password=SECRET),
    SimulatedPlug("homeassistant-power", Load(150), password=SECRET, update_s=0.5),
    SimulatedPlug("homeassistant-power", Load(150), password=SECRET, update_s=0.5, unit="kW", power_decimals=5),
    SimulatedPlug("homeassistant-energy", Load(1500), password=SECRET, update_s=0.5, unit="Wh"),
    SimulatedPlug("homeassistant-energy", Load(1500), password=SECRET, update_s=0.5, unit="kWh", energy_decimals=6),
]


@pytest.mark.parametrize(
    "plug", KINDS, ids=lambda plug: f"{plug.kind}-{'login' if plug.password else 'open'}-{plug.unit}"
)
def test_the_energy_of_each_kind_of_plug(plug: SimulatedPlug) -> None:
    """Right within a step of the counter, or the renewal of a sensor, at both ends; the scope is the wall."""
    with served(plug) as netloc:
        meter = plugs.meter(url(plug, netloc))
        with closing(meter.open()) as reading:
            counted, drawn = reading.joules(), plug.load.energy_j()
            time.sleep(1.5)
            counted, drawn = reading.joules() - counted, plug.load.energy_j() - drawn
    coarse = 2 * meter.step_j or 0.05 * plug.load.power_w
    assert counted == pytest.approx(drawn, abs=coarse)
    assert (meter.scope, meter.covers, meter.unavailable) == ("wall", "all", None)
    assert "everything" in meter.cautions[0]
    assert SECRET not in f"{meter}{Login.from_environment()}"


def test_what_each_kind_is_read_by() -> None:
    """Shelly's counter of 3.6 J is fine enough; watt-minutes and thousandths of a kWh are not."""
    methods = {}
    for plug in KINDS:
        if plug.kind not in methods and not plug.kind.startswith("home"):
            with served(replace(plug, password=None)) as netloc:
                meter = plugs.meter(url(plug, netloc))
                methods[plug.kind] = (meter.method, round(meter.step_j, 9), round(meter.shortest_s, 6))
    assert methods == {
        "shelly-gen2": ("counter", 3.6, 10.0),
        "shelly-pm1": ("counter", 3.6, 10.0),
        "shelly-gen1": ("counter", 60.0, 40.0),
        "tasmota": ("sampled", 0.0, 10.0),
    }


LOOK = Look(power_w=15.0, shows_power=True, counts=True, step_j=3.6, interval_s=1.0, power_step_w=0.1)
TASMOTA = DIALECTS["tasmota"][0].kind


@pytest.mark.parametrize(
    ("looked", "longest_s", "counts", "said"),
    [
        (LOOK, 60, True, "at least 24 s"),
        (LOOK, 20, False, "too coarse"),
        (LOOK._replace(step_j=0.001), 60, True, None),
        (LOOK._replace(step_j=3600), 60, False, "too coarse"),
        (LOOK._replace(step_j=3600, power_w=3000.0), 600, True, "at least 120 s"),
        (LOOK._replace(counts=False), 60, False, "did not move"),
        (LOOK._replace(step_j=3600, power_step_w=1.0), 60, False, "good to 3.3% of the present 15 W; type WattRes 2"),
        (LOOK._replace(step_j=3600, power_step_w=1.0, power_w=500.0), 60, False, "too coarse"),
        (LOOK._replace(step_j=36, power_w=15.0, shows_power=False), 60, True, "only good to 4.0%"),
        (LOOK._replace(step_j=3600, power_w=None, shows_power=False), 60, True, "by 3,600 J at a time"),
        (LOOK._replace(power_w=0.0), 60, False, "too coarse"),
    ],
)
def test_counter_or_power(looked: Look, longest_s: float, counts: bool, said: str | None) -> None:
    """A counter is read if 100 steps fit into the time of a reading; 24 s at 15 W and 3.6 J. What follows is said."""
    chosen, cautions = plugs.choice(looked, TASMOTA, longest_s)
    assert chosen is counts
    assert (said is None and not cautions) or (said and said in cautions[-1])


def test_a_counter_that_lags_behind_its_power_is_not_used() -> None:
    """Its steps are fine, but it did not move while several of them flowed."""
    plug = SimulatedPlug("shelly-gen2", Load(150), frozen_j=7200.0)
    with served(plug) as netloc:
        assert plugs.meter(url(plug, netloc)).method == "sampled"


@pytest.mark.parametrize(
    "bad",
    [
        "shelly://",
        "shelly:///0",
        "shelly://host/switch",
        "shelly://host:port",
        "shelly://host:99999",
        "shelly://host?id=1",
        "tasmota://host/1",
        "homeassistant://host",
        "homeassistant://host/light.lamp",
        "http://host",
        "host",
        "",
        "kasa://",
        f"shelly://admin:{SECRET}@host",
    ],
)
def test_a_url_that_names_no_plug(bad: str) -> None:
    """Bad input, with the forms that there are; a password in the URL is not repeated."""
    with pytest.raises(UsageError) as refused:
        plugs.meter(bad)
    assert "--meter" in str(refused.value)
    assert SECRET not in str(refused.value)


def test_urls() -> None:
    """Usual ports, channels, IPv6, and what is written back."""
    assert str(plug_url.parse("shelly://plug")) == "shelly://plug:80"
    assert str(plug_url.parse("shelly://plug:8080/1")) == "shelly://plug:8080/1"
    assert plug_url.parse("shelly://[fe80::1]/").netloc == "[fe80::1]:80"
    assert str(plug_url.parse("homeassistant://ha/sensor.rig_power")) == "homeassistant://ha:8123/sensor.rig_power"
    assert str(plug_url.parse("kasa://plug")) == "kasa://plug"


FAULTS: list[tuple[SimulatedPlug, str]] = [
    (SimulatedPlug("shelly-gen2", password="another"), web.PASSWORD),
    (SimulatedPlug("shelly-gen1", password="another"), web.PASSWORD),
    (SimulatedPlug("tasmota", password="another"), web.PASSWORD),
    (SimulatedPlug("homeassistant-power", password="another"), web.TOKEN),
    (SimulatedPlug("shelly-gen1", is_valid=False), "is_valid"),
    (SimulatedPlug("shelly-gen2", Load(-5.0)), "reverse its measuring direction"),
    (SimulatedPlug("shelly-gen2", status=503), "503"),
    (SimulatedPlug("shelly-gen2", body=b"<html>"), "not with JSON"),
    (SimulatedPlug("shelly-gen2", body=b'{"id":0,"output":true}'), "shows no meter"),
    (SimulatedPlug("shelly-gen2", body=b'{"apower":NaN,"aenergy":{"total":1}}'), "not with JSON"),
    (SimulatedPlug("shelly-gen2", body=b'{"apower":"1e999999","aenergy":{"total":true}}'), "shows no meter"),
    (SimulatedPlug("shelly-gen2", body=b"[" * 60_000), "not with JSON"),
    (SimulatedPlug("shelly-gen2", body=b"[]"), "shows no meter"),
    (SimulatedPlug("tasmota", body=b'{"StatusSNS":{"Time":"2026-11-20T12:00:00"}}'), "shows no meter"),
    (SimulatedPlug("homeassistant-power", unit="°C"), "choose a sensor of power"),
    (SimulatedPlug("homeassistant-power", status=404), "check the name"),
    (SimulatedPlug("homeassistant-power", body=b'{"state":"unavailable","attributes":{}}'), "unavailable"),
    (SimulatedPlug("homeassistant-power", body=b'{"state":"on","attributes":{"unit_of_measurement":"W"}}'), "no meter"),
]


@pytest.mark.parametrize(
    ("plug", "word"), FAULTS, ids=lambda value: value.kind if isinstance(value, SimulatedPlug) else value
)
def test_a_plug_that_cannot_be_used(plug: SimulatedPlug, word: str) -> None:
    """One sentence that says what to do, before anything is measured, and no secret in it."""
    with served(plug) as netloc, pytest.raises(MeterError, match=word) as refused:
        plugs.meter(url(plug, netloc))
    assert SECRET not in str(refused.value)
    assert refused.value.exit_code == 3


@pytest.mark.parametrize("where", ["shelly://127.0.0.1:1", "tasmota://localhost:1", "shelly://no.such.host.invalid"])
def test_a_plug_that_cannot_be_reached(where: str) -> None:
    """Nobody listens, or the name is not known."""
    with pytest.raises(MeterError, match=r"cannot be reached.*check the plug's address"):
        plugs.meter(where)


def test_a_channel_that_the_device_does_not_have() -> None:
    """Neither kind of Shelly knows it."""
    with served(SimulatedPlug("shelly-gen1")) as netloc, pytest.raises(MeterError, match="no meter"):
        plugs.meter(f"shelly://{netloc}/3")
    with served(SimulatedPlug("tasmota")) as netloc, pytest.raises(MeterError, match="that kind or channel"):
        plugs.meter(f"shelly://{netloc}")


def test_a_silent_plug_does_not_hang() -> None:
    """Neither one that says nothing, nor one that says it a byte at a time."""
    for plug in (SimulatedPlug("shelly-gen2", silent=True), SimulatedPlug("shelly-gen2", byte_s=0.05)):
        with served(plug) as netloc:
            host, _, port = netloc.partition(":")
            with pytest.raises(MeterError, match=r"does not answer|cannot be reached|does not speak HTTP"):
                web.get(host, int(port), "/", Login(), timeout_s=0.2)


def test_a_sensor_that_is_not_updated(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is known about how fresh its figure is."""
    monkeypatch.setattr(plugs, "_MAX_UPDATES_S", 0.5)
    plug = SimulatedPlug("homeassistant-power", update_s=3600)
    with served(plug) as netloc, pytest.raises(MeterError, match="updated 0 times"):
        plugs.meter(url(plug, netloc))


@pytest.mark.parametrize(
    ("algorithm", "response"),
    [
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ],
)
def test_digest_by_the_example_of_rfc_7616(algorithm: str, response: str) -> None:
    """Section 3.9.1, both algorithms."""
    challenge = (
        'Digest realm="http-auth@example.org", qop="auth, auth-int", '
        f'algorithm={algorithm}, nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", '
        'opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"'
    )
    cnonce = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"
    header = web.authorization(challenge, Login("Mufasa", "Circle of Life"), "/dir/index.html", cnonce)
    assert f'response="{response}"' in header
    assert 'opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"' in header


def test_logins_that_are_not_known() -> None:
    """Another scheme or algorithm is not guessed at."""
    for challenge in ("Negotiate", 'Digest realm="r", nonce="n", algorithm=SHA-512-256', "Digest"):
        with pytest.raises(MeterError, match="login"):
            web.authorization(challenge, Login("a", "b"), "/")


class Scripted:
    """A plug that shows what it is told, on a clock that moves when it is told."""

    def __init__(self, **shown: float | None) -> None:
        self.now_s, self.closed = 0.0, False
        self.shown: Answer | None = replace(Answer(power_w=15.0, energy_j=0.0), **shown)  # type: ignore[arg-type]

    def ask(self) -> Answer:
        """See `Plug.ask`."""
        if self.shown is None:
            raise MeterError("the plug is gone")
        return self.shown

    def close(self) -> None:
        """See `Plug.close`."""
        self.closed = True

    def show(self, after_s: float, **changes: float | None) -> None:
        """Let time pass and the figures change."""
        self.now_s += after_s
        assert self.shown
        self.shown = replace(self.shown, **changes)  # type: ignore[arg-type]

    def read(self, counts: bool = True, interval_s: float = 1.0) -> PlugReading:
        """A reading whose thread sleeps."""
        return PlugReading(self, "plug", counts, 3.6, interval_s, lambda: self.now_s, period_s=3600.0)


def test_a_reading_counts_or_integrates() -> None:
    """The counter's gain, or the trapezium under the power."""
    plug = Scripted()
    with closing(plug.read()) as counting, closing(plug.read(counts=False)) as integrating:
        plug.show(10.0, energy_j=150.0, power_w=25.0)
        assert counting.joules() == 150.0
        assert integrating.joules() == pytest.approx(200.0)
    assert plug.closed


Fault = Callable[[Scripted], None]


def _wait(plug: Scripted) -> None:
    plug.show(STILL_S + 1)


@pytest.mark.parametrize(
    ("fault", "word"),
    [
        (lambda plug: plug.show(1.0, energy_j=-3.6), "its counter fell by 3.6 J; somebody has reset it"),
        (lambda plug: plug.show(1.0, power_w=-3.0), "negative power"),
        (lambda plug: plug.show(1.0, energy_j=None), "no energy any more"),
        (lambda plug: plug.show(1.0, age_s=9.0), "9 s old"),
        (_wait, "stands still while 15 W flow"),
    ],
    ids=["falls", "negative", "no-energy", "old", "stuck"],
)
def test_figures_that_cannot_be_true_end_a_reading(fault: Fault, word: str) -> None:
    """And it stays ended, whatever the plug shows afterwards."""
    plug = Scripted()
    with closing(plug.read()) as reading:
        reading.joules()
        fault(plug)
        with pytest.raises(MeterError, match=word):
            reading.joules()
        plug.shown = Answer(15.0, 1e6)
        with pytest.raises(MeterError, match=word):
            reading.joules()


def test_a_counter_may_stand_still_at_no_load() -> None:
    """An idle rig draws less than a step in minutes."""
    plug = Scripted(power_w=0.1)
    with closing(plug.read()) as reading:
        for _ in range(10):
            plug.show(60.0)
            assert reading.joules() == 0


def test_a_lost_answer_is_not_a_lost_plug() -> None:
    """It may be silent for some seconds; the counter has missed nothing by then."""
    plug = Scripted()
    with closing(plug.read()) as reading:
        shown, plug.shown = plug.shown, None
        plug.now_s += SILENCE_S - 1
        reading._advance()
        plug.shown = shown
        plug.show(1.0, energy_j=60.0)
        assert reading.joules() == 60.0
        plug.shown = None
        plug.now_s += SILENCE_S + 1
        with pytest.raises(MeterError, match="gone"):
            reading.joules()


def test_a_kasa_plug_is_read_by_python_kasa() -> None:
    """Found by its own announcement; its power is integrated."""
    with kasa_server.served(lambda: 15.25) as netloc:
        meter = plugs.meter(f"kasa://{netloc}")
        assert (meter.method, meter.power_w, meter.source) == ("sampled", 15.25, f"TP-Link plug at {netloc}")
        with closing(meter.open()) as reading:
            counted, began_s = reading.joules(), time.monotonic()
            time.sleep(0.5)
            assert reading.joules() - counted == pytest.approx(15.25 * (time.monotonic() - began_s), rel=0.1)


def test_a_kasa_plug_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither by its announcement nor by any protocol; without the library the sentence says what to install."""
    monkeypatch.setattr(kasa_plug, "_DISCOVERY_S", 1)
    with pytest.raises(MeterError, match="does not answer"):
        plugs.meter("kasa://127.0.0.1:1")
    monkeypatch.setattr(kasa_plug, "find_spec", lambda name: None)
    with pytest.raises(MeterError, match=r"hashjoule\[kasa\]"):
        plugs.meter("kasa://127.0.0.1")
