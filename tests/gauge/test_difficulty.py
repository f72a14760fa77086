"""The difficulty of a connection: found from below, left alone when it fits, raised to what a miner honours."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hashjoule.gauge.difficulty import FIRST_DIFFICULTY, LOWEST_DIFFICULTY, DifficultyControl

H = 2**32
"""About the hashes of a share of difficulty 1."""


def feed(control: DifficultyControl, hashrate_hs: float, seconds: float, now_s: float = 0.0) -> float:
    """Let a miner of that rate work evenly, in steps of a quarter of a second; return the time at the end."""
    owed = 0.0
    for _ in range(int(4 * seconds)):
        now_s += 0.25
        owed += hashrate_hs / 4 / (control.difficulty * H)
        for number in range(int(min(owed, 10_000))):
            control.add(control.difficulty * (1 + number / 100))
        owed %= 1
        control.update(now_s)
    return now_s


@pytest.mark.parametrize("hashrate_hs", [1e4, 1e6, 3e7, 5e9, 1.2e12, 2e14, 5e14])
def test_every_miner_gets_about_a_share_a_second(hashrate_hs: float) -> None:
    """From 10 kH/s to 500 TH/s, within the first minute."""
    control = DifficultyControl(FIRST_DIFFICULTY, 0.0)
    feed(control, hashrate_hs, 60)
    per_second = hashrate_hs / (control.difficulty * H)
    assert 0.25 <= per_second <= 3


@given(st.floats(0.5, 1.9))
def test_a_difficulty_that_fits_stays(per_second: float) -> None:
    """No hunting around the right value."""
    control = DifficultyControl(1.0, 0.0)
    feed(control, per_second * H, 300)
    assert control.difficulty == 1.0


def test_it_changes_while_shares_are_counted_only_if_it_is_far_off() -> None:
    """A miner that becomes four times as fast keeps its difficulty, one of sixteen times does not; nor a tired one."""
    for factor, change in ((4, 1.0), (16, 16.0), (1 / 4, 1.0), (1 / 40, 1 / 64)):
        control = DifficultyControl(1.0, 0.0, counting=True)
        now_s = feed(control, H, 600)
        feed(control, factor * H, 600, now_s)
        assert control.difficulty == pytest.approx(change, rel=1.01), factor


def test_a_fixed_difficulty_is_left_alone() -> None:
    """Whatever the shares say."""
    control = DifficultyControl(1.0, 0.0, fixed=True)
    feed(control, 100 * H, 60)
    assert control.difficulty == 1.0
    assert control.settled(60.0)


def test_it_never_falls_below_its_floor() -> None:
    """A miner that delivers nothing."""
    control = DifficultyControl(FIRST_DIFFICULTY, 0.0)
    feed(control, 1.0, 1000)
    assert control.difficulty == LOWEST_DIFFICULTY


def shares_above(limit: float, shares: int, seed: int) -> DifficultyControl:
    """The control of a connection of difficulty 1 whose miner drops shares below its limit."""
    rng, control = random.Random(seed), DifficultyControl(1.0, 0.0)
    for _ in range(shares):
        control.add(limit / (1 - rng.random()))
    return control


@pytest.mark.parametrize(("limit", "shares"), [(256.0, 16), (4.0, 16), (1.5, 60), (1.1, 250), (1.02, 1300)])
def test_a_limit_of_the_miner_is_noticed(limit: float, shares: int) -> None:
    """The closer it lies to the difficulty, the more shares it takes; what is found is never below the limit."""
    for seed in range(50):
        found = shares_above(limit, shares, seed).own_limit()
        assert found is not None
        assert limit <= found


def test_an_honest_miner_has_no_limit() -> None:
    """However its luck runs."""
    assert not any(shares_above(1.0, shares, seed).own_limit() for shares in (16, 50, 1000) for seed in range(300))


def test_too_few_shares_tell_no_limit() -> None:
    """Fifteen lucky shares are no proof."""
    assert shares_above(256.0, 15, 1).own_limit() is None


def test_a_limit_is_respected_from_then_on() -> None:
    """The difficulty is raised to it and does not fall below it, even if shares get rare."""
    control = DifficultyControl(1.0, 0.0)
    control.respect(300.0, 10.0)
    feed(control, 1e9, 300, 10.0)
    assert control.difficulty == 300.0
