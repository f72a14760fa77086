"""Connections to pools: several in order, fail-over and return, all in one thread with asyncio.

A pool may misbehave in any way: it may be silent, endless, or not there. Every wait has a limit, every line a length,
and a stop ends the thread at once.
"""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from contextlib import suppress
from queue import SimpleQueue

from hashjoule.errors import UnavailableError, printable_line
from hashjoule.mine.pools import endpoint as endpoints
from hashjoule.mine.pools import sockets
from hashjoule.mine.pools.client import BrokenPoolConnectionError, PoolClient, PoolError
from hashjoule.mine.pools.endpoint import PoolEndpoint
from hashjoule.mine.pools.url import POOL_PASSWORD_VARIABLE, PoolUrl
from hashjoule.mine.pools.work import PoolJob, Share, ShareVerdict

FIRST_JOB_SECONDS = 15.0
"""How long a pool may take from the connection to its first job."""

STALL_SECONDS = 120.0
"""A pool that sends nothing for this long, or leaves a share unanswered, is gone: pools send a job every half or whole
minute."""

PATIENCE_SECONDS = 600.0
"""How long all pools may be away once one was there."""

MAX_UNANSWERED = 32
"""How many shares may wait for an answer. The search then pauses: a slow pool would get nothing but stale shares."""

MAX_REMEMBERED = 1 << 11
"""How many of the latest shares are remembered, so that none is sent twice."""

_MAX_UNSENT_BYTES = 1 << 20
"""A pool that does not read this much is disconnected."""

_STOP_CHECK_SECONDS, _END_SECONDS = 0.1, 1.0


class PoolConnection:
    """A conversation with a pool over its socket."""

    def __init__(
        self,
        endpoint: PoolEndpoint,
        client: PoolClient,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        follow: bool,
    ) -> None:
        self.endpoint, self.client = endpoint, client
        self._reader, self._writer, self._follow = reader, writer, follow
        self.began_s = time.monotonic()

    def send(self, line: bytes) -> None:
        """Send a line if the connection still stands; disconnect a pool that does not read."""
        transport = self._writer.transport
        if not transport.is_closing():
            self._writer.write(line)
        if transport.get_write_buffer_size() > _MAX_UNSENT_BYTES:
            transport.abort()

    async def wait_for_job(self) -> None:
        """Introduce ourselves and read lines until there is a job. Raises PoolError."""
        self.send(self.client.begin())
        while not self.client.job:
            await self.read_line()

    async def read_line(self) -> None:
        """Read and handle one line.

        Raises:
            PoolError: The connection is of no more use.
        """
        client = self.client
        try:
            line = await self._reader.readline()
        except ValueError:
            limit_mb = sockets.MAX_LINE_BYTES >> 20
            raise PoolError(f"{client.name} sends lines of over {limit_mb} MB; check --pool") from None
        except OSError as error:
            reason = sockets.reason_of(error)
            raise BrokenPoolConnectionError(f"{client.name} broke the connection ({reason})") from None
        if not line.endswith(b"\n"):
            raise BrokenPoolConnectionError(f"{client.name} closed the connection")
        sockets.acknowledge(self._writer.get_extra_info("socket"))
        if not line.isspace():
            self.send(client.receive(line))
        if client.reconnect:
            wanted, client.reconnect = client.reconnect, None
            self.endpoint.redirect(wanted, self._follow)
            host = printable_line(str(wanted.host))
            client.on_event(f"{client.name} sends its miners to {host}; see --follow-reconnect")
        await asyncio.sleep(0)  # lines that are there already are read without a pause; let the thread do the rest too

    def close(self) -> None:
        """Close the connection at once."""
        self.client.end()
        self._writer.transport.abort()


