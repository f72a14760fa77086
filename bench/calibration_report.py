"""Write results/calibration.md: the energy model against every published chip. ``--check`` compares instead."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from hashjoule.efficiency import calibration as cal
from hashjoule.efficiency import sources
from hashjoule.efficiency.operations import AVX512, SCALAR, VECTOR, WIDE, count_operations

TARGET = Path(__file__).resolve().parent.parent / "results" / "calibration.md"
BAR_WITH_VOLTAGE, BAR_WITHOUT = 0.15, 0.30


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def verdict(value: float, bar: float) -> str:
    """Whether a bar is met, in words."""
    return f"{value:.3f} decades (a factor {10**value:.2f}); the bar is {bar}: {'met' if value <= bar else 'MISSED'}"


def predictions_table(predictions: Sequence[cal.Prediction]) -> str:
    """Published against predicted, chip by chip."""
    return table(
        ("chip", "nm", "points", "published J/TH", "predicted J/TH", "error, decades", "boundary", "quality"),
        [
            (p.chip, f"{p.process_nm:g}", str(p.points), f"{p.published_j_per_th:.4g}", f"{p.predicted_j_per_th:.4g}",
             f"{p.error_decades:+.2f}", p.boundary, p.quality)
            for p in predictions
        ],
    )  # fmt: skip


def ablation(points: Sequence[cal.Point], nodes: cal.NodeTable) -> str:
    """What each term of the model brings, leave-one-chip-out."""
    fits = {
        "overhead alone (every chip the same)": (1, cal.fit_overhead(cal.physics(nodes, node=False, voltage=False,
                                                                                 operations=False))),
        "+ energy of the node": (1, cal.fit_overhead(cal.physics(nodes, voltage=False, operations=False))),
        "+ (V/Vnominal)^2": (1, cal.fit_overhead(cal.physics(nodes, operations=False))),
        "+ operations (AsicBoost): the model": (1, cal.fit_overhead(cal.physics(nodes))),
        "the model with a free slope": (2, cal.fit_line(cal.physics(nodes))),
    }  # fmt: skip
    rows = []
    for name, (free, fit) in fits.items():
        errors = cal.leave_one_chip_out(points, fit)
        worst = max(errors, key=lambda p: abs(p.error_decades))
        rows.append((name, str(free), f"{cal.median_error_decades(errors):.3f}",
                     f"{worst.chip} {worst.error_decades:+.2f}"))  # fmt: skip
    return table(("model", "free numbers", "median error, decades", "worst chip"), rows)


def split_test(points: Sequence[cal.Point], nodes: cal.NodeTable) -> str:
    """Fitted on the chips of 28 nm and more, tested on all later ones."""
    old = [point for point in points if point.process_nm >= 28]
    new = [point for point in points if point.process_nm < 28]
    tested = cal.predict(new, cal.fit_overhead(cal.physics(nodes))(old))
    return (
        f"Fitted on the {len(cal.by_chip(old))} chips of 110 to 28 nm (2013-2015) and tested on the {len(tested)} of "
        f"16 to 5 nm (2016-2024): median error {cal.median_error_decades(tested):.3f} decades."
    )


def exponents() -> str:
    """The voltage curves' own exponents."""
    rows = []
    for chip in ("BM1384", "BM1385", "BM1380", "CoinCraft A1"):
        fit = cal.voltage_exponent(chip, sources.chip_voltages())
        rows.append((chip, str(fit.points), f"{fit.value:.2f}", f"{fit.low:.2f} to {fit.high:.2f}",
                     "yes" if abs(fit.value - 2) <= 0.25 else "no"))  # fmt: skip
    return table(("chip", "points", "exponent", "95 % interval", "2.0 +- 0.25"), rows)


def wall() -> str:
    """The Accelerator Wall's split against ours."""
    rows = [("published (HPCA 2019)", "522.6", "307.4", "1.7")]
    for degree in (3, 2, 1):
        split = cal.accelerator_wall(sources.chips(), degree)
        rows.append((f"ours, trend of degree {degree}", f"{split.performance:.1f}", f"{split.cmos:.1f}",
                     f"{split.specialisation:.2f}"))  # fmt: skip
    return table(("trend lines", "throughput per area", "of it CMOS", "of it specialisation"), rows)


