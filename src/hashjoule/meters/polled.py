"""A meter that must be asked again and again while it is in use: the thread that does so."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod

from hashjoule.meters import MeterError


class Polled(ABC):
    """Something that a thread asks every `period_s` seconds, until it has failed for good or is closed."""

    def __init__(self, period_s: float) -> None:
        self._period_s = period_s
        self._error: MeterError | None = None
        """Why it has failed for good."""
        self._lock, self._ended = threading.Lock(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="meter", daemon=True)

    def close(self) -> None:
        """End the thread."""
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._error and not self._ended.wait(self._period_s):
            self._advance()

    @abstractmethod
    def _advance(self) -> None:
        """Ask once, under the lock; note the error of a failure for good."""