class PoolConnections:
    """The job of the first pool that has one, and a way to submit shares to it. Thread-safe."""

    def __init__(
        self,
        urls: Sequence[PoolUrl],
        user: str,
        on_change: Callable[[], None],
        *,
        mask: int = 0,
        follow: bool = False,
        stop: threading.Event | None = None,
    ) -> None:
        self.job: PoolJob | None = None
        """What to search now; None while no pool has a job. `on_change` is called after each change."""
        self.events: SimpleQueue[ShareVerdict | str | Exception] = SimpleQueue()
        """Verdicts on shares, sentences that the user should read, and the error that ends the run."""
        self._endpoints = [PoolEndpoint(url) for url in urls]
        self._user, self._on_change, self._mask, self._follow = user, on_change, mask, follow
        self._stop = stop or threading.Event()
        self._free_places = threading.Semaphore(MAX_UNANSWERED)
        self._sent: OrderedDict[bytes, None] = OrderedDict()
        self._open: set[PoolConnection] = set()
        self._current: PoolConnection | None = None
        self._lost_s = time.monotonic()
        self._had_a_job = False
        self._loop: asyncio.AbstractEventLoop
        self._main: asyncio.Task[None] | None
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._run, name="pools", daemon=True)

    def start(self) -> None:
        """Begin to connect."""
        self._thread.start()
        self._started.wait()

    def submit(self, share: Share) -> None:
        """Submit a share; its verdict comes as an event. Wait while too many shares are unanswered."""
        while not self._stop.is_set():
            if self._free_places.acquire(timeout=_STOP_CHECK_SECONDS):
                with suppress(RuntimeError):  # the loop has ended
                    self._loop.call_soon_threadsafe(self._send, share)
                return

    @property
    def unanswered(self) -> int:
        """How many shares the current pool has not answered yet."""
        current = self._current
        return current.client.unanswered if current else 0

    def end(self) -> None:
        """Close all connections and end the thread."""
        if self._main:
            with suppress(RuntimeError):  # the loop has ended
                self._loop.call_soon_threadsafe(self._main.cancel)
        self._thread.join(_END_SECONDS)

    def _run(self) -> None:
        try:
            asyncio.run(self._mine())
        except asyncio.CancelledError:
            pass
        except Exception as error:
            self.events.put(error)
            self._on_change()

    async def _mine(self) -> None:
        self._lost_s = time.monotonic()
        self._loop, self._main = asyncio.get_running_loop(), asyncio.current_task()
        self._started.set()
        try:
            connection = await self._connect_to_first(self._endpoints)
            while True:
                connection = await self._mine_at(connection) or await self._connect_to_first(self._endpoints)
        finally:
            for connection in list(self._open):
                self._close(connection)

    async def _connect_to_first(self, candidates: Sequence[PoolEndpoint]) -> PoolConnection:
        """Return a connection to the first of these pools that has a job. Each is tried when it is due.

        Raises:
            UnavailableError: See `_raise_if_hopeless`.
        """
        while True:
            for endpoint in [one for one in candidates if one.due_s <= time.monotonic()]:
                try:
                    return await self._connect(endpoint)
                except PoolError as error:
                    self._note_failure(endpoint, error)
            if not self._current:
                self._raise_if_hopeless()
            await asyncio.sleep(max(0.0, min(one.due_s for one in candidates) - time.monotonic()))

    def _raise_if_hopeless(self) -> None:
        """Raise PoolError if no pool works at first contact, UnavailableError if none has worked for long."""
        errors = [str(one.error) for one in self._endpoints if one.error]
        if not self._had_a_job and all(one.is_hopeless for one in self._endpoints):
            raise PoolError("; ".join(errors))
        if time.monotonic() - self._lost_s > PATIENCE_SECONDS:
            raise UnavailableError(f"gave up after {PATIENCE_SECONDS:.0f} s without a pool: {'; '.join(errors)}")

    def _note_failure(self, endpoint: PoolEndpoint, error: PoolError, lasted_s: float = 0.0) -> None:
        """Report a failure, once. Failures before the first job are reported with it, or as the run's error."""
        if self._had_a_job and str(endpoint.error) != str(error):
            self.events.put(str(error))
        endpoint.failed(error, lasted_s)

    async def _connect(self, endpoint: PoolEndpoint) -> PoolConnection:
        name = str(endpoint.current_url)
        password = os.environ.get(POOL_PASSWORD_VARIABLE, "x")
        client = PoolClient(name, self._user, password, self._on_event, self._mask)
        reader, writer = await sockets.open_connection(endpoint.current_url)
        connection = PoolConnection(endpoint, client, reader, writer, self._follow)
        self._open.add(connection)
        try:
            async with asyncio.timeout(FIRST_JOB_SECONDS):
                await connection.wait_for_job()
        except BaseException as error:
            self._close(connection)
            if isinstance(error, TimeoutError):
                missing = client.expected_line
                raise PoolError(f"{name} accepts connections but sends no {missing}; check --pool") from None
            raise
        return connection

    async def _mine_at(self, connection: PoolConnection) -> PoolConnection | None:
        """Mine at a pool until its connection fails, or until an earlier pool of the list is back.

        Returns the connection to that earlier pool, or None.
        """
        self._use(connection)
        earlier = self._endpoints[: self._endpoints.index(connection.endpoint)]
        reading = asyncio.create_task(self._read_lines(connection))
        returning = asyncio.create_task(self._connect_to_first(earlier)) if earlier else None
        tasks = [reading, *([returning] if returning else [])]
        chosen = None
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            lasted_s = time.monotonic() - connection.began_s
            if lasted_s >= endpoints.STEADY_SECONDS:
                self._lost_s, connection.endpoint.error = time.monotonic(), None
            if reading.done():
                self._on_lost(connection, reading.exception(), lasted_s)
            chosen = returning.result() if returning and returning.done() else None
            return chosen
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            for other in self._open - {chosen}:
                self._close(other)

    async def _read_lines(self, connection: PoolConnection) -> None:
        """Read lines for ever. Raises PoolError when the connection is of no more use."""
        client = connection.client
        while True:
            try:
                async with asyncio.timeout(STALL_SECONDS):
                    await connection.read_line()
            except TimeoutError:
                raise PoolError(f"{client.name} has said nothing for {STALL_SECONDS:.0f} s") from None
            if client.unanswered_s > STALL_SECONDS:
                raise PoolError(f"{client.name} does not answer shares")
            self._publish(client.job)

    def _use(self, connection: PoolConnection) -> None:
        if not self._had_a_job:
            for error in [one.error for one in self._endpoints if one.error]:
                self.events.put(str(error))
        self._current, self._had_a_job = connection, True
        connection.began_s = time.monotonic()
        connection.endpoint.in_use()
        self.events.put(f"mining at {connection.client.name}")
        self._publish(connection.client.job)

    def _on_lost(self, connection: PoolConnection, error: BaseException | None, lasted_s: float) -> None:
        if not isinstance(error, PoolError):
            raise error or AssertionError("a connection ended without a reason")
        self._note_failure(connection.endpoint, error, lasted_s)

    def _publish(self, job: PoolJob | None) -> None:
        if job is not self.job:
            self.job = job
            self._on_change()

    def _close(self, connection: PoolConnection) -> None:
        if connection is self._current:
            self._current = None
            self._publish(None)
        self._open.discard(connection)
        connection.close()

    def _send(self, share: Share) -> None:
        key = share.header.hash()
        if key in self._sent:
            self._free_places.release()
            return
        if not self._current:
            self._on_event(ShareVerdict(share, "stale", "its connection was gone before it was sent"))
            return
        self._sent[key] = None
        if len(self._sent) > MAX_REMEMBERED:
            self._sent.popitem(last=False)
        self._current.send(self._current.client.submit(share))

    def _on_event(self, event: ShareVerdict | str) -> None:
        if isinstance(event, ShareVerdict):
            self._free_places.release()
        self.events.put(event)
