"""Why a machine needs so much more energy for a hash than the best ASIC: a chain of factors.

The factors multiply to the gap exactly: they are fractions, and the last one, the rest, is what the others leave.
Each has an interval and a source. What is only assumed says so; where the literature disagrees, the interval is the
literature's range.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cache

from hashjoule.efficiency import calibration, sources
from hashjoule.efficiency.dataset import Machine as PublishedMachine
from hashjoule.efficiency.lookup import best_asic
from hashjoule.efficiency.operations import AVX512, SCALAR, VECTOR, WIDE, Machine, count_operations
from hashjoule.efficiency.table import class_of
from hashjoule.errors import UsageError
from hashjoule.records.schema import Energy, Record, Result

MINIMUM_OPERATIONS = count_operations(WIDE)
MINIMUM_ROLLED = count_operations(WIDE, rolled=True)
COMPILED_MINIMA = (2066, 2440)
"""The least that compiled kernels execute: GPU machine code with 64 midstates, and plain."""

COUNTED = "counted from the algorithm (hashjoule.efficiency.operations)"
MEASURED_HERE = "measured in this record"
UNKNOWN = "not known: part of the rest"

_BACKEND_MACHINES = {
    "reference": SCALAR, "c:portable": SCALAR, "c:sse2": VECTOR, "c:avx2": VECTOR, "c:avx512": AVX512,
    "c:neon": VECTOR, "c:shani": WIDE, "c:shani_avx512": WIDE, "c:armv8": WIDE,
}  # fmt: skip


@dataclass(frozen=True)
class Factor:
    """One step of the chain: energy per hash before it over energy per hash after it."""

    name: str
    ratio: Fraction
    low: float
    high: float
    source: str
    note: str = ""


@dataclass(frozen=True)
class Operations:
    """32-bit operations executed per hash, and the range in which they lie."""

    count: int
    low: int
    high: int
    note: str


@dataclass(frozen=True)
class Supply:
    """Core voltage in volts: the likeliest and the range."""

    value_v: float
    low_v: float
    high_v: float
    source: str


@dataclass(frozen=True)
class Width:
    """How many times more the code costs than the fastest on the same machine, at as many operations."""

    ratio: float
    low: float
    high: float
    note: str


NO_PEER = Width(1.0, 1.0, 1.0, "no other code was measured on this machine")


@dataclass(frozen=True)
class Subject:
    """The machine to be explained. ``basis`` says how its energy was had: measured, declared, published, bound."""

    name: str
    machine_class: str
    j_per_th: float
    basis: str
    source: str
    operations: Operations
    process_nm: float | None = None
    node_source: str = ""
    supply: Supply | None = None
    asicboost: bool = False
    width: Width | None = None


@dataclass(frozen=True)
class Explanation:
    """The gap between a machine and the best ASIC, and the factors that multiply to it."""

    subject: Subject
    best: Subject
    gap: Fraction
    factors: tuple[Factor, ...]


def explain(subject: Subject, best: Subject) -> Explanation:
    """The chain of factors from a machine to the best one, in order, the rest last."""
    nodes = calibration.NodeTable(sources.cmos_nodes())
    gap = Fraction(subject.j_per_th) / Fraction(best.j_per_th)
    factors = [
        _width(subject),
        _operations(subject),
        _programmability(subject),
        _node(subject, best, nodes),
        _voltage(subject, best, nodes),
        _asicboost(subject),
    ]
    return Explanation(subject, best, gap, (*factors, _rest(gap, factors)))


def _width(subject: Subject) -> Factor:
    """Wider vectors or SHA instructions, as measured between two kinds of code on one machine."""
    name = "wider instructions"
    if subject.width is None:
        return Factor(
            name, Fraction(1), 1.0, 1.0, "-", "a published machine: its code was not compared with other code"
        )
    width = subject.width
    return Factor(name, Fraction(width.ratio), width.low, width.high, MEASURED_HERE, width.note)


def _operations(subject: Subject) -> Factor:
    """Operations executed against the least that a double SHA-256 of a header needs."""
    done = subject.operations
    return Factor(
        "operations per hash",
        Fraction(done.count, MINIMUM_OPERATIONS),
        done.low / max(MINIMUM_OPERATIONS, COMPILED_MINIMA[1]),
        done.high / min(MINIMUM_OPERATIONS, COMPILED_MINIMA[1]),
        COUNTED,
        f"{done.count:,} against {MINIMUM_OPERATIONS:,}: {done.note}",
    )


_PROGRAMMABILITY = {
    "cpu": (
        50, 10.0, 4000.0,
        "Hameed et al., ISCA 2010: SIMD code on a CPU still 50x above an ASIC; Dally et al., CACM 2020: 10x to 4,000x "
        "an add for fetching and interpreting an instruction",
        "fetch, decode, registers, control",
    ),
    "gpu": (
        22, 10.0, 50.0,
        "between Dally et al., CACM 2020 (10x, the low end) and Hameed et al., ISCA 2010 (50x, SIMD on a CPU)",
        "an instruction serves a group of lanes",
    ),
    "fpga": (
        14, 12.0, 14.0,
        "Kuon & Rose, TCAD 2007 (14x dynamic power) and FPGA 2006 (12x), 90 nm FPGA against standard cells",
        "look-up tables and programmable wires",
    ),
    "asic": (1, 1.0, 1.0, "fixed logic", "nothing is fetched or decoded"),
}  # fmt: skip


def _programmability(subject: Subject) -> Factor:
    """What it costs that the machine can be programmed, by the literature."""
    ratio, low, high, source, note = _PROGRAMMABILITY[subject.machine_class]
    return Factor("instruction overhead", Fraction(ratio), low, high, source, note)


def _node(subject: Subject, best: Subject, nodes: calibration.NodeTable) -> Factor:
    """Switching energy of the two CMOS nodes at their nominal voltages."""
    if subject.process_nm is None or best.process_nm is None:
        return Factor("process node", Fraction(1), 1.0, 1.0, UNKNOWN, f"node of {subject.name} without a source")
    ratio = nodes.switching_energy_fj(subject.process_nm) / nodes.switching_energy_fj(best.process_nm)
    table = sources.cmos_nodes()[0]
    spread = 1.0 if subject.process_nm == best.process_nm else 10 ** _model_error()
    note = f"{subject.process_nm:g} nm against {best.process_nm:g} nm"
    if best.process_nm < nodes.smallest_nm:
        note += f"; below {nodes.smallest_nm:g} nm the table is extrapolated"
    return Factor(
        "process node", Fraction(ratio), ratio / spread, ratio * spread,
        f"Stillmaker & Baas 2017, IRDS 2017 ({table.source_url}); interval: median error of our calibration",
        f"{note}; {subject.node_source}".rstrip("; "),
    )  # fmt: skip


@cache
def _model_error() -> float:
    """Median error of the calibrated model in decades: how far node and voltage scaling can be trusted."""
    nodes = calibration.NodeTable(sources.cmos_nodes())
    points = calibration.points_with_voltage(sources.chip_voltages())
    fit = calibration.fit_overhead(calibration.physics(nodes))
    return calibration.median_error_decades(calibration.leave_one_chip_out(points, fit))


def _voltage(subject: Subject, best: Subject, nodes: calibration.NodeTable) -> Factor:
    """(V / Vnominal)^2 of the two machines; CV^2 is confirmed by the makers' voltage curves."""
    if subject.process_nm is None or subject.supply is None or best.process_nm is None or best.supply is None:
        return Factor("supply voltage", Fraction(1), 1.0, 1.0, UNKNOWN, f"node of {subject.name} without a source")
    own, its = nodes.nominal_voltage_v(subject.process_nm), nodes.nominal_voltage_v(best.process_nm)

    def ratio(own_v: float, its_v: float) -> float:
        return ((own_v / own) / (its_v / its)) ** 2

    return Factor(
        "supply voltage",
        Fraction(ratio(subject.supply.value_v, best.supply.value_v)),
        ratio(subject.supply.low_v, best.supply.high_v),
        ratio(subject.supply.high_v, best.supply.low_v),
        f"{subject.supply.source}; best: {best.supply.source}",
        f"{subject.supply.value_v:.2f} V at a nominal {own:.2f} V against {best.supply.value_v:.2f} V at {its:.2f} V, "
        "squared",
    )


