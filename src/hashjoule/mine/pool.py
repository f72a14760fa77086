"""Connections to mining pools: several in order, fail-over and return, all in one thread with asyncio.

A pool is anything: it may be silent, endless, or not there. Every wait has a limit, every line a length, and a stop
ends the thread at once.
"""

from __future__ import annotations

import asyncio
import math
import os
import socket
import ssl
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from queue import SimpleQueue
from urllib.parse import urlsplit

from hashjoule.errors import UnavailableError, UsageError
from hashjoule.mine.rpc import one_line
from hashjoule.mine.stratum import (
    MAX_LINE_BYTES,
    PASSWORD_VARIABLE,
    PoolError,
    Reconnect,
    Session,
    Share,
    Verdict,
    Work,
)

CONNECT_SECONDS = 5.0
WELCOME_SECONDS = 15.0
"""How long a pool may take from the connection to its first job."""

STALL_SECONDS = 120.0
"""A pool that says nothing for so long, or leaves a share unanswered, is gone: jobs come every half or whole minute."""

PATIENCE_SECONDS = 600.0
"""How long all pools may be away once one was there."""

STEADY_SECONDS = 30.0
"""A connection that lasted so long was a good one; after a shorter one the next pool has its turn."""

_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.25, 60.0
_MAX_WAIT_SECONDS = 60.0
"""How long a pool may ask us to wait before a reconnection."""

_MAX_REDIRECTS = 5
"""In a row, without a job in between."""

_UNANSWERED = 32
"""Shares under way: beyond that the search waits, or a slow pool would have nothing but stale ones to judge."""

_REMEMBERED = 1 << 11
"""Shares that are not sent again."""

_MAX_UNREAD_BYTES = 1 << 20
_STOP_SECONDS, _END_SECONDS = 0.1, 1.0

_SCHEMES = {"stratum+tcp": False, "stratum+ssl": True}
_EXAMPLE = "--pool must look like stratum+tcp://pool.example:3333 or stratum+ssl://pool.example:3334"


@dataclass(frozen=True)
class Address:
    """Where a pool listens."""

    host: str
    port: int
    tls: bool = False

    @classmethod
    def parse(cls, url: str) -> Address:
        """Reads stratum+tcp://HOST:PORT or stratum+ssl://HOST:PORT; UsageError, without repeating it, otherwise."""
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            raise UsageError(_EXAMPLE) from None
        if parts.username is not None or parts.password is not None:
            raise UsageError(f"--pool must hold no user and no password; use --user and {PASSWORD_VARIABLE}")
        extra = parts.path.strip("/") or parts.query or parts.fragment
        if parts.scheme not in _SCHEMES or not parts.hostname or not port or extra:
            raise UsageError(_EXAMPLE)
        return cls(parts.hostname, port, _SCHEMES[parts.scheme])

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class _RedirectedError(PoolError):
    """The pool is somewhere else now."""


@dataclass(eq=False)
class _Pool:
    """A pool of the list, and when it is worth another try."""

    address: Address
    now: Address = field(init=False)
    """Where it is at the moment: it may have sent us elsewhere."""
    due: float = 0.0
    pause: float = 0.0
    redirects: int = 0
    error: PoolError | None = None
    """Why it could not be worked at."""

    def __post_init__(self) -> None:
        self.now = self.address

    def failed(self, error: PoolError, lasted: float) -> None:
        """The next try is the later the shorter the connections were; at its own address unless it sent us away."""
        if not isinstance(error, _RedirectedError):
            self.now, self.error, self.redirects = self.address, error, 0
        steady = lasted >= STEADY_SECONDS
        self.pause = _FIRST_PAUSE_SECONDS if steady or not self.pause else min(2 * self.pause, _LONGEST_PAUSE_SECONDS)
        self.due = max(self.due, time.monotonic() + self.pause)

    def redirect(self, wanted: Reconnect, follow: bool) -> None:
        """Goes where the pool wants us; another host only if the user allows it.

        Raises _RedirectedError if it goes, PoolError if it must not go on; returns where the user has to decide.
        """
        self.redirects += 1
        try:
            port, wait = int(wanted.port or self.now.port), float(wanted.wait_seconds or 0)
        except ValueError:
            port, wait = 0, math.nan
        if self.redirects > _MAX_REDIRECTS or not 0 < port < 1 << 16 or not wait >= 0:
            raise PoolError(f"{self.now} sends its miners round and round; check --pool")
        host = (wanted.host or self.now.host).lower()
        if follow or host in (self.now.host, self.address.host):
            before, self.now = self.now, replace(self.now, host=host, port=port)
            self.due = time.monotonic() + min(wait, _MAX_WAIT_SECONDS)
            raise _RedirectedError(f"{before} sends its miners to {one_line(str(self.now))}")


