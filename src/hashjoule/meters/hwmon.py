"""Power sensors of Linux's hwmon that are known to cover one whole thing: AMD GPUs and the system's ACPI power meter.

Files are in microwatts (kernel: Documentation/hwmon/sysfs-interface.rst). Other drivers have power files too, of
supply rails whose scope nobody tells; a sum of those would be a guess, so they are passed over.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Literal, NamedTuple

from hashjoule.meters import Meter, MeterError, Reading, Scope, closed, read_number, read_word
from hashjoule.meters.sampled import Integral

ROOT = Path("/sys/class/hwmon")


class _Driver(NamedTuple):
    scope: Scope
    covers: Literal["gpu", "all"]
    what: str
    interval_s: float


DRIVERS = {
    "amdgpu": _Driver("device", "gpu", "AMD GPU", 0.1),
    "power_meter": _Driver("system", "all", "ACPI power meter", 1.0),
}
"""The driver's name in hwmon, and what its first power sensor covers."""


def meters(root: Path = ROOT) -> list[Meter]:
    """A meter for each known sensor."""
    folders = sorted(folder for folder in root.glob("hwmon*") if read_word(folder / "name") in DRIVERS)
    return [_meter(folder) for folder in folders] or [
        closed("hwmon", "device", "sampled", "all", "no sensor of an AMD GPU or an ACPI power meter is found")
    ]


def _meter(folder: Path) -> Meter:
    driver = DRIVERS[read_word(folder / "name") or ""]
    name = f"hwmon:{folder.name.removeprefix('hwmon')}"
    sensors = [folder / "power1_average", folder / "power1_input"]
    why = f"{folder} has no power sensor"
    for sensor in sensors:
        if not sensor.exists():
            continue
        try:
            read_number(sensor)
        except MeterError as error:
            why = f"{error}; open it with: sudo chmod a+r {sensor}"
            continue
        # the device behind a GPU's sensor is its PCI function, whose folder is named after its bus id
        pci_bus_id = (folder / "device").resolve().name if driver.covers == "gpu" else None
        return Meter(
            name, f"{driver.what}, {folder.name}/{sensor.name}", driver.scope, "sampled", driver.covers,
            partial(_open, sensor), driver.interval_s, pci_bus_id=pci_bus_id,
        )  # fmt: skip
    return closed(name, driver.scope, "sampled", driver.covers, why)


def _open(sensor: Path) -> Reading:
    return Integral(lambda: read_number(sensor) / 1e6)
