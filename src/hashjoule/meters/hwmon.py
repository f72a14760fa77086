"""Sensors of Linux's hwmon that are known to cover one whole thing: GPUs of AMD and Intel, and the ACPI power meter.

AMD GPUs and the ACPI meter show power in microwatts; Intel's i915 and xe count the energy of a discrete GPU in
microjoules. Other drivers have such files too, of supply rails whose scope nobody tells; a sum of those would be a
guess, so they are passed over. Intel's counters are untested on hardware.

Source: the Linux kernel's Documentation/hwmon/sysfs-interface.rst, and sysfs-driver-intel-i915-hwmon and
sysfs-driver-intel-xe-hwmon in Documentation/ABI/testing.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import NamedTuple

from hashjoule.meters import Covered, Meter, MeterError, Method, Reading, Scope, closed
from hashjoule.meters.sampled import Integral
from hashjoule.meters.sysfs import Counter, read_number, read_word

ROOT = Path("/sys/class/hwmon")


class _Sensor(NamedTuple):
    """A file of a driver, and what it covers."""

    driver: str
    file: str
    what: str
    scope: Scope
    covers: Covered
    interval_s: float

    @property
    def method(self) -> Method:
        """Whether the file is an energy counter, or shows power."""
        return "counter" if self.file.startswith("energy") else "sampled"


_SENSORS = (
    _Sensor("amdgpu", "power1_average", "AMD GPU", "device", "gpu", 0.1),
    _Sensor("amdgpu", "power1_input", "AMD GPU", "device", "gpu", 0.1),
    _Sensor("i915", "energy1_input", "Intel GPU", "device", "gpu", 0.1),
    _Sensor("xe", "energy1_input", "Intel GPU, whole card", "board", "gpu", 0.1),
    _Sensor("xe", "energy2_input", "Intel GPU, package", "device", "gpu", 0.1),
    _Sensor("power_meter", "power1_average", "ACPI power meter", "system", "all", 1.0),
    _Sensor("power_meter", "power1_input", "ACPI power meter", "system", "all", 1.0),
)
"""The sensors that are used, by the name of their driver in hwmon; of one driver's sensors the first that is there."""

_DRIVERS = {sensor.driver for sensor in _SENSORS}


def meters(root: Path = ROOT) -> list[Meter]:
    """Return a meter for each device with a known driver."""
    folders = sorted(folder for folder in root.glob("hwmon*") if read_word(folder / "name") in _DRIVERS)
    return [_meter(folder) for folder in folders] or [
        closed("hwmon", "device", "sampled", "all", "no sensor of an AMD or Intel GPU or an ACPI power meter is found")
    ]


def _meter(folder: Path) -> Meter:
    of_driver = [sensor for sensor in _SENSORS if sensor.driver == read_word(folder / "name")]
    name = f"hwmon:{folder.name.removeprefix('hwmon')}"
    sensor = next((sensor for sensor in of_driver if (folder / sensor.file).exists()), None)
    if sensor is None:
        first = of_driver[0]
        return closed(name, first.scope, "sampled", first.covers, f"the {first.what} at {folder} has no power sensor")
    path = folder / sensor.file
    try:
        read_number(path)
    except MeterError as error:
        why = f"{error}; open it with: sudo chmod a+r {path}"
        return closed(name, sensor.scope, sensor.method, sensor.covers, why)
    return Meter(
        name=name,
        source=f"{sensor.what}, {folder.name}/{sensor.file}",
        scope=sensor.scope,
        method=sensor.method,
        covers=sensor.covers,
        open=partial(_open, path, sensor.method),
        interval_s=sensor.interval_s,
        # The folder behind a GPU's sensor is its PCI function, which is named after its bus id.
        pci_bus_id=(folder / "device").resolve().name if sensor.covers == "gpu" else None,
    )


def _open(path: Path, method: Method) -> Reading:
    if method == "counter":
        return Counter(partial(read_number, path), 1e6)
    return Integral(lambda: read_number(path) / 1e6)
