"""bitcoind's JSON-RPC over one persistent HTTP connection, and the credentials for it.

Every call ends within its time limit, however slowly the other side drips, and soon after a stop. Answers are
decoded into the type that the caller wants, so that nothing malformed gets further than here. No credential ever
stands in an error: they hold paths, user names and statuses only.
"""

from __future__ import annotations

import base64
import http.client
import os
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, TypeVar, cast
from urllib.parse import urlsplit

import msgspec

from hashjoule.errors import HashjouleError, UnavailableError, UsageError, printable_line
from hashjoule.mine.chain import NoAnswerError, NotReadyError, RefusedError

T = TypeVar("T")

CALL_SECONDS = 30.0
"""How long a call may take, from connecting to the last byte."""

RPC_PASSWORD_VARIABLE = "HASHJOULE_RPC_PASSWORD"

_MAX_ANSWER = 32 << 20
"""A full template has about 10 MB."""

_CONNECT_SECONDS = 5.0

_STOP_SECONDS = 0.1
"""How often a wait for the other side looks whether it should end."""

_WARMING_UP = -28
_NOT_CONNECTED = -9
_INITIAL_DOWNLOAD = -10


class RpcError(HashjouleError):
    """The node's own error answer to a call: a code and a sentence."""

    exit_code = 3

    def __init__(self, method: str, code: int, message: str) -> None:
        super().__init__(f"the node refuses {method}: {message} ({code})")
        self.code = code


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


class Credentials:
    """A cookie file, read again at each connection, or a user with a password, from the environment if not given."""

    def __init__(self, cookie: Path | None = None, user: str | None = None, password: str | None = None) -> None:
        if (cookie is None) == (user is None):
            raise UsageError("give either a cookie file or an RPC user, not both")
        if user is not None and ":" in user:
            raise UsageError(f"an RPC user's name has no colon; put the password into {RPC_PASSWORD_VARIABLE}")
        self._cookie, self._user, self._password = cookie, user, password

    def __str__(self) -> str:
        return f"the cookie {self._cookie}" if self._cookie else f"user {self._user}"

    def header(self) -> str:
        """The value of the Authorization header. Raises UnavailableError where there is none to be had."""
        return "Basic " + base64.b64encode(self._pair().encode()).decode()

    def _pair(self) -> str:
        if self._cookie:
            return _read_cookie(self._cookie)
        password = self._password or os.environ.get(RPC_PASSWORD_VARIABLE)
        if password is None:
            raise UsageError(f"set {RPC_PASSWORD_VARIABLE} to the password of {self}")
        return f"{self._user}:{password}"


def btc_rpc() -> Any:
    """bitcoin-core-rpc, which knows data directories, ports and cookie files. Raises UnavailableError without it."""
    try:
        import bitcoin_core_rpc
    except ImportError:
        raise UnavailableError("bitcoin-core-rpc is missing; install it: pip install 'hashjoule[mine]'") from None
    return bitcoin_core_rpc


def _read_cookie(path: Path) -> str:
    library = btc_rpc()
    try:
        return str(library.cookie_auth(path))
    except library.CookieNotFoundError:
        raise NoAnswerError(
            f"there is no cookie {path}; start bitcoind, or say where it is with --datadir, --cookie or --rpc-user"
        ) from None
    except library.FetchError as error:  # its sentences name the file, never what is in it
        reason = error.__cause__.strerror if isinstance(error.__cause__, OSError) else str(error)
        raise UnavailableError(f"the cookie {path} cannot be used: {reason}") from None


class _Socket(socket.socket):
    """A socket whose sends and reads end at a deadline for the whole exchange, and early when stopped."""

    deadline = 0.0
    stopped: Callable[[], bool]

    @classmethod
    def connected(cls, address: tuple[str, int], seconds: float, stopped: Callable[[], bool]) -> _Socket:
        """A connection made within so many seconds."""
        plain = socket.create_connection(address, seconds)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        ours = cls(plain.family, plain.type, plain.proto, plain.detach())
        ours.stopped = stopped
        return ours

    def recv_into(self, *args: Any) -> int:
        """What http.client's reads come down to."""
        return self._in_time(super().recv_into, *args)

    def sendall(self, data: Any, flags: int = 0) -> None:
        """All of it, piece by piece: a full block to a node that does not read must not hold up a stop."""
        view = memoryview(data)
        while view:
            view = view[self._in_time(super().send, view, flags) :]

    def _in_time(self, call: Callable[..., int], *args: Any) -> int:
        while (left := self.deadline - time.monotonic()) > 0:
            self.settimeout(min(left, _STOP_SECONDS))
            try:
                return call(*args)
            except TimeoutError:
                if self.stopped():
                    raise InterruptedError("stopped") from None
        raise TimeoutError


