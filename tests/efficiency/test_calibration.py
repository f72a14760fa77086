"""The energy model: its bars, the exponents of the voltage curves, the Accelerator Wall, and that no test peeks."""

from __future__ import annotations

import dataclasses
import math
from datetime import date, timedelta

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from bench.calibration.wall import accelerator_wall
from hashjoule.data.chips import Chip, chip_voltages, chips, cmos_nodes
from hashjoule.efficiency import calibration as cal
from hashjoule.efficiency.model import (
    ChipPoint,
    NodeTable,
    by_chip,
    fit_model,
    fitted,
    points_with_voltage,
    points_without_voltage,
)
from hashjoule.efficiency.operations import (
    AVX512,
    BIT_SELECT,
    SCALAR,
    SHIFT_ADD,
    VECTOR,
    WIDE,
    InstructionSet,
    count_operations,
)
from hashjoule.errors import UsageError

NODES = NodeTable(cmos_nodes())
KNOWN = points_with_voltage(chip_voltages())
UNKNOWN = points_without_voltage(chips(), chip_voltages())
DATASHEETS = ("BM1384", "BM1385", "BM1380")


def test_chips_with_a_known_voltage_are_predicted() -> None:
    """Leave-one-chip-out, 130 to 5 nm: a median error of at most 0.15 decades."""
    predictions = cal.leave_one_chip_out(KNOWN, fitted)
    assert len(predictions) >= 15
    assert cal.median_error(predictions) <= 0.15


def test_chips_without_a_voltage_are_predicted() -> None:
    """Leave-one-chip-out without voltages: a median error of at most 0.3 decades."""
    predictions = cal.leave_one_chip_out(UNKNOWN, fitted)
    assert len(predictions) >= 30
    assert cal.median_error(predictions) <= 0.3


@pytest.mark.parametrize("chip", DATASHEETS)
def test_energy_goes_with_the_square_of_the_voltage(chip: str) -> None:
    """The makers' voltage curves give an exponent of 2.0 +- 0.25, and 2 lies at most 0.1 outside the interval."""
    fit = cal.voltage_exponent(chip, chip_voltages())
    assert fit.value == pytest.approx(2.0, abs=0.25)
    assert fit.low - 0.1 <= 2 <= fit.high + 0.1


def test_the_pooled_exponent_holds_two_and_excludes_one() -> None:
    """The curves of three data sheets together tell CV^2 from an energy in proportion to the voltage."""
    pooled = cal.pooled_exponent(DATASHEETS, chip_voltages())
    assert pooled.points == 13
    assert pooled.low <= 2 <= pooled.high
    assert pooled.low > 1.5
    assert (pooled.high - pooled.low) / 2 < 0.25


def test_the_accelerator_wall_is_consistent_with_our_split() -> None:
    """Their split, 307.4x from CMOS and 1.7x from specialisation, comes out within a factor of two."""
    split = accelerator_wall(chips())
    assert 307.4 / 2 <= split.cmos <= 307.4 * 2
    assert 1.7 / 2 <= split.specialisation <= 1.7 * 2
    assert split.performance == pytest.approx(split.cmos * split.specialisation, rel=1e-6)


@given(st.lists(st.floats(-3, 3), min_size=1, max_size=4))
def test_the_wall_recovers_a_polynomial(coefficients: list[float]) -> None:
    """Chips whose throughput lies on a polynomial trend gain exactly what the polynomial says."""

    def trend(years: float) -> float:
        return math.fsum(c * years**power for power, c in enumerate([0.0, *coefficients[1:]]))

    days = [0, 250, 500, 750, 1000, 1250]
    rows = [
        Chip(
            chip=f"chip {day}",
            shipped=(date(2013, 1, 1) + timedelta(days=day)).isoformat(),
            hashrate_ghs=10 ** trend(day / 365.25),
            die_mm2=1.0,
            boundary="chip",
            cmos_potential_per_mm2=1.0,
            quality="high",
            source_url="https://example.org",
            source_date="2013",
        )
        for day in days
    ]
    split = accelerator_wall(rows, len(coefficients) - 1)
    assert math.log10(split.performance) == pytest.approx(trend(days[-1] / 365.25), abs=1e-6)
    assert split.cmos == pytest.approx(1)


def test_a_chip_is_predicted_without_itself() -> None:
    """A chip's own published energy has no influence on its prediction."""
    before = {p.chip: p.predicted_j_per_th for p in cal.leave_one_chip_out(KNOWN, fitted)}
    changed = [dataclasses.replace(p, j_per_th=p.j_per_th * 1000) if p.chip == "BM1387" else p for p in KNOWN]
    after = {p.chip: p.predicted_j_per_th for p in cal.leave_one_chip_out(changed, fitted)}
    assert after["BM1387"] == before["BM1387"]
    assert after["BM1384"] > before["BM1384"]


