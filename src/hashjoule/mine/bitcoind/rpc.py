"""bitcoind's JSON-RPC over one persistent HTTP connection.

Every call ends within its time limit, however slowly the other side answers, and soon after a stop. Answers are
decoded into the type that the caller wants, so that nothing malformed gets further than here.
"""

from __future__ import annotations

import http.client
import socket
import threading
import time
from collections.abc import Callable
from typing import Any, NamedTuple, NoReturn, TypeVar, cast
from urllib.parse import urlsplit

import msgspec

from hashjoule.errors import UnavailableError, UsageError, printable_line
from hashjoule.mine.bitcoind.credentials import RPC_PASSWORD_VARIABLE, Credentials
from hashjoule.mine.chain import BrokenConnectionError, NoAnswerError, NotReadyError, RefusedError, RpcError

T = TypeVar("T")

CALL_SECONDS = 30.0
"""How long a call may take, from connecting to the last byte."""

_MAX_ANSWER_BYTES = 32 << 20
"""A full template has about 10 MB."""

_CONNECT_SECONDS = 5.0

_STOP_CHECK_SECONDS = 0.1
"""How often a wait for the other side checks whether it should end."""

_NOT_READY_CODES = {-28, -9, -10}
"""Error codes of a node that is loading, without peers, or in initial download (Bitcoin Core, rpc/protocol.h)."""


class _Fault(msgspec.Struct):
    code: int
    message: str


class _Answer(msgspec.Struct):
    result: msgspec.Raw = msgspec.Raw(b"null")
    error: _Fault | None = None
    id: int | None = None


_decode_answers = msgspec.json.Decoder(_Answer | list[_Answer]).decode


class Call(NamedTuple):
    """A method, its parameters, and the type of its result."""

    method: str
    params: tuple[Any, ...]
    answer: Any


class _Socket(socket.socket):
    """A socket whose sends and reads end at a deadline for the whole exchange, and early when stopped."""

    deadline_s = 0.0
    stopped: Callable[[], bool]

    @classmethod
    def connected(cls, address: tuple[str, int], seconds: float, stopped: Callable[[], bool]) -> _Socket:
        """Connect within this time."""
        plain = socket.create_connection(address, seconds)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        ours = cls(plain.family, plain.type, plain.proto, plain.detach())
        ours.stopped = stopped
        return ours

    def recv_into(self, *args: Any) -> int:
        """Receive; all reads of http.client end here."""
        return self._in_time(super().recv_into, *args)

    def sendall(self, data: Any, flags: int = 0) -> None:
        """Send piece by piece, so that a full block to a node that does not read cannot hold up a stop."""
        view = memoryview(data)
        while view:
            view = view[self._in_time(super().send, view, flags) :]

    def _in_time(self, call: Callable[..., int], *args: Any) -> int:
        while (left_s := self.deadline_s - time.monotonic()) > 0:
            self.settimeout(min(left_s, _STOP_CHECK_SECONDS))
            try:
                return call(*args)
            except TimeoutError:
                if self.stopped():
                    raise InterruptedError("stopped") from None
        raise TimeoutError