class _Connection:
    """A session and its socket."""

    def __init__(
        self, pool: _Pool, session: Session, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, follow: bool
    ) -> None:
        self.pool, self.session = pool, session
        self._reader, self._writer, self._follow = reader, writer, follow
        self.began = time.monotonic()

    def send(self, line: bytes) -> None:
        """Sends it if the connection still stands; a pool that does not read loses it."""
        transport = self._writer.transport
        if not transport.is_closing():
            self._writer.write(line)
        if transport.get_write_buffer_size() > _MAX_UNREAD_BYTES:
            transport.abort()

    async def greet(self) -> None:
        """Until there is work."""
        self.send(self.session.begin())
        while not self.session.work:
            await self.step()

    async def step(self) -> None:
        """Takes one line. Raises PoolError when the connection is of no more use."""
        session = self.session
        try:
            line = await self._reader.readline()
        except ValueError:
            raise PoolError(f"{session.name} sends lines of over {MAX_LINE_BYTES >> 20} MB; check --pool") from None
        except OSError as error:
            raise PoolError(f"{session.name} broke the connection ({_reason(error)})") from None
        if not line.endswith(b"\n"):
            raise PoolError(f"{session.name} closed the connection")
        _acknowledge(self._writer.get_extra_info("socket"))
        if not line.isspace():
            self.send(session.receive(line))
        if session.reconnect:
            wanted, session.reconnect = session.reconnect, None
            self.pool.redirect(wanted, self._follow)
            session.hear(f"{session.name} sends its miners to {one_line(str(wanted.host))}; see --follow-reconnect")
        await asyncio.sleep(0)  # lines that are there already are read without a pause, and the thread has other duties

    def close(self) -> None:
        """Ends it at once."""
        self.session.end()
        self._writer.transport.abort()


