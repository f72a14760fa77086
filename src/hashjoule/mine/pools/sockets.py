"""Opening a connection to a pool, with a time limit on each step and a sentence for each way it can fail."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
from contextlib import suppress

from hashjoule.errors import printable_line
from hashjoule.mine.pools.client import BrokenPoolConnectionError, PoolError
from hashjoule.mine.pools.url import PoolUrl

CONNECT_SECONDS = 5.0

MAX_LINE_BYTES = 1 << 20
"""Longest line that is accepted: a job with thousands of payouts in its coinbase has some 100 kB."""


async def open_connection(url: PoolUrl) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Connect to a pool; with TLS, check its certificate.

    Raises:
        PoolError: The pool cannot be reached.
    """
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            hosts = await _resolve(url)
        reader, writer = await _open_first(hosts, url)
    except TimeoutError:
        raise PoolError(f"{url} cannot be reached (no answer within {CONNECT_SECONDS:.0f} s)") from None
    except ssl.SSLCertVerificationError as error:
        reason = printable_line(error.verify_message)
        raise PoolError(
            f"the certificate of {url} is not accepted ({reason}); check --pool, or set SSL_CERT_FILE to the "
            "certificate of a pool that you trust"
        ) from None
    except ConnectionRefusedError:
        raise PoolError(f"nothing listens at {url}; check --pool") from None
    except (ssl.SSLError, ConnectionResetError):
        if url.tls:
            raise PoolError(f"{url} does not speak TLS; try stratum+tcp:// or another port") from None
        raise BrokenPoolConnectionError(f"{url} closes connections at once; check --pool") from None
    except (socket.gaierror, ValueError):
        raise PoolError(f"{url} has no known address; check --pool") from None
    except OSError as error:
        raise PoolError(f"{url} cannot be reached ({reason_of(error)}); check --pool") from None
    keep_alive(writer.get_extra_info("socket"))
    return reader, writer


async def _open_first(hosts: list[str], url: PoolUrl) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Connect to the first of a name's addresses that answers; raise what the last one raised if none does."""
    context = ssl.create_default_context() if url.tls else None
    server_name = url.host if context else None
    last_error: OSError | None = None
    for host in hosts:
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                return await asyncio.open_connection(
                    host, url.port, ssl=context, server_hostname=server_name, limit=MAX_LINE_BYTES
                )
        except OSError as error:
            last_error = error
    raise last_error or socket.gaierror


async def _resolve(url: PoolUrl) -> list[str]:
    """Look up a name's addresses, in a daemon thread: a name server that is down must not delay the program's end."""
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[list[str]] = loop.create_future()

    def settle(hosts: list[str], error: Exception | None) -> None:
        if error and not answer.done():
            answer.set_exception(error)
        elif not answer.done():
            answer.set_result(hosts)

    def look_up() -> None:
        hosts, failure = [], None
        try:
            found = socket.getaddrinfo(url.host, url.port, type=socket.SOCK_STREAM)
            hosts = [str(entry[4][0]) for entry in found]
        except (OSError, ValueError) as error:
            failure = error
        with suppress(RuntimeError):  # the loop has ended
            loop.call_soon_threadsafe(settle, hosts, failure)

    threading.Thread(target=look_up, name="name lookup", daemon=True).start()
    return await answer


def keep_alive(sock: socket.socket) -> None:
    """Turn TCP's keep-alive on.

    The system then notices within two minutes that the other side is gone, and routers do not forget the connection.
    """
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in (("TCP_KEEPIDLE", 60), ("TCP_KEEPINTVL", 15), ("TCP_KEEPCNT", 4)):
        if hasattr(socket, name):
            sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


def acknowledge(sock: socket.socket) -> None:
    """Acknowledge received data at once where the system can (Linux).

    A pool with Nagle's algorithm on holds the next job back until its last line is acknowledged: 40 ms otherwise.
    """
    if hasattr(socket, "TCP_QUICKACK"):
        with suppress(OSError):  # the connection is gone
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)


def reason_of(error: OSError) -> str:
    """Return the system's words for an error."""
    return printable_line(error.strerror or str(error)) or type(error).__name__
