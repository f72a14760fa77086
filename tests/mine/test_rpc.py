"""The RPC client against servers that misbehave: each call ends in time, with one sentence that has no secret in it."""

import json
import os
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from harness.bitcoind import Answer, http_server, reply
from hashjoule.errors import HashjouleError, UnavailableError, UsageError
from hashjoule.mine.address import script_of
from hashjoule.mine.bitcoind.conf import NodeConf
from hashjoule.mine.bitcoind.credentials import RPC_PASSWORD_VARIABLE, Credentials
from hashjoule.mine.bitcoind.rpc import Call, Rpc
from hashjoule.mine.chain import BrokenConnectionError, NoAnswerError, NotReadyError, RefusedError, RpcError
from hashjoule.mine.embedded import EmbeddedChain

SECRET = "s3cr3t-0123456789abcdef"
LIMIT_SECONDS = 0.5


@pytest.fixture
def cookie(tmp_path: Path) -> Path:
    """Write a cookie file."""
    path = tmp_path / ".cookie"
    path.write_text(f"__cookie__:{SECRET}")
    return path


def ask(url: str, cookie: Path, answer: Any = str) -> Any:
    """Make one short call."""
    with Rpc(url, Credentials(cookie)) as client:
        return client.call("getbestblockhash", answer=answer, seconds=LIMIT_SECONDS)


def fixed(status: int, body: bytes) -> Answer:
    """Return a server that always gives this answer."""
    return lambda handler, request: reply(handler, status, body)


def result(value: Any) -> bytes:
    """Return a JSON-RPC answer."""
    return json.dumps({"jsonrpc": "2.0", "id": 1, "result": value}).encode()


def fault(code: int, message: str = "why") -> bytes:
    """Return a JSON-RPC error."""
    return json.dumps({"id": 1, "result": None, "error": {"code": code, "message": message}}).encode()


def truncated(handler: BaseHTTPRequestHandler, request: bytes) -> None:
    """Promise more than is sent."""
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.wfile.write(result("aa")[:20])
    handler.close_connection = True


def dripping(handler: BaseHTTPRequestHandler, request: bytes) -> None:
    """Send a byte now and then, for much longer than the limit."""
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    for _ in range(60):
        handler.wfile.write(b" ")
        handler.wfile.flush()
        time.sleep(LIMIT_SECONDS / 10)


def huge(handler: BaseHTTPRequestHandler, request: bytes) -> None:
    """Send more than any answer has."""
    handler.send_response(200)
    handler.send_header("Content-Length", str(1 << 40))
    handler.end_headers()
    for _ in range(64):
        handler.wfile.write(b" " * (1 << 20))


def no_http(handler: BaseHTTPRequestHandler, request: bytes) -> None:
    """Speak another protocol."""
    handler.wfile.write(b"SSH-2.0-OpenSSH_9.2\r\n")
    handler.close_connection = True


def hangs_up(handler: BaseHTTPRequestHandler, request: bytes) -> None:
    """Close the connection without an answer."""
    handler.close_connection = True


MISBEHAVIOUR: dict[str, tuple[Answer, type[HashjouleError]]] = {
    "401": (fixed(401, b""), RefusedError),
    "403": (fixed(403, b""), RefusedError),
    "404 page": (fixed(404, b"<html>not here</html>"), NoAnswerError),
    "500 page": (fixed(500, b"oops"), NoAnswerError),
    "500 with a result": (fixed(500, result("aa")), NoAnswerError),
    "503": (fixed(503, b"Work queue depth exceeded"), NotReadyError),
    "unknown method": (fixed(404, fault(-32601)), RpcError),
    "error under 500": (fixed(500, fault(-8)), RpcError),
    "error under 200": (fixed(200, fault(-1, "a\nb\x1b[31m")), RpcError),
    "warming up": (fixed(500, fault(-28, "Loading block index...")), NotReadyError),
    "no peers": (fixed(500, fault(-9)), NotReadyError),
    "initial download": (fixed(500, fault(-10)), NotReadyError),
    "empty": (fixed(200, b""), NoAnswerError),
    "truncated": (truncated, NoAnswerError),
    "no JSON": (fixed(200, b"<html>"), NoAnswerError),
    "no UTF-8": (fixed(200, b'{"result":"\xff"}'), NoAnswerError),
    "a list": (fixed(200, b"[]"), NoAnswerError),
    "deeply nested": (fixed(200, b'{"result":' + b"[" * 200_000), NoAnswerError),
    "deeply nested and closed": (fixed(200, b'{"result":' + b"[" * 9_999 + b"]" * 9_999 + b"}"), NoAnswerError),
    "wrongly typed": (fixed(200, result({"no": "string"})), NoAnswerError),
    "null": (fixed(200, result(None)), NoAnswerError),
    "no result": (fixed(200, b"{}"), NoAnswerError),
    "wrongly typed error": (fixed(200, b'{"error": "bad"}'), NoAnswerError),
    "slow": (dripping, NoAnswerError),
    "huge": (huge, NoAnswerError),
    "another protocol": (no_http, NoAnswerError),
    "hangs up": (hangs_up, BrokenConnectionError),
}