class Rpc:
    """A client of one node. Not for use by several threads at once; connections are cheap, so make one for each."""

    def __init__(self, url: str, credentials: Credentials, stop: threading.Event | None = None) -> None:
        self.url, self.credentials = url, credentials
        self.stop = stop or threading.Event()
        self._address = _host_and_port(url)
        self._socket: _Socket | None = None
        self._head = b""

    def call(self, method: str, *params: Any, answer: type[T], seconds: float = CALL_SECONDS) -> T:
        """Calls a method and decodes its result.

        Raises RpcError for the node's own errors; NotReadyError, NoAnswerError or RefusedError without an answer.
        """
        (result,) = self.batch(Call(method, params, answer), seconds=seconds)
        return cast(T, result)

    def batch(self, *calls: Call, seconds: float = CALL_SECONDS) -> list[Any]:
        """Makes calls, in turn, in one request: that saves the way there and back (JSON-RPC 2.0, batch).

        Returns their results, or raises like `call` for the first that failed; the others were made all the same.
        """
        requests = [_encoded(i, call) for i, call in enumerate(calls)]
        request = requests[0] if len(calls) == 1 else b"[" + b",".join(requests) + b"]"
        methods = " or ".join(call.method for call in calls)
        answers = self._answers(methods, *self._post(request, seconds))
        results = [self._result(call, answer) for call, answer in zip(calls, answers, strict=False)]
        if len(results) != len(calls):
            raise NoAnswerError(f"{self.url} answers only a part of a batch; check --rpc-url and the node")
        return results

    def close(self) -> None:
        """Ends the connection; the next call makes a new one."""
        if self._socket:
            self._socket.close()
            self._socket = None

    def __enter__(self) -> Rpc:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _post(self, request: bytes, seconds: float) -> tuple[int, bytes]:
        deadline = time.monotonic() + seconds
        reused = self._socket is not None
        try:
            return self._exchange(request, deadline)
        except (ConnectionError, http.client.HTTPException) as error:
            self.close()
            if not reused:
                raise self._unanswered(error) from None
        except OSError as error:
            self.close()
            raise self._unanswered(error) from None
        return self._post(request, deadline - time.monotonic())  # the node had closed an idle connection

    def _exchange(self, request: bytes, deadline: float) -> tuple[int, bytes]:
        if self._socket is None:
            host, credentials = urlsplit(self.url).netloc, self.credentials.header()
            self._head = (
                f"POST / HTTP/1.1\r\nHost: {host}\r\nAuthorization: {credentials}\r\n"
                "Content-Type: application/json\r\nContent-Length: "
            ).encode()
            seconds = max(0.001, min(_CONNECT_SECONDS, deadline - time.monotonic()))
            self._socket = _Socket.connected(self._address, seconds, self.stop.is_set)
        self._socket.deadline = deadline
        self._socket.sendall(b"%b%d\r\n\r\n%b" % (self._head, len(request), request))  # in one, so the node wakes once
        with http.client.HTTPResponse(self._socket, method="POST") as response:
            response.begin()
            body = response.read(_MAX_ANSWER + 1)
            if response.length:
                too_long = len(body) > _MAX_ANSWER
                raise http.client.HTTPException("the answer is " + ("too long" if too_long else "cut short"))
        if response.will_close:
            self.close()
        return response.status, body

    def _unanswered(self, error: Exception) -> NoAnswerError:
        if isinstance(error, ConnectionRefusedError):
            return NoAnswerError(f"nothing listens at {self.url}; start bitcoind, or give the right --rpc-url")
        if isinstance(error, TimeoutError):
            return NoAnswerError(f"{self.url} accepts connections but does not answer; check --rpc-url and the node")
        if isinstance(error, socket.gaierror):
            return NoAnswerError(f"{self.url} has no known address; check --rpc-url")
        reason = printable_line(str(error)) or type(error).__name__
        return NoAnswerError(f"no answer from {self.url} ({reason}); check --rpc-url and the node")

    def _answers(self, methods: str, status: int, body: bytes) -> list[_Answer]:
        """The answers in a body, in the order of the calls. Raises for what the status says, and for no answers."""
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
        except (ValueError, RecursionError) as error:  # msgspec's errors and a wrong encoding are ValueErrors
            raise UnavailableError(
                f"{self.url} answers {call.method} with something else ({error}); check it"
            ) from None


def _encoded(id: int, call: Call) -> bytes:
    return msgspec.json.encode({"jsonrpc": "2.0", "id": id, "method": call.method, "params": call.params})


def _node_error(method: str, fault: _Fault) -> HashjouleError:
    if fault.code in (_WARMING_UP, _NOT_CONNECTED, _INITIAL_DOWNLOAD):
        return NotReadyError(f"the node is not ready: {printable_line(fault.message)} ({fault.code})")
    return RpcError(method, fault.code, printable_line(fault.message))


def _host_and_port(url: str) -> tuple[str, int]:
    """Host and port of http://HOST:PORT; raises UsageError for anything else, without repeating it."""
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
