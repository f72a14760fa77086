"""Linux RAPL: the energy counters of the CPU packages, through /sys/class/powercap.

The kernel calls the zones intel-rapl on AMD too. Only whole packages count: their cores, graphics and memory controller
are parts of them, and `intel-rapl-mmio` shows the same package a second time.

Source: the Linux kernel's Documentation/power/powercap/powercap.rst and
Documentation/ABI/testing/sysfs-class-powercap (interface, wrap-around).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from hashjoule.meters import Meter, MeterError, closed
from hashjoule.meters.sysfs import read_number, read_word

ROOT = Path("/sys/class/powercap")
SYSTEM = Path("/")

_CONTAINER_MARKS = (".dockerenv", "run/.containerenv", "run/systemd/container")
"""Files that Docker, Podman and systemd-nspawn leave in a container."""

_NO_ZONES = (
    "the kernel shows no RAPL package zone; virtual machines have none, on real hardware load the driver: "
    "sudo modprobe intel_rapl_msr"
)
_HIDDEN = (
    "containers hide powercap, and virtual machines have none: on real hardware run hashjoule on the host, or start "
    "the container with "
    "--security-opt systempaths=unconfined (Docker) or --security-opt unmask=ALL (Podman), "
    "and make the counters readable on the host"
)
_NOW = "sudo chmod a+r /sys/class/powercap/intel-rapl:*/energy_uj"
_UDEV_RULE = 'SUBSYSTEM=="powercap", ACTION=="add", KERNEL=="intel-rapl:*", RUN+="/bin/chmod a+r %S%p/energy_uj"'
_FOR_GOOD = {
    "nixos": f"add to configuration.nix: services.udev.extraRules = ''{_UDEV_RULE}'';",
    "alpine": "put the same command into /etc/local.d/rapl.start and run: sudo rc-update add local",
}
"""What opens the counters after every start, on distributions that are not set up by files in /etc/udev/rules.d."""


@dataclass
class _Zone:
    """A package's counter: microjoules from 0 to its range, then from 0 again."""

    counter: Path
    range_uj: int
    last_uj: int

    def advance(self) -> int:
        """Return the microjoules since the last call, if less than one whole range went by."""
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


def meters(root: Path = ROOT, system: Path = SYSTEM) -> list[Meter]:
    """Return one meter for all packages; `system` is the root folder, where the distribution is read."""
    zones = sorted(
        zone
        for zone in root.glob("intel-rapl:*")
        if re.fullmatch(r"intel-rapl:\d+", zone.name) and (read_word(zone / "name") or "").startswith("package")
    )
    if not zones:
        return [_closed(_HIDDEN if in_container(system) else _NO_ZONES)]
    try:
        PackageCounters(zones)
    except MeterError as error:
        locked = any(_is_locked(zone / "energy_uj") for zone in zones)
        return [_closed(how_to_unlock(distribution(system)) if locked else str(error))]
    return [
        Meter(
            name="rapl",
            source=f"RAPL {', '.join(read_word(zone / 'name') or zone.name for zone in zones)}",
            scope="package",
            method="counter",
            covers="cpu",
            open=partial(PackageCounters, zones),
            interval_s=0.001,
        )
    ]


def in_container(system: Path = SYSTEM) -> bool:
    """Return whether a container runtime has left its mark."""
    return any((system / mark).exists() for mark in _CONTAINER_MARKS)


def distribution(system: Path = SYSTEM) -> str:
    """Return the ID of the Linux distribution (os-release), "" where it is not told."""
    found = re.search(r'^ID="?([\w.-]+)', read_word(system / "etc/os-release") or "", re.MULTILINE)
    return found[1] if found else ""


def how_to_unlock(distribution_id: str) -> str:
    """Return the commands that open the counters on a distribution, until the next start and for good."""
    rule = f"echo '{_UDEV_RULE}' | sudo tee /etc/udev/rules.d/60-rapl.rules"
    for_good = _FOR_GOOD.get(distribution_id, rule)
    return (
        f"since Linux 5.10 only root may read it; until the next start: {_NOW}; for good: {for_good} "
        "(or run with the capability CAP_DAC_READ_SEARCH)"
    )


def _closed(why: str) -> Meter:
    return closed("rapl", "package", "counter", "cpu", why)


def _is_locked(path: Path) -> bool:
    try:
        path.read_bytes()
    except PermissionError:
        return True
    except OSError:
        return False
    return False
