"""The gauge's sockets: honest clients, and hostile ones that the others must not notice."""

from __future__ import annotations

import json
import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

import pytest

from harness.gauge_server import RunningGauge, serving
from harness.stratum_client import StratumClient, Submission
from hashjoule.gauge import roster as roster_module
from hashjoule.gauge import server as server_module
from hashjoule.gauge.channel import GaugedMiner
from hashjoule.gauge.server import MAX_LINE_BYTES

EASY = 2.0**-22
"""A share takes a thousand hashes: milliseconds in Python."""

ENDED = (EOFError, ConnectionError)


@contextmanager
def client(gauge: RunningGauge, user: str = "honest") -> Iterator[StratumClient]:
    """A client that has its first job."""
    made = StratumClient(gauge.port, user)
    try:
        yield made.start()
    finally:
        made.close()


def miner(gauge: RunningGauge, worker: str = "honest") -> GaugedMiner:
    """A miner of the run."""
    return next(miner for miner in gauge.roster.miners.values() if miner.worker == worker)


def right_shares(gauge: RunningGauge, worker: str = "honest") -> int:
    """Shares of a miner's connections that were right."""
    return gauge.call(lambda: sum(channel.shares for channel in miner(gauge, worker).channels))


def assert_hung_up(gauge: RunningGauge, hostile: StratumClient, reason: str) -> None:
    """The connection ends, and the run knows why."""
    with suppress(*ENDED):
        while True:
            hostile.receive()
    gauge.wait(lambda: any(reason in said for said in gauge.roster.hung_up), f"no {reason!r}")


def test_an_honest_client() -> None:
    """Each of its shares is right, over several jobs and with rolled versions."""
    with serving(EASY) as gauge, client(gauge) as honest:
        honest.mine(20)
        assert honest.submit(honest.find(bits="00ffe000"))["result"] is True
        gauge.call(lambda: gauge.roster.tick(time.monotonic() + 60.0))
        honest.wait_for(lambda: len(honest.jobs) >= 2)
        honest.mine(10)
        assert right_shares(gauge) == 31
        assert honest.difficulty == EASY


def begin_at(gauge: RunningGauge, difficulty: float) -> None:
    """Give every connection a job of this difficulty."""
    for session in gauge.roster.sessions:
        assert session.channel
        session.channel.control.change(difficulty, time.monotonic())
        session.hand_out(time.monotonic(), clean=True)


def test_a_difficulty_is_found() -> None:
    """From below: the client is told a higher one after its first shares, and a clean job with it."""
    with serving() as gauge, client(gauge) as fast:
        first = fast.difficulty
        gauge.call(lambda: begin_at(gauge, 2.0**-30))
        fast.wait_for(lambda: fast.difficulty < first)
        fast.mine(40)
        fast.wait_for(lambda: fast.difficulty > 2.0**-30)
        assert fast.job[8] is True


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\n", "not Stratum"),
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "not Stratum"),
        (b"a" * (MAX_LINE_BYTES + 2), "over 16 KiB"),
        (b'{"id":1,"method":"mining.subscribe","params":["' + b"a" * MAX_LINE_BYTES + b'"]}\n', "over 16 KiB"),
    ],
    ids=["TLS", "HTTP", "endless line", "long line"],
)
def test_garbage_closes_its_connection_only(data: bytes, reason: str) -> None:
    """Before and after a hello."""
    with serving(EASY) as gauge, client(gauge) as honest:
        for greet in (False, True):
            hostile = StratumClient(gauge.port, "hostile")
            if greet:
                hostile.start()
            hostile.send_raw(data)
            assert_hung_up(gauge, hostile, reason)
            hostile.close()
        honest.mine(5)


def test_half_lines_and_single_bytes() -> None:
    """A hello that comes byte by byte is a hello; what is half a line when the connection ends is nothing."""
    with serving(EASY) as gauge, client(gauge) as honest:
        slow = StratumClient(gauge.port, "slow")
        for byte in json.dumps({"id": 77, "method": "mining.subscribe", "params": []}).encode() + b"\r\n\n":
            slow.send_raw(bytes([byte]))
        assert slow.answer(77)["result"][2] == 8
        slow.send_raw(b'{"id": 78, "method"')
        slow.close()
        honest.mine(5)


def test_slow_loris(monkeypatch: pytest.MonkeyPatch) -> None:
    """Connections that never say their name are closed in time; there may be many."""
    monkeypatch.setattr(roster_module, "HELLO_S", 1.0)
    with serving(EASY) as gauge, client(gauge) as honest, ExitStack() as sockets:
        for _ in range(100):
            loris = sockets.enter_context(socket.create_connection(("127.0.0.1", gauge.port)))
            loris.sendall(b'{"id": 1,')
        gauge.wait(lambda: len(gauge.roster.sessions) == 101, "they came")
        gauge.wait(lambda: len(gauge.roster.sessions) == 1, "they went")
        honest.mine(5)


def test_ten_thousand_subscriptions() -> None:
    """On one connection: it is closed."""
    with serving(EASY) as gauge, client(gauge) as honest:
        hostile = StratumClient(gauge.port, "hostile")
        with suppress(ConnectionError):
            hostile.send_raw(b'{"id":1,"method":"mining.subscribe","params":["x"]}\n' * 10_000)
        assert_hung_up(gauge, hostile, "too many requests")
        hostile.close()
        honest.mine(5)


