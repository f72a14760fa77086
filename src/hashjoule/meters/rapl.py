"""Linux RAPL: the CPU packages' energy counters, through /sys/class/powercap.

The kernel calls the zones intel-rapl on AMD too. Only whole packages count: their cores, graphics and memory
controller are parts of them, and `intel-rapl-mmio` shows the same package a second time. Interface and wrap-around:
the kernel's Documentation/power/powercap/powercap.rst and Documentation/ABI/testing/sysfs-class-powercap.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from hashjoule.meters import Meter, MeterError, closed, read_number, read_word

ROOT = Path("/sys/class/powercap")

_NO_ZONES = (
    "the kernel shows no RAPL package zone; virtual machines have none, on real hardware load the driver: "
    "sudo modprobe intel_rapl_msr"
)
_LOCKED = (
    "since Linux 5.10 only root may read it; until the next boot: sudo chmod a+r "
    '/sys/class/powercap/intel-rapl:*/energy_uj, for good: echo \'SUBSYSTEM=="powercap", ACTION=="add", '
    'KERNEL=="intel-rapl:*", RUN+="/bin/chmod a+r %S%p/energy_uj"\' | sudo tee /etc/udev/rules.d/60-rapl.rules '
    "(or run with the capability CAP_DAC_READ_SEARCH)"
)


@dataclass
class _Zone:
    """A package's counter: microjoules from 0 to its range, then from 0 again."""

    counter: Path
    range_uj: int
    last_uj: int

    def advance(self) -> int:
        """Microjoules since the last call, if less than one whole range went by."""
        now_uj = read_number(self.counter)
        spent = (now_uj - self.last_uj) % self.range_uj
        self.last_uj = now_uj
        return spent


class PackageCounters:
    """The sum over all packages, safe against wrap-around when read every minute or so."""

    def __init__(self, zones: list[Path]) -> None:
        self._zones = [_open_zone(zone) for zone in zones]
        self._uj = 0

    def joules(self) -> float:
        """See `Reading.joules`."""
        self._uj += sum(zone.advance() for zone in self._zones)
        return self._uj / 1e6

    def close(self) -> None:
        """Nothing is held open."""


def _open_zone(zone: Path) -> _Zone:
    range_uj = read_number(zone / "max_energy_range_uj")
    if range_uj <= 0:
        raise MeterError(f"{zone}/max_energy_range_uj is {range_uj}, so its counter's wrap-around cannot be told")
    return _Zone(zone / "energy_uj", range_uj, read_number(zone / "energy_uj"))


def meters(root: Path = ROOT) -> list[Meter]:
    """One meter for all packages."""
    zones = sorted(
        zone
        for zone in root.glob("intel-rapl:*")
        if re.fullmatch(r"intel-rapl:\d+", zone.name) and (read_word(zone / "name") or "").startswith("package")
    )
    if not zones:
        return [closed("rapl", "package", "counter", "cpu", _NO_ZONES)]
    try:
        PackageCounters(zones)
    except MeterError as error:
        locked = any(_is_locked(zone / "energy_uj") for zone in zones)
        return [closed("rapl", "package", "counter", "cpu", _LOCKED if locked else str(error))]
    names = ", ".join(read_word(zone / "name") or zone.name for zone in zones)
    return [
        Meter("rapl", f"RAPL {names}", "package", "counter", "cpu", partial(PackageCounters, zones), interval_s=0.001)
    ]


def _is_locked(path: Path) -> bool:
    try:
        path.read_bytes()
    except PermissionError:
        return True
    except OSError:
        return False
    return False
