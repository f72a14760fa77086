"""What the explanation is made of: machines as subjects, and the factors between them."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

COUNTED = "counted from the algorithm (hashjoule.efficiency.operations)"
MEASURED_HERE = "measured in this record"
UNKNOWN = "not known: the interval spans what it may be"


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
    source: str
    note: str


@dataclass(frozen=True)
class Supply:
    """Core voltage in volts: the likeliest value and its range."""

    value_v: float
    low_v: float
    high_v: float
    source: str


@dataclass(frozen=True)
class CodeCost:
    """How many times more a code costs than the fastest code on the same machine, at as many operations."""

    ratio: float
    low: float
    high: float
    note: str


@dataclass(frozen=True)
class Subject:
    """A machine to be explained, or to compare with.

    `basis` says how its energy was had: measured, declared, published, upper bound, or reported by the device. Node
    and supply are None where no source names them.
    """

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
    code: CodeCost | None = None
    announced: bool = False


@dataclass(frozen=True)
class Explanation:
    """The gap between a machine and the best shipping ASIC, and the factors that multiply to it exactly.

    The modelled factors lead to `reference`, the best shipping ASIC whose chip is documented; the last factor leads
    from there to `best`.
    """

    subject: Subject
    reference: Subject
    best: Subject
    gap: Fraction
    factors: tuple[Factor, ...]
