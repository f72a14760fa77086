"""The meters: one explicit registry of everything that tells joules, readable here or not.

A provider is a module with `meters()`; a meter says what it covers, how its energy is had and why it is unavailable,
and opens a reading. To add one: write the module, add one line to PROVIDERS.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Literal, Protocol

from hashjoule.errors import UnavailableError

Scope = Literal["package", "board", "device", "wall", "system", "declared"]
Method = Literal["counter", "sampled", "declared", "bound"]


class MeterError(UnavailableError):
    """A meter that could be read before cannot be read any more."""


class Reading(Protocol):
    """A meter that is being read."""

    def joules(self) -> float:
        """Energy since some fixed moment; it never falls. Raises MeterError."""
        ...

    def close(self) -> None:
        """Ends the reading."""
        ...


@dataclass(frozen=True)
class Meter:
    """One line of the registry."""

    name: str
    source: str
    """Where the joules come from, for the record."""
    scope: Scope
    """What the energy covers: a CPU package, a GPU board, a device, what the wall gives, a whole system."""
    method: Method
    """Counted by the hardware, integrated from sampled power, declared by the user, or bounded by a rating."""
    covers: Literal["cpu", "gpu", "all"]
    """Whose work it shows; "gpu" is the one device with this PCI bus id."""
    open: Callable[[], Reading]
    interval_s: float = 0.0
    """How often its figure renews; turns of a measurement are not made shorter than ten of these."""
    unavailable: str | None = None
    """Why it cannot be read here and what opens it, as one sentence; None if it can."""
    pci_bus_id: str | None = None
    watts: float | None = None
    """Power that is stated, not read; such a meter is never opened."""


PROVIDERS = {
    "rapl": "hashjoule.meters.rapl",
    "nvml": "hashjoule.meters.nvml",
    "hwmon": "hashjoule.meters.hwmon",
    "apple": "hashjoule.meters.apple",
    "battery": "hashjoule.meters.battery",
}
"""The first part of a meter's name, and the module that knows it; the narrowest scope first."""


def meters() -> list[Meter]:
    """The registry, the narrowest scope first."""
    return [meter for module in PROVIDERS.values() for meter in import_module(module).meters()]


def closed(name: str, scope: Scope, method: Method, covers: Literal["cpu", "gpu", "all"], why: str) -> Meter:
    """A meter that cannot be read here, and why."""

    def refuse() -> Reading:
        raise MeterError(f"{name} cannot be read here: {why}")

    return Meter(name, name, scope, method, covers, refuse, unavailable=why)


def read_number(path: Path) -> int:
    """The number that a file of sysfs holds. Raises MeterError if the file is gone, closed or holds none."""
    try:
        return int(path.read_text("ascii"))
    except OSError as error:
        raise MeterError(f"{path} cannot be read any more: {error.strerror}") from None
    except ValueError:
        raise MeterError(f"{path} holds no number; the driver is broken") from None


def read_word(path: Path) -> str | None:
    """The text that a file of sysfs holds; None if it cannot be read."""
    try:
        return path.read_text("utf-8").strip()
    except (OSError, ValueError):
        return None