class Pools:
    """Work of the first pool that has some, and a way to hand in shares. Used from other threads than its own."""

    def __init__(
        self,
        addresses: Sequence[Address],
        user: str,
        changed: Callable[[], None],
        *,
        mask: int = 0,
        follow: bool = False,
        stop: threading.Event | None = None,
    ) -> None:
        self.work: Work | None = None
        """What to search now; None while no pool has anything. `changed` is called after each change."""
        self.events: SimpleQueue[Verdict | str | Exception] = SimpleQueue()
        """What became of shares, what the user should know, and what ends the run."""
        self._pools = [_Pool(address) for address in addresses]
        self._user, self._changed, self._mask, self._follow = user, changed, mask, follow
        self._stop = stop or threading.Event()
        self._room = threading.Semaphore(_UNANSWERED)
        self._sent: OrderedDict[bytes, None] = OrderedDict()
        self._open: set[_Connection] = set()
        self._current: _Connection | None = None
        self._lost_at = time.monotonic()
        self._in_contact = False
        self._loop: asyncio.AbstractEventLoop
        self._main: asyncio.Task[None] | None
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._run, name="pools", daemon=True)

    def start(self) -> None:
        """Begins to connect."""
        self._thread.start()
        self._started.wait()

    def submit(self, share: Share) -> None:
        """Hands in a share; its verdict comes as an event. Waits while too many are unanswered."""
        while not self._stop.is_set():
            if self._room.acquire(timeout=_STOP_SECONDS):
                with suppress(RuntimeError):  # the loop has ended
                    self._loop.call_soon_threadsafe(self._send, share)
                return

    @property
    def unanswered(self) -> int:
        """Shares that the pool has not answered yet."""
        current = self._current
        return current.session.unanswered if current else 0

    def end(self) -> None:
        """Ends all connections and the thread."""
        if self._main:
            with suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._main.cancel)
        self._thread.join(_END_SECONDS)

    def _run(self) -> None:
        try:
            asyncio.run(self._serve_all())
        except asyncio.CancelledError:
            pass
        except Exception as error:
            self.events.put(error)
            self._changed()

    async def _serve_all(self) -> None:
        self._lost_at = time.monotonic()
        self._loop, self._main = asyncio.get_running_loop(), asyncio.current_task()
        self._started.set()
        try:
            connection = await self._reach(self._pools)
            while True:
                connection = await self._serve(connection) or await self._reach(self._pools)
        finally:
            for connection in list(self._open):
                self._close(connection)

    async def _reach(self, pools: Sequence[_Pool]) -> _Connection:
        """The first of these pools that has work, each tried when it is due.

        Raises PoolError at first contact if none can be worked at; UnavailableError if none can for long.
        """
        while True:
            for pool in [pool for pool in pools if pool.due <= time.monotonic()]:
                try:
                    return await self._connect(pool)
                except PoolError as error:
                    self._failed(pool, error)
            if not self._current:
                self._check_hope()
            await asyncio.sleep(max(0.0, min(pool.due for pool in pools) - time.monotonic()))

    def _check_hope(self) -> None:
        errors = [str(pool.error) for pool in self._pools if pool.error]
        if not self._in_contact and len(errors) == len(self._pools):
            raise PoolError("; ".join(errors))
        if time.monotonic() - self._lost_at > PATIENCE_SECONDS:
            raise UnavailableError(f"gave up after {PATIENCE_SECONDS:.0f} s without a pool: {'; '.join(errors)}")

    def _failed(self, pool: _Pool, error: PoolError, lasted: float = 0.0) -> None:
        """Says so, once; what fails before the first contact is said with it, or at the end of the run."""
        if self._in_contact and str(pool.error) != str(error):
            self.events.put(str(error))
        pool.failed(error, lasted)

    async def _connect(self, pool: _Pool) -> _Connection:
        name = str(pool.now)
        password = os.environ.get(PASSWORD_VARIABLE, "x")
        session = Session(name, self._user, password, self._hear, self._mask)
        reader, writer = await _open(pool.now)
        connection = _Connection(pool, session, reader, writer, self._follow)
        self._open.add(connection)
        try:
            async with asyncio.timeout(WELCOME_SECONDS):
                await connection.greet()
        except BaseException as error:
            self._close(connection)
            if isinstance(error, TimeoutError):
                raise PoolError(f"{name} accepts connections but sends no {session.waits_for}; check --pool") from None
            raise
        return connection

    async def _serve(self, connection: _Connection) -> _Connection | None:
        """Works at a pool until its connection fails or a better pool is back, which is then returned."""
        self._use(connection)
        better = self._pools[: self._pools.index(connection.pool)]
        tasks = [asyncio.create_task(self._pump(connection))]
        if better:
            tasks.append(asyncio.create_task(self._reach(better)))
        chosen = None
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            lasted = time.monotonic() - connection.began
            if lasted >= STEADY_SECONDS:
                self._lost_at, connection.pool.error = time.monotonic(), None
            if tasks[0] in done:
                self._lose(connection, tasks[0].exception(), lasted)
            chosen = next((task.result() for task in tasks[1:] if task in done), None)
            return chosen
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            for other in self._open - {chosen}:
                self._close(other)

    async def _pump(self, connection: _Connection) -> _Connection:
        session = connection.session
        while True:
            try:
                async with asyncio.timeout(STALL_SECONDS):
                    await connection.step()
            except TimeoutError:
                raise PoolError(f"{session.name} has said nothing for {STALL_SECONDS:.0f} s") from None
            if session.unanswered_seconds > STALL_SECONDS:
                raise PoolError(f"{session.name} does not answer shares")
            self._publish(session.work)

    def _use(self, connection: _Connection) -> None:
        if not self._in_contact:
            for error in [pool.error for pool in self._pools if pool.error]:
                self.events.put(str(error))
        self._current, self._in_contact = connection, True
        connection.began = time.monotonic()
        connection.pool.redirects = 0
        self.events.put(f"mining at {connection.session.name}")
        self._publish(connection.session.work)

    def _lose(self, connection: _Connection, error: BaseException | None, lasted: float) -> None:
        if not isinstance(error, PoolError):
            raise error or AssertionError("a connection ended without a reason")
        self._failed(connection.pool, error, lasted)

    def _publish(self, work: Work | None) -> None:
        if work is not self.work:
            self.work = work
            self._changed()

    def _close(self, connection: _Connection) -> None:
        if connection is self._current:
            self._current = None
            self._publish(None)
        self._open.discard(connection)
        connection.close()

    def _send(self, share: Share) -> None:
        key = share.header.hash()
        if key in self._sent:
            self._room.release()
            return
        if not self._current:
            self._hear(Verdict(share, "stale", "its connection was gone before it was sent"))
            return
        self._sent[key] = None
        if len(self._sent) > _REMEMBERED:
            self._sent.popitem(last=False)
        self._current.send(self._current.session.submit(share))

    def _hear(self, event: Verdict | str) -> None:
        if isinstance(event, Verdict):
            self._room.release()
        self.events.put(event)


