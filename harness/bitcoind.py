"""A real bitcoind in a temporary directory, and servers in its place that misbehave.

All are on loopback and end with the test.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import struct
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, cast

import pytest

from hashjoule.mine.bitcoind.credentials import Credentials
from hashjoule.mine.bitcoind.rpc import Rpc
from hashjoule.mine.chain import NoAnswerError

START_SECONDS = 60
ADDRESS = "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080"
SIGNET_ADDRESS = "tb1qw508d6qejxtdg4y5r3zarvary0c5xw7kxpjzsx"


def bitcoind() -> Path:
    """Return the bitcoind that tools/get-bitcoind downloaded.

    Without it, the test is skipped with a sentence that says how to get it; in CI it fails.
    """
    directory = os.environ.get("HASHJOULE_BITCOIND")
    path = Path(directory or Path(__file__).parents[1] / ".cache" / "bitcoind").absolute() / "bin" / "bitcoind"
    if not path.exists():
        reason = f"there is no {path.name} in {path.parent}; run tools/get-bitcoind"
        pytest.fail(reason) if directory or os.environ.get("CI") else pytest.skip(reason)
    return path


def free_port() -> int:
    """Return a port of loopback that nobody listens on now."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return cast(int, s.getsockname()[1])


class BitcoinNode:
    """A bitcoind without peers."""

    def __init__(self, datadir: Path, chain: str = "regtest", *options: str) -> None:
        self.datadir, self.chain, self.options = datadir, chain, options
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.cookie = datadir / ("" if chain == "main" else chain) / ".cookie"
        self._process: subprocess.Popen[bytes] | None = None
        datadir.mkdir(parents=True, exist_ok=True)

    def start(self) -> BitcoinNode:
        """Start the node and wait until it answers."""
        chain = [] if self.chain == "main" else [f"-{self.chain}"]
        fixed = [f"-datadir={self.datadir}", f"-rpcport={self.port}", "-listen=0", "-server", "-dnsseed=0"]
        self._process = subprocess.Popen(
            [bitcoind(), *chain, *fixed, "-connect=0", "-printtoconsole=0", *self.options],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                self.call("getblockcount")
            except NoAnswerError:
                time.sleep(0.05)
            else:
                return self
        self.stop()
        raise RuntimeError("bitcoind does not start")

    def stop(self, how: int = signal.SIGTERM) -> None:
        """End the node; SIGKILL is a crash."""
        if self._process:
            self._process.send_signal(how)
            self._process.wait(START_SECONDS)
            self._process = None

    def pause(self) -> None:
        """Freeze the node: the system still accepts connections for it, and nobody answers."""
        assert self._process
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Undo `pause`."""
        assert self._process
        self._process.send_signal(signal.SIGCONT)

    def rpc(self) -> Rpc:
        """Return a new client."""
        return Rpc(self.url, Credentials(self.cookie))

    def call(self, method: str, *params: Any) -> Any:
        """Call a method once, on a new connection."""
        rpc = self.rpc()
        try:
            return rpc.call(method, *params, answer=Any)
        finally:
            rpc.close()

    @property
    def height(self) -> int:
        """The height of the active chain."""
        return cast(int, self.call("getblockcount"))


@contextmanager
def running(datadir: Path, chain: str = "regtest", *options: str) -> Iterator[BitcoinNode]:
    """Run a node during the block."""
    node = BitcoinNode(datadir, chain, *options).start()
    try:
        yield node
    finally:
        node.stop(signal.SIGKILL)


Answer = Callable[[BaseHTTPRequestHandler, bytes], None]


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore clients that disconnect."""


@contextmanager
def http_server(answer: Answer) -> Iterator[str]:
    """Serve HTTP during the block; yield the URL.

    Each POST is answered by calling `answer` with the handler and the request's body.
    """

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            answer(self, self.rfile.read(int(self.headers["Content-Length"])))

        def log_message(self, format: str, *args: Any) -> None:
            """Do not log."""

    server = _Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def reply(handler: BaseHTTPRequestHandler, status: int, body: bytes, content_type: str = "application/json") -> None:
    """Send an ordinary HTTP answer."""
    handler.send_response(status)
    handler.send_header("Content-Type", content_type)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


def forward(node: BitcoinNode, handler: BaseHTTPRequestHandler, body: bytes) -> tuple[int, bytes]:
    """Pass a request on to a node, with its credentials; return the status and body of the answer."""
    import http.client

    connection = http.client.HTTPConnection("127.0.0.1", node.port, timeout=30)
    try:
        connection.request("POST", "/", body, {"Authorization": handler.headers["Authorization"]})
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def reset(handler: BaseHTTPRequestHandler) -> None:
    """End the connection with a TCP reset, as a crashed program or an overloaded proxy does."""
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.connection.close()
    handler.close_connection = True


Change = Callable[[Any], Any]
"""Takes a result of the node and returns the one that the client gets."""


@contextmanager
def altering(node: BitcoinNode, **changes: Change) -> Iterator[str]:
    """Run a proxy in front of a node that changes the results of methods; yield its URL.

    Where a change returns an exception, the client gets an error with its message and the code -1.
    """

    def altered(call: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
        change = changes.get(call["method"])
        if change is None or answer.get("error"):
            return answer
        result = change(answer.get("result"))
        if isinstance(result, Exception):
            return {"id": answer.get("id"), "error": {"code": -1, "message": str(result)}}
        return answer | {"result": result}

    def answer(handler: BaseHTTPRequestHandler, request: bytes) -> None:
        status, body = forward(node, handler, request)
        calls, answers = json.loads(request), json.loads(body)
        if isinstance(calls, list):
            by_id = {call["id"]: call for call in calls}
            answers = [altered(by_id[one["id"]], one) for one in answers]
        else:
            answers = altered(calls, answers)
        reply(handler, status, json.dumps(answers).encode())

    with http_server(answer) as url:
        yield url
