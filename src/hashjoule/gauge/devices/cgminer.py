"""The cgminer API on port 4028, in the dialects of Antminer, Avalon, Whatsminer, Braiins OS and LuxOS.

A command is a line of JSON on a connection of its own; the answer ends with the connection. Only commands that read
are ever sent.

Source: cgminer's API-README; recorded answers of the machines, in the form that shared documentation gives them.
"""

from __future__ import annotations

import json
import re
import socket
import time
from collections.abc import Callable
from typing import Any

from hashjoule.gauge.devices import DeviceError
from hashjoule.gauge.devices.values import Fields, above_zero, amount, full_window, words
from hashjoule.records.gauge import DeviceReport

PORT = 4028
_TIMEOUT_S = 3.0
_MAX_BYTES = 1 << 20
"""The longest answer that is read; the statistics of an Avalon with hundreds of chips have some 50 kB."""

_UNITS = (("THS", 1e12), ("GHS", 1e9), ("MHS", 1e6), ("KHS", 1e3))
_GIGA, _MEGA = 1e9, 1e6

Ask = Callable[[str], dict[str, Any]]
"""Sends a command and returns the answer; an empty one where the device does not know the command."""


def read(host: str, port: int) -> DeviceReport:
    """Return what the device says of itself now.

    Raises:
        DeviceError: It cannot be reached, or does not speak the API.
    """
    return report(lambda command: ask(host, port, command), f"cgminer API at {host}:{port}")


def report(ask: Ask, source: str) -> DeviceReport:
    """Return the report that a device's answers hold.

    Raises:
        DeviceError: There is no summary among them.
    """
    summary = _first(ask("summary"), "SUMMARY")
    if not summary:
        raise DeviceError(f"{source} gives no summary; check --device")
    version = _first(ask("version"), "VERSION")
    stats = _stats(ask("stats"))
    uptime_s = amount(summary, "Elapsed", "Uptime")
    return DeviceReport(
        source=source,
        model=words(version, "Type", "PROD", "MODEL") or words(stats, "Type"),
        chip=words(stats, "Core"),
        firmware=words(version, "LUXminer", "BOSer", "BOSminer", "LVERSION", "Miner", "CGMiner"),
        uptime_s=uptime_s,
        hashrate_hs=_rate(summary, "5s") or amount(summary, "HS RT", unit=_MEGA) or amount(stats, "GHSspd", unit=_GIGA),
        hashrate_1m_hs=full_window(_rate(summary, "1m"), uptime_s, 60),
        hashrate_10m_hs=full_window(_rate(summary, "15m"), uptime_s, 900),
        hashrate_average_hs=_rate(summary, "av"),
        expected_hashrate_hs=above_zero(stats, "total_rateideal", "GHSmm", unit=_GIGA)
        or above_zero(summary, "Factory GHS", unit=_GIGA),
        power_w=_power_w(ask, version, summary, stats),
        frequency_hz=above_zero(stats, "total_freqavg", "frequency", "Freq", unit=_MEGA)
        or above_zero(summary, "freq_avg", "Target Freq", unit=_MEGA),
        chip_temperature_c=above_zero(summary, "Chip Temp Max") or _hottest(stats),
    )


def ask(host: str, port: int, command: str) -> dict[str, Any]:
    """Send a command that reads and return the answer, or an empty one if the device refuses it.

    Raises:
        DeviceError: It cannot be reached, is silent, or answers something else than JSON.
    """
    try:
        answer = _exchange(host, port, json.dumps({"command": command}).encode() + b"\n")
    except (UnicodeError, socket.gaierror):
        raise DeviceError(f"{host!r} is not a known host; check --device") from None
    except TimeoutError:
        raise DeviceError(f"{host}:{port} does not answer within {_TIMEOUT_S:g} s; check --device") from None
    except OSError as error:
        raise DeviceError(f"{host}:{port} cannot be reached ({error.strerror or type(error).__name__})") from None
    try:
        # Some firmware leaves out commas between objects; cgminer ends its answers with a zero byte.
        content = json.loads(answer.rstrip(b"\0 \n").replace(b"}{", b"},{"))
    except (ValueError, RecursionError):
        raise DeviceError(f"{host}:{port} does not speak the cgminer API; check --device") from None
    return content if isinstance(content, dict) else {}


def _exchange(host: str, port: int, line: bytes) -> bytes:
    deadline_s = time.monotonic() + 2 * _TIMEOUT_S
    with socket.create_connection((host, port), timeout=_TIMEOUT_S) as connection:
        connection.sendall(line)
        answer = bytearray()
        while not answer.endswith(b"\0") and len(answer) < _MAX_BYTES:
            if time.monotonic() > deadline_s:
                raise TimeoutError
            piece = connection.recv(1 << 16)
            if not piece:
                break
            answer += piece
    return bytes(answer)


def _first(answer: Fields, name: str) -> Fields:
    """Return the first object of a section that has fields, or an empty one."""
    section = answer.get(name)
    return next((item for item in section if isinstance(item, dict) and item), {}) if isinstance(section, list) else {}


def _stats(answer: Fields) -> Fields:
    """Return all fields of the statistics in one object; Avalon packs its own into text, as in `GHSspd[81072.68]`."""
    section = answer.get("STATS")
    merged: dict[str, Any] = {}
    for item in section if isinstance(section, list) else []:
        if isinstance(item, dict):
            merged |= {name: value for name, value in item.items() if name not in merged}
    for name, value in list(merged.items()):
        if name.startswith("MM ID") and isinstance(value, str):
            merged |= dict(re.findall(r"(\w+)\[([^\]]*)\]", value))
    return merged


def _rate(summary: Fields, window: str) -> float | None:
    """Return a rate in H/s; its name says the unit, as in `GHS 5s`."""
    found = (amount(summary, f"{unit} {window}", unit=size) for unit, size in _UNITS)
    return next((rate for rate in found if rate is not None), None)


def _power_w(ask: Ask, version: Fields, summary: Fields, stats: Fields) -> float | None:
    """Return the power; None where a machine does not say it, as stock Antminers do not.

    An Avalon's `PS[...]` holds its watts at a place that differs by model, so it is not read.
    """
    if "LUXminer" in version:
        return above_zero(_first(ask("power"), "POWER"), "Watts")
    if "BOSer" in version or "BOSminer" in version:
        return above_zero(_first(ask("tunerstatus"), "TUNERSTATUS"), "ApproximateMinerPowerConsumption")
    return above_zero(summary, "Power") or above_zero(stats, "WALLPOWER")


def _hottest(stats: Fields) -> float | None:
    """Return the highest chip temperature: Avalon's `TMax`, or Antminer's `temp2_1` and its neighbours."""
    names = ["TMax", *(name for name in stats if re.fullmatch(r"temp2_\d+", name))]
    found = [value for name in names if (value := above_zero(stats, name)) is not None]
    return max(found, default=None)
