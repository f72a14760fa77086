"""The sockets of the gauge: lines in, lines out, and nothing that one connection does may hold up another."""

from __future__ import annotations

import asyncio
import errno
import socket
import time

from hashjoule.errors import UnavailableError
from hashjoule.gauge.roster import Roster
from hashjoule.gauge.session import HangUpError, Session

MAX_LINE_BYTES = 16 << 10
"""No honest miner's line is longer: a share has 200 bytes."""

TICK_S = 0.25
"""How often jobs, difficulties and the end of the run are looked after."""

_LINES_AT_ONCE = 32
"""Lines of one connection that are taken in before others have their turn: about a millisecond."""

_MOST_UNREAD_BYTES = 256 << 10
"""Answers that a miner may leave unread; one that reads nothing is closed."""

_MOST_REASONS = 20


class Connection(asyncio.Protocol):
    """One socket."""

    def __init__(self, roster: Roster) -> None:
        self._roster = roster
        self._session: Session | None = None
        self._buffer = bytearray()
        self._waiting = False
        """Whether lines are left for a later turn."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio.Protocol."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        peer = transport.get_extra_info("peername")
        self._session, useless = self._roster.connect(str(peer[0]) if peer else "", self._write, time.monotonic())
        if self._session is None:
            transport.abort()
            return
        self._session.close = self.hang_up
        if useless:
            useless.close("made room for a new connection")

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio.Protocol."""
        if self._session:
            self._roster.disconnect(self._session)
            self._session = None

    def data_received(self, data: bytes) -> None:
        """See asyncio.Protocol."""
        self._buffer += data
        if not self._waiting:
            self._take_lines()

    def hang_up(self, reason: str) -> None:
        """Close the connection and note why."""
        if len(self._roster.hung_up) < _MOST_REASONS and self._session:
            self._roster.hung_up.append(f"{self._session.host} {reason}")
        self._transport.abort()

    def _take_lines(self) -> None:
        """Take in some lines, and leave the others for the next turn; meanwhile nothing more is read."""
        self._waiting = False
        for _ in range(_LINES_AT_ONCE):
            end = self._buffer.find(b"\n")
            if max(end, len(self._buffer) if end < 0 else 0) > MAX_LINE_BYTES:
                self.hang_up(f"sent a line of over {MAX_LINE_BYTES >> 10} KiB")
                return
            if end < 0 or not self._session:
                self._transport.resume_reading()
                return
            line = bytes(self._buffer[:end])
            del self._buffer[: end + 1]
            self._take(line)
        self._waiting = True
        self._transport.pause_reading()
        asyncio.get_running_loop().call_soon(self._take_lines)

    def _take(self, line: bytes) -> None:
        if not line.strip() or not self._session or self._transport.is_closing():
            return
        try:
            self._session.receive(line, time.monotonic())
        except HangUpError as error:
            self.hang_up(str(error))

    def _write(self, lines: bytes) -> None:
        if self._transport.is_closing():
            return
        self._transport.write(lines)
        if self._transport.get_write_buffer_size() > _MOST_UNREAD_BYTES:
            self.hang_up("does not read what it is sent")


async def listen(roster: Roster, host: str, port: int) -> asyncio.Server:
    """Begin to accept miners.

    Raises:
        UnavailableError: Nothing can listen there.
    """
    try:
        return await asyncio.get_running_loop().create_server(lambda: Connection(roster), host, port, backlog=512)
    except (socket.gaierror, UnicodeError):
        reason = f"{host!r} is not a known host"
    except OSError as error:
        reason = _REASONS.get(error.errno or 0, "") or f"{host}:{port} cannot be used ({error.strerror})"
        reason = reason.format(host=host, port=port)
    raise UnavailableError(f"{reason}; choose another address with --listen HOST:PORT")


_REASONS = {
    errno.EADDRINUSE: "port {port} is already in use",
    errno.EADDRNOTAVAIL: "this machine has no address {host}",
    errno.EACCES: "port {port} is reserved for the administrator",
}