def test_more_connections_than_there_is_room_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those without a share make room; the miner that works stays."""
    monkeypatch.setattr(roster_module, "MOST_SESSIONS", 20)
    with serving(EASY) as gauge, client(gauge) as honest, ExitStack() as sockets:
        honest.mine(1)
        for number in range(100):
            crowd = StratumClient(gauge.port, f"crowd.{number}")
            sockets.callback(crowd.close)
            crowd.start()
        assert gauge.call(lambda: len(gauge.roster.sessions)) <= 20
        honest.mine(5)
        assert right_shares(gauge) == 6


def flood(hostile: StratumClient, line: bytes, ended: threading.Event) -> None:
    """Send a line as fast as the server takes it, and read nothing."""
    with suppress(*ENDED, OSError):
        while not ended.is_set():
            hostile.socket.sendall(line * 200)


@pytest.mark.parametrize(
    "share",
    [Submission("ffff", "00" * 8, "0", "0"), Submission("1", "00" * 8, "0", "0")],
    ids=["unknown job", "bad time"],
)
def test_a_flood_of_shares(share: Submission) -> None:
    """The flooding connection is closed, its shares are counted by reason, and nobody else's answer is late."""
    with serving(EASY) as gauge, client(gauge) as honest:
        hostile = StratumClient(gauge.port, "hostile").start()
        line = json.dumps({"id": 1, "method": "mining.submit", "params": share.params("x")}).encode() + b"\n"
        ended = threading.Event()
        thread = threading.Thread(target=flood, args=(hostile, line, ended))
        thread.start()
        honest.mine(20)
        gauge.wait(lambda: bool(gauge.roster.hung_up), "the flood was let in for ever")
        ended.set()
        thread.join()
        hostile.close()
        assert right_shares(gauge) == 20
        assert not gauge.call(lambda: miner(gauge).account.rejected.total())


def test_a_client_that_reads_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Answers pile up to a limit, then it is closed."""
    monkeypatch.setattr(server_module, "_MOST_UNREAD_BYTES", 64 << 10)
    with serving(2.0**-32) as gauge, client(gauge) as honest:
        deaf = StratumClient(gauge.port, "deaf")
        deaf.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        deaf.start()
        good = (Submission(deaf.job[0], "00" * 8, deaf.job[7], f"{nonce:08x}", "00000000") for nonce in range(200_000))
        with suppress(ConnectionError):
            for number, share in enumerate(good):
                line = {"id": "x" * 2000, "method": "mining.submit", "params": share.params("deaf")}
                deaf.send_raw(json.dumps(line).encode() + b"\n")
                if number % 100 == 0 and gauge.roster.hung_up:
                    break
        gauge.wait(lambda: any("does not read" in said for said in gauge.roster.hung_up), "it was served for ever")
        deaf.close()
        honest.mine(5)


def test_a_replay_from_another_connection_gains_nothing() -> None:
    """Nor one from the same connection: a share counts once, for who found it."""
    with serving(EASY) as gauge, client(gauge) as honest, client(gauge, "thief") as thief:
        shares = [honest.find() for _ in range(10)]
        for share in shares:
            assert honest.submit(share)["result"] is True
            assert thief.submit(share._replace(job=thief.job[0]))["result"] is None
            assert honest.submit(share)["error"][1] == "duplicate"
        assert right_shares(gauge) == 10
        assert right_shares(gauge, "thief") == 0


def test_a_connection_that_is_reset() -> None:
    """In the middle of a line, with unread answers."""
    with serving(EASY) as gauge, client(gauge) as honest:
        for _ in range(20):
            rude = StratumClient(gauge.port, "rude").start()
            rude.send("mining.ping")
            rude.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            rude.send_raw(b'{"id"')
            rude.close()
        gauge.wait(lambda: len(gauge.roster.sessions) == 1, "they are gone")
        honest.mine(5)


def test_names_are_made_printable() -> None:
    """Control characters and endless names of miners do not reach the terminal."""
    with serving(EASY) as gauge, client(gauge, "\x1b[31mred\n" + "x" * 5000):
        (name,) = gauge.call(lambda: [miner.worker for miner in gauge.roster.miners.values()])
        assert name.isprintable()
        assert len(name) <= 200


def test_two_hundred_connections_lose_no_share() -> None:
    """All of them at once; how fast, `python -m bench.gauge --only load` says."""
    with serving(2.0**-32) as gauge, ExitStack() as clients:
        crowd = [StratumClient(gauge.port, f"worker.{number % 10}") for number in range(200)]
        for each in crowd:
            clients.callback(each.close)
            each.start()
        ids = {}
        for nonce in range(10):
            for each in crowd:
                share = Submission(each.job[0], "00" * 8, each.job[7], f"{nonce:08x}", "00000000")
                ids[each, nonce] = each.send("mining.submit", *share.params(each.user))
        for (each, _), number in ids.items():
            assert each.answer(number)["result"] is True
        assert gauge.call(lambda: len(gauge.roster.miners)) == 10
        total = gauge.call(
            lambda: sum(channel.shares for miner in gauge.roster.miners.values() for channel in miner.channels)
        )
        assert total == 2000
