"""Clients that mine in a thread while a test does something else."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from harness.stratum_client import StratumClient


@contextmanager
def mining(port: int, user: str = "tester") -> Iterator[StratumClient]:
    """A client that mines until the server hangs up or the block ends."""
    client = StratumClient(port, user).start()
    with _in_a_thread(client):
        yield client


@contextmanager
def mining_soon() -> Iterator[int]:
    """A client that mines at a port as soon as somebody listens there; the port."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    ended = threading.Event()
    clients: list[StratumClient] = []

    def connect() -> None:
        while not ended.is_set() and not clients:
            with suppress(OSError):
                clients.append(StratumClient(port))
            time.sleep(0.02)
        if clients:
            _mine(clients[0].start(), ended)

    thread = threading.Thread(target=connect, daemon=True)
    thread.start()
    try:
        yield port
    finally:
        ended.set()
        thread.join()
        for client in clients:
            client.close()


@contextmanager
def _in_a_thread(client: StratumClient) -> Iterator[None]:
    ended = threading.Event()
    thread = threading.Thread(target=_mine, args=(client, ended), daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        client.close()


def _mine(client: StratumClient, ended: threading.Event) -> None:
    with suppress(EOFError, OSError):
        while not ended.is_set():
            client.submit(client.find())
