"""Energy from power that is sampled: the trapezoidal rule, in a thread of its own."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from hashjoule.meters import MeterError


class Integral:
    """Integrates watts over a monotonic clock, every `period_s` and whenever it is read."""

    def __init__(
        self, watts: Callable[[], float], period_s: float = 0.05, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._watts, self._period_s, self._clock = watts, period_s, clock
        self._joules, self._at_s, self._last_w = 0.0, clock(), watts()
        self._error: MeterError | None = None
        self._lock, self._ended = threading.Lock(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="meter", daemon=True)
        self._thread.start()

    def joules(self) -> float:
        """See `Reading.joules`."""
        self._advance()
        if self._error:
            raise self._error
        return self._joules

    def close(self) -> None:
        """Ends the thread."""
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._error and not self._ended.wait(self._period_s):
            self._advance()

    def _advance(self) -> None:
        with self._lock:
            try:
                now_w = self._watts()
            except MeterError as error:
                self._error = self._error or error
                return
            now_s = self._clock()
            self._joules += (now_w + self._last_w) / 2 * (now_s - self._at_s)
            self._at_s, self._last_w = now_s, now_w
