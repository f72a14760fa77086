"""A run: who is one miner, who makes room for whom, when it begins and ends."""

from __future__ import annotations

import pytest

from hashjoule.gauge import roster as roster_module
from hashjoule.gauge.roster import IDLE_S, Ending, Roster
from tests.gauge.test_session import EASY, Talk


def counting(ending: Ending | None = None) -> tuple[Roster, Talk]:
    """A run whose count began at 60 s."""
    roster = Roster(ending or Ending(seconds=600.0), EASY)
    talk = Talk(roster).start()
    assert talk.submit(talk.find()) == ""
    advance(roster, talk, 60.0)
    assert roster.begun_s == 60.0
    return roster, talk


def advance(roster: Roster, talk: Talk, now_s: float) -> None:
    """Let time pass."""
    talk.now_s = now_s
    roster.tick(now_s)


def test_connections_of_one_worker_are_one_miner() -> None:
    """Same host, agent and worker; another of any of them is another miner."""
    roster = Roster(Ending(seconds=600.0), EASY)
    for host, user in (("a", "one"), ("a", "one"), ("a", "two"), ("b", "one")):
        Talk(roster, host).start(user=user)
    assert [(miner.host, miner.worker, len(miner.channels)) for miner in roster.miners.values()] == [
        ("a", "one", 2), ("a", "two", 1), ("b", "one", 1),
    ]  # fmt: skip


def test_a_miner_that_comes_back_goes_on() -> None:
    """With its shares, its difficulty and its count; the time between is idle time."""
    roster, talk = counting()
    assert talk.submit(talk.find()) == ""
    roster.disconnect(talk.session)
    again = Talk(roster)
    again.now_s = 300.0
    again.start()
    assert again.submit(again.find()) == ""
    (miner,) = roster.miners.values()
    assert (miner.connections, miner.most_channels) == (2, 1)
    assert miner.account.count
    assert miner.account.count.shares == 2
    assert miner.account.count.estimate(660.0).longest_silence_s == 360.0


def test_whoever_delivers_nothing_is_forgotten() -> None:
    """Ten thousand hellos leave nothing behind."""
    roster = Roster(Ending(seconds=600.0), EASY)
    for number in range(10_000):
        talk = Talk(roster).start(user=f"nobody.{number}")
        roster.disconnect(talk.session)
    assert not roster.miners
    assert not roster.sessions


def test_a_full_house_makes_room_for_a_new_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest connection without a share goes; those with shares stay, whoever comes."""
    monkeypatch.setattr(roster_module, "MOST_SESSIONS", 3)
    roster = Roster(Ending(seconds=600.0), EASY)
    worker, first, second = (Talk(roster).start(user=name) for name in ("worker", "first", "second"))
    worker.submit(worker.find())
    _, useless = roster.connect("new", lambda lines: None, 1.0)
    assert useless is first.session
    roster.disconnect(first.session)
    second.submit(second.find())
    _, useless = roster.connect("new", lambda lines: None, 2.0)
    assert useless is not None
    roster.disconnect(useless)
    for name in ("third",):
        third = Talk(roster)
        third.start(user=name)
        third.submit(third.find())
    for session in [session for session in roster.sessions if not session.has_shares]:
        roster.disconnect(session)
    assert roster.connect("newest", lambda lines: None, 3.0) == (None, None)


def test_there_is_room_for_so_many_miners(monkeypatch: pytest.MonkeyPatch) -> None:
    """A flood of names with a share each ends somewhere."""
    monkeypatch.setattr(roster_module, "MOST_MINERS", 2)
    roster = Roster(Ending(seconds=600.0), EASY)
    for name in ("one", "two"):
        Talk(roster).start(user=name)
    session, _ = roster.connect("x", lambda lines: None, 0.0)
    assert session
    session.agent, session.worker = "tests/1", "three"
    assert roster.join(session, 0.0) is None


def test_a_run_ends_when_its_time_is_up() -> None:
    """To the second, even if the clock is looked at later; what arrives after that is not counted."""
    roster, talk = counting()
    assert talk.submit(talk.find()) == ""
    talk.now_s = 660.0
    assert talk.submit(talk.find(time=1)) == ""
    assert roster.ended_s == 660.0
    (miner,) = roster.miners.values()
    assert miner.account.count
    assert miner.account.count.shares == 1


def test_a_run_ends_with_the_share_that_makes_it_precise() -> None:
    """A right one: garbage and duplicates end nothing."""
    roster, talk = counting(Ending(precision=0.5))
    for second in range(18):
        talk.now_s = 61.0 + second
        assert talk.submit(talk.find(time=second)) == ""
    assert talk.submit(talk.find(share=False)) == "above target"
    assert talk.submit(talk.find(time=3)) == "duplicate"
    assert roster.ended_s is None
    talk.now_s = 100.0
    assert talk.submit(talk.find(time=99)) == ""
    assert roster.ended_s == 100.0
    (miner,) = roster.miners.values()
    assert miner.account.count
    assert miner.account.count.shares == 18


def test_a_share_from_before_the_count_ends_nothing() -> None:
    """It is not part of it."""
    roster, talk = counting(Ending(precision=0.5))
    old = Talk(roster, "other").start()
    early = old.find()
    for second in range(18):
        talk.now_s = 61.0 + second
        talk.submit(talk.find(time=second))
    old.now_s = 90.0
    old.submit(early)
    assert roster.ended_s is None


def test_a_run_for_precision_ends_when_all_miners_are_gone() -> None:
    """After five minutes without a share: nothing hangs."""
    roster, talk = counting(Ending(precision=0.02))
    advance(roster, talk, 100.0)
    assert roster.ended_s is None
    advance(roster, talk, 60.0 + IDLE_S)
    assert roster.ended_s == 60.0 + IDLE_S


def test_a_timed_run_goes_on_without_miners() -> None:
    """Idle time belongs to the rate."""
    roster, talk = counting()
    roster.disconnect(talk.session)
    advance(roster, talk, 659.0)
    assert roster.ended_s is None
    advance(roster, talk, 661.0)
    assert roster.ended_s == 660.0


def test_every_connection_gets_a_clean_job_when_the_count_begins() -> None:
    """At once: work from before it would not count."""
    roster = Roster(Ending(seconds=600.0), EASY)
    one, two = Talk(roster).start(), Talk(roster).start()
    one.submit(one.find())
    before = one.job[0], two.job[0]
    roster.tick(60.0)
    assert (one.job[0], two.job[0]) != before
    assert one.job[8] is two.job[8] is True
