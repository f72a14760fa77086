"""Estimates are unbiased and intervals honest: thousands of simulated runs over the real accounting.

`python -m bench.gauge --only simulation` does the same with 10,000 runs of each kind and up to 5,000 shares.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from typing import Any

import pytest

from harness.gauge import Simulated, SimulatedMiner, simulate
from hashjoule.gauge.tally import Estimate

HASHRATE_HS = 4.3e6
"""A share a second at a difficulty of 1/1024."""


def fits(outcome: Simulated, least_coverage: float, most_coverage: float = 1.0) -> None:
    """The mean lies within four standard errors of the truth, the coverage within four of its bounds."""
    assert abs(outcome.mean - 1) < 4 * outcome.standard_error, outcome
    slack = 4 * math.sqrt(0.05 * 0.95 / outcome.runs)
    assert least_coverage - slack <= outcome.coverage <= most_coverage + slack, outcome


@pytest.mark.parametrize("restless", [False, True], ids=["steady", "changing"])
@pytest.mark.parametrize(("seconds", "runs", "most"), [(5, 2000, 1.0), (50, 600, 0.965), (500, 150, 0.965)])
def test_unbiased_and_honest(seconds: int, runs: int, most: float, restless: bool) -> None:
    """With ramp-up, grace time and latency; with a difficulty that fits, and with one that follows the luck."""

    def make(rng: random.Random) -> SimulatedMiner:
        return SimulatedMiner(hashrate_hs=HASHRATE_HS, rng=rng, latency_s=1e-3, restless=restless)

    fits(simulate(make, lambda miner: miner.run(seconds), runs), 0.94, 1.0 if restless else most)


def for_five_minutes(miner: SimulatedMiner) -> Estimate:
    """A count of fixed length."""
    return miner.run(300)


@pytest.mark.parametrize(
    ("name", "options", "measure", "runs"),
    [
        ("a chip with a limit of its own", {"hashrate_hs": 1.2e12, "chip_limit": 256.0}, for_five_minutes, 300),
        ("a limit close to the difficulty", {"chip_limit": 1.3 / 1024}, for_five_minutes, 300),
        ("a large ASIC", {"hashrate_hs": 5e14, "chip_limit": 64.0}, for_five_minutes, 60),
        ("a fixed difficulty, too low for the chip", {"hashrate_hs": 1e12, "chip_limit": 256.0, "fixed": 1.0},
         for_five_minutes, 300),
        ("until 50 %", {}, lambda miner: miner.run_to(0.5), 300),
        ("until 20 %", {}, lambda miner: miner.run_to(0.2), 300),
    ],
)  # fmt: skip
def test_no_stopping_rule_biases(
    name: str, options: dict[str, Any], measure: Callable[[SimulatedMiner], Estimate], runs: int
) -> None:
    """What ends a ramp-up, a count or a run depends on the shares, and yet the estimate is right on average."""

    def make(rng: random.Random) -> SimulatedMiner:
        fields: dict[str, Any] = {"hashrate_hs": HASHRATE_HS, "rng": rng}
        return SimulatedMiner(**fields | options)

    fits(simulate(make, measure, runs), 0.94)


def test_latency_is_idle_time() -> None:
    """A miner that needs two seconds to begin and to report loses four of a hundred, and no more."""

    def make(rng: random.Random) -> SimulatedMiner:
        return SimulatedMiner(hashrate_hs=HASHRATE_HS, rng=rng, latency_s=2.0)

    outcome = simulate(make, lambda miner: miner.run(100), 500)
    assert abs(outcome.mean - 0.96) < 4 * outcome.standard_error


def test_stale_shares_do_not_count_and_bias_nothing() -> None:
    """A miner that works on for longer than the grace time loses just that work."""
    miner = SimulatedMiner(hashrate_hs=HASHRATE_HS, rng=random.Random(1), latency_s=15.0)
    estimate = miner.run(900)
    stale = miner.miner.account.rejected["stale"]
    assert stale > 0
    assert estimate.hashrate_hs < HASHRATE_HS
