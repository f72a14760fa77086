"""How each kind of plug is asked over HTTP, and how its answer is read: one table, DIALECTS.

To add a kind: a function that reads its answer, a line of the table, and a recorded answer in
tests/meters/test_plugs.py.

Sources: https://shelly-api-docs.shelly.cloud (Gen2: Switch, PM1, authentication; Gen1: /status),
https://tasmota.github.io/docs/Commands (Status 8, WattRes, EnergyRes, web requests),
https://developers.home-assistant.io/docs/api/rest (states).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple
from urllib.parse import quote

from hashjoule.meters import MeterError, web
from hashjoule.meters.plug_url import PlugUrl
from hashjoule.meters.watch import Answer
from hashjoule.meters.web import Login

_WATT_MINUTE_J = 60.0
_WATT_HOUR_J = 3600.0
_KILOWATT_HOUR_J = 3.6e6


class Kind(NamedTuple):
    """A kind of device."""

    name: str
    finer: str = ""
    """What makes its power figure finer, if it shows whole watts."""


class Dialect(NamedTuple):
    """How a kind of device is asked, and how its answer is read."""

    kind: Kind
    path: str
    """The request; `{path}` is the path of the plug's URL, `{login}` the login for those who want it in the query."""
    read: Callable[[Any, PlugUrl], Answer]
    """Reads the JSON of an answer. What it raises for JSON of another form means that the device shows no meter."""


class HttpPlug:
    """A device that is asked over HTTP in one dialect. Thread-safe: each question has a connection of its own."""

    def __init__(self, where: PlugUrl, dialect: Dialect, login: Login) -> None:
        self._where, self._dialect = where, dialect
        in_query = f"user={quote(login.user, '')}&password={quote(login.password, '')}&" if login.password else ""
        self._path = dialect.path.format(path=where.path, login=in_query)
        self._login = login if where.scheme == "homeassistant" else replace(login, token=None)

    def is_there(self) -> bool:
        """Return whether the device understands this dialect.

        Raises:
            MeterError: if it does, but something else is wrong.
        """
        response = self._get()
        if self._where.scheme == "shelly" and response.status in (404, 500):
            return False
        self._read(response)
        return True

    def ask(self) -> Answer:
        """See `Plug.ask`."""
        return self._read(self._get())

    def close(self) -> None:
        """Nothing is held open."""

    def _get(self) -> web.Response:
        return web.get(self._where.host, self._where.port or 80, self._path, self._login)

    def _read(self, response: web.Response) -> Answer:
        self._check(response)
        try:
            answer = self._dialect.read(response.content, self._where)
        except (KeyError, IndexError, TypeError, ValueError, AttributeError, ArithmeticError):
            raise MeterError(f"{self._where} answers, but shows no meter; does this device measure power?") from None
        age_s = None if answer.updated_s is None else (response.at_s or time.time()) - answer.updated_s
        return replace(answer, age_s=age_s)

    def _check(self, response: web.Response) -> None:
        """Raise MeterError unless the device gave what it was asked for."""
        warning = isinstance(response.content, dict) and "WARNING" in response.content  # Tasmota: no or a wrong login
        if response.status in (401, 403) or warning:
            if self._where.scheme == "homeassistant":
                raise MeterError(f"{self._where} wants a long-lived access token; set {web.TOKEN} to one")
            raise MeterError(
                f"{self._where} wants a login; set {web.PASSWORD}, and {web.USER} if it is not {self._login.user!r}"
            )
        if response.status == 404:
            raise MeterError(f"{self._where} does not exist there; check the name")
        if response.status != 200:
            raise MeterError(f"{self._where} answers with the HTTP status {response.status}; try it in a browser")


def _number(value: Any) -> Decimal:
    """Return a finite number, given as such or as text; raise for anything else."""
    if isinstance(value, bool) or not isinstance(value, Decimal | str):
        raise TypeError
    number = Decimal(value)
    if not number.is_finite():
        raise ValueError
    return number