def operations() -> str:
    """Operations per hash by kind of machine."""
    rows = [
        (machine.name, f"{count_operations(machine):,}", f"{count_operations(machine, rolled=True):,}")
        for machine in (SCALAR, VECTOR, AVX512, WIDE)
    ]
    return table(("operations per hash", "plain", "rolled (AsicBoost)"), rows)


def report() -> str:
    """The whole document."""
    nodes = cal.NodeTable(sources.cmos_nodes())
    known = cal.points_with_voltage(sources.chip_voltages())
    unknown = cal.points_without_voltage(sources.chips(), sources.chip_voltages())
    model = cal.fit_overhead(cal.physics(nodes))
    with_voltage = cal.leave_one_chip_out(known, model)
    high = sum(p.quality == "high" for p in with_voltage)
    no_operations = cal.median_error_decades(
        cal.leave_one_chip_out(known, cal.fit_overhead(cal.physics(nodes, operations=False)))
    )
    good = [p for p in with_voltage if p.quality != "low"]
    without = cal.leave_one_chip_out(unknown, cal.fit_line(cal.physics(nodes, voltage=False)))
    return f"""# Calibration of the energy model

Written by `bench/calibration_report.py`; `--check` fails when the data or the model no longer give these numbers.
Every chip is predicted by a fit to all the other chips. Errors are log10(predicted / published).

E = operations x energy per operation(node) x (V / Vnominal)^2 x overhead, with one number fitted: the overhead.

## Voltage known: {len(with_voltage)} chips, {len(known)} operating points

Median absolute error: {verdict(cal.median_error_decades(with_voltage), BAR_WITH_VOLTAGE)}.
Without the {len(with_voltage) - len(good)} chips whose voltage and energy come from claims or from different sources
(quality low): {verdict(cal.median_error_decades(good), BAR_WITH_VOLTAGE)}, over {len(good)} chips.

{predictions_table(with_voltage)}

{split_test(known, nodes)}

What each term brings, on the same chips:

{ablation(known, nodes)}

## Voltage unknown: {len(without)} chips, {len(unknown)} operating points

A line through log energy over log(operations x node energy): two numbers fitted.
Median absolute error: {verdict(cal.median_error_decades(without), BAR_WITHOUT)}.

{predictions_table(without)}

## Exponent of the voltage

{exponents()}

BM1384, BM1385 and BM1380 are makers' datasheets; CoinCraft A1 is a maker's preliminary claim and no physics.
Three points leave one degree of freedom, so the BM1385 interval says little by itself.

## The Accelerator Wall

Throughput per die area of Bitcoin ASICs, 130 nm (2012-12) to 16 nm (2016-09), from the authors' 44 points, relative
to the first 130 nm chip. The degree of their trend lines is not printed; a cubic gives their two numbers.

{wall()}

## Operations per hash

Counted from the algorithm (`hashjoule.efficiency.operations`); compiled kernels were counted at 2,845 plain and
2,385 rolled (AVX-512), and at 2,440 plain to 2,066 with 64 midstates (GPU machine code).

{operations()}

## What limits this

- Only {len(with_voltage)} chips have a published core voltage, and only {high} of them voltage and energy from one and
  the same source of good quality. {len(known)} points are not as many measurements: those of one chip share its design.
- The bar with voltage hangs on the AsicBoost term: without it the error is the {no_operations:.3f} of the table above.
  That the chips from the BM1397 on roll versions is known of those in open firmware and assumed of their siblings.
- Chips marked system carry the maker's figure of the whole miner (power supply and fans included).
- Voltages of the stacked boards are domain voltages of repair references; a chip with four supply levels inside
  counts as a quarter of its rail.
- The node table gives one energy for all foundries and flavours of a node; 14 and 16 nm stand out.
- Known design differences are not modelled: full custom against standard cells is 1.38x at one node and maker
  (BM1384 against BM1385 at 0.60 V), a factor of the size of the median error.
"""


def main() -> int:
    """Write the report, or with ``--check`` say whether it is up to date."""
    text = report()
    if "--check" in sys.argv[1:]:
        fresh = TARGET.exists() and TARGET.read_text(encoding="utf-8") == text
        print(f"{TARGET.name} is {'up to date' if fresh else 'out of date: run bench/calibration_report.py'}")
        return 0 if fresh else 1
    TARGET.parent.mkdir(exist_ok=True)
    TARGET.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