def _asicboost(subject: Subject) -> Factor:
    """Version rolling shares the schedule of the header's second chunk (BIP 320); every modern ASIC does it."""
    source = f"{COUNTED}; Hanke 2016: 12.5 % simple, up to 20 %; Antminer S9: 13 % measured (Braiins)"
    if subject.asicboost:
        return Factor("AsicBoost", Fraction(1), 1.0, 1.0, source, "this machine rolls versions already")
    return Factor(
        "AsicBoost", Fraction(MINIMUM_OPERATIONS, MINIMUM_ROLLED), 1 / (1 - 0.125), 1 / (1 - 0.20), source,
        f"{MINIMUM_OPERATIONS:,} operations against {MINIMUM_ROLLED:,}",
    )  # fmt: skip


def _rest(gap: Fraction, factors: Sequence[Factor]) -> Factor:
    """What is left: the factors' own errors, and all that is not in the chain."""
    ratio = gap / math.prod((factor.ratio for factor in factors), start=Fraction(1))
    down = math.hypot(*(math.log(factor.high / float(factor.ratio)) for factor in factors))
    up = math.hypot(*(math.log(float(factor.ratio) / factor.low) for factor in factors))
    return Factor(
        "rest", ratio, float(ratio) * math.exp(-down), float(ratio) * math.exp(up),
        "what the other factors leave; interval: their intervals in quadrature",
        "leakage, idle parts, memory, power conversion, layout, and the errors of the factors above",
    )  # fmt: skip


