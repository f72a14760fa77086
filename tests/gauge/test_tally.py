"""Counting shares over time: nothing is lost, however long it takes, in constant memory."""

from __future__ import annotations

import random
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hashjoule.gauge.tally import PARTS, Slots, Tally


@given(st.lists(st.floats(0, 20_000), min_size=1, max_size=300), st.integers(1, 12))
def test_parts_hold_every_share(times: list[float], number: int) -> None:
    """The parts' shares, weights and lengths add up to the whole, through every doubling of the slots."""
    slots, end_s = Slots(), max(times) + 0.5
    for at_s in sorted(times):
        slots.add(at_s, 3.0)
    parts = slots.parts(number, end_s)
    assert len(parts) <= number
    assert sum(part.shares.shares for part in parts) == len(times)
    assert sum(part.shares.total for part in parts) == pytest.approx(3.0 * len(times))
    assert sum(part.seconds for part in parts) == pytest.approx(end_s)


def test_parts_are_of_about_equal_length() -> None:
    """Within a hundredth of the run, for a run of any length."""
    for seconds in (10.0, 600.0, 12_345.0, 86_400.0):
        slots = Slots()
        slots.add(seconds - 0.1, 1.0)
        lengths = [part.seconds for part in slots.parts(PARTS, seconds)]
        assert len(lengths) == PARTS
        assert max(lengths) - min(lengths) < seconds / 50


def test_shares_lie_in_their_part() -> None:
    """A miner that works in the first half only shows it."""
    tally = Tally(100.0)
    for step in range(500):
        tally.add(100.0 + step, 2.0)
    estimate = tally.estimate(1100.0)
    assert [round(part.hashrate_hs, 1) for part in estimate.parts[:4]] == [2.0] * 4
    assert [part.hashrate_hs for part in estimate.parts[6:]] == [0.0] * 4
    assert estimate.constant_p is not None
    assert estimate.constant_p < 1e-9
    assert estimate.longest_silence_s == 501.0
    assert estimate.silence_p < 1e-9


def test_idle_time_is_part_of_the_rate() -> None:
    """Ten shares of 5 hashes in 100 s, nothing in the next 100 s."""
    tally = Tally(0.0)
    for step in range(10):
        tally.add(10.0 * step, 5.0)
    assert tally.estimate(100.0).hashrate_hs == pytest.approx(0.5)
    assert tally.estimate(200.0).hashrate_hs == pytest.approx(0.25)


def test_a_difficulty_that_was_never_met_widens_the_interval() -> None:
    """What a share could have been worth counts, even if none came."""
    tally = Tally(0.0)
    tally.expect(1e6)
    assert tally.estimate(10.0).interval_hs.high == pytest.approx(3.689e5, rel=1e-3)
    assert tally.estimate(10.0).hashrate_hs == 0.0


def test_memory_is_constant() -> None:
    """A day at ten shares a second takes no more slots than ten minutes."""
    slots, rng = Slots(), random.Random(1)
    for second in range(0, 86_400, 10):
        slots.add(second + rng.random(), 1.0)
    assert sum(sys.getsizeof(sums) for sums in (slots._shares, slots._totals, slots._squares)) < 40_000
