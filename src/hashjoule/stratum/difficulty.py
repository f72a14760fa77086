"""Difficulty arithmetic: pools state how hard a share is as a difficulty, miners compare hashes with a target."""

from __future__ import annotations

from fractions import Fraction

from hashjoule.job import MAX_TARGET

DIFFICULTY_1_TARGET = 0xFFFF << 208
"""Target of a share of difficulty 1, as all pools count (the target of Bitcoin's first block)."""


def target_of(difficulty: float) -> int:
    """Return the highest hash, as a number, that is a share of this difficulty.

    The result is exact: the float is taken as the fraction that it is.

    Raises:
        ValueError: The difficulty is not above zero, or so high that only the hash 0 would meet it.
    """
    if not 0 < difficulty < float("inf"):
        raise ValueError(f"a difficulty of {difficulty}")
    target = int(DIFFICULTY_1_TARGET / Fraction(difficulty))
    if target == 0:
        raise ValueError(f"a difficulty of {difficulty}, which no hash meets")
    return min(target, MAX_TARGET)


def difficulty_of(target: int) -> float:
    """Return the difficulty of a target, or of a hash as a number; infinity for 0."""
    return DIFFICULTY_1_TARGET / target if target else float("inf")


def expected_hashes(target: int) -> float:
    """Return how many hashes it takes on average to find one at or below the target."""
    return 2**256 / (target + 1)
