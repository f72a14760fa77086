"""A laptop's battery while it discharges: the power that the whole system draws, screen included.

Microwatts, or microamperes times microvolts (kernel: Documentation/ABI/testing/sysfs-class-power). Controllers renew
the figure every few seconds, so short runs tell little.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

from hashjoule.meters import Meter, MeterError, Reading, closed, read_number, read_word
from hashjoule.meters.sampled import Integral

ROOT = Path("/sys/class/power_supply")

_INTERVAL_S = 5.0


def meters(root: Path = ROOT) -> list[Meter]:
    """One meter for all batteries of the system; those of mice and headsets (scope "Device") do not count."""
    packs = sorted(
        pack
        for pack in root.glob("*")
        if read_word(pack / "type") == "Battery" and read_word(pack / "scope") != "Device"
    )
    if not packs:
        return [_closed("no battery is found")]
    try:
        _watts(packs)
    except MeterError as error:
        return [_closed(str(error))]
    names = ", ".join(pack.name for pack in packs)
    return [Meter("battery", f"discharge of {names}", "system", "sampled", "all", partial(_open, packs), _INTERVAL_S)]


def _open(packs: list[Path]) -> Reading:
    return Integral(lambda: _watts(packs), period_s=0.5)


def _watts(packs: list[Path]) -> float:
    """What the batteries give; one of several may rest. Raises MeterError unless the system runs on them alone."""
    states = [read_word(pack / "status") for pack in packs]
    if "Discharging" not in states or "Charging" in states:
        raise MeterError("the battery is not discharging; unplug the charger")
    return sum(_pack_watts(pack) for pack, state in zip(packs, states, strict=True) if state == "Discharging")


def _pack_watts(pack: Path) -> float:
    """Drivers differ in the sign that they give to a discharge."""
    if (pack / "power_now").exists():
        return abs(read_number(pack / "power_now")) / 1e6
    return abs(read_number(pack / "current_now")) * read_number(pack / "voltage_now") / 1e12


def _closed(why: str) -> Meter:
    return closed("battery", "system", "sampled", "all", why)
