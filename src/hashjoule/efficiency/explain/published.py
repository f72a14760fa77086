"""Published machines as subjects: what the data set knows of their code, node and operating point."""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import cache

from hashjoule.data.chips import ChipVoltage, Processor, architectures, chip_voltages, processor_named
from hashjoule.data.hardware import PublishedMachine, best, best_asic, machines
from hashjoule.data.names import stock_mode
from hashjoule.efficiency.explain.factors import DATAPATH_OPERATIONS
from hashjoule.efficiency.explain.types import COUNTED, Operations, Subject, Supply
from hashjoule.efficiency.operations import SCALAR, VECTOR, count_operations
from hashjoule.errors import UsageError

VOLTAGE_ERROR = 0.05
"""Relative error of a core voltage that a repair reference states: a board's rail shared among its domains."""
PROGRAMMABLE_V = (1.0, 0.65, 1.3)
"""Core voltage of CPUs and GPUs under load where none is published: the likeliest, the least and the most."""
ROLLING_SINCE = "2020"
"""ASICs that shipped since roll versions: all whose firmware is open do."""


def published_subject(machine: PublishedMachine, watts: float | None = None) -> Subject:
    """Return a published machine as a subject.

    Args:
        machine: The machine.
        watts: Declares a power in place of the published one.

    Raises:
        UsageError: If it has no power, and so no J/TH.
    """
    power_w = machine.power_w if watts is None else watts
    if power_w is None:
        raise UsageError(
            f"no power is published for {machine.name}, so it has no J/TH to explain: declare one with --watts WATTS"
        )
    basis = "declared" if watts is not None else "upper bound" if machine.is_bound else "published"
    process_nm, node_source = machine.node_nm, "node as published with the machine" if machine.node_nm else ""
    processor = processor_named(f"{machine.maker} {machine.name}") if machine.machine_class != "asic" else None
    if processor is not None:
        process_nm, node_source = processor.process_nm, f"node: {processor.source_url}"
    return Subject(
        name=machine.name,
        machine_class=machine.machine_class,
        j_per_th=power_w / machine.hashrate_hs * 1e12,
        basis=basis,
        source=f"{machine.source_url} ({machine.source_date})",
        operations=_operations(machine),
        process_nm=process_nm,
        node_source=node_source,
        supply=_supply(machine, processor),
        asicboost=_rolls(machine),
        announced=machine.status == "announced",
    )


def gpu_operations(name: str) -> Operations:
    """Return the instructions per hash of a GPU, by the architecture that its name or chip shows."""
    for entry in architectures():
        if any(part.casefold() in name.casefold() for part in entry.match.split("|")):
            return Operations(
                round(entry.instructions),
                round(entry.instructions_low),
                round(entry.instructions_high),
                f"{entry.source_url}; {entry.note}",
                f"{entry.architecture}: {entry.logic}",
            )
    low = min(round(entry.instructions_low) for entry in architectures())
    high = max(round(entry.instructions_high) for entry in architectures())
    return Operations(
        round(math.sqrt(low * high)), low, high, "the range of all architectures", "its architecture is not known"
    )


def _operations(machine: PublishedMachine) -> Operations:
    return assumed_operations(machine.machine_class, f"{machine.maker} {machine.model} {machine.chip}")


def assumed_operations(machine_class: str, name: str) -> Operations:
    """Return the operations per hash of a machine whose code nobody has named, by its class and name."""
    if machine_class == "cpu":
        low, high = count_operations(SCALAR), count_operations(VECTOR)
        return Operations(high, low, high, COUNTED, "two-input vector code assumed; scalar code executes fewer")
    if machine_class == "gpu":
        return gpu_operations(name)
    least = DATAPATH_OPERATIONS
    return Operations(least, least, least, COUNTED, "a datapath laid out for the hash")


def _rolls(machine: PublishedMachine) -> bool:
    """Whether a machine rolls versions: its chip is known to, or it is an ASIC of the years in which all do."""
    if machine.machine_class == "asic" and (machine.shipped or "") >= ROLLING_SINCE:
        return True
    return any(point.chip == machine.chip and point.asicboost == "yes" for point in chip_voltages())


def _supply(machine: PublishedMachine, processor: Processor | None) -> Supply | None:
    if machine.machine_class == "asic":
        return _own_supply(machine) or _range_of(_candidates(machine), machine)
    return processor_supply(processor)


def processor_supply(processor: Processor | None) -> Supply:
    """Return the core voltage of a programmable chip: its published range, else what such chips have under load."""
    if processor is None or processor.voltage_low_v is None or processor.voltage_high_v is None:
        return Supply(*PROGRAMMABLE_V, "no supply published: 1 V assumed, 0.65 to 1.3 V as the range")
    low, high = processor.voltage_low_v, processor.voltage_high_v
    middle = "" if low == high else " (geometric middle of the range)"
    return Supply(math.sqrt(low * high), low, high, f"{processor.source_url}{middle}")


def _own_point(machine: PublishedMachine) -> ChipVoltage | None:
    """Return the machine's own stock operating point; another mode of the model runs at another one."""
    point = next((p for p in chip_voltages() if p.machine == machine.model), None)
    modes = [m for m in machines() if m.model == machine.model]
    if point is None or (modes and stock_mode(modes).mode != machine.mode):
        return None
    return point


def _own_supply(machine: PublishedMachine) -> Supply | None:
    point = _own_point(machine)
    if point is None:
        return None
    error = 1 + VOLTAGE_ERROR
    volts = point.core_voltage_v
    return Supply(volts, volts / error, volts * error, f"own operating point: {point.source_url}")


def _candidates(machine: PublishedMachine) -> list[ChipVoltage]:
    """Operating points of the machine's chip; failing that, of all chips of its node."""
    of_chip = [point for point in chip_voltages() if machine.chip and point.chip == machine.chip]
    return of_chip or [point for point in chip_voltages() if point.process_nm == machine.node_nm is not None]


def _range_of(points: Iterable[ChipVoltage], machine: PublishedMachine) -> Supply | None:
    volts = sorted(point.core_voltage_v for point in points)
    if not volts:
        return None
    low, high = volts[0] / (1 + VOLTAGE_ERROR), volts[-1] * (1 + VOLTAGE_ERROR)
    what = machine.chip if any(p.chip == machine.chip for p in chip_voltages()) else f"{machine.node_nm:g} nm chips"
    return Supply(math.sqrt(low * high), low, high, f"own operating point not known: range of {what} in other machines")


@cache
def reference_subject() -> Subject:
    """Return the best shipping ASIC whose node and own core voltage good sources name: where the model ends."""
    documented = [
        machine
        for machine in machines()
        if machine.node_nm is not None
        and machine.quality != "low"
        and (point := _own_point(machine)) is not None
        and point.quality != "low"
        and point.process_nm == machine.node_nm
    ]
    found = best(documented, "asic")
    if found is None:
        raise UsageError("no shipping ASIC of the data set has a documented chip")
    return published_subject(found)


@cache
def best_subject() -> Subject:
    """Return the best shipping ASIC."""
    return published_subject(best_asic())
