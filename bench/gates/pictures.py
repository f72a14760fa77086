"""The five pictures of docs/why.md, drawn from the counts and from the published data."""

from __future__ import annotations

import math
from pathlib import Path

from bench.gates import comparison
from bench.gates.comparison import ChipComparison, MachineComparison
from bench.gates.counts import REGISTERS, Count
from bench.gates.drawing import Drawing, LogAxis
from bench.gates.results import ROOT, Results
from bench.gates.sampling import STUDIED
from bench.gates.table import share
from hashjoule.efficiency.frames import ADDER_PJ, INSTRUCTION_PJ, landauer_j_per_th
from hashjoule.efficiency.operations import VECTOR, count_operations
from hashjoule.report.numbers import number

WIDTH = 660
FOLDER = ROOT / "docs" / "why"

NAMES = {"cpu": "CPU", "gpu": "GPU", "fpga": "FPGA", "asic": "Mining chip"}
ENERGIES = LogAxis(1e-4, 9e9, 150, WIDTH - 16)
"""From Landauer's floor to a CPU, in J/TH."""


def pictures(results: Results) -> dict[Path, str]:
    """Return the pictures by the files that they belong in."""
    return {
        FOLDER / "1-machines.svg": machines_picture(),
        FOLDER / "2-instruction.svg": instruction_picture(),
        FOLDER / "3-carrying.svg": carrying_picture(),
        ROOT / "results" / "gates.svg": gates_picture(results.of(STUDIED[0])),
        FOLDER / "5-chips.svg": chips_picture(),
    }


def best_machines() -> list[MachineComparison]:
    """Return the best machine of each programmable class whose node is known."""
    found = comparison.programmable_machines()
    return [next(row for row in found if row.machine.machine_class == name) for name in ("cpu", "gpu", "fpga")]


def best_chip() -> ChipComparison:
    """Return the best mining chip of a source that is not of low quality alone."""
    return min((chip for chip in comparison.chips() if chip.quality != "low"), key=lambda chip: chip.published)


def _rows() -> list[tuple[str, str, float]]:
    """Return name, machine and published J/TH of one machine of each class."""
    chip = best_chip()
    rows = [(NAMES[row.machine.machine_class], row.machine.model, row.published) for row in best_machines()]
    return [*rows, (NAMES["asic"], chip.name, chip.published)]


def _bounds() -> str:
    """Say which of the machines publish a power that they only stay below."""
    bounds = [NAMES[row.machine.machine_class] for row in best_machines() if row.is_bound]
    return f"{' and '.join(bounds)}: upper bounds." if bounds else ""


def machines_picture() -> str:
    """Draw the published energy of the same hash on four kinds of machines, above Landauer's floor."""
    drawing = Drawing(WIDTH, 330, "Energy of a hash on a CPU, a GPU, an FPGA and a mining chip, in J/TH")
    drawing.text(24, 36, "The same hash costs a million times more on a CPU", "title")
    drawing.text(24, 58, "J/TH, published, the best machine of each kind whose process is known", "muted small")
    drawing.scale(ENERGIES, 76, 278, step=3)
    for place, (name, machine, j_per_th) in enumerate(_rows()):
        y = 94 + 46 * place
        drawing.text(24, y + 8, name, "strong ink")
        start, end = ENERGIES.at(ENERGIES.low), ENERGIES.at(j_per_th)
        drawing.rect(start, y - 6, end - start, 20, "a", 2)
        label = f"{number(j_per_th)} · {machine}"
        inside = end - start > 250
        drawing.text(end - 8 if inside else end + 8, y + 9, label, "page small" if inside else "ink small",
                     "end" if inside else "start")  # fmt: skip
    floor = ENERGIES.at(landauer_j_per_th())
    drawing.line(floor, 76, floor, 278, "b-line", 2)
    drawing.text(
        24, 318, f"Orange line: Landauer's floor, {number(landauer_j_per_th())} J/TH. {_bounds()}", "muted small"
    )
    return drawing.svg()


def instruction_picture() -> str:
    """Draw the energy of an instruction beside that of the addition that it asks for, as areas."""
    drawing = Drawing(WIDTH, 330, "An instruction of a simple CPU costs 700 times the addition that it carries")
    side = 230.0
    small = side * math.sqrt(ADDER_PJ / INSTRUCTION_PJ)
    drawing.text(24, 36, "A CPU pays for the instruction, not for the sum", "title")
    drawing.text(24, 58, "Areas are energies, of one 32-bit addition in a 45 nm process", "muted small")
    drawing.rect(24, 78, side, side, "b", 3)
    drawing.rect(24 + side + 28, 78 + side - small, small, small, "a")
    x = 24 + side + 60
    drawing.text(x, 110, f"{INSTRUCTION_PJ:g} pJ: the instruction", "strong ink")
    drawing.lines(x, 132, ("fetched from a cache and decoded,", "its operands read, its result stored"))
    operations = count_operations(VECTOR)
    drawing.lines(
        x,
        194,
        (f"A hash takes {operations:,} such operations where", "logic has two inputs and a rotation takes three."),
    )
    drawing.text(x, 276, f"{ADDER_PJ:g} pJ: the addition itself", "strong ink")
    drawing.lines(x, 298, (f"{INSTRUCTION_PJ / ADDER_PJ:.0f} times less",))
    return drawing.svg()