def published_subject(row: PublishedMachine, watts: float | None = None) -> Subject:
    """A machine of the published table; ``watts`` declares a power in place of the published one.

    Raises:
        UsageError: when it has no power, and so no J/TH.
    """
    power_w = watts if watts is not None else row.power_w
    name = row.name
    if power_w is None:
        raise UsageError(f"no power is published for {name}, so it has no J/TH to explain: declare one with --watts W")
    basis = "declared" if watts is not None else "upper bound" if row.is_bound else "published"
    process_nm, node_source = row.node_nm, "node as published with the machine"
    supply = _chip_supply(row.chip, row.node_nm)
    known = _processor(f"{row.maker} {name}")
    if row.machine_class != "asic" and known is not None:
        process_nm, node_source = known.process_nm, f"node: {known.source_url}"
        supply = _processor_supply(known)
    elif supply is None and process_nm is not None:
        supply = _assumed_supply(process_nm)
    return Subject(
        name=name,
        machine_class=row.machine_class,
        j_per_th=power_w / row.hashrate_hs * 1e12,
        basis=basis,
        source=f"{row.source_url} ({row.source_date})",
        operations=_published_operations(row),
        process_nm=process_nm,
        node_source=node_source,
        supply=supply,
        asicboost=_rolls(row),
    )


def _published_operations(row: PublishedMachine) -> Operations:
    """Operations of a published machine by its class; nobody published a count."""
    if row.machine_class == "cpu":
        low, high = count_operations(SCALAR), count_operations(VECTOR)
        return Operations(high, low, high, "two-input vector code assumed; scalar code executes fewer")
    if row.machine_class == "gpu":
        low, high = count_operations(WIDE), 3000
        return Operations(
            count_operations(AVX512), low, high, "three-input logic assumed; best to classic kernels in machine code"
        )
    least = MINIMUM_OPERATIONS
    return Operations(least, least, least, "a datapath laid out for the minimum")


