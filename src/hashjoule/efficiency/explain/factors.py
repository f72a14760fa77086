"""The factors of the chain, one function each. Every interval is a 95% interval or the range of the literature."""

from __future__ import annotations

from fractions import Fraction

from hashjoule.efficiency.explain.types import COUNTED, MEASURED_HERE, UNKNOWN, Factor, Subject
from hashjoule.efficiency.model import EnergyModel
from hashjoule.efficiency.operations import WIDE, count_operations

DATAPATH_OPERATIONS = count_operations(WIDE)
"""Operations of a datapath laid out for the hash, with three-input logic and adders."""
DATAPATH_ROLLED = count_operations(WIDE, rolled=True)

UNKNOWN_NODES_NM = (3.0, 130.0)
UNKNOWN_VOLTAGES_V = (0.25, 1.2)
"""What a mining chip without documents may be: the range of those that have some."""


def code_cost(subject: Subject) -> Factor:
    """Wider vectors or SHA instructions, as measured between two kinds of code on one machine."""
    name = "wider instructions"
    if subject.code is None:
        return Factor(name, Fraction(1), 1.0, 1.0, "-", "a published machine: no other code of it was measured")
    code = subject.code
    return Factor(name, Fraction(code.ratio), code.low, code.high, MEASURED_HERE, code.note)


def operations_per_hash(subject: Subject) -> Factor:
    """Operations executed against those of a datapath laid out for the hash."""
    done = subject.operations
    return Factor(
        "operations per hash",
        Fraction(done.count, DATAPATH_OPERATIONS),
        done.low / DATAPATH_OPERATIONS,
        done.high / DATAPATH_OPERATIONS,
        done.source,
        f"{done.count:,} against {DATAPATH_OPERATIONS:,} of a fixed datapath: {done.note}",
    )


_OVERHEADS = {
    "cpu": (
        50,
        10.0,
        4000.0,
        "Hameed et al., ISCA 2010: SIMD code on a CPU still 50x above an ASIC; Dally et al., CACM 2020: 10x to 4,000x "
        "an add for fetching and interpreting an instruction",
        "fetch, decode, registers, control",
    ),
    "gpu": (
        22,
        10.0,
        50.0,
        "between Dally et al., CACM 2020 (10x, the low end) and Hameed et al., ISCA 2010 (50x, SIMD on a CPU)",
        "an instruction serves a group of lanes",
    ),
    "fpga": (
        14,
        12.0,
        14.0,
        "Kuon & Rose, TCAD 2007 (14x dynamic power) and FPGA 2006 (12x), 90 nm FPGA against standard cells",
        "look-up tables and programmable wires",
    ),
    "asic": (1, 1.0, 1.0, "fixed logic", "nothing is fetched or decoded"),
}


def instruction_overhead(subject: Subject) -> Factor:
    """Return what it costs that the machine can be programmed, by the literature."""
    ratio, low, high, source, note = _OVERHEADS[subject.machine_class]
    return Factor("instruction overhead", Fraction(ratio), low, high, source, note)


def process_node(subject: Subject, reference: Subject, model: EnergyModel) -> Factor:
    """Capacitance of the two nodes by the calibrated power law."""
    name = "process node"
    source = "exponent calibrated on published chips (results/calibration.md); interval: its 95% interval"
    if subject == reference:
        return _itself(name)
    assert reference.process_nm is not None
    a, (low, high) = model.node_exponent, model.node_exponent_interval
    if subject.process_nm is None:
        least, most = ((nm / reference.process_nm) ** a for nm in UNKNOWN_NODES_NM)
        return Factor(name, Fraction(1), least, most, UNKNOWN, f"no source names the node of {subject.name}")
    shrink = subject.process_nm / reference.process_nm
    ends = sorted((shrink**low, shrink**high))
    note = f"({subject.process_nm:g} nm / {reference.process_nm:g} nm)^{a:.2f}"
    if subject.node_source:
        note += f"; {subject.node_source}"
    return Factor(name, Fraction(shrink**a), ends[0], ends[1], source, note)


def supply_voltage(subject: Subject, reference: Subject) -> Factor:
    """Return the square of the two core voltages: switched capacitance, CV^2."""
    name = "supply voltage"
    if subject == reference:
        return _itself(name)
    assert reference.supply is not None
    its = reference.supply.value_v
    if subject.supply is None:
        least, most = ((volts / its) ** 2 for volts in UNKNOWN_VOLTAGES_V)
        return Factor(name, Fraction(1), least, most, UNKNOWN, f"no source names the core voltage of {subject.name}")
    own = subject.supply
    if own == reference.supply:
        return Factor(name, Fraction(1), 1.0, 1.0, own.source, "the operating point of the reference")
    return Factor(
        name,
        Fraction((own.value_v / its) ** 2),
        (own.low_v / reference.supply.high_v) ** 2,
        (own.high_v / reference.supply.low_v) ** 2,
        f"{own.source}; reference: {reference.supply.source}",
        f"({own.value_v:.2f} V / {its:.2f} V) squared",
    )


def _itself(name: str) -> Factor:
    return Factor(name, Fraction(1), 1.0, 1.0, "-", "the reference itself")


def asicboost(subject: Subject) -> Factor:
    """Version rolling shares the schedule of the header's second chunk (BIP 320); every modern ASIC does it."""
    name = "AsicBoost"
    source = f"{COUNTED}; Hanke 2016: 12.5% simple, up to 20%; Antminer S9: 13% measured (Braiins)"
    if subject.asicboost:
        return Factor(name, Fraction(1), 1.0, 1.0, source, "this machine rolls versions already")
    return Factor(
        name,
        Fraction(DATAPATH_OPERATIONS, DATAPATH_ROLLED),
        1 / (1 - 0.125),
        1 / (1 - 0.20),
        source,
        f"{DATAPATH_OPERATIONS:,} operations against {DATAPATH_ROLLED:,}",
    )