def carrying_picture() -> str:
    """Draw what the gates need, what carrying adds, and what is published, for each kind of machine."""
    drawing = Drawing(WIDTH, 370, "Energy of the gates of a hash, with its instructions, and as published, in J/TH")
    drawing.text(24, 36, "Where the joules go: the work, and what carries it", "title")
    drawing.text(24, 58, "J/TH of the same machines; each at its own process and voltage", "muted small")
    drawing.legend(24, 84, (("c", "gates alone"), ("b", "with what carries them"), ("a", "published")))
    drawing.scale(ENERGIES, 102, 322, step=3)
    chip = best_chip()
    rows = [(NAMES[row.machine.machine_class], row.predicted.work.value, row.predicted.total.value, row.published)
            for row in best_machines()]  # fmt: skip
    rows.append((NAMES["asic"], chip.counted.value, chip.counted.value, chip.published))
    for place, (name, gates, carried, published) in enumerate(rows):
        y = 124 + 50 * place
        drawing.text(24, y + 6, name, "strong ink")
        drawing.line(ENERGIES.at(gates), y, ENERGIES.at(published), y, "rule", 2)
        for kind, value in (("a", published), ("b", carried), ("c", gates)):
            if kind != "b" or carried > gates:
                drawing.circle(ENERGIES.at(value), y, 8, kind)
        drawing.text(ENERGIES.at(gates) + 8, y + 25, number(gates), "muted small", "end")
        if carried > gates:
            drawing.text(ENERGIES.at(carried) - 8, y + 25, number(carried), "muted small")
        drawing.text(ENERGIES.at(published) + 14, y + 5, number(published), "ink small")
    floor = ENERGIES.at(landauer_j_per_th())
    drawing.line(floor, 102, floor, 322, "b-line", 2)
    drawing.text(24, 360, f"Orange line: Landauer's floor. {_bounds()}", "muted small")
    return drawing.svg()


def gates_picture(count: Count) -> str:
    """Draw the switching events of a hash by function: useful, glitches, registers and clock."""
    drawing = Drawing(WIDTH, 370, "Switching events of a hash by function")
    drawing.text(24, 36, "In gates, adders and their glitches cost most", "title")
    drawing.text(24, 58, f"Switching events per hash; all together {count.events():,.0f}", "muted small")
    drawing.legend(24, 84, (("c", "useful"), ("b", "glitches"), ("e", "clock edges")))
    rows: list[tuple[str, tuple[tuple[str, float], ...]]] = [
        (name.capitalize(), (("c", count.sum("useful_events", name)), ("b", _glitch_events(count, name))))
        for name in ("adders", "sigmas", "Ch", "Maj")
    ]
    rows.append(("Registers", (("c", count.register_events()),)))
    rows.append(("Clock", (("e", count.clock_events()),)))
    widest = max(sum(value for _, value in parts) for _, parts in rows)
    for place, (name, parts) in enumerate(rows):
        y, x = 106 + 40 * place, 120.0
        drawing.text(24, y + 18, name, "strong ink")
        for kind, value in parts:
            width = value / widest * (WIDTH - 120 - 170)
            drawing.rect(x, y, width, 26, kind)
            x += width
        whole = sum(value for _, value in parts)
        drawing.text(x + 10, y + 18, f"{whole:,.0f} ({share(whole, count.events())})", "ink small")
    registers = f"{count.registers:,} register bits see two clock edges in every cycle"
    drawing.text(24, 358, f"{registers}; {count.sum('useful', REGISTERS):,.0f} of them change.", "muted small")
    return drawing.svg()


def _glitch_events(count: Count, function: str) -> float:
    return count.sum("all_events", function) - count.sum("useful_events", function)


def chips_picture() -> str:
    """Draw the counted and the published energy of every chip whose node and voltage are known."""
    chips = comparison.chips()
    bottom = 106 + 26 * len(chips)
    axis = LogAxis(3, 1e4, 244, WIDTH - 40)
    drawing = Drawing(WIDTH, bottom + 50, "Counted and published energy of mining chips from 110 to 3 nm, in J/TH")
    drawing.text(24, 36, "Counting transistors predicts chips from 110 to 3 nm", "title")
    drawing.text(24, 58, "J/TH; no number is fitted to any chip", "muted small")
    drawing.legend(24, 84, (("c", "counted, with its interval"), ("a", "published")))
    drawing.scale(axis, 100, bottom)
    for place, chip in enumerate(chips):
        y = 116 + 26 * place
        drawing.text(24, y + 5, chip.name, "ink small")
        drawing.text(228, y + 5, f"{chip.process_nm:g} nm", "muted small", "end")
        drawing.line(axis.at(chip.counted.low), y, axis.at(chip.counted.high), y, "c-line", 3)
        drawing.circle(axis.at(chip.counted.value), y, 6, "c")
        drawing.circle(axis.at(chip.published), y, 6, "a")
    return drawing.svg()
