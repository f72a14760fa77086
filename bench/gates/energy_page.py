"""The part of results/gates.md that turns counts into joules and sets them beside what is published."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from bench.gates import comparison
from bench.gates.comparison import BAR, ChipComparison, MachineComparison
from bench.gates.table import between, table
from hashjoule.efficiency.frames import landauer_j_per_th
from hashjoule.report.numbers import number

OUTLIERS = {
    "BM1387": "its figure is a whole miner's, with fans and supply; and the table of CMOS nodes falls by 2.5 times "
    "from 28 to 16 nm, further than these chips did: those of 16 and 14 nm lie highest of all",
    "Clarke": "the source is of low quality and its voltage is derived, not stated; and the table "
    "falls as far to 14 nm",
}
"""Why a chip's published energy is further than `BAR` from the counted one."""


def energy_sections() -> Iterable[str]:
    """Yield the sections."""
    chips = comparison.chips()
    yield "## Energy of the gates against published chips"
    yield (
        "Events per hash, times the energy of an event at the chip's node, times (V / nominal V)², with four midstates "
        "where the chip rolls versions. The interval contains the counts' own, a factor of 1.7 for the table of CMOS "
        "nodes and 5% for the voltage. The calibrated model is fitted to these chips; the counted one "
        "is not fitted at all."
    )
    yield table(
        ("chip", "nm", "V", "boundary", "published J/TH", "counted J/TH", "interval", "published / counted",
         "calibrated J/TH"),
        [_chip_row(chip) for chip in chips],
    )  # fmt: skip
    within = sum(1 / BAR <= chip.ratio <= BAR for chip in chips)
    yield f"{within} of {len(chips)} chips lie within a factor of {BAR:g}. The others:"
    yield "\n".join(_outlier(chip) for chip in chips if not 1 / BAR <= chip.ratio <= BAR)
    yield "Medians by node, in powers of ten:"
    yield table(("node", "chips", "published / counted", "calibrated / counted"), _by_node(chips))
    yield from _programmable(comparison.programmable_machines())


def _chip_row(chip: ChipComparison) -> tuple[str, ...]:
    low, high = chip.voltages_v
    return (
        chip.name,
        f"{chip.process_nm:g}",
        f"{low:.2f}" if low == high else f"{low:.2f} to {high:.2f}",
        chip.boundary,
        number(chip.published),
        number(chip.counted.value),
        between(chip.counted.low, chip.counted.high),
        number(chip.ratio),
        number(chip.calibrated),
    )


def _outlier(chip: ChipComparison) -> str:
    reason = OUTLIERS.get(chip.chip, "not explained")
    return f"- {chip.name}, {number(chip.ratio)} times: {reason}."


def _by_node(chips: Sequence[ChipComparison]) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    for name, own in [*_nodes(chips), ("all", chips)]:
        published = comparison.decades((chip.published, chip.counted.value) for chip in own)
        calibrated = comparison.decades((chip.calibrated, chip.counted.value) for chip in own)
        rows.append((name, str(len(own)), f"{published:+.2f}", f"{calibrated:+.2f}"))
    return rows


def _nodes(chips: Sequence[ChipComparison]) -> Iterable[tuple[str, Sequence[ChipComparison]]]:
    for node in sorted({chip.process_nm for chip in chips}, reverse=True):
        yield f"{node:g} nm", [chip for chip in chips if chip.process_nm == node]


def _programmable(found: Sequence[MachineComparison]) -> Iterable[str]:
    yield "## Energy of the gates, and of carrying the instructions"
    yield (
        "A programmable machine also fetches, interprets and feeds instructions. Their energy is the literature's "
        "(`src/hashjoule/data/instruction_energy.csv`), scaled to node and voltage; an FPGA has programmable wires "
        f"instead (Kuon and Rose). Landauer's floor of a hash is {number(landauer_j_per_th())} J/TH."
    )
    yield table(
        ("class", "machines", "gates J/TH", "carrying J/TH", "published J/TH", "published / predicted, median"),
        [_class_row(name, [row for row in found if row.machine.machine_class == name]) for name in _CLASSES],
    )
    yield (
        "Published powers of most GPUs and of the CPU are limits or thermal design powers, so their energies are upper "
        "bounds. A desktop CPU reorders instructions and keeps caches awake: it spends far more on each than the "
        "in-order core that the literature took apart. The GPUs that lie highest are cards of before "
        "2012 whose rate is a formula estimate. The FPGAs are whole boards as their makers rate them."
    )


_CLASSES = ("cpu", "gpu", "fpga")


def _class_row(name: str, own: Sequence[MachineComparison]) -> tuple[str, ...]:
    def span(values: Iterable[float]) -> str:
        low, *_, high = sorted([*values] * 2)
        return number(low) if low == high else between(low, high)

    ratio = 10 ** comparison.decades((row.published, row.predicted.total.value) for row in own)
    return (
        name.upper(),
        str(len(own)),
        span(row.predicted.work.value for row in own),
        span(row.predicted.carrying.value for row in own if row.predicted.carrying),
        span(row.published for row in own),
        number(ratio),
    )