@pytest.mark.parametrize("group", ["maker", "process_nm"])
def test_a_group_is_predicted_without_itself(group: str) -> None:
    """No chip of a maker or node has an influence on the prediction of another of it."""

    def of(point: ChipPoint) -> object:
        return getattr(point, group)

    left_out = of(next(p for p in KNOWN if p.chip == "BM1387"))
    changed = [dataclasses.replace(p, j_per_th=p.j_per_th * 1000) if of(p) == left_out else p for p in KNOWN]
    before, after = (
        {p.chip: p.predicted_j_per_th for p in cal.leave_out(points, fitted, of)} for points in (KNOWN, changed)
    )
    for point in KNOWN:
        assert (after[point.chip] == before[point.chip]) == (of(point) == left_out)


def test_the_model_recovers_its_own_numbers() -> None:
    """Points made by the model, without scatter, give back overhead and exponent; their intervals have no width."""
    made = fit_model(KNOWN)
    exact = [dataclasses.replace(p, j_per_th=10 ** made.law(p)) for p in KNOWN]
    again = fit_model(exact)
    assert again.log_overhead == pytest.approx(made.log_overhead)
    assert again.node_exponent == pytest.approx(made.node_exponent)
    assert again.scatter_decades == pytest.approx(0, abs=1e-9)
    assert made.chips == len(by_chip(KNOWN))


def test_the_bootstrap_resamples_chips() -> None:
    """The interval of the headline holds it, is the same each time, and vanishes for points without scatter."""
    headline = cal.median_error(cal.leave_one_chip_out(KNOWN, fitted))
    interval = cal.bootstrap_median_error(KNOWN, fitted)
    assert interval.low < headline < interval.high
    assert interval == cal.bootstrap_median_error(KNOWN, fitted)
    exact = [dataclasses.replace(p, j_per_th=10 ** fit_model(KNOWN).law(p)) for p in KNOWN]
    assert cal.bootstrap_median_error(exact, fitted).high == pytest.approx(0, abs=1e-9)


def test_the_model_was_chosen_without_looking_at_the_chip() -> None:
    """Chosen within each training set alone, the form of the model is the published one for nearly every chip."""
    predictions, chosen = cal.nested(KNOWN, cal.models(NODES), lambda point: point.chip)
    assert sum(chosen.values()) == len(predictions) == len(by_chip(KNOWN))
    assert chosen["power law"] >= len(predictions) - 2
    assert cal.median_error(predictions) <= 0.15


@pytest.mark.parametrize(
    ("offered", "rolled", "compiled"),
    [(AVX512, False, 2845), (AVX512, True, 2385), (WIDE, False, 2440), (WIDE, True, 2066)],
)
def test_operations_agree_with_compiled_kernels(offered: InstructionSet, rolled: bool, compiled: int) -> None:
    """The count from the algorithm is within 2 % of what compilers emit for the kernels."""
    assert count_operations(offered, rolled=rolled) == pytest.approx(compiled, rel=0.02)


@pytest.mark.parametrize("better", [(VECTOR, SHIFT_ADD, SCALAR, AVX512, WIDE), (VECTOR, SCALAR, BIT_SELECT, WIDE)])
def test_better_instructions_need_fewer_operations(better: tuple[InstructionSet, ...]) -> None:
    """Rotates, bit select, three-input logic and three-input adds each save operations; so does rolling."""
    counts = [count_operations(offered) for offered in better]
    assert counts == sorted(set(counts), reverse=True)
    assert all(count_operations(offered, rolled=True) < count_operations(offered) for offered in better)


@given(st.floats(0.5, 4), st.floats(0.1, 100), st.lists(st.floats(0.2, 2), min_size=3, max_size=9, unique=True))
def test_an_exact_power_law_is_recovered(exponent: float, scale: float, x: list[float]) -> None:
    """A curve without noise gives its own exponent back, whatever the points."""
    assume(max(x) / min(x) >= 1.01)
    fit = cal.power_law("chip", x, [scale * value**exponent for value in x])
    assert fit.value == pytest.approx(exponent, abs=1e-6)


def test_too_few_points_have_no_interval() -> None:
    """Two points make a line but tell nothing about it."""
    with pytest.raises(UsageError, match="three points"):
        cal.power_law("chip", [1, 2], [1, 4])
    with pytest.raises(UsageError, match="three chips"):
        fit_model(KNOWN[:1])


def test_nodes_are_read_interpolated_and_extrapolated() -> None:
    """A node of the table is read as it stands, one between lies between, one below continues the trend."""
    assert NODES.switching_energy_fj(28) == 0.45
    assert NODES.switching_energy_fj(7) < NODES.switching_energy_fj(8) < NODES.switching_energy_fj(10)
    assert NODES.switching_energy_fj(3) < NODES.switching_energy_fj(5)
    with pytest.raises(UsageError, match="larger than every"):
        NODES.switching_energy_fj(1000)
