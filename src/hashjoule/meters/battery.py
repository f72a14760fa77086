"""A laptop's battery: the power that the whole system draws while it discharges, and whether it charges.

Drivers show microwatts, or microamperes and microvolts. Controllers renew the figure every few seconds, so short runs
tell little.

Source: the Linux kernel's Documentation/ABI/testing/sysfs-class-power.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

from hashjoule.meters import Meter, MeterError, Reading, closed
from hashjoule.meters.sampled import Integral
from hashjoule.meters.sysfs import read_number, read_word

ROOT = Path("/sys/class/power_supply")

_INTERVAL_S = 5.0
_SAMPLE_PERIOD_S = 0.5


def meters(root: Path = ROOT) -> list[Meter]:
    """Return one meter for all batteries of the system."""
    packs = _packs(root)
    if not packs:
        return [_closed("this machine has no battery")]
    try:
        _power_w(packs)
    except MeterError as error:
        return [_closed(str(error))]
    return [
        Meter(
            name="battery",
            source=f"discharge of {', '.join(pack.name for pack in packs)}",
            scope="system",
            method="sampled",
            covers="all",
            open=partial(_open, packs),
            interval_s=_INTERVAL_S,
        )
    ]


def disturbance(root: Path = ROOT) -> str | None:
    """Return why a wall plug does not show what this machine draws: a battery takes or gives energy. Else None."""
    states = {read_word(pack / "status") for pack in _packs(root)}
    if "Charging" in states:
        return "the battery is charging, and the plug counts that too; wait until it is full"
    if "Discharging" in states:
        return "the machine draws from its battery, which the plug does not see; plug in the charger"
    return None


def _packs(root: Path) -> list[Path]:
    """Return the batteries that feed the system; those of mice and headsets have the scope "Device"."""
    return sorted(
        pack
        for pack in root.glob("*")
        if read_word(pack / "type") == "Battery" and read_word(pack / "scope") != "Device"
    )


def _open(packs: list[Path]) -> Reading:
    return Integral(lambda: _power_w(packs), _SAMPLE_PERIOD_S)


def _power_w(packs: list[Path]) -> float:
    """Return what the batteries give, in watts; one of several may rest.

    Raises:
        MeterError: unless the system runs on its batteries alone.
    """
    states = [read_word(pack / "status") for pack in packs]
    if "Discharging" not in states or "Charging" in states:
        raise MeterError("the battery is not discharging; unplug the charger")
    return sum(_pack_power_w(pack) for pack, state in zip(packs, states, strict=True) if state == "Discharging")


def _pack_power_w(pack: Path) -> float:
    """Return the power of one battery; drivers differ in the sign that they give to a discharge."""
    if (pack / "power_now").exists():
        return abs(read_number(pack / "power_now")) / 1e6
    return abs(read_number(pack / "current_now")) * read_number(pack / "voltage_now") / 1e12


def _closed(why: str) -> Meter:
    return closed("battery", "system", "sampled", "all", why)
