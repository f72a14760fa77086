"""The text of results/calibration.md."""

from __future__ import annotations

import re
import textwrap

from bench.calibration import evidence, frames, tables
from bench.calibration.study import BAR_WITH_VOLTAGE, BAR_WITHOUT, Study, study
from hashjoule.efficiency.calibration import median_error, rms_error
from hashjoule.efficiency.model import NODE_RANGE_NM

WIDTH = 120


def report() -> str:
    """Return the whole report."""
    found = study()
    parts = [
        _question(found), _data(found), _model(found), _validation(found), _baselines(found), _terms(found),
        frames.halving(), frames.wall(), frames.physics(found), frames.delivered(), evidence.section(), _limits(found),
    ]  # fmt: skip
    return "\n\n".join(_filled(block) for part in parts for block in part.strip().split("\n\n")) + "\n"


def _filled(block: str) -> str:
    """Fill the lines of a paragraph or of a list's items; leave tables, headings, pictures and formulas as they are."""
    if block.startswith(("#", "|", "!", "    ")):
        return block
    items = re.split(r"\n(?=- )", block)
    return "\n".join(
        textwrap.fill(
            " ".join(item.split()),
            WIDTH,
            subsequent_indent="  " if item.startswith("- ") else "",
            break_long_words=False,
            break_on_hyphens=False,
        )
        for item in items
    )


def _met(value: float, bar: float) -> str:
    return f"{value:.3f} decades (a factor {10**value:.2f}; bar {bar:g}: {'met' if value <= bar else 'missed'})"


def _question(found: Study) -> str:
    headline = median_error(found.left_out)
    interval = f"{found.interval.low:.3f} to {found.interval.high:.3f}"
    established = "so the bar is met on this sample, but not established"
    if found.interval.high <= BAR_WITH_VOLTAGE:
        established = "so the bar is met"
    return f"""
# Calibration of the energy model

*Written by `python -m bench.calibration_report`; `--check` fails when the data or the model no longer give this
report. Errors are log10(predicted / published): 0.1 decades is a factor of 1.26, 0.3 a factor of 2.*

## Question

`hashjoule explain` splits the gap between a machine and the best mining chip into factors. Two of them, process node
and supply voltage, come from a model of a chip's energy per hash. How well does that model predict chips that it has
not seen, does it do better than a curve without physics, and what can {found.model.chips} chips not tell?

In short: the median error on a chip left out is {headline:.3f} decades, 95% interval {interval} by a bootstrap over
chips. The bar is {BAR_WITH_VOLTAGE:g}, {established}. A fit of log energy to log voltage and log node, without any
physics, does as well. The physical model earns its place by giving the factors a meaning, not by a smaller error; and
fitted to the chips of 2015 alone it would have missed those of 2024 by a factor of
{10 ** median_error(found.extrapolated["power law"]):.1f}, where a fixed table of nodes is off by
{10 ** median_error(found.extrapolated["table"]):.1f}.

![Published against predicted energy](calibration-predicted.svg)
"""


def _data(found: Study) -> str:
    quality = [p.quality for p in found.left_out]
    makers = {p.maker for p in found.left_out}
    most = max(makers, key=lambda maker: sum(p.maker == maker for p in found.left_out))
    own = sum(p.maker == most for p in found.left_out)
    return f"""
## Data

{len(found.known)} operating points of {len(quality)} chips whose core voltage is published (`chip_voltage.csv`), and
{len(found.unknown)} points of {len(found.without_voltage)} chips without one (`chips.csv`), {NODE_RANGE_NM[1]:g} to
{NODE_RANGE_NM[0]:g} nm. {quality.count("high")} chips have voltage and energy from one good source (quality high),
{quality.count("medium")} are of quality medium; {quality.count("low")} rest on claims or on derived voltages (low).
{own} of the {len(quality)} chips are {most}'s. Where a chip has points at the chip itself only those count;
points of boards and whole miners include regulators, supplies and fans.
"""


