"""The formatter: significant digits, units, plurals."""

from __future__ import annotations

import pytest

from hashjoule.report.numbers import (
    change,
    count,
    duration,
    hashrate,
    number,
    percent,
    power,
    rate_unit,
    tick,
    times,
    years,
    years_between,
)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (9.45, "9.45"), (0.0035, "0.00350"), (4487, "4,490"), (999.9, "1,000"), (28.6e6, "28.6 million"),
        (999_999, "1.00 million"), (0, "0"), (-12.345, "-12.3"), (1.5e12, "1.50 trillion"), (None, "-"), (100, "100"),
    ],
)  # fmt: skip
def test_numbers_have_three_significant_digits(value: float | None, shown: str) -> None:
    """Numbers of any size are rounded to three digits; an unknown number is a dash."""
    assert number(value) == shown


def test_units_suit_the_value() -> None:
    """The unit is the largest one that leaves at least 1, also after rounding: 999.6 W is 1.00 kW."""
    assert hashrate(2.267e6) == "2.27 MH/s"
    assert hashrate(999.6e9) == "1.00 TH/s"
    assert hashrate(12) == "12.0 H/s"
    assert power(3662) == "3.66 kW"
    assert power(0.25) == "250 mW"
    assert duration(0.0032) == "3.20 ms"
    assert duration(9000) == "2.50 hours"
    assert duration(90) == "90.0 s"
    assert [hashrate(None), power(None), duration(None), percent(None), times(None)] == ["-"] * 5


def test_one_unit_for_a_column_of_rates() -> None:
    """The unit of the largest rate, so that an ASIC is not told in MH/s; slow code keeps MH/s."""
    assert [rate_unit(rate_hs)[0] for rate_hs in (0.8e6, 58e6, 1.16e12)] == ["MH/s", "MH/s", "TH/s"]
    assert rate_unit(1.16e12)[1] == 1e12


def test_ratios_and_plurals() -> None:
    """Per cent without a space, changes with a sign, one block and two blocks."""
    assert percent(0.1337) == "13%"
    assert percent(0.0035) == "0.35%"
    assert change(1.021) == "+2.1%"
    assert times(4550.4) == "4,550x"
    assert [count(1, "block"), count(0, "block"), count(12_000, "share")] == ["1 block", "0 blocks", "12,000 shares"]
    assert count(2, "entry", "entries") == "2 entries"


def test_grid_lines_have_short_numbers() -> None:
    """Numbers on an axis have no trailing zeros, and words from a million up; rates and powers have their unit."""
    assert [tick(value) for value in (0.5, 10, 2500, 100_000, 1e6, 2.5e7)] == [
        "0.5",
        "10",
        "2,500",
        "100,000",
        "1 million",
        "25 million",
    ]
    assert [tick(value, "W") for value in (0.5, 10, 1000)] == ["500 mW", "10 W", "1 kW"]
    assert [tick(value, "H/s") for value in (1e3, 1e6, 5e13, 1e15)] == ["1 kH/s", "1 MH/s", "50 TH/s", "1 PH/s"]


def test_spans_of_years() -> None:
    """Short spans are in months. An interval has one unit for both ends, and may have no upper end."""
    assert [years(value) for value in (0.5, 1 / 12, 2.83)] == ["6 months", "1 month", "2.8 years"]
    assert years_between(0.42, 0.66) == "5 to 8 months"
    assert years_between(1.2, 1.6) == "1.2 to 1.6 years"
    assert years_between(2, float("inf")) == "over 2.0 years"