async def _open(address: Address) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection, TLS included, with certificates checked. Raises PoolError."""
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            hosts = await _resolve(address)
        reader, writer = await _open_any(hosts, address)
    except TimeoutError:
        raise PoolError(f"{address} cannot be reached (no answer within {CONNECT_SECONDS:.0f} s)") from None
    except ssl.SSLCertVerificationError as error:
        reason = one_line(error.verify_message)
        raise PoolError(
            f"the certificate of {address} is not accepted ({reason}); check --pool, or set SSL_CERT_FILE to the "
            "certificate of a pool that you trust"
        ) from None
    except ConnectionRefusedError:
        raise PoolError(f"nothing listens at {address}; check --pool") from None
    except (ssl.SSLError, ConnectionResetError):
        what = "does not speak TLS; try stratum+tcp:// or another port" if address.tls else "closes connections at once"
        raise PoolError(f"{address} {what}") from None
    except (socket.gaierror, ValueError):
        raise PoolError(f"{address} has no known address; check --pool") from None
    except OSError as error:
        raise PoolError(f"{address} cannot be reached ({_reason(error)}); check --pool") from None
    _keep_alive(writer.get_extra_info("socket"))
    return reader, writer


async def _open_any(hosts: list[str], address: Address) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """The first of a name's addresses that answers; raises what the last one raised."""
    context = ssl.create_default_context() if address.tls else None
    name = address.host if context else None
    fault: OSError | None = None
    for host in hosts:
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                return await asyncio.open_connection(
                    host, address.port, ssl=context, server_hostname=name, limit=MAX_LINE_BYTES
                )
        except OSError as error:
            fault = error
    raise fault or socket.gaierror


async def _resolve(address: Address) -> list[str]:
    """A name's addresses, looked up in a thread that nothing waits for: a dead name server must not hold up the end."""
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[list[str]] = loop.create_future()

    def settle(hosts: list[str], error: Exception | None) -> None:
        if error and not answer.done():
            answer.set_exception(error)
        elif not answer.done():
            answer.set_result(hosts)

    def look_up() -> None:
        hosts, fault = [], None
        try:
            found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
            hosts = [str(entry[4][0]) for entry in found]
        except (OSError, ValueError) as error:
            fault = error
        with suppress(RuntimeError):  # the loop has ended
            loop.call_soon_threadsafe(settle, hosts, fault)

    threading.Thread(target=look_up, name="name lookup", daemon=True).start()
    return await answer


def _keep_alive(sock: socket.socket) -> None:
    """Lets the system find out within two minutes that the other side is gone, and keeps routers from forgetting us."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in (("TCP_KEEPIDLE", 60), ("TCP_KEEPINTVL", 15), ("TCP_KEEPCNT", 4)):
        if hasattr(socket, name):
            sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


def _acknowledge(sock: socket.socket) -> None:
    """Acknowledges what has come at once, where the system can: a pool with Nagle's algorithm on holds the next job
    back until then, which is 40 ms otherwise."""
    if hasattr(socket, "TCP_QUICKACK"):
        with suppress(OSError):  # the connection is gone
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)


def _reason(error: OSError) -> str:
    return one_line(error.strerror or str(error)) or type(error).__name__
