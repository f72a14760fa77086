"""The live line and the summary of `hashjoule mine`: each number says what it is, and lines fit."""

from __future__ import annotations

import time
from collections import Counter

import pytest

from hashjoule.cli.mine_report import (
    block_live_parts,
    block_summary,
    fitting,
    share_live_parts,
    share_summary,
)
from hashjoule.mine.loop import BlockStats
from hashjoule.mine.pools.share_miner import ShareStats


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stop the clock at 1,000 s."""
    monkeypatch.setattr(time, "monotonic", lambda: 1000.0)


def block_stats(**fields: float) -> BlockStats:
    """Return ten seconds of a run, two of them without a node."""
    stats = BlockStats(began_s=990.0, idle_s=2.0, hashes=8_000_000, expected_hashes=2.0, chain_height=123)
    for name, value in fields.items():
        setattr(stats, name, value)
    return stats


def test_the_summary_keeps_apart_what_was_found_and_what_is_expected() -> None:
    """The height is the chain's; the rate excludes the outage, which is named."""
    assert block_summary(block_stats(blocks=3, stale=1, expected_hashes=4.84e6)) == [
        "3 blocks, 1 stale, 0 rejected, 0 hardware errors in 10.0 s",
        "the chain's height is 123",
        "1.00 MH/s searched (without 2.00 s in which there was no node)",
        "at that rate a block takes 4.84 s or 4.84 million hashes on average",
    ]


def test_nothing_is_said_of_an_outage_that_was_none() -> None:
    """One block is singular."""
    lines = block_summary(block_stats(blocks=1, idle_s=0.0, wrong_hits=1))
    assert lines[0].startswith("1 block, 0 stale, 0 rejected, 1 hardware error in ")
    assert "without" not in "".join(lines)


def test_the_summary_of_shares() -> None:
    """The accepted shares stand for a rate of their own."""
    stats = ShareStats(began_s=990.0, idle_s=0.0, hashes=10_000_000, expected_hashes=2e6, accepted_hashes=8e6)
    stats.fates, stats.reasons = Counter(accepted=4, rejected=2, stale=1), Counter({"bad": 2})
    assert share_summary(stats) == [
        "shares: 4 accepted, 2 rejected (bad: 2), 1 stale, 0 unanswered",
        "0 hardware errors in 10.0 s",
        "800 kH/s by the accepted shares",
        "1.00 MH/s searched",
        "at that rate a share takes 2.00 s or 2.00 million hashes on average",
    ]


@pytest.mark.parametrize("width", [20, 40, 79, 200])
def test_live_lines_fit_and_show_whole_parts(width: int) -> None:
    """The most important parts come first, and what did not happen is left out."""
    shares = ShareStats(pool="pool.example:3333", began_s=990.0, hashes=10_000_000, expected_hashes=2e6)
    shares.fates = Counter(accepted=4, rejected=2)
    for parts in (block_live_parts(block_stats(blocks=3, stale=1)), share_live_parts(shares)):
        line = fitting(parts, width)
        assert len(line) <= width
        assert line == parts[0][:width] or line == ", ".join(parts[: line.count(", ") + 1])


def test_a_live_line_of_80_columns_has_what_matters() -> None:
    """It has block, rate, count, time, and what went wrong."""
    line = fitting(block_live_parts(block_stats(blocks=1234, chain_height=840_000, stale=3)), 79)
    assert line == "block 840001: 1.00 MH/s, 1,234 blocks in 10.0 s, 3 stale"
    shares = ShareStats(pool="pool.example:3333", began_s=990.0, hashes=10_000_000, accepted_hashes=9e6)
    shares.fates = Counter(accepted=4)
    line = fitting(share_live_parts(shares), 79)
    assert line == "pool.example:3333: 1.00 MH/s, 4 accepted in 10.0 s, 900 kH/s at the pool"