class Rpc:
    """A client of one node. Not thread-safe; connections are cheap, so make one for each thread."""

    def __init__(self, url: str, credentials: Credentials, stop: threading.Event | None = None) -> None:
        self.url, self.credentials = url, credentials
        self.stop = stop or threading.Event()
        self.connections = 0
        """How many connections were made so far. After a new one, another node may be at the other end."""
        self._address = _host_and_port(url)
        self._socket: _Socket | None = None
        self._head = b""

    def call(self, method: str, *params: Any, answer: type[T], seconds: float = CALL_SECONDS) -> T:
        """Call a method and decode its result.

        Raises:
            RpcError: The node answers with an error.
            NoAnswerError: There is no usable answer.
            RefusedError: The node does not accept the credentials.
        """
        (result,) = self.batch(Call(method, params, answer), seconds=seconds)
        return cast(T, result)

    def batch(self, *calls: Call, seconds: float = CALL_SECONDS) -> list[Any]:
        """Make calls, in turn, in one request, which saves round trips (JSON-RPC 2.0, batch).

        Returns their results, or raises like `call` for the first that failed; the others were made all the same.
        """
        requests = [_encode(i, call) for i, call in enumerate(calls)]
        request = requests[0] if len(calls) == 1 else b"[" + b",".join(requests) + b"]"
        methods = " or ".join(call.method for call in calls)
        answers = self._answers(methods, *self._post(request, seconds))
        results = [self._result(call, answer) for call, answer in zip(calls, answers, strict=False)]
        if len(results) != len(calls):
            raise NoAnswerError(f"{self.url} answers only a part of a batch; check --rpc-url and the node")
        return results

    def close(self) -> None:
        """Close the connection; the next call makes a new one."""
        if self._socket:
            self._socket.close()
            self._socket = None

    def __enter__(self) -> Rpc:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _post(self, request: bytes, seconds: float) -> tuple[int, bytes]:
        deadline_s = time.monotonic() + seconds
        reused = self._socket is not None
        try:
            return self._exchange(request, deadline_s)
        except (ConnectionError, http.client.HTTPException) as error:
            self.close()
            if not reused:
                self._raise_unanswered(error)
        except OSError as error:
            self.close()
            self._raise_unanswered(error)
        return self._post(request, deadline_s - time.monotonic())  # the node had closed an idle connection

    def _exchange(self, request: bytes, deadline_s: float) -> tuple[int, bytes]:
        if self._socket is None:
            host, credentials = urlsplit(self.url).netloc, self.credentials.header()
            self._head = (
                f"POST / HTTP/1.1\r\nHost: {host}\r\nAuthorization: {credentials}\r\n"
                "Content-Type: application/json\r\nContent-Length: "
            ).encode()
            seconds = max(0.001, min(_CONNECT_SECONDS, deadline_s - time.monotonic()))
            self._socket = _Socket.connected(self._address, seconds, self.stop.is_set)
            self.connections += 1
        self._socket.deadline_s = deadline_s
        self._socket.sendall(b"%b%d\r\n\r\n%b" % (self._head, len(request), request))  # in one, so the node wakes once
        with http.client.HTTPResponse(self._socket, method="POST") as response:
            response.begin()
            body = response.read(_MAX_ANSWER_BYTES + 1)
            if response.length:
                problem = "too long" if len(body) > _MAX_ANSWER_BYTES else "cut short"
                raise http.client.HTTPException(f"the answer is {problem}")
        if response.will_close:
            self.close()
        return response.status, body

    def _raise_unanswered(self, error: Exception) -> NoReturn:
        if isinstance(error, ConnectionRefusedError):
            raise NoAnswerError(f"nothing listens at {self.url}; start bitcoind, or give the right --rpc-url") from None
        if isinstance(error, TimeoutError):
            raise NoAnswerError(
                f"{self.url} accepts connections but does not answer; check --rpc-url and the node"
            ) from None
        if isinstance(error, socket.gaierror):
            raise NoAnswerError(f"{self.url} has no known address; check --rpc-url") from None
        kind = BrokenConnectionError if isinstance(error, ConnectionError) else NoAnswerError
        reason = printable_line(str(error)) or type(error).__name__
        raise kind(f"no answer from {self.url} ({reason}); check --rpc-url and the node") from None

    def _answers(self, methods: str, status: int, body: bytes) -> list[_Answer]:
        """Return the answers in a body, in the order of the calls. Raise what the status says, or for no answers."""
        if status == 401:
            self.close()
            raise RefusedError(
                f"{self.url} does not accept {self.credentials}; check --datadir, --cookie or --rpc-user"
            )
        if status == 403:
            raise RefusedError(
                f"{self.url} forbids {methods} to this client; check the node's rpcallowip and rpcwhitelist"
            )
        if status == 503:
            raise NotReadyError(f"{self.url} is overloaded (503)")
        try:
            answers = _decode_answers(body)
        except (ValueError, RecursionError):
            self.close()
            raise NoAnswerError(
                f"{self.url} does not speak bitcoind's JSON-RPC (HTTP {status}); check --rpc-url"
            ) from None
        if isinstance(answers, list):
            return sorted(answers, key=lambda answer: answer.id or 0)
        if status != 200 and not answers.error:
            raise NoAnswerError(f"{self.url} answers {methods} with HTTP {status}; check --rpc-url and the node")
        return [answers]

    def _result(self, call: Call, answer: _Answer) -> Any:
        if answer.error:
            raise _node_error(call.method, answer.error)
        try:
            return msgspec.json.decode(answer.result, type=call.answer)
        except (ValueError, RecursionError) as error:  # msgspec's errors and bad UTF-8 are ValueErrors
            reason = printable_line(str(error))
            raise NoAnswerError(
                f"{self.url} answers {call.method} with something else ({reason}); check --rpc-url and the node"
            ) from None


def _encode(id: int, call: Call) -> bytes:
    return msgspec.json.encode({"jsonrpc": "2.0", "id": id, "method": call.method, "params": call.params})


def _node_error(method: str, fault: _Fault) -> UnavailableError:
    message = printable_line(fault.message)
    if fault.code in _NOT_READY_CODES:
        return NotReadyError(f"the node is not ready: {message} ({fault.code})")
    return RpcError(method, fault.code, message)


def _host_and_port(url: str) -> tuple[str, int]:
    """Return host and port of http://HOST:PORT; raise UsageError for anything else, without repeating it."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise UsageError("--rpc-url must look like http://127.0.0.1:18443") from None
    if parts.username or parts.password:
        raise UsageError(f"--rpc-url must hold no password; use --cookie, or --rpc-user and {RPC_PASSWORD_VARIABLE}")
    if parts.scheme != "http" or not parts.hostname or not port or parts.query or parts.fragment:
        raise UsageError("--rpc-url must look like http://127.0.0.1:18443")
    return parts.hostname, port
