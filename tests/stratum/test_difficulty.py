"""Difficulties and targets are converted exactly, in both directions."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hashjoule.job import MAX_TARGET
from hashjoule.stratum.difficulty import DIFFICULTY_1_TARGET, difficulty_of, expected_hashes, target_of


@given(st.floats(min_value=0, exclude_min=True, allow_infinity=False))
def test_targets_are_exact(difficulty: float) -> None:
    """A target is the highest hash whose difficulty is not lower; rounding loses nothing."""
    try:
        target = target_of(difficulty)
    except ValueError:
        assert Fraction(difficulty) > DIFFICULTY_1_TARGET
        return
    assert target == MAX_TARGET or target * Fraction(difficulty) <= DIFFICULTY_1_TARGET
    assert (target + 1) * Fraction(difficulty) > DIFFICULTY_1_TARGET or target == MAX_TARGET
    assert 0 < target <= MAX_TARGET


@pytest.mark.parametrize(
    ("difficulty", "target"),
    [(1, 0xFFFF << 208), (0.5, 0x1FFFE << 208), (65535, 1 << 208), (2**-32, 0xFFFF << 240), (1e-12, MAX_TARGET)],
)
def test_targets_that_pools_use(difficulty: float, target: int) -> None:
    """Difficulty 1, multiples of it, and some below it."""
    assert target_of(difficulty) == target
    assert difficulty_of(target) == (difficulty if target != MAX_TARGET else pytest.approx(2**-32, rel=1e-4))


@pytest.mark.parametrize("difficulty", [0, -1, -1e-300, 1e300, float("inf"), float("nan")])
def test_difficulties_that_are_none(difficulty: float) -> None:
    """Zero, negative, not a number, and beyond every hash."""
    with pytest.raises(ValueError, match="a difficulty of"):
        target_of(difficulty)


def test_expected_hashes() -> None:
    """One hash at the easiest target, two at half of it, a little more than 2^32 at difficulty 1."""
    assert expected_hashes(MAX_TARGET) == 1
    assert expected_hashes(2**255 - 1) == 2
    assert expected_hashes(DIFFICULTY_1_TARGET) == pytest.approx(2**32 * 65536 / 65535, rel=1e-12)
