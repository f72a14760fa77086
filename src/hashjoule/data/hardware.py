"""The published hardware: one machine in one operating mode per line of `hardware.csv`.

J/TH is computed from rate and power and stored nowhere. The figure that a source states beside them is kept to be
compared. A line that cannot be true, because no unit fits its numbers, is refused with file, line and field.
"""

from __future__ import annotations

import importlib.resources
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Literal

import msgspec

from hashjoule.data.reading import Date, Positive, Quality, Sourced, Text, read_csv, shipped_table
from hashjoule.errors import UsageError

MachineClass = Literal["cpu", "gpu", "fpga", "asic"]
Boundary = Literal["chip", "board", "wall", "system"]
Basis = Literal["measured", "rated", "listed", "limit", "tdp"]
Cooling = Literal["air", "hydro", "immersion"]
Status = Literal["announced"]

BOUND_BASES = ("limit", "tdp")
"""Powers that the machine stays below: a limit set on it, or a thermal design power. Their J/TH is an upper bound."""
DEVIATION = 0.03
"""A published J/TH that differs from the computed one by more than this part is flagged."""

_RATES_HS = {"cpu": (1e3, 1e11), "gpu": (1e6, 1e12), "fpga": (1e6, 1e12), "asic": (1e8, 1e16)}
_J_PER_TH = {"cpu": (2e4, 1e9), "gpu": (1e4, 2e7), "fpga": (5e3, 1e6)}
_ASIC_J_PER_TH = (("2016", (100.0, 20_000.0)), ("2020", (20.0, 2_000.0)), ("9999", (3.0, 300.0)))
"""Until which year which J/TH are plausible for an ASIC: each span is narrower than a mix-up of TH and GH is wide."""


class PublishedMachine(Sourced, frozen=True, kw_only=True):
    """A machine in one operating mode, as published. The README beside the file says what each field means."""

    model: Text
    mode: str = ""
    maker: Text
    machine_class: MachineClass = msgspec.field(name="class")
    shipped: Date | None = None
    """First shipping; else the release that its maker or a catalogue states; never a pool's listing date."""
    shipped_source: str = ""
    status: Status | None = None
    """`announced` while no source says that the machine ships; such a machine is marked and never a reference."""
    node_nm: Positive | None = None
    chip: str = ""
    hashrate_hs: Positive
    power_w: Positive | None = None
    power_boundary: Boundary | None = None
    power_basis: Basis | None = None
    cooling: Cooling | None = None
    published_j_per_th: Positive | None = None
    via: str = ""
    """The list through which the source's figures were read, where the page itself was not."""
    quality: Quality

    def __post_init__(self) -> None:
        """Refuse what contradicts itself or fits no unit; the reader adds file and line."""
        if self.power_w is None:
            for name in ("power_boundary", "power_basis", "published_j_per_th"):
                if getattr(self, name) is not None:
                    raise ValueError(f"field {name}: has no meaning without power_w")
        elif self.power_boundary is None or self.power_basis is None:
            missing = "power_boundary" if self.power_boundary is None else "power_basis"
            raise ValueError(f"field {missing}: is required beside power_w")
        if (self.shipped is None) != (self.shipped_source == ""):
            raise ValueError("field shipped_source: must be given with shipped, and only then")
        _check_range("hashrate_hs", self.hashrate_hs, _RATES_HS[self.machine_class], "H/s", self.machine_class)
        if self.j_per_th is not None:
            bounds = _plausible_j_per_th(self.machine_class, self.shipped)
            _check_range("hashrate_hs or power_w", self.j_per_th, bounds, "J/TH", self.machine_class)

    @property
    def name(self) -> str:
        """Model and mode in one string."""
        return f"{self.model} ({self.mode})" if self.mode else self.model

    @property
    def j_per_th(self) -> float | None:
        """Joules per terahash, from rate and power; None without a power."""
        return None if self.power_w is None else self.power_w / self.hashrate_hs * 1e12

    @property
    def is_bound(self) -> bool:
        """Whether the power, and so J/TH, is only an upper bound."""
        return self.power_basis in BOUND_BASES

    @property
    def deviates(self) -> bool:
        """Whether the published J/TH is off the computed one by more than 3%."""
        if self.j_per_th is None or self.published_j_per_th is None:
            return False
        return abs(self.j_per_th / self.published_j_per_th - 1) > DEVIATION


def _plausible_j_per_th(machine_class: MachineClass, shipped: str | None) -> tuple[float, float]:
    if machine_class != "asic":
        return _J_PER_TH[machine_class]
    if shipped is None:
        return _ASIC_J_PER_TH[-1][1][0], _ASIC_J_PER_TH[0][1][1]
    return next(bounds for before, bounds in _ASIC_J_PER_TH if shipped < before)


def _check_range(field: str, value: float, bounds: tuple[float, float], unit: str, machine_class: str) -> None:
    low, high = bounds
    if not low <= value <= high:
        raise ValueError(
            f"field {field}: {value:.3g} {unit} cannot be, a machine of class {machine_class} of that time has "
            f"{low:g} to {high:g} {unit}; are H/s, MH/s and TH/s, or W and kW, mixed up?"
        )


def read_machines(path: Path) -> tuple[PublishedMachine, ...]:
    """Return the machines of a file in the format of `hardware.csv`.

    Raises:
        UsageError: With file, line and field, if it is not such a file or names a machine and mode twice.
    """
    try:
        found = read_csv(path, PublishedMachine)
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise UsageError(f"{path} is not a text file in UTF-8") from None
    first_line: dict[tuple[str, str, str], int] = {}
    for line, machine in enumerate(found, start=2):  # one machine a line, below the header
        name = (machine.maker.lower(), machine.model.lower(), machine.mode.lower())
        if first_line.setdefault(name, line) != line:
            raise UsageError(
                f"{path.name}, line {line}, field model: this maker, model and mode stand in line {first_line[name]} "
                "already; keep the better source and name the other one in the note"
            )
    return found


class CatalogueFigure(Sourced, frozen=True, kw_only=True):
    """The J/TH that a catalogue independent of a machine's source gives for that machine and mode."""

    maker: Text
    model: Text
    mode: str = ""
    catalogue: Text
    j_per_th: Positive


@cache
def machines() -> tuple[PublishedMachine, ...]:
    """Return every published machine."""
    with importlib.resources.as_file(importlib.resources.files("hashjoule") / "data" / "hardware.csv") as path:
        return read_machines(path)


@cache
def catalogue_figures() -> tuple[CatalogueFigure, ...]:
    """Return the figures of independent catalogues that machines are compared with."""
    return shipped_table("catalogues.csv", CatalogueFigure)


def best(among: Iterable[PublishedMachine], machine_class: MachineClass | None = None) -> PublishedMachine | None:
    """Return the machine with the least J/TH that is neither doubtful nor only announced; a doubtful one if alone.

    Args:
        among: The machines to choose from.
        machine_class: Choose from this class; from all for None.
    """
    candidates = [
        machine
        for machine in among
        if machine.j_per_th is not None and machine.status is None and machine_class in (None, machine.machine_class)
    ]
    return min(candidates, key=lambda m: (m.quality == "low", m.j_per_th or 0.0), default=None)


def best_asic(among: Iterable[PublishedMachine] | None = None) -> PublishedMachine:
    """Return the best shipping ASIC of the published machines (or of those given).

    Raises:
        UsageError: If there is no ASIC among them.
    """
    found = best(machines() if among is None else among, "asic")
    if found is None:
        raise UsageError("no shipping ASIC is among these machines")
    return found
