"""What stands around the model: halving times, the Accelerator Wall, physical floors, announced against delivered."""

from __future__ import annotations

from bench.calibration import tables
from bench.calibration.study import Study
from hashjoule.data.chips import chip_voltages
from hashjoule.data.hardware import best_asic, machines
from hashjoule.efficiency import frames
from hashjoule.efficiency.explain import reference_subject
from hashjoule.efficiency.model import ChipPoint
from hashjoule.efficiency.operations import count_additions
from hashjoule.efficiency.table import TableRow, load_table
from hashjoule.efficiency.trend import HalvingFit, fit_halving, frontier
from hashjoule.report.numbers import number

KINK = "2020-05"
"""The month of the S19 Pro, after which the pace changed."""
SPANS = (
    ("2013-01 to 2016-06", "", "2016-06"),
    ("2016-06 to 2020-05", "2016-06", KINK),
    ("since 2020-05", KINK, "9999"),
    ("all since 2016-06", "2016-06", "9999"),
)
ADDERS = ((45.0, 0.9), (28.0, 0.6), (16.0, 0.4), (7.0, 0.35), (5.0, 0.3))
"""Nodes in nanometres with the core voltage of mining chips of that node."""
PROMISED_J_PER_TH, PROMISED_DATE = 5.0, "2025-03"
"""What Bitdeer announced for the SEALMINER A4. Source: CoinDesk, "Bitdeer wants to revolutionize the ASIC manufacturing
market", 2025-03-13."""


def halving() -> str:
    """Return the section on halving times."""
    records = frontier(row for row in load_table() if row.machine_class == "asic")
    fits = [(name, _fit(records, since, until)) for name, since, until in SPANS]
    rows = [
        (name, str(fit.points), f"{fit.halving_years:.2f}", f"{fit.low_years:.2f} to {fit.high_years:.2f}")
        for name, fit in fits
    ]
    return f"""
## How fast energy halves

ASICs that set a record when they shipped. Intervals are Newey and West's (correlated errors), never narrower than
those of plain least squares:

{tables.table(("time", "records", "halving time, years", "95% interval"), rows)}

One line since 2016 hides a kink: {fits[1][1].halving_years:.1f} years until the S19 Pro of 2020,
{fits[2][1].halving_years:.1f} since. The intervals overlap, so that a slower pace since 2020 is likely but not
established. The month of the kink is a choice, too; the S19 Pro was taken because its generation ended the jump from
16 to 7 nm.
"""


def _fit(records: tuple[TableRow, ...], since: str, until: str) -> HalvingFit:
    return fit_halving([row for row in records if since <= (row.shipped or "")[:7] <= until])


def wall() -> str:
    """Return the section on the Accelerator Wall."""
    return f"""
## The Accelerator Wall

Fuchs and Wentzlaff (HPCA 2019) split the gain in throughput per area of Bitcoin ASICs, 130 nm (2012-12) to 16 nm
(2016-09), into silicon and design. From their 44 points and trend lines of a degree that we choose:

{tables.wall_table()}

A cubic gives their two numbers, other degrees give 160x to 340x and 1.5x to 3.7x. Our data are consistent with their
split; they do not confirm it, since the degree is a choice. The conclusion is the same for each: nearly all of the
gain came from silicon.
"""


def physics(found: Study) -> str:
    """Return the section on floors and known percentages."""
    best, reference = best_asic(), reference_subject()
    assert best.j_per_th is not None
    rows = []
    for node, volts in ADDERS:
        adders = frames.adders_j_per_th(node, volts, found.model.node_exponent)
        whole = 10 ** found.model.law(ChipPoint("", "", node, 1.0, volts))
        rows.append((f"{node:g}", f"{volts:g}", number(adders), number(whole), f"{whole / adders:.0f}x"))
    return f"""
## Floors and known percentages

**Landauer.** If every 32-bit word that a hash overwrites cost kT ln 2 per bit at 300 K, a terahash would take
{frames.landauer_j_per_th():.2g} J. The best shipping ASIC ({best.name}, {best.j_per_th:.3g} J/TH) lies
{frames.decades_above_landauer(best.j_per_th):.1f} decades above, {reference.name} (the best whose chip is documented)
{frames.decades_above_landauer(reference.j_per_th):.1f}.

**Adders.** A 32-bit addition takes {frames.ADDER_PJ:g} pJ at 45 nm and {frames.ADDER_V:g} V (Horowitz, ISSCC 2014). A
hash has {count_additions():,} of them. Carried to other nodes by the model's own law, additions alone would
take these J/TH; the model's prediction for a chip without rolling stands beside them:

{tables.table(("nm", "V", "additions alone", "model", "ratio"), rows)}

The ratio is the same at each node by construction. What it says is that a mining chip spends about eleven times the
energy of its additions on logic, registers, clock, leakage and regulators: a plausible figure, in which only the 0.1
pJ comes from outside.
An instruction of a simple processor in the same process takes {frames.INSTRUCTION_PJ:g} pJ beside the operation itself,
{frames.INSTRUCTION_PJ / frames.ADDER_PJ:.0f} times the addition: within the 10x to 4,000x that `explain` takes as the
interval of "instruction overhead" for a CPU.

**Cheapest voltage.** A chip run slowly saves energy but costs more per hash (Magaki et al., ISCA 2016, "ASIC Clouds").
From the makers' own curves, chip price and electricity over two years:

{_cheapest()}

Cheap power and dear chips call for more voltage. No curve reaches the voltage of today's home miners (0.3 V), so that
this is a check of the direction, not of today's optimum.

**Shortcuts.** Courtois, Grajek and Naik (2014) count {frames.COURTOIS_COMPRESSIONS} compressions of three for a double
SHA-256 with every shortcut, {frames.COURTOIS_COMPRESSIONS / 3:.1%}; our count leaves {frames.shortcuts_left():.1%}.
Hanke (2016) gives AsicBoost {frames.HANKE_SAVING[0]:.1%} to {frames.HANKE_SAVING[1]:.0%}; our count gives
{frames.asicboost_saving():.1%}.
"""


def _cheapest() -> str:
    rows = []
    for chip in tables.DATASHEETS:
        curve = [point for point in chip_voltages() if point.chip == chip and point.boundary == "chip"]
        for price in (0.02, 0.05, 0.10):
            points = [frames.cheapest_voltage(curve, price, 2.0, cost) for cost in (2.0, 5.0, 10.0)]
            rows.append((chip, f"{price:.2f}", *(f"{p.voltage_v:.2f} V, {number(p.j_per_th)} J/TH" for p in points)))
    return tables.table(("chip", "USD/kWh", "chip at 2 USD", "at 5 USD", "at 10 USD"), rows)


def delivered() -> str:
    """Return the section on announced and metered figures against delivered and rated ones."""
    listed = min(m.j_per_th for m in machines() if m.model.startswith("SEALMINER A4") and m.j_per_th)
    rows = [
        (machine.name, number(own), stock.name, number(rated), f"{own / rated - 1:+.0%}")
        for machine, own, stock, rated in tables.metered_against_rated()
    ]
    return f"""
## Announced, rated, measured

Bitdeer announced {PROMISED_J_PER_TH:g} J/TH for the SEALMINER A4 in {PROMISED_DATE}; in 2026 the best of its three
models is listed at {listed:.3g} J/TH, {listed / PROMISED_J_PER_TH:.1f} times that, and no source says that it ships.
Announced machines are marked in every output and never the reference.

Machines metered by their users or by reviewers against the rated stock mode of the same model. One unit each, often at
another clock:

{tables.table(("metered", "J/TH", "rated", "J/TH", "difference"), rows)}
"""
