"""The formatter: significant digits, units, plurals."""

from __future__ import annotations

import pytest

from hashjoule.report.numbers import change, count, duration, hashrate, number, percent, power, times


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (9.45, "9.45"), (0.0035, "0.00350"), (4487, "4,490"), (999.9, "1,000"), (28.6e6, "28.6 million"),
        (999_999, "1.00 million"), (0, "0"), (-12.345, "-12.3"), (1.5e12, "1.50 trillion"), (None, "-"), (100, "100"),
    ],
)  # fmt: skip
def test_numbers_have_three_significant_digits(value: float | None, shown: str) -> None:
    """Rounded at the third digit, however large or small; unknown is a dash."""
    assert number(value) == shown


def test_units_suit_the_value() -> None:
    """The largest unit that leaves at least one before the point, also where rounding reaches the next unit."""
    assert hashrate(2.267e6) == "2.27 MH/s"
    assert hashrate(999.6e9) == "1.00 TH/s"
    assert hashrate(12) == "12.0 H/s"
    assert power(3662) == "3.66 kW"
    assert power(0.25) == "250 mW"
    assert duration(0.0032) == "3.20 ms"
    assert duration(9000) == "2.50 hours"
    assert duration(90) == "90.0 s"
    assert [hashrate(None), power(None), duration(None), percent(None), times(None)] == ["-"] * 5


def test_ratios_and_plurals() -> None:
    """Per cent without a space, changes with a sign, one block and two blocks."""
    assert percent(0.1337) == "13%"
    assert percent(0.0035) == "0.35%"
    assert change(1.021) == "+2.1%"
    assert times(4550.4) == "4,550x"
    assert [count(1, "block"), count(0, "block"), count(12_000, "share")] == ["1 block", "0 blocks", "12,000 shares"]
    assert count(2, "entry", "entries") == "2 entries"
