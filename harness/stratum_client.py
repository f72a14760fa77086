"""A miner of the tests' own: speaks Stratum V1 on a socket, finds shares by hashlib, and cheats on order.

Nothing of the package is used here, so that a mistake is not made on both sides.
"""

from __future__ import annotations

import json
import random
import socket
import struct
from collections.abc import Callable
from typing import Any, NamedTuple

from harness.pool import double_sha256

TIMEOUT_S = 30.0


class Submission(NamedTuple):
    """The parameters of mining.submit, after the user."""

    job: str
    extranonce2: str
    time: str
    nonce: str
    bits: str | None = None

    def params(self, user: str) -> list[str]:
        """As they are sent."""
        return [user, *(part for part in self if part is not None)]


def header_of(job: list[Any], extranonce1: str, share: Submission, mask: int) -> bytes:
    """The 80 bytes that a share stands for, from the parameters of mining.notify."""
    _, prev_hash, start, end, branch, version, nbits, _, _ = job
    root = double_sha256(bytes.fromhex(start + extranonce1 + share.extranonce2 + end))
    for other in branch:
        root = double_sha256(root + bytes.fromhex(other))
    number = (int(version, 16) & ~mask) | int(share.bits or "0", 16)
    words = struct.unpack(">8I", bytes.fromhex(prev_hash))
    rest = struct.pack("<III", int(share.time, 16), int(nbits, 16), int(share.nonce, 16))
    return struct.pack("<9I", number, *words) + root + rest


class StratumClient:
    """One connection, with its last job and the difficulty of that job."""

    def __init__(self, port: int, user: str = "tester", agent: str = "tests/1", host: str = "127.0.0.1") -> None:
        self.user, self.agent = user, agent
        self.socket = socket.create_connection((host, port), timeout=TIMEOUT_S)
        self.difficulty = self._told_difficulty = 0.0
        self.job: list[Any] = []
        self.jobs: list[list[Any]] = []
        self.extranonce1, self.extranonce2_size = "", 0
        self.mask = 0
        self._numbers = iter(range(1, 1 << 30))
        self._buffer = b""

    def close(self) -> None:
        """Hang up."""
        self.socket.close()

    def send_raw(self, data: bytes) -> None:
        """Any bytes at all."""
        self.socket.sendall(data)

    def send(self, method: str, *params: Any) -> int:
        """Send a request; return its id."""
        number = next(self._numbers)
        self.send_raw(json.dumps({"id": number, "method": method, "params": list(params)}).encode() + b"\n")
        return number

    def receive(self) -> dict[str, Any]:
        """Take the next line, and note what it says of difficulty and job. Raises EOFError at the end."""
        while b"\n" not in self._buffer:
            data = self.socket.recv(1 << 16)
            if not data:
                raise EOFError
            self._buffer += data
        line, _, self._buffer = self._buffer.partition(b"\n")
        message: dict[str, Any] = json.loads(line)
        if message.get("method") == "mining.set_difficulty":
            self._told_difficulty = message["params"][0]
        elif message.get("method") == "mining.notify":
            self.job, self.difficulty = message["params"], self._told_difficulty
            self.jobs.append(self.job)
        return message

    def answer(self, number: int) -> dict[str, Any]:
        """The answer to a request, after all that comes before it."""
        while (message := self.receive()).get("id") != number or "method" in message:
            pass
        return message

    def ask(self, method: str, *params: Any) -> dict[str, Any]:
        """Send a request and wait for its answer."""
        return self.answer(self.send(method, *params))

    def start(self, configure: bool = True) -> StratumClient:
        """Say hello and wait for the first job."""
        if configure:
            asked = {"version-rolling.mask": "ffffffff", "version-rolling.min-bit-count": 2}
            result = self.ask("mining.configure", ["version-rolling"], asked)["result"]
            self.mask = int(result["version-rolling.mask"], 16)
        result = self.ask("mining.subscribe", self.agent)["result"]
        self.extranonce1, self.extranonce2_size = result[1], result[2]
        assert self.ask("mining.authorize", self.user, "x")["result"] is True
        self.wait_for(lambda: bool(self.job))
        return self

    def wait_for(self, holds: Callable[[], bool]) -> None:
        """Take lines until something is true."""
        while not holds():
            self.receive()

    def header(self, share: Submission) -> bytes:
        """The 80 bytes that a share of the present job stands for."""
        return header_of(self.job, self.extranonce1, share, self.mask)

    def find(self, *, above: bool = False, bits: str | None = None, time: int = 0) -> Submission:
        """Search a share of the present job, or with `above` a hash that is none."""
        extranonce2 = random.randbytes(self.extranonce2_size).hex()
        for nonce in range(1 << 32):
            share = Submission(self.job[0], extranonce2, f"{int(self.job[7], 16) + time:08x}", f"{nonce:08x}", bits)
            value = int.from_bytes(double_sha256(self.header(share)), "little")
            if (value * self.difficulty <= 0xFFFF << 208) != above:
                return share
        raise AssertionError("no share in 2^32 nonces")

    def submit(self, share: Submission) -> dict[str, Any]:
        """Hand in a share and wait for the answer."""
        return self.ask("mining.submit", *share.params(self.user))

    def mine(self, shares: int) -> None:
        """Find and hand in so many shares, each of which must be accepted."""
        for _ in range(shares):
            answer = self.submit(self.find())
            assert answer["result"] is True, answer
