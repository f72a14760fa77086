"""Meters: everything that counts joules, readable on this machine or not.

Built-in meters register themselves: a provider is a module with `meters()` and one line in PROVIDERS. A wall plug is
named by its URL, see `hashjoule.meters.plugs`. Both give a `Meter`, which is opened for a `Reading`. How to use one,
with no part of the benchmark involved:

    from contextlib import closing
    from hashjoule.meters import plugs

    meter = plugs.meter("shelly://192.168.1.20", longest_s=600)  # raises UsageError, MeterError
    with closing(meter.open()) as reading:                       # raises MeterError
        before_j = reading.joules()
        ...                                     # for meter.shortest_s at least, or the figure is worse than 1 %
        spent_j = reading.joules() - before_j   # raises MeterError: from then on the energy is not known

`idle_w` measures the power that a meter shows while nothing runs. `Meter.step_j` is the smallest change of a counter,
`Meter.cautions` are sentences that a user must see beside the figures.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from importlib import import_module
from typing import Literal, Protocol

from hashjoule.errors import UnavailableError

Scope = Literal["package", "board", "device", "wall", "system", "declared"]
Method = Literal["counter", "sampled", "declared", "bound"]
Covered = Literal["cpu", "gpu", "only-gpu", "all"]

RENEWALS = 10
"""Renewals of a meter's figure that one reading must span: what a reading misses at its ends is then a tenth at most
of what the load changes within it, and nothing of a steady load."""

STEPS = 100
"""Steps of a counter that one reading must span for an error of 1 % at most."""


class MeterError(UnavailableError):
    """A meter that cannot be read, or that shows what cannot be true."""


class Reading(Protocol):
    """A meter that is being read. Thread-safe."""

    def joules(self) -> float:
        """Return the energy in joules since some fixed moment; it never falls.

        Raises:
            MeterError: if the meter failed; its energy is not known from then on.
        """
        ...

    def close(self) -> None:
        """End the reading."""
        ...


@dataclass(frozen=True, kw_only=True)
class Meter:
    """A meter, readable here or not."""

    name: str
    source: str
    """Where the joules come from, for the record."""
    scope: Scope
    """What the energy covers: a CPU package, a GPU board, a device, all that one wall plug feeds, a whole system."""
    method: Method
    """Counted by the hardware, integrated from sampled power, declared by the user, or bounded by a rating."""
    covers: Covered
    """Whose work it shows: that of the CPU, of the GPU with this PCI bus id, of the only GPU that such a machine can
    have, or of everything."""
    open: Callable[[], Reading]
    interval_s: float = 0.0
    """How often its figure renews."""
    step_j: float = 0.0
    """The smallest change of its counter; 0 where that is too small to matter."""
    power_w: float | None = None
    """The power that it showed when it was looked at; None where nobody looked."""
    unavailable: str | None = None
    """Why it cannot be read here and what opens it, as one sentence; None if it can."""
    pci_bus_id: str | None = None
    stated_w: float | None = None
    """Power that is stated, not read; such a meter is never opened."""
    stated_cores: int | None = None
    """The number of busy CPU cores at which the stated power is drawn, 0 for a device; None: whatever is busy."""
    cautions: tuple[str, ...] = ()
    """What a user must know to judge its figures, a sentence each."""

    @property
    def shortest_s(self) -> float:
        """The shortest time over which its energy is worth reading: 10 renewals, and 100 steps at the power seen."""
        by_steps_s = STEPS * self.step_j / self.power_w if self.power_w and self.power_w > 0 else 0.0
        return max(RENEWALS * self.interval_s, by_steps_s)


PROVIDERS = {
    "rapl": ("hashjoule.meters.rapl", "linux"),
    "nvml": ("hashjoule.meters.nvml", ""),
    "hwmon": ("hashjoule.meters.hwmon", "linux"),
    "apple": ("hashjoule.meters.apple", "darwin"),
    "battery": ("hashjoule.meters.battery", "linux"),
}
"""The first part of a built-in meter's name, the module that knows it, and the one system (`sys.platform`) that has
it, if it is one; the narrowest scope first."""

_WINDOWS = "hashjoule reads no CPU meter of Windows yet; a wall plug works (--meter URL), or state the power (--watts)"


def meters(system: str = sys.platform) -> list[Meter]:
    """Return the built-in meters of a system, those of the narrowest scope first."""
    modules = [module for module, only_on in PROVIDERS.values() if only_on in ("", system)]
    found = [meter for module in modules for meter in import_module(module).meters()]
    return [*found, closed("windows", "system", "counter", "all", _WINDOWS)] if system == "win32" else found


def closed(name: str, scope: Scope, method: Method, covers: Covered, why: str) -> Meter:
    """Return a meter that cannot be read here, and why."""

    def refuse() -> Reading:
        raise MeterError(f"{name} cannot be read here: {why}")

    return Meter(name=name, source=name, scope=scope, method=method, covers=covers, open=refuse, unavailable=why)


def idle_w(meter: Meter, seconds: float, sleep: Callable[[float], None] = time.sleep) -> float:
    """Return the mean power in watts that a meter shows for that many seconds.

    Raises:
        MeterError: if it fails meanwhile.
    """
    with closing(meter.open()) as reading:
        before_j, began_s = reading.joules(), time.monotonic()
        sleep(seconds)
        return (reading.joules() - before_j) / (time.monotonic() - began_s)
