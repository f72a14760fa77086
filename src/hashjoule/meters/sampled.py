"""Energy from sampled power: the trapezoidal rule, in a thread of its own."""

from __future__ import annotations

import time
from collections.abc import Callable

from hashjoule.meters import MeterError
from hashjoule.meters.polled import Polled


class Integral(Polled):
    """The integral of power over time, advanced every `period_s` seconds and whenever it is read. Thread-safe."""

    def __init__(
        self, power_w: Callable[[], float], period_s: float = 0.05, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """`power_w` returns the power in watts, or raises MeterError."""
        super().__init__(period_s)
        self._power_w, self._clock = power_w, clock
        self._joules, self._at_s, self._last_w = 0.0, clock(), power_w()
        self._thread.start()

    def joules(self) -> float:
        """See `Reading.joules`."""
        self._advance()
        if self._error:
            raise self._error
        return self._joules

    def _advance(self) -> None:
        with self._lock:
            if self._error:
                return
            try:
                now_w = self._power_w()
            except MeterError as error:
                self._error = error
                return
            now_s = self._clock()
            self._joules += (now_w + self._last_w) / 2 * (now_s - self._at_s)
            self._at_s, self._last_w = now_s, now_w
