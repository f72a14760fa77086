"""A pool of the user's list: where it is at the moment, and when to try it again."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field, replace

from hashjoule.errors import printable_line
from hashjoule.mine.pools.client import BrokenPoolConnectionError, PoolError
from hashjoule.mine.pools.url import PoolUrl
from hashjoule.stratum.messages import Reconnect

FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.25, 60.0

STEADY_SECONDS = 30.0
"""A connection that lasted this long was a good one. After a shorter one the next pool has its turn."""

MAX_WAIT_SECONDS = 60.0
"""Longest wait before a reconnection that a pool may ask for."""

MAX_BROKEN_AT_FIRST = 4
"""How many broken connections in a row end the first contact with a pool."""

MAX_REDIRECTS = 5
"""How often in a row a pool may send its miners elsewhere without giving them a job."""


class RedirectedError(PoolError):
    """The pool has sent its miners to another host or port, where it is tried next."""


@dataclass(eq=False)
class PoolEndpoint:
    """A pool of the user's list."""

    url: PoolUrl
    current_url: PoolUrl = field(init=False)
    """Where the pool is now: it may have sent its miners elsewhere."""
    due_s: float = 0.0
    """When to try it again, by the monotonic clock."""
    pause_s: float = 0.0
    redirects: int = 0
    failures: int = 0
    """How many tries in a row have failed."""
    error: PoolError | None = None
    """Why it could not be mined at; None if it could."""

    def __post_init__(self) -> None:
        self.current_url = self.url

    @property
    def is_hopeless(self) -> bool:
        """Whether it makes no sense to try again at first contact: more than a broken connection is wrong."""
        broken = isinstance(self.error, BrokenPoolConnectionError) and self.failures < MAX_BROKEN_AT_FIRST
        return self.error is not None and not broken

    def failed(self, error: PoolError, lasted_s: float) -> None:
        """Back off exponentially; a connection that lasted resets the delay.

        The next try goes to the pool's own URL, unless the pool has just sent its miners elsewhere.
        """
        self.failures += 1
        if not isinstance(error, RedirectedError):
            self.current_url, self.error, self.redirects = self.url, error, 0
        resets = lasted_s >= STEADY_SECONDS or not self.pause_s
        self.pause_s = FIRST_PAUSE_SECONDS if resets else min(2 * self.pause_s, LONGEST_PAUSE_SECONDS)
        self.due_s = max(self.due_s, time.monotonic() + self.pause_s)

    def in_use(self) -> None:
        """Note that the pool has sent a job."""
        self.redirects = self.failures = 0

    def redirect(self, wanted: Reconnect, follow: bool) -> None:
        """Go where the pool wants its miners; to another host only if the user allows it with `follow`.

        It returns normally where the user has to decide.

        Raises:
            RedirectedError: The pool is to be tried at its new place.
            PoolError: The new place makes no sense, or the pool has sent its miners around too often.
        """
        self.redirects += 1
        try:
            port, wait_s = int(wanted.port or self.current_url.port), float(wanted.wait_seconds or 0)
        except ValueError:
            port, wait_s = 0, math.nan
        if self.redirects > MAX_REDIRECTS or not 0 < port < 1 << 16 or not wait_s >= 0:
            raise PoolError(f"{self.current_url} sends its miners round and round; check --pool")
        host = (wanted.host or self.current_url.host).lower()
        if follow or host in (self.current_url.host, self.url.host):
            before, self.current_url = self.current_url, replace(self.current_url, host=host, port=port)
            self.due_s = time.monotonic() + min(wait_s, MAX_WAIT_SECONDS)
            raise RedirectedError(f"{before} sends its miners to {printable_line(str(self.current_url))}")
