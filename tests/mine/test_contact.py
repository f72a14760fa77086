"""Contact with a node: what is asked again, how soon, and what ends it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from hashjoule.errors import HashjouleError, UnavailableError
from hashjoule.mine import contact
from hashjoule.mine.chain import (
    BrokenConnectionError,
    NoAnswerError,
    NotReadyError,
    RefusedError,
    RpcError,
    TooEarlyError,
)
from hashjoule.mine.contact import NodeContact, StoppedError
from hashjoule.mine.effort import Effort
from hashjoule.mine.template import MalformedTemplateError


class Pauses(threading.Event):
    """A stop event that records how long it was waited for, and does not wait."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds: list[float] = []

    def wait(self, timeout: float | None = None) -> bool:
        """Record the time."""
        assert timeout is not None
        self.seconds.append(timeout)
        return self.is_set()


class Asked:
    """A contact, what it said, and a node behind it that fails on demand."""

    def __init__(self, established: bool) -> None:
        self.stop, self.said, self.effort = Pauses(), list[str](), Effort()
        self.contact = NodeContact(self.stop, self.said.append, self.effort)
        if established:
            assert self.contact.ask(lambda: "yes") == "yes"

    def ask(self, *failures: Exception, on_failure: Callable[[], None] = lambda: None) -> str:
        """Ask a question that fails in these ways before it is answered."""
        left = iter(failures)

        def question() -> str:
            failure = next(left, None)
            if failure:
                raise failure
            return "yes"

        return self.contact.ask(question, on_failure)


PASSING: list[HashjouleError] = [
    NoAnswerError("away"),
    BrokenConnectionError("reset"),
    NotReadyError("loading"),
    RefusedError("401"),
    RpcError("getblocktemplate", -1, "internal"),
    MalformedTemplateError("damaged"),
    TooEarlyError(),
]


@pytest.mark.parametrize("error", PASSING, ids=lambda error: type(error).__name__)
def test_one_bad_answer_costs_50_milliseconds(error: HashjouleError) -> None:
    """This holds for any kind of bad answer, and again for the next one."""
    asked = Asked(established=True)
    for _ in range(3):
        assert asked.ask(error) == "yes"
    assert asked.stop.seconds == [0.05] * 3


def test_pauses_double_up_to_a_second() -> None:
    """A node that comes back after a long outage is noticed within a second."""
    asked = Asked(established=True)
    asked.ask(*[NoAnswerError("away")] * 8)
    assert asked.stop.seconds == [0.05, 0.1, 0.2, 0.4, 0.8, 1.0, 1.0, 1.0]


def test_an_outage_is_told_once_for_each_reason_and_its_end_once() -> None:
    """It does not matter how often the node is asked."""
    asked = Asked(established=True)
    asked.ask(*[NoAnswerError("refused")] * 3, *[NotReadyError("loading")] * 3)
    assert asked.said == ["waiting: refused", "waiting: loading", "the node answers again"]
    asked.ask()
    assert len(asked.said) == 3


def test_each_failure_is_passed_on_except_a_chain_ahead_of_the_clock() -> None:
    """The caller keeps a block on disk while the node is away, and need not while the block is too early."""
    asked, failures = Asked(established=True), []
    asked.ask(TooEarlyError(), NoAnswerError("away"), NoAnswerError("away"), on_failure=lambda: failures.append(1))
    assert len(failures) == 2


FIRST_CONTACT: dict[str, tuple[list[Exception], bool]] = {
    "nothing listens": ([NoAnswerError("refused")], False),
    "wrong credentials": ([RefusedError("401")], False),
    "an error": ([RpcError("getblocktemplate", -1, "why")], False),
    "a damaged template": ([MalformedTemplateError("damaged")], False),
    "loading": ([NotReadyError("loading")] * 20, True),
    "a few resets": ([BrokenConnectionError("reset")] * 4, True),
    "resets only": ([BrokenConnectionError("reset")] * 5, False),
    "loading, then nothing": ([NotReadyError("loading"), NoAnswerError("refused")], False),
}


@pytest.mark.parametrize(("failures", "answered"), FIRST_CONTACT.values(), ids=FIRST_CONTACT)
def test_what_ends_the_first_contact(failures: list[Exception], answered: bool) -> None:
    """A wrong port or password does; a node that is loading or a connection that breaks does not."""
    asked = Asked(established=False)
    if answered:
        assert asked.ask(*failures) == "yes"
    else:
        with pytest.raises(type(failures[-1])):
            asked.ask(*failures)


def test_refused_logins_end_a_wait_after_a_few() -> None:
    """A restarting node may have its old cookie for a moment."""
    asked = Asked(established=True)
    with pytest.raises(RefusedError):
        asked.ask(*[RefusedError("401")] * 5)
    assert len(asked.stop.seconds) == 4


def test_what_cannot_pass_ends_the_run_at_once() -> None:
    """An unknown rule is an example."""
    asked = Asked(established=True)
    with pytest.raises(UnavailableError, match="unknown rule"):
        asked.ask(UnavailableError("unknown rule"))
    assert asked.stop.seconds == []


def test_patience_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sentence has the last reason."""
    monkeypatch.setattr(contact, "PATIENCE_SECONDS", -1.0)
    with pytest.raises(UnavailableError, match="gave up after -1 s: away"):
        Asked(established=True).ask(NoAnswerError("away"))


def test_a_stop_ends_it() -> None:
    """No further pause follows."""
    asked = Asked(established=True)
    asked.stop.set()
    assert asked.ask() == "yes"
    with pytest.raises(StoppedError):
        asked.ask(NoAnswerError("away"))
    assert asked.stop.seconds == []


def test_time_without_a_node_is_not_in_the_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    """The run's time includes it and its rate does not, however the wait ends."""
    now = 100.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    asked = Asked(established=True)
    asked.effort.began_s, asked.effort.hashes = now, 1000

    class AwayError(Exception):
        pass

    def question() -> Any:
        nonlocal now
        now += 30.0
        if now == 130.0:
            raise NoAnswerError("away")
        raise AwayError

    with pytest.raises(AwayError):
        asked.contact.ask(question)
    now += 10.0
    assert asked.effort.seconds == 70.0
    assert asked.effort.idle_s == 60.0
    assert asked.effort.hashrate_hs == 100.0