@pytest.mark.parametrize(("answer", "expected"), MISBEHAVIOUR.values(), ids=MISBEHAVIOUR)
def test_every_misbehaviour_is_one_sentence(answer: Answer, expected: type[HashjouleError], cookie: Path) -> None:
    """The error has the right kind, is printable and holds no secret. It comes within the call's limit."""
    with http_server(answer) as url, pytest.raises(expected) as caught:
        ask(url, cookie)
    assert type(caught.value) is expected
    assert str(caught.value).isprintable()
    assert SECRET not in str(caught.value)
    assert caught.value.__cause__ is None or SECRET not in str(caught.value.__cause__)


BATCH = [Call("first", (1,), int), Call("second", (), str | None)]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'[{"id":0,"result":7},{"id":1,"result":"a"}]', [7, "a"]),
        (b'[{"id":1,"result":"a"},{"id":0,"result":7}]', [7, "a"]),
        (b'[{"id":0,"result":7},{"id":1,"result":null}]', [7, None]),
        (b'[{"id":0,"result":7},{"id":1,"error":{"code":-10,"message":"in initial sync"}}]', NotReadyError),
        (b'[{"id":0,"error":{"code":-8,"message":"no"}},{"id":1,"error":{"code":-10,"message":"no"}}]', RpcError),
        (b'{"id":null,"error":{"code":-32700,"message":"Parse error"}}', RpcError),
        (b'[{"id":0,"result":7}]', NoAnswerError),
        (b"[]", NoAnswerError),
        (b'[{"id":0,"result":"7"},{"id":1,"result":"a"}]', NoAnswerError),
        (b'[{"id":"0","result":7},{"id":1,"result":"a"}]', NoAnswerError),
    ],
)
def test_a_batch_has_all_results_in_order_or_the_first_error(
    body: bytes, expected: list[Any] | type[HashjouleError], cookie: Path
) -> None:
    """JSON-RPC 2.0 allows answers in any order."""
    asked: list[Any] = []

    def answer(handler: BaseHTTPRequestHandler, request: bytes) -> None:
        asked.append(json.loads(request))
        reply(handler, 200, body)

    with http_server(answer) as url, Rpc(url, Credentials(cookie)) as client:
        if isinstance(expected, list):
            assert client.batch(*BATCH) == expected
        else:
            with pytest.raises(expected) as caught:
                client.batch(*BATCH)
            assert type(caught.value) is expected
    assert [(call["id"], call["method"], call["params"]) for call in asked[0]] == [(0, "first", [1]), (1, "second", [])]


@contextmanager
def silent_port() -> Iterator[str]:
    """Open a port that accepts connections and says nothing."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


def test_a_port_that_says_nothing_is_left_in_time(cookie: Path) -> None:
    """The call ends at its limit, with a sentence that says what is wrong."""
    with silent_port() as url, pytest.raises(NoAnswerError, match="accepts connections but does not answer"):
        ask(url, cookie)


def test_nothing_listening_is_said(cookie: Path) -> None:
    """The sentence says what to do."""
    with silent_port() as url:
        pass
    with pytest.raises(NoAnswerError, match=r"nothing listens at .*; start bitcoind"):
        ask(url, cookie)


def test_a_stop_ends_a_wait(cookie: Path) -> None:
    """A stop ends a call long before the call's own limit."""
    stop = threading.Event()
    with silent_port() as url, Rpc(url, Credentials(cookie), stop) as client:
        timer = threading.Timer(0.05, stop.set)
        timer.start()
        with pytest.raises(NoAnswerError, match="stopped"):
            client.call("getblocktemplate", answer=str, seconds=60)
        timer.join()


def test_a_stop_ends_a_send_that_nobody_reads(cookie: Path) -> None:
    """A stop ends the sending of a block that is larger than the buffers of a connection."""
    stop = threading.Event()
    with silent_port() as url, Rpc(url, Credentials(cookie), stop) as client:
        timer = threading.Timer(0.05, stop.set)
        timer.start()
        with pytest.raises(NoAnswerError, match="stopped"):
            client.call("submitblock", "00" * 16_000_000, answer=str, seconds=60)
        timer.join()