def _step(number: Decimal) -> float:
    """Return the smallest change that the digits of a number can show: 0.001 for 9492.468."""
    exponent = number.as_tuple().exponent
    return float(10**exponent) if isinstance(exponent, int) else 0.0


def _answer(power_w: Any, energy: Any, unit_j: float, step_j: float = float("inf"), interval_s: float = 1.0) -> Answer:
    """Return an answer with an energy in some unit; None for what the device does not show.

    `step_j` is the documented step of the counter: zeros at the end of a number are not sent by every device.
    """
    power = None if power_w is None else _number(power_w)
    count = None if energy is None else _number(energy)
    return Answer(
        power_w=None if power is None else float(power),
        energy_j=None if count is None else float(count) * unit_j,
        step_j=0.0 if count is None else min(step_j, _step(count) * unit_j),
        power_step_w=0.0 if power is None else _step(power),
        interval_s=interval_s,
    )


def _shelly_gen2(content: Any, where: PlugUrl) -> Answer:
    return _answer(content["apower"], content["aenergy"]["total"], _WATT_HOUR_J, step_j=3.6)


def _shelly_gen1(content: Any, where: PlugUrl) -> Answer:
    meter = content["meters"][int(where.path)]
    if meter["is_valid"] is not True:
        raise MeterError(f"{where} says that its own figure is not valid (is_valid: false); restart the plug")
    return _answer(meter["power"], meter.get("total"), _WATT_MINUTE_J)


def _tasmota(content: Any, where: PlugUrl) -> Answer:
    energy = content["StatusSNS"]["ENERGY"]
    power, total = energy["Power"], energy.get("Total")
    if isinstance(power, list):  # a plug with several sockets
        power, total = sum(map(_number, power), Decimal(0)), None
    return _answer(power, total, _KILOWATT_HOUR_J)


_UNITS_W = {"W": 1, "kW": 1000}
_UNITS_J = {"Wh": _WATT_HOUR_J, "kWh": _KILOWATT_HOUR_J, "MWh": 1000 * _KILOWATT_HOUR_J}


def _home_assistant(content: Any, where: PlugUrl) -> Answer:
    unit, state = content["attributes"].get("unit_of_measurement"), content["state"]
    if state in ("unavailable", "unknown"):
        raise MeterError(f"{where} is {state}; Home Assistant's log says why")
    if unit in _UNITS_W:
        answer = _answer(_number(state) * _UNITS_W[unit], None, 1.0)
    elif unit in _UNITS_J:
        answer = _answer(None, state, _UNITS_J[unit])
    else:
        raise MeterError(f"{where} is measured in {unit or 'no unit'}; choose a sensor of power (W) or energy (kWh)")
    # Versions since 2024.4 say when a value was last reported, changed or not; older ones when it last changed.
    updated = datetime.fromisoformat(content.get("last_reported") or content["last_updated"])
    return replace(answer, updated_s=updated.timestamp())


KASA = Kind("TP-Link plug")
_TASMOTA = Kind("Tasmota plug", finer="; type WattRes 2 into Tasmota's console for a finer figure")

DIALECTS = {
    "shelly": (
        Dialect(Kind("Shelly plug"), "/rpc/Switch.GetStatus?id={path}", _shelly_gen2),
        Dialect(Kind("Shelly power meter"), "/rpc/PM1.GetStatus?id={path}", _shelly_gen2),
        Dialect(Kind("Shelly Gen1 plug"), "/status", _shelly_gen1),
    ),
    "tasmota": (Dialect(_TASMOTA, "/cm?{login}cmnd=Status%208", _tasmota),),
    "homeassistant": (Dialect(Kind("Home Assistant"), "/api/states/{path}", _home_assistant),),
}
"""How each scheme asks; where there are several kinds of device, the likeliest first."""