def _rolls(row: PublishedMachine) -> bool:
    """Whether a machine rolls versions: its chip is known to, or it is an ASIC of the years in which all do."""
    if row.machine_class == "asic" and (row.shipped or "") >= "2020":
        return True
    return any(point.chip == row.chip and point.asicboost == "yes" for point in sources.chip_voltages())


def _processor(name: str) -> sources.Processor | None:
    """The table's entry whose pattern the name contains."""
    return next((p for p in sources.processors() if p.match.casefold() in name.casefold()), None)


def _processor_supply(known: sources.Processor) -> Supply:
    if known.voltage_low_v is None or known.voltage_high_v is None:
        return _assumed_supply(known.process_nm)
    middle = math.sqrt(known.voltage_low_v * known.voltage_high_v)
    source = f"{known.source_url} (geometric middle of the range)"
    return Supply(middle, known.voltage_low_v, known.voltage_high_v, source)


def _assumed_supply(process_nm: float) -> Supply:
    """Programmable chips and early ASICs run near the old one volt, whatever the node's nominal voltage."""
    nominal = calibration.NodeTable(sources.cmos_nodes()).nominal_voltage_v(process_nm)
    middle = max(nominal, 1.0)
    return Supply(middle, nominal, max(1.2, nominal), "no supply published: 1 V assumed, nominal to 1.2 V as the range")


def _chip_supply(chip: str, process_nm: float | None) -> Supply | None:
    """Core voltage of a mining chip, over its known operating points."""
    points = [p for p in sources.chip_voltages() if p.chip == chip and p.process_nm == process_nm]
    if not points:
        return None
    volts = [point.core_voltage_v for point in points]
    middle = math.exp(sum(math.log(value) for value in volts) / len(volts))
    return Supply(middle, min(volts), max(volts), points[0].source_url)


def best_subject() -> Subject:
    """The best published ASIC. Where its chip is not published, the newest chip with a known voltage stands in."""
    row, j_per_th = best_asic()
    subject = published_subject(row)
    if subject.process_nm is not None and _chip_supply(row.chip, row.node_nm) is not None:
        return replace(subject, asicboost=True)
    near = min(
        (point for point in sources.chip_voltages() if point.process_nm is not None),
        key=lambda point: abs(math.log(point.j_per_th / j_per_th)),
    )
    # The range reaches up to the voltage of the chip generation before.
    supply = Supply(
        near.core_voltage_v, near.core_voltage_v, 0.30, f"{near.chip} ({near.j_per_th:g} J/TH): {near.source_url}"
    )
    note = f"node of {near.chip}; that of the best machine is not published"
    return replace(subject, process_nm=near.process_nm, node_source=note, supply=supply, asicboost=True)


def record_subject(record: Record, backend: str | None = None, watts: float | None = None) -> Subject:
    """A result of a measured record: the named backend's, else the one with the fewest joules, else the fastest.

    Raises:
        UsageError: when the backend is not in the record, or there is no energy and none is declared.
    """
    result = _choose(record, backend)
    j_per_th, basis = _energy(result, watts)
    is_gpu = _is_gpu(record, result)
    name = f"{result.backend} {result.mode} on {result.device if is_gpu else record.machine.cpu}"
    known = _processor(result.device if is_gpu else record.machine.cpu)
    return Subject(
        name=name,
        machine_class="gpu" if is_gpu else "cpu",
        j_per_th=j_per_th,
        basis=basis,
        source=f"record of {record.created[:10]}",
        operations=_executed(record, result),
        process_nm=None if known is None else known.process_nm,
        node_source="" if known is None else f"node: {known.source_url}",
        supply=None if known is None else _processor_supply(known),
        asicboost=result.mode == "rolled",
        width=NO_PEER if is_gpu else _staircase(record, result),
    )


def _choose(record: Record, backend: str | None) -> Result:
    """The result to explain."""
    results = [result for result in record.results if backend in (None, result.backend)]
    if not results:
        held = ", ".join(sorted({result.backend for result in record.results})) or "nothing"
        raise UsageError(f"the record holds no result of backend {backend}; it holds {held}")
    metered = [result for result in results if result.j_per_th is not None]
    if metered:
        return min(metered, key=lambda result: result.j_per_th.value if result.j_per_th else math.inf)
    return max(results, key=lambda result: result.hashrate_hs.median)


