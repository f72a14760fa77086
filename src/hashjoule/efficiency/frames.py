"""Frames for a J/TH figure: the thermodynamic floor, adders alone, the voltage that costs least, known percentages."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from hashjoule.data.chips import ChipVoltage
from hashjoule.efficiency.operations import WIDE, count_additions, count_compression, count_operations

BOLTZMANN_J_PER_K = 1.380649e-23
ROOM_K = 300.0
WORD_BITS = 32

ADDER_PJ, ADDER_NODE_NM, ADDER_V = 0.1, 45.0, 0.9
"""Energy of a 32-bit addition. Source: Horowitz, ISSCC 2014, doi 10.1109/ISSCC.2014.6757323."""
INSTRUCTION_PJ = 70.0
"""Energy of an instruction of an in-order core in the same process, the operation itself apart. Source: as above."""

COURTOIS_COMPRESSIONS = 1.8624
"""Compressions per double SHA-256 with every shortcut, of three. Source: Courtois, Grajek, Naik 2014."""
HANKE_SAVING = (0.125, 0.20)
"""What AsicBoost saves: a simple implementation, and the most. Source: Hanke 2016, arXiv 1604.00575."""


def landauer_j_per_th(bits_erased: float | None = None) -> float:
    """Return the least energy of a terahash at 300 K if every bit that is overwritten costs kT ln 2.

    Args:
        bits_erased: Bits overwritten per hash; None for one word per operation of the algorithm.
    """
    bits = count_operations(WIDE) * WORD_BITS if bits_erased is None else bits_erased
    return bits * BOLTZMANN_J_PER_K * ROOM_K * math.log(2) * 1e12


def decades_above_landauer(j_per_th: float) -> float:
    """Return how many powers of ten an energy lies above the thermodynamic floor."""
    return math.log10(j_per_th / landauer_j_per_th())


def adders_j_per_th(process_nm: float, voltage_v: float, node_exponent: float) -> float:
    """Return the energy of a hash's 32-bit additions alone, carried to another node and voltage.

    The 45 nm figure is scaled by the same law as the model of mining chips, (node)^a and V^2.
    """
    scale: float = (process_nm / ADDER_NODE_NM) ** node_exponent * (voltage_v / ADDER_V) ** 2
    return count_additions() * ADDER_PJ * scale


@dataclass(frozen=True)
class CheapestVoltage:
    """The operating point of a chip at which a hash costs least over the chip's life."""

    voltage_v: float
    j_per_th: float
    usd_per_th_s: float
    """Chip and electricity over the life, per TH/s of hash rate."""


def cheapest_voltage(
    curve: Iterable[ChipVoltage], usd_per_kwh: float, years: float, usd_per_chip: float
) -> CheapestVoltage:
    """Return the cheapest of a chip's published operating points.

    Slow points save energy but spread the price of the chip over fewer hashes (Magaki et al., ISCA 2016).
    """
    hours = years * 365.25 * 24
    points = [
        CheapestVoltage(
            point.core_voltage_v,
            point.j_per_th,
            usd_per_chip / (point.hashrate_ghs / 1e3) + point.j_per_th / 1e3 * hours * usd_per_kwh,
        )
        for point in curve
        if point.hashrate_ghs is not None
    ]
    return min(points, key=lambda point: point.usd_per_th_s)


def shortcuts_left() -> float:
    """Return the part of three whole compressions that our count leaves; the literature's is 1.8624 / 3 = 0.62."""
    return count_operations(WIDE) / (3 * count_compression(WIDE))


def asicboost_saving() -> float:
    """Return the part of the operations that version rolling saves in our count."""
    return 1 - count_operations(WIDE, rolled=True) / count_operations(WIDE)
