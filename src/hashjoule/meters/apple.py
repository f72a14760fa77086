"""Apple silicon: the CPU clusters' energy counters, as zeus-apple-silicon reads them from IOReport without root."""

from __future__ import annotations

import platform
import sys
from importlib.util import find_spec
from typing import Any

from hashjoule.meters import Meter, MeterError, Reading, closed

_HERE = (sys.platform, platform.machine())


class CpuCounter:
    """The energy of all CPU clusters."""

    def __init__(self) -> None:
        from zeus_apple_silicon import AppleEnergyMonitor

        self._monitor: Any = AppleEnergyMonitor()
        self._from_mj = self._read()

    def joules(self) -> float:
        """See `Reading.joules`."""
        return (self._read() - self._from_mj) / 1e3

    def close(self) -> None:
        """Nothing is held open."""

    def _read(self) -> int:
        try:
            energy_mj = self._monitor.get_cumulative_energy().cpu_total_mj
        except RuntimeError as error:
            raise MeterError(f"IOReport does not answer ({error})") from None
        if energy_mj is None:
            raise MeterError("IOReport shows no CPU energy on this chip")
        return int(energy_mj)


def meters() -> list[Meter]:
    """One meter on a Mac with Apple silicon; nothing to list elsewhere."""
    if _HERE != ("darwin", "arm64"):
        return []
    if find_spec("zeus_apple_silicon") is None:
        return [_closed("zeus-apple-silicon is not installed; pip install 'hashjoule[meter]'")]
    try:
        _open().close()
    except MeterError as error:
        return [_closed(str(error))]
    return [Meter("apple", "IOReport, CPU clusters", "package", "counter", "cpu", _open, interval_s=0.1)]


def _open() -> Reading:
    return CpuCounter()


def _closed(why: str) -> Meter:
    return closed("apple", "package", "counter", "cpu", why)