def _energy(result: Result, watts: float | None) -> tuple[float, str]:
    """J/TH and how it was had; never without a meter or a declared power."""
    if watts is not None:
        return watts / result.hashrate_hs.median * 1e12, "declared"
    if result.j_per_th is None or result.energy is None:
        raise UsageError(
            "the record holds no energy, so there is no J/TH to explain: declare the power with --watts W, or explain "
            "a published machine with --machine NAME"
        )
    names = {"declared": "declared", "bound": "upper bound"}
    return result.j_per_th.value, names.get(result.energy.method, "measured")


def _is_gpu(record: Record, result: Result) -> bool:
    return class_of(record, result) == "gpu"


def _kind(record: Record, result: Result) -> Machine:
    """Which operations the code of a result has."""
    if result.backend in _BACKEND_MACHINES:
        return _BACKEND_MACHINES[result.backend]
    if _is_gpu(record, result):
        return WIDE
    return AVX512 if any(feature.startswith("avx512") for feature in record.machine.features) else VECTOR


def _executed(record: Record, result: Result) -> Operations:
    """Operations of a measured result. Plain counts: what rolling saves is the AsicBoost factor."""
    kind = _kind(record, result)
    count = count_operations(kind)
    if result.backend == "reference":
        count = round(count * 3 / 1.8624)  # hashlib computes three whole compressions (Courtois et al. 2014: 1.8624)
        return Operations(count, count, count, "three whole compressions")
    in_hardware = kind is WIDE and not _is_gpu(record, result)
    return Operations(count, count, count, "SHA instructions, rounds in hardware" if in_hardware else kind.name)


def _staircase(record: Record, result: Result) -> Width:
    """How much more the code costs than the fastest on this CPU in the same mode and with as many threads."""
    peers = [r for r in _cpu_results(record) if r.mode == result.mode and r.threads == result.threads]
    if len(peers) < 2:
        return NO_PEER
    fastest = max(peers, key=lambda peer: peer.hashrate_hs.median)
    if fastest is result:
        return Width(1.0, 1.0, 1.0, "the fastest code on this machine")
    own, its = result.hashrate_hs, fastest.hashrate_hs
    power, how = 1.0, "the rate, at the same power"
    if result.energy and fastest.energy and {result.energy.method, fastest.energy.method} <= {"counter", "sampled"}:
        power, how = _power_w(result.energy) / _power_w(fastest.energy), "less energy, metered"
    fewer = _executed(record, result).count / _executed(record, fastest).count
    measured = its.median / own.median * power
    return Width(
        ratio=measured / fewer,
        low=its.ci95_low / own.ci95_high * power / fewer,
        high=its.ci95_high / own.ci95_low * power / fewer,
        note=f"{fastest.backend}: {measured:.2f}x {how}; {fewer:.2f}x of it by fewer operations",
    )


def _power_w(energy: Energy) -> float:
    return energy.joules / energy.seconds


def _cpu_results(record: Record) -> Iterable[Result]:
    return (result for result in record.results if not _is_gpu(record, result))


def document(explanation: Explanation) -> dict[str, object]:
    """The explanation as plain values, for JSON."""
    return {
        "machine": _side(explanation.subject),
        "best": _side(explanation.best),
        "gap": float(explanation.gap),
        "factors": [
            {
                "name": factor.name,
                "ratio": float(factor.ratio),
                "low": factor.low,
                "high": factor.high,
                "source": factor.source,
                "note": factor.note,
            }
            for factor in explanation.factors
        ],
    }


def _side(subject: Subject) -> dict[str, object]:
    return {
        "name": subject.name,
        "class": subject.machine_class,
        "j_per_th": subject.j_per_th,
        "basis": subject.basis,
        "source": subject.source,
        "process_nm": subject.process_nm,
    }
