"""Files of Linux's sysfs, and energy counters that count up from somewhere."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from hashjoule.meters import MeterError


def read_number(path: Path) -> int:
    """Return the number that a file holds.

    Raises:
        MeterError: if the file is gone, closed to this user, or holds no number.
    """
    try:
        return int(path.read_text("ascii"))
    except OSError as error:
        raise MeterError(f"{path} cannot be read any more: {error.strerror}") from None
    except ValueError:
        raise MeterError(f"{path} holds no number; the driver is broken") from None


def read_word(path: Path) -> str | None:
    """Return the text that a file holds, without the space around it; None if it cannot be read."""
    try:
        return path.read_text("utf-8").strip()
    except (OSError, ValueError):
        return None


class Counter:
    """The reading of a counter that does not wrap around while anybody watches."""

    def __init__(self, count: Callable[[], int], per_joule: float) -> None:
        """`count` reads the counter, which moves by `per_joule` for each joule."""
        self._count, self._per_joule = count, per_joule
        self._first = count()

    def joules(self) -> float:
        """See `Reading.joules`."""
        return (self._count() - self._first) / self._per_joule

    def close(self) -> None:
        """Nothing is held open."""
