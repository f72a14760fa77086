"""Contact with a node: ask until it answers, through restarts, outages and garbage."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TypeVar

from hashjoule.errors import HashjouleError, UnavailableError
from hashjoule.mine.chain import (
    BrokenConnectionError,
    NoAnswerError,
    NotReadyError,
    RefusedError,
    RpcError,
    TooEarlyError,
)
from hashjoule.mine.effort import Effort
from hashjoule.mine.template import MalformedTemplateError

T = TypeVar("T")

PATIENCE_SECONDS = 600.0
"""How long a node that has answered before may be away."""

FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.05, 1.0
"""Pauses between tries double from the first to the longest: one bad answer costs little, and a node that comes back
after a long outage is mined on within a second."""

MAX_REFUSALS = 5
"""How many refused logins end a wait. A restarting node may have its old cookie for a moment."""

MAX_BROKEN_AT_FIRST = 5
"""How many broken connections end the first contact."""

_PASSING = (NoAnswerError, RefusedError, RpcError, MalformedTemplateError)
"""What may be different at the next try."""


class StoppedError(Exception):
    """The run is to end."""


class NodeContact:
    """Asks a node, and asks again where that makes sense. Says once that the node is away, and once that it is back.

    What goes wrong at first contact ends the run with a sentence, for it is a wrong port, password or chain. Only a
    node that says that it will be ready is waited for, and a broken connection is tried a few times. What goes wrong
    later is a restart or a bad line, and is tried again for ten minutes.
    """

    def __init__(self, stop: threading.Event, say: Callable[[str], None], effort: Effort) -> None:
        self._stop, self._say, self._effort = stop, say, effort
        self._established = False
        self._reported: HashjouleError | None = None

    def ask(self, question: Callable[[], T], on_failure: Callable[[], None] = lambda: None) -> T:
        """Return the answer to a question, however often it has to be asked.

        `on_failure` is called at each failure, except while the chain's time is ahead of the clock.

        Raises:
            StoppedError: The run was stopped, and the node does not answer.
            HashjouleError: It makes no sense to ask again.
        """
        began_s, pause_s = time.monotonic(), FIRST_PAUSE_SECONDS
        failures: list[HashjouleError] = []
        try:
            while True:
                try:
                    answer = question()
                except _PASSING as error:
                    failures.append(error)
                else:
                    self._on_answer()
                    return answer
                self._on_failure(failures, time.monotonic() - began_s, on_failure)
                if self._stop.wait(pause_s):
                    raise StoppedError
                pause_s = min(2 * pause_s, LONGEST_PAUSE_SECONDS)
        finally:
            if failures:
                self._effort.idle_s += time.monotonic() - began_s

    def _on_answer(self) -> None:
        self._established = True
        if self._reported and not isinstance(self._reported, TooEarlyError):
            self._say("the node answers again")
        self._reported = None

    def _on_failure(self, failures: list[HashjouleError], away_s: float, on_failure: Callable[[], None]) -> None:
        """Raise what ends the run; otherwise report the failure, once."""
        error = failures[-1]
        if self._stop.is_set():
            raise StoppedError
        if not self._may_pass(failures):
            raise error
        if away_s > PATIENCE_SECONDS:
            raise UnavailableError(f"gave up after {PATIENCE_SECONDS:.0f} s: {error}")
        if not isinstance(error, TooEarlyError):
            on_failure()
        if str(error) != str(self._reported):
            self._say(f"waiting: {error}")
            self._reported = error

    def _may_pass(self, failures: list[HashjouleError]) -> bool:
        """Whether the next try may bring an answer."""
        if isinstance(failures[-1], RefusedError) and _count(failures, RefusedError) >= MAX_REFUSALS:
            return False
        if self._established or isinstance(failures[-1], NotReadyError):
            return True
        broken = isinstance(failures[-1], BrokenConnectionError)
        return broken and _count(failures, BrokenConnectionError) < MAX_BROKEN_AT_FIRST


def _count(failures: list[HashjouleError], kind: type[HashjouleError]) -> int:
    return sum(isinstance(error, kind) for error in failures)
