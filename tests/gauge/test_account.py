"""The account of a miner: what counts and what does not, and the ways in which a cheater might want more."""

from __future__ import annotations

import pytest

from harness.gauge import empty_job
from hashjoule.gauge.account import RAMP_UP_S, Account, ends_run
from hashjoule.gauge.book import HandedOut
from hashjoule.gauge.channel import MOST_SHARES_DROPPED, Channel, GaugedMiner
from hashjoule.gauge.difficulty import DifficultyControl


def miner_of(difficulty: float = 1.0) -> tuple[GaugedMiner, Channel]:
    """A miner with one connection of a fixed difficulty."""
    account = Account(0.0)
    miner, channel = (
        GaugedMiner("here", "tests", "one", account),
        Channel(account, DifficultyControl(difficulty, 0.0, fixed=True)),
    )
    miner.join(channel)
    return miner, channel


def job(channel: Channel, now_s: float, *, clean: bool = True) -> HandedOut:
    """The connection's next job."""
    return channel.hand_out(empty_job(channel.book.next_id(), channel.target), now_s, clean=clean)


def deliver(channel: Channel, handed: HandedOut, now_s: float, shares: int = 1, easiest: float = 1.0) -> None:
    """Shares of a job; the easiest of them has so many times its difficulty."""
    for number in range(shares):
        channel.credit(handed, int(handed.job.target / easiest / (1 + number)), now_s)


def test_shares_that_were_hashed_before_the_count_are_not_part_of_it() -> None:
    """A cheater that holds back its shares of the ramp-up gains nothing by them."""
    miner, channel = miner_of()
    early = job(channel, 0.0)
    deliver(channel, early, 1.0)
    miner.begin_count(60.0)
    job(channel, 60.0)
    deliver(channel, early, 61.0, shares=1000)
    assert miner.account.count
    assert miner.account.count.shares == 0


def test_a_share_counts_with_the_difficulty_of_its_job() -> None:
    """Whatever its own hash shows, and whatever the difficulty is when it arrives."""
    miner, channel = miner_of(1.0)
    miner.begin_count(0.0)
    old = job(channel, 0.0)
    channel.control.change(1000.0, 1.0)
    job(channel, 1.0)
    channel.credit(old, 1, 2.0)
    assert miner.account.count
    assert miner.account.count.hashes == old.hashes


def test_the_ramp_up_ends_when_three_estimates_agree() -> None:
    """Ten shares in each third of the time since the difficulty changed last; not before, and not if they differ."""
    miner, channel = miner_of()
    first = job(channel, 0.0)
    for second in range(1, 30):
        deliver(channel, first, float(second))
        assert not miner.account.ramped_up(second + 0.5, settled=True)
    deliver(channel, first, 30.0, shares=3)
    assert not miner.account.ramped_up(30.5, settled=False)
    assert miner.account.ramped_up(30.5, settled=True)
    uneven, channel = miner_of()
    first = job(channel, 0.0)
    for second in range(1, 50):
        deliver(channel, first, float(second), shares=1 if second < 30 else 4)
    assert not uneven.account.ramped_up(50.0, settled=True)
    assert uneven.account.ramped_up(RAMP_UP_S, settled=False)


def test_a_miner_without_a_share_is_waited_for() -> None:
    """A port scanner begins no count."""
    miner, channel = miner_of()
    job(channel, 0.0)
    assert not miner.account.ramped_up(1e6, settled=True)
    miner.account.reject("above target")
    assert miner.advance(1e6)
    assert miner.account.count is None


def test_the_ramp_up_is_told() -> None:
    """With its shares, its time and how it ended."""
    miner, channel = miner_of()
    deliver(channel, job(channel, 0.0), 1.0, shares=7)
    miner.advance(RAMP_UP_S)
    ramp = miner.account.ramp_up
    assert ramp
    assert (ramp.seconds, ramp.shares, ramp.settled) == (RAMP_UP_S, 7, False)


def limited(channel: Channel, handed: HandedOut, shares: int, now_s: float) -> None:
    """Shares that all have four times the difficulty of their job at least."""
    deliver(channel, handed, now_s, shares, easiest=4.0)


def test_a_limit_of_the_miner_begins_the_count_again_once() -> None:
    """Its shares stood for more hashes than they were credited with; a second time the count goes on."""
    miner, channel = miner_of()
    miner.begin_count(0.0)
    limited(channel, job(channel, 0.0), 20, 10.0)
    assert [clean for _, clean in miner.advance(11.0)] == [True]
    assert miner.account.count
    assert (miner.account.count.began_s, miner.account.count.shares) == (11.0, 0)
    assert miner.limit == pytest.approx(4.0)
    assert channel.control.difficulty == miner.limit
    limited(channel, job(channel, 11.0), 20, 20.0)
    miner.advance(21.0)
    assert miner.account.count.began_s == 11.0
    assert miner.limit == pytest.approx(16.0)
    assert "the count began again" in miner.notes[0]
    assert "the count began again" not in miner.notes[1]


def test_an_old_count_is_not_dropped_for_a_limit() -> None:
    """Or a cheater could be rid of an unlucky one for the price of few shares."""
    miner, channel = miner_of()
    miner.begin_count(0.0)
    limited(channel, job(channel, 0.0), MOST_SHARES_DROPPED + 1, 10.0)
    miner.advance(11.0)
    assert miner.account.count
    assert miner.account.count.shares == MOST_SHARES_DROPPED + 1
    assert miner.limit is not None


def test_a_run_with_a_wanted_precision_ends_with_the_last_miner_s_share() -> None:
    """That share is not counted; a miner that is precise already, or idle, does not end or hold up the run."""
    accounts = [Account(0.0), Account(0.0), Account(0.0)]
    quick, slow, gone = accounts
    for account in accounts:
        account.begin_count(0.0)
    gone.add(1.0, 1, 1.0)
    slow.add(1.0, 1, 499.0)
    for step in range(18):
        quick.add(1.0, 1, 500.0 + step)
    assert not ends_run(quick, accounts, 0.5, 520.0, idle_s=300.0)
    assert quick.precise
    for step in range(17):
        assert not ends_run(slow, accounts, 0.5, 600.0 + step, idle_s=300.0)
        slow.add(1.0, 1, 600.0 + step)
    assert not ends_run(quick, accounts, 0.5, 619.0, idle_s=300.0)
    assert not ends_run(slow, [*accounts, Account(500.0)], 0.5, 620.0, idle_s=300.0)


def test_the_share_that_makes_the_last_miner_precise_ends_the_run() -> None:
    """With one miner: the nineteenth share ends a run to 50 %, and eighteen are counted."""
    account = Account(0.0)
    account.begin_count(0.0)
    for step in range(18):
        assert not ends_run(account, [account], 0.5, float(step), idle_s=300.0)
        account.add(1.0, 1, float(step))
    assert ends_run(account, [account], 0.5, 18.0, idle_s=300.0)
    assert account.count
    assert account.count.shares == 18
