"""The gauge's own server on loopback, in a thread, for tests and experiments."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from hashjoule.gauge.roster import Ending, Roster
from hashjoule.gauge.server import TICK_S, listen

T = TypeVar("T")

WAIT_S = 30.0


class RunningGauge:
    """A roster that is being served."""

    def __init__(self, roster: Roster) -> None:
        self.roster = roster
        self.port = 0
        self.slowest_turn_s = 0.0
        """The longest time that the server was late with its regular duties: what one connection costs the others."""
        self._loop = asyncio.new_event_loop()
        self._started, self._ended = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=lambda: self._loop.run_until_complete(self._serve()), daemon=True)

    async def _serve(self) -> None:
        server = await listen(self.roster, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        self._started.set()
        while not self._ended.is_set():
            now_s = time.monotonic()
            self.roster.tick(now_s)
            for session in self.roster.late(now_s):
                session.close("was late")
            due_s = time.monotonic() + TICK_S / 5
            await asyncio.sleep(TICK_S / 5)
            self.slowest_turn_s = max(self.slowest_turn_s, time.monotonic() - due_s)
        server.close()
        for session in list(self.roster.sessions):
            session.close("the end")
        await asyncio.sleep(0)

    def call(self, function: Callable[[], T]) -> T:
        """Call a function in the server's thread, between two of its turns."""

        async def run() -> T:
            return function()

        return asyncio.run_coroutine_threadsafe(run(), self._loop).result(WAIT_S)

    def wait(self, holds: Callable[[], bool], what: str) -> None:
        """Wait until something about the roster is true."""
        deadline = time.monotonic() + WAIT_S
        while not self.call(holds):
            assert time.monotonic() < deadline, what
            time.sleep(0.01)

    def start(self) -> None:
        """Begin to serve."""
        self._thread.start()
        assert self._started.wait(WAIT_S)

    def stop(self) -> None:
        """End."""
        self._ended.set()
        self._thread.join(WAIT_S)
        self._loop.close()


@contextmanager
def serving(difficulty: float | None = None, ending: Ending | None = None) -> Iterator[RunningGauge]:
    """A gauge that counts for an hour unless told otherwise."""
    running = RunningGauge(Roster(ending or Ending(seconds=3600.0), difficulty))
    running.start()
    try:
        yield running
    finally:
        running.stop()
