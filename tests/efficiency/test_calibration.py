"""The energy model: its bars, the exponents of the voltage curves, the Accelerator Wall, and that no test peeks."""

from __future__ import annotations

import dataclasses
import importlib.util
import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from hashjoule.efficiency import calibration as cal
from hashjoule.efficiency import sources
from hashjoule.efficiency.operations import AVX512, SCALAR, VECTOR, WIDE, Machine, count_operations
from hashjoule.errors import UsageError
from tests.support import ROOT

NODES = cal.NodeTable(sources.cmos_nodes())
KNOWN = cal.points_with_voltage(sources.chip_voltages())
UNKNOWN = cal.points_without_voltage(sources.chips(), sources.chip_voltages())


def test_chips_with_a_known_voltage_are_predicted() -> None:
    """Leave-one-chip-out, 130 to 5 nm, one number fitted: a median error of at most 0.15 decades."""
    predictions = cal.leave_one_chip_out(KNOWN, cal.fit_overhead(cal.physics(NODES)))
    assert len(predictions) >= 15
    assert cal.median_error_decades(predictions) <= 0.15


def test_chips_without_a_voltage_are_predicted() -> None:
    """Leave-one-chip-out without voltages: a median error of at most 0.3 decades."""
    predictions = cal.leave_one_chip_out(UNKNOWN, cal.fit_line(cal.physics(NODES, voltage=False)))
    assert len(predictions) >= 30
    assert cal.median_error_decades(predictions) <= 0.3


@pytest.mark.parametrize("chip", ["BM1384", "BM1385", "BM1380"])
def test_energy_goes_with_the_square_of_the_voltage(chip: str) -> None:
    """The makers' voltage curves give an exponent of 2.0 +- 0.25, and 2 lies at most 0.1 outside the interval."""
    fit = cal.voltage_exponent(chip, sources.chip_voltages())
    assert fit.value == pytest.approx(2.0, abs=0.25)
    assert fit.low - 0.1 <= 2 <= fit.high + 0.1


def test_the_accelerator_wall_is_reproduced() -> None:
    """Their split, 307.4x from CMOS and 1.7x from specialisation, comes out within a factor of two."""
    split = cal.accelerator_wall(sources.chips())
    assert 307.4 / 2 <= split.cmos <= 307.4 * 2
    assert 1.7 / 2 <= split.specialisation <= 1.7 * 2
    assert split.performance == pytest.approx(split.cmos * split.specialisation, rel=1e-6)


def test_a_chip_is_predicted_without_itself() -> None:
    """A chip's own published energy has no influence on its prediction."""
    fit = cal.fit_overhead(cal.physics(NODES))
    before = {p.chip: p.predicted_j_per_th for p in cal.leave_one_chip_out(KNOWN, fit)}
    changed = [dataclasses.replace(p, j_per_th=p.j_per_th * 1000) if p.chip == "BM1387" else p for p in KNOWN]
    after = {p.chip: p.predicted_j_per_th for p in cal.leave_one_chip_out(changed, fit)}
    assert after["BM1387"] == before["BM1387"]
    assert after["BM1384"] > before["BM1384"]


def test_the_committed_report_is_up_to_date() -> None:
    """results/calibration.md is what the data and the model give now."""
    path = ROOT / "bench" / "calibration_report.py"
    spec = importlib.util.spec_from_file_location("calibration_report", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.TARGET.read_text(encoding="utf-8") == module.report()


@pytest.mark.parametrize(
    ("machine", "rolled", "compiled"),
    [(AVX512, False, 2845), (AVX512, True, 2385), (WIDE, False, 2440), (WIDE, True, 2066)],
)
def test_operations_agree_with_compiled_kernels(machine: Machine, rolled: bool, compiled: int) -> None:
    """The count from the algorithm is within 2 % of what compilers emit for the kernels."""
    assert count_operations(machine, rolled=rolled) == pytest.approx(compiled, rel=0.02)


def test_better_instructions_need_fewer_operations() -> None:
    """Rotates, three-input logic and three-input adds each save operations; so does rolling."""
    counts = [count_operations(machine) for machine in (VECTOR, SCALAR, AVX512, WIDE)]
    assert counts == sorted(counts, reverse=True)
    assert all(count_operations(m, rolled=True) < count_operations(m) for m in (VECTOR, SCALAR, AVX512, WIDE))


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


def test_nodes_are_read_interpolated_and_extrapolated() -> None:
    """A node of the table is read as it stands, one between lies between, one below continues the trend."""
    assert NODES.switching_energy_fj(28) == 0.45
    assert NODES.switching_energy_fj(7) < NODES.switching_energy_fj(8) < NODES.switching_energy_fj(10)
    assert NODES.switching_energy_fj(3) < NODES.switching_energy_fj(5)
    with pytest.raises(UsageError, match="larger than every"):
        NODES.switching_energy_fj(1000)


@given(st.lists(st.floats(-3, 3), min_size=1, max_size=4))
def test_a_polynomial_is_recovered(coefficients: list[float]) -> None:
    """Points on a polynomial give its coefficients back."""
    x = [0.0, 0.5, 1.0, 1.5, 2.0, 2.5]
    y = [math.fsum(c * value**power for power, c in enumerate(coefficients)) for value in x]
    assert cal.polynomial_fit(x, y, len(coefficients) - 1) == pytest.approx(coefficients, abs=1e-6)