def _model(found: Study) -> str:
    model, (low, high) = found.model, found.model.node_exponent_interval
    return f"""
## Model

    E = overhead x operations x node^a x V^2

Operations are counted from the algorithm, with or without version rolling. V^2 is the physics of switched capacitance.
By Dennard's scaling the capacitance of a gate falls in proportion to its length (a = 1); contacts and wires do worse,
so that a is fitted, as is the overhead. Fitted to all {model.chips} chips: a = {model.node_exponent:.2f} (95% interval
{low:.2f} to {high:.2f}), a chip scatters by {model.scatter_decades:.2f} decades about the model.

The form was chosen among three (capacitance by the IRDS table, in proportion to the node, by a power of the node) by
nested cross-validation, in which the choice never sees the chip that is predicted. It fell on the power law for
{found.chosen["power law"]} of {sum(found.chosen.values())} chips; with the choice inside, the median error is
{median_error(found.nested):.3f} decades.
"""


def _validation(found: Study) -> str:
    without_voltage = median_error(found.without_voltage)
    return f"""
## Validation

{tables.validation_table(found)}

The median flatters: most recent chips come from one maker and resemble each other, and the older chips, off by 0.2 to
0.3 decades, are fewer than half. Without the chips of low quality only {len(found.good)} are left, and the median is
{_met(median_error(found.good), BAR_WITH_VOLTAGE)}.

With the voltage put away, {len(found.without_voltage)} chips are predicted to {_met(without_voltage, BAR_WITHOUT)}:
then operations and node alone count, and the fit takes up the mean fall of the voltage with the node.

A harder test is to predict the future: fitted to the chips of 110 to 28 nm, tested on all later ones. Three nodes
hardly fix an exponent, so that the fitted power law does worst here:

{tables.extrapolation_table(found)}

Each chip predicted by a fit to all others:

{tables.predictions_table(found.left_out)}

![Errors by year, node and maker](calibration-residuals.svg)
"""


def _baselines(found: Study) -> str:
    return f"""
## Baselines

The same chips, left out one at a time. The root mean square error punishes a chip that is far off, the median does
not; with {found.model.chips} chips a difference of a few hundredths in either means little.

{tables.baselines_table(found)}

log V and log nm with three free numbers find nearly the exponents of the physics by themselves, and do as well as the
model. A quadratic in the shipping year knows no physics, and is off by {tables.rms_of(found, "shipping year"):.2f}
decades RMS against {rms_error(found.left_out):.2f}: chips of one year differ by their voltage. What a step at FinFETs
or a leakage term would add is not distinguishable from zero here, so the model has neither.
"""


def _terms(found: Study) -> str:
    return f"""
## What the data know of each term

{tables.free_table(found)}

The exponent of V comes out near 2, but across chips its error is so large that 1 passes, too; the median error cannot
identify it. The voltage curves of single chips do better. Pooled over the three data sheets, each with an overhead of
its own, the exponent excludes 1 and includes 2; CoinCraft A1 is a preliminary claim and is left out of the pool:

{tables.exponents_table()}

Version rolling saves {100 * (1 - 10 ** tables.rolling_theory()):.0f}% of the operations, {tables.rolling_theory():.2f}
decades. Beside the IRDS table the data would give it three times that: all chips that roll are of 2019 and later, and
the term stands in for their era. Beside the power law of the node it is not distinguishable from theory or from zero.

Operations per hash, counted from the algorithm (`hashjoule.efficiency.operations`). Compiled kernels were counted at
2,845 plain and 2,385 rolled (AVX-512), and at 2,440 and 2,066 with 64 midstates (GPU machine code):

{tables.operations_table()}
"""


def _limits(found: Study) -> str:
    model = found.model
    high = sum(p.quality == "high" for p in found.left_out)
    return f"""
## Limits

- {model.chips} chips, {high} of them with voltage and energy from one good source. Points of one chip share its design
  and are not separate measurements: chips are counted, not points.
- Chips marked system carry the figure of a whole miner, fans and power supply included. Newer chips are all of this
  kind, so that a trend of the boundary could pass for one of the node.
- Voltages of stacked boards are domain voltages of repair references; a chip with four supply levels inside counts as
  a quarter of its rail.
- That the chips from the BM1397 on roll versions is known of those in open firmware and assumed of their siblings.
- "5 nm" names a generation, not a length, and one exponent serves all foundries.
- Full custom against standard cells is not modelled: BM1384 against BM1385 at 0.60 V, one node and maker, is 1.38x.
- Leakage and clocking, which weigh more at low voltage, have no term: the data cannot tell it from the exponent of the
  node. Below {NODE_RANGE_NM[0]:g} nm everything is extrapolated.
"""
