"""Apple silicon: the energy counters of CPU and GPU, as zeus-apple-silicon reads them from IOReport without root.

Untested on hardware: the tests run against a stand-in with the documented fields.

Source: https://pypi.org/project/zeus-apple-silicon, AppleEnergyMetrics (millijoules; None where a chip shows nothing).
"""

from __future__ import annotations

import platform
import sys
from functools import partial
from importlib.util import find_spec
from typing import Any, Literal, NamedTuple

from hashjoule.meters import Covered, Meter, MeterError, closed
from hashjoule.meters.sysfs import Counter

_HERE = (sys.platform, platform.machine())


class _Part(NamedTuple):
    """A part of the chip, and the fields that add up to its energy; those after the first may be missing."""

    name: str
    what: str
    scope: Literal["package", "device"]
    covers: Covered
    fields: tuple[str, ...]


_PARTS = (
    _Part("apple", "CPU clusters", "package", "cpu", ("cpu_total_mj",)),
    _Part("apple:gpu", "GPU with its SRAM", "device", "only-gpu", ("gpu_mj", "gpu_sram_mj")),
)


def meters() -> list[Meter]:
    """Return a meter for the CPU and one for the GPU of a Mac with Apple silicon; nothing elsewhere."""
    if _HERE != ("darwin", "arm64"):
        return []
    if find_spec("zeus_apple_silicon") is None:
        return [_closed(_PARTS[0], "zeus-apple-silicon is not installed; pip install 'hashjoule[meter]'")]
    return [_meter(part) for part in _PARTS]


def _meter(part: _Part) -> Meter:
    try:
        _open(part).close()
    except MeterError as error:
        return _closed(part, str(error))
    return Meter(
        name=part.name,
        source=f"IOReport, {part.what}",
        scope=part.scope,
        method="counter",
        covers=part.covers,
        open=partial(_open, part),
        interval_s=0.1,
    )


def _open(part: _Part) -> Counter:
    from zeus_apple_silicon import AppleEnergyMonitor

    return Counter(partial(_count_mj, AppleEnergyMonitor(), part), 1e3)


def _count_mj(monitor: Any, part: _Part) -> int:
    try:
        energy = monitor.get_cumulative_energy()
    except RuntimeError as error:
        raise MeterError(f"IOReport does not answer ({error})") from None
    first, *rest = (getattr(energy, field) for field in part.fields)
    if first is None:
        raise MeterError(f"IOReport shows no energy of the {part.what} on this chip")
    return int(first) + sum(int(count) for count in rest if count is not None)


def _closed(part: _Part, why: str) -> Meter:
    return closed(part.name, part.scope, "counter", part.covers, why)
