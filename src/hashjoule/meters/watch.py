"""Reading a plug while it is in use: every second it is asked whether what it shows can be true."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from hashjoule.meters import MeterError
from hashjoule.meters.polled import Polled

PERIOD_S = 1.0
SILENCE_S = 5.0
"""How long a plug may be silent. Radio links lose an answer now and then: a counter misses nothing by it, and where
power is integrated a straight line bridges the gap."""

STILL_STEPS = 20
"""Steps that a counter may owe to the power beside it before it counts as stuck; and STILL_S at the least."""
STILL_S = 10.0


@dataclass(frozen=True)
class Answer:
    """What a plug shows at one moment."""

    power_w: float | None
    energy_j: float | None
    step_j: float = 0.0
    """The smallest change of the energy that the digits of the answer show."""
    power_step_w: float = 0.0
    updated_s: float | None = None
    """When the figure was last updated, in seconds since 1970; None where every answer is fresh."""
    age_s: float | None = None
    """How old the figure was when it was asked for; None where every answer is fresh."""
    interval_s: float = 1.0
    """How often the device renews its figures, where its maker says so."""


class Plug(Protocol):
    """A device that is asked what it shows. Thread-safe."""

    def ask(self) -> Answer:
        """Return what the plug shows now.

        Raises:
            MeterError: if it does not answer, or its answer is no figure.
        """
        ...

    def close(self) -> None:
        """Let go of the device."""
        ...


class PlugReading(Polled):
    """A plug that is being read, by its counter or by integrating its power. Thread-safe."""

    def __init__(
        self,
        plug: Plug,
        name: str,
        counts: bool,
        step_j: float,
        interval_s: float,
        clock: Callable[[], float] = time.monotonic,
        period_s: float = PERIOD_S,
    ) -> None:
        """Ask the plug for a first time, and every `period_s` seconds from then on.

        Raises:
            MeterError: if it does not answer, or shows what cannot be true.
        """
        super().__init__(period_s)
        self._plug, self._name, self._clock = plug, name, clock
        self._counts, self._step_j, self._interval_s = counts, step_j, interval_s
        first = plug.ask()
        self._check_alone(first)
        self._last, self._at_s, self._heard_s = first, clock(), clock()
        self._first_j = first.energy_j or 0.0
        self._integrated_j = self._owed_j = 0.0
        self._moved_s = self._at_s
        self._thread.start()

    def joules(self) -> float:
        """See `Reading.joules`. Asks the plug; a plug that is silent is asked again for some seconds."""
        while True:
            self._advance()
            with self._lock:
                if self._error:
                    raise self._error
                if self._heard_s == self._at_s:
                    return (self._last.energy_j or 0.0) - self._first_j if self._counts else self._integrated_j
            if self._ended.wait(min(0.2, self._period_s)):
                raise MeterError(f"{self._name} is not read any more")

    def close(self) -> None:
        """End the thread and let go of the plug."""
        super().close()
        self._plug.close()

    def _advance(self) -> None:
        """Ask once; keep what the plug shows, or the error if it has failed for good."""
        with self._lock:
            if self._error:
                return
            try:
                answer = self._plug.ask()
            except MeterError as error:
                self._at_s = self._clock()
                if self._at_s - self._heard_s > SILENCE_S:
                    self._error = error
                return
            try:
                self._check_alone(answer)
                self._take(answer, self._clock())
            except MeterError as error:
                self._error = error

    def _take(self, answer: Answer, now_s: float) -> None:
        passed_s = now_s - self._heard_s
        spent_j = ((answer.power_w or 0.0) + (self._last.power_w or 0.0)) / 2 * passed_s
        self._integrated_j += spent_j
        if self._counts:
            self._check_counter(answer, spent_j, now_s)
        self._last, self._at_s, self._heard_s = answer, now_s, now_s

    def _check_alone(self, answer: Answer) -> None:
        """Raise MeterError for an answer that cannot be true by itself."""
        if (answer.energy_j if self._counts else answer.power_w) is None:
            raise MeterError(f"{self._name} shows no {'energy' if self._counts else 'power'} any more")
        if answer.power_w is not None and answer.power_w < 0:
            raise MeterError(
                f"{self._name} shows {answer.power_w:g} W, a negative power; reverse its measuring direction"
            )
        # An interval may be late by half, and a time of whole seconds (the server's clock) is one second off.
        if answer.age_s is not None and self._interval_s and answer.age_s > 1.5 * self._interval_s + 1.0:
            raise MeterError(
                f"{self._name} shows a figure that is {answer.age_s:.0f} s old, though it was renewed every "
                f"{self._interval_s:.0f} s before"
            )

    def _check_counter(self, answer: Answer, spent_j: float, now_s: float) -> None:
        gained_j = (answer.energy_j or 0.0) - (self._last.energy_j or 0.0)
        if gained_j < 0:
            raise MeterError(f"{self._name}: its counter fell by {-gained_j:.3g} J; somebody has reset it")
        if gained_j > 0:
            self._owed_j, self._moved_s = 0.0, now_s
            return
        self._owed_j += spent_j
        if self._owed_j > STILL_STEPS * self._step_j and now_s - self._moved_s > STILL_S:
            raise MeterError(
                f"{self._name}: its counter stands still while {answer.power_w or 0:.3g} W flow; restart the plug"
            )