def test_missing_libraries_are_said(cookie: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sentence has the command that installs the library."""
    for name in ("bitcoin_core_rpc", "btclib", "btclib.b32", "pbk"):
        monkeypatch.setitem(sys.modules, name, None)
    uses: list[Callable[[], object]] = [
        Credentials(cookie).header,
        lambda: NodeConf("main", tmp_path).url,
        lambda: NodeConf("main").credentials,
        lambda: script_of("x", "main"),
        lambda: EmbeddedChain(tmp_path),
    ]
    for use in uses:
        with pytest.raises(UnavailableError, match=r"install it: pip install 'hashjoule\["):
            use()


def test_one_connection_serves_many_calls_and_is_made_again_when_the_node_closed_it(cookie: Path) -> None:
    """A server may close an idle keep-alive connection."""
    ports: list[int] = []
    closing = False

    def answer(handler: BaseHTTPRequestHandler, request: bytes) -> None:
        ports.append(handler.client_address[1])
        reply(handler, 200, result("aa"))
        handler.close_connection = closing

    with http_server(answer) as url, Rpc(url, Credentials(cookie)) as client:
        for _ in range(3):
            client.call("getbestblockhash", answer=str)
        assert len(set(ports)) == 1
        closing = True
        client.call("getbestblockhash", answer=str)
        assert client.call("getbestblockhash", answer=str) == "aa"
    assert len(set(ports)) == 2


def test_the_cookie_is_read_again_at_each_connection(cookie: Path) -> None:
    """A restarted node has written a new cookie."""
    seen: list[str] = []

    def answer(handler: BaseHTTPRequestHandler, request: bytes) -> None:
        seen.append(handler.headers["Authorization"])
        reply(handler, 401 if len(seen) == 1 else 200, b"" if len(seen) == 1 else result("aa"))

    with http_server(answer) as url, Rpc(url, Credentials(cookie)) as client:
        with pytest.raises(RefusedError):
            client.call("getbestblockhash", answer=str)
        cookie.write_text("__cookie__:another")
        assert client.call("getbestblockhash", answer=str) == "aa"
    assert seen[0] != seen[1]


def test_a_user_has_the_password_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the variable, a sentence says which one is missing."""
    seen: list[str] = []

    def answer(handler: BaseHTTPRequestHandler, request: bytes) -> None:
        seen.append(handler.headers["Authorization"])
        reply(handler, 200, result("aa"))

    monkeypatch.setenv(RPC_PASSWORD_VARIABLE, "pass:word")
    with http_server(answer) as url, Rpc(url, Credentials(user="alice")) as client:
        client.call("getbestblockhash", answer=str)
    assert seen == ["Basic YWxpY2U6cGFzczp3b3Jk"]  # alice:pass:word
    monkeypatch.delenv(RPC_PASSWORD_VARIABLE)
    with pytest.raises(UsageError, match=RPC_PASSWORD_VARIABLE):
        client.call("getbestblockhash", answer=str)


def test_a_missing_cookie_is_said(tmp_path: Path) -> None:
    """The sentence names the path."""
    with pytest.raises(NoAnswerError, match=r"there is no cookie .*\.cookie; start bitcoind"):
        Credentials(tmp_path / ".cookie").header()


@pytest.mark.parametrize("content", [b"", b"no colon", b"\xff\xfe:x", b"a:b\nc:d", b"x" * 10_000])
def test_a_file_that_is_no_cookie_is_said_without_its_content(tmp_path: Path, content: bytes) -> None:
    """The content might be another secret."""
    path = tmp_path / ".cookie"
    path.write_bytes(content)
    with pytest.raises(UnavailableError, match="cannot be used") as caught:
        Credentials(path).header()
    assert "no colon" not in str(caught.value).replace("no ':' in it", "")


def test_a_cookie_without_rights_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Root may read any file, so for root an error of `open` stands in for the missing rights."""
    path = tmp_path / ".cookie"
    path.write_text(f"__cookie__:{SECRET}")
    path.chmod(0)
    if os.geteuid() == 0:

        def denied(*args: Any, **kwargs: Any) -> int:
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr(os, "open", denied)
    with pytest.raises(UnavailableError, match="cannot be used: Permission denied") as caught:
        Credentials(path).header()
    assert not isinstance(caught.value, NoAnswerError)  # waiting would not help


@pytest.mark.parametrize(
    "url",
    ["", "127.0.0.1:18443", "https://127.0.0.1:1", "http://127.0.0.1", "http://:1", "http://h:99999", "http://[::1"],
)
def test_an_unusable_url_is_refused(url: str, cookie: Path) -> None:
    """The sentence has an example of a good URL."""
    with pytest.raises(UsageError, match="must look like http://"):
        Rpc(url, Credentials(cookie))


def test_a_password_in_the_url_is_refused_and_not_repeated(cookie: Path) -> None:
    """Otherwise it would end up in shell histories and logs."""
    with pytest.raises(UsageError, match="must hold no password") as caught:
        Rpc(f"http://alice:{SECRET}@127.0.0.1:18443", Credentials(cookie))
    assert SECRET not in str(caught.value)


def test_credentials_are_one_or_the_other(cookie: Path) -> None:
    """Credentials are a cookie or a user, and a user's name has no password in it."""
    for bad in ({"cookie": cookie, "user": "alice"}, {}, {"user": "alice:secret"}):
        with pytest.raises(UsageError):
            Credentials(**bad)
