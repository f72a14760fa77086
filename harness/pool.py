"""A mining pool on loopback for the tests: it speaks Stratum V1, checks shares with hashlib, and misbehaves on demand.

It uses nothing of the package, so that no mistake is made on both sides.
"""

from __future__ import annotations

import hashlib
import json
import random
import socketserver
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

WAIT_SECONDS = 60
EASY = 1e-6
"""A share of this difficulty takes about 4,000 hashes."""

Reply = Callable[["Client", dict[str, Any]], None]
"""What a misbehaving pool does when a client calls a method."""


def double_sha256(data: bytes) -> bytes:
    """Return the double SHA-256 of a header or transaction."""
    return hashlib.sha256(hashlib.sha256(data).digest()).digest()


@dataclass
class ServedJob:
    """A job of the pool; `prev_hash` has the byte order of a header."""

    id: str
    prev_hash: bytes
    start: bytes
    end: bytes
    branch: list[bytes]
    version: int = 0x20000000
    nbits: int = 0x1D00FFFF
    time: int = field(default_factory=lambda: int(time.time()))

    def params(self, clean: bool) -> list[Any]:
        """Return the parameters of mining.notify."""
        swapped = struct.pack(">8I", *struct.unpack("<8I", self.prev_hash)).hex()
        numbers = [f"{n:08x}" for n in (self.version, self.nbits, self.time)]
        branch = [other.hex() for other in self.branch]
        return [self.id, swapped, self.start.hex(), self.end.hex(), branch, *numbers, clean]

    def header(self, extranonce: bytes, version: int, time: int, nonce: int) -> bytes:
        """Return the 80 bytes of the header that a share stands for."""
        root = double_sha256(self.start + extranonce + self.end)
        for other in self.branch:
            root = double_sha256(root + other)
        return struct.pack("<I32s32sIII", version, self.prev_hash, root, time, self.nbits, nonce)


@dataclass
class Submitted:
    """A submitted share with the pool's verdict: what is wrong with it, or None."""

    job: str
    header: bytes
    fault: str | None
    version_bits: int | None
    user: str
    time: float = field(default_factory=time.perf_counter)


class Client:
    """A connection to the pool."""

    def __init__(self, pool: TestPool, handler: socketserver.StreamRequestHandler) -> None:
        self.pool, self._handler = pool, handler
        self._lock = threading.Lock()
        self.extranonce1 = random.randbytes(4)
        self.next_extranonce1: bytes | None = None
        self.size = pool.extranonce2_size
        self.mask: int | None = None
        self.ready = False
        self.jobs: dict[str, tuple[ServedJob, float, bytes]] = {}
        self.first_share_of: str | None = None

    def send_raw(self, data: bytes) -> None:
        """Send any bytes."""
        with suppress(OSError), self._lock:
            self._handler.wfile.write(data)

    def send(self, message: dict[str, Any]) -> None:
        """Send a message as a line."""
        self.send_raw(json.dumps(message).encode() + b"\n")

    def tell(self, method: str, *params: Any) -> None:
        """Send a notification."""
        self.send({"id": None, "method": method, "params": list(params)})

    def answer(self, message: dict[str, Any], result: Any, error: Any = None) -> None:
        """Answer a request."""
        self.send({"id": message["id"], "result": result, "error": error})

    def notify(self, job: ServedJob, clean: bool) -> None:
        """Send a job. It has the pool's current difficulty."""
        if clean:
            self.jobs.clear()
        if self.next_extranonce1 is not None:
            self.extranonce1, self.next_extranonce1 = self.next_extranonce1, None
        self.jobs[job.id] = job, self.pool.difficulty, self.extranonce1
        self.tell("mining.notify", *job.params(clean))

    def hang_up(self) -> None:
        """End the connection."""
        with suppress(OSError):
            self._handler.request.shutdown(2)
        self._handler.request.close()


class TestPool:
    """A pool. Its fields may be changed while it runs."""

    __test__ = False

    def __init__(self, **fields: Any) -> None:
        self.difficulty = EASY
        self.extranonce2_size = 4
        self.allowed_mask = 0x1FFFE000
        self.nbits = 0x1D00FFFF
        self.branch_length = 3
        self.users: dict[str, str] | None = None
        """Users with their passwords; None accepts everybody."""
        self.replies: dict[str, Reply] = {}
        self.clients: list[Client] = []
        self.connections = 0
        self.messages: list[dict[str, Any]] = []
        self.shares: list[Submitted] = []
        self.port = 0
        self.__dict__ |= fields
        self._numbers = iter(range(1 << 30))
        self._seen: set[bytes] = set()
        self.lock = threading.RLock()
        self.job = self.make_job()

    def make_job(self, **fields: Any) -> ServedJob:
        """Make a random job; `fields` replace some of it."""
        start, end = random.randbytes(random.randrange(42, 90)), random.randbytes(random.randrange(30, 200))
        branch = [random.randbytes(32) for _ in range(self.branch_length)]
        made = ServedJob(f"{next(self._numbers):x}", random.randbytes(32), start, end, branch, nbits=self.nbits)
        made.__dict__ |= fields
        return made

    def new_job(self, clean: bool = True, **fields: Any) -> ServedJob:
        """Send a new job to all clients."""
        with self.lock:
            self.job = self.make_job(**fields)
            for client in self.clients:
                if client.ready:
                    client.notify(self.job, clean)
            return self.job

    def say(self, method: str, *params: Any) -> None:
        """Send a notification to all clients."""
        with self.lock:
            for client in self.clients:
                client.tell(method, *params)

    def set_extranonce1(self, extranonce1: bytes) -> None:
        """Change the extranonce1 of all clients, from the next job on."""
        with self.lock:
            for client in self.clients:
                client.next_extranonce1 = extranonce1
                client.tell("mining.set_extranonce", extranonce1.hex(), client.size)

    @property
    def good(self) -> list[Submitted]:
        """The accepted shares."""
        return [share for share in self.shares if share.fault is None]

    @property
    def bad(self) -> list[Submitted]:
        """The rejected shares."""
        return [share for share in self.shares if share.fault is not None]

    def wait(self, holds: Callable[[], bool], what: str = "") -> None:
        """Wait until something is true."""
        deadline = time.monotonic() + WAIT_SECONDS
        while not holds():
            assert time.monotonic() < deadline, what or self.messages[-5:]
            time.sleep(0.005)

    def wait_for_shares(self, n: int) -> None:
        """Wait until this many more shares have come."""
        wanted = len(self.shares) + n
        self.wait(lambda: len(self.shares) >= wanted, "no shares")

    def hear(self, client: Client, message: dict[str, Any]) -> None:
        """Handle a message of a client."""
        with self.lock:
            self.messages.append(message)
            method = message.get("method", "")
            if method in self.replies:
                self.replies[method](client, message)
            else:
                getattr(self, "_" + method.replace(".", "_"), lambda *_: None)(client, message)

    def _mining_configure(self, client: Client, message: dict[str, Any]) -> None:
        client.mask = int(message["params"][1]["version-rolling.mask"], 16) & self.allowed_mask
        client.answer(message, {"version-rolling": True, "version-rolling.mask": f"{client.mask:08x}"})

    def _mining_subscribe(self, client: Client, message: dict[str, Any]) -> None:
        client.answer(message, [[["mining.notify", "1"]], client.extranonce1.hex(), client.size])

    def _mining_authorize(self, client: Client, message: dict[str, Any]) -> None:
        user, password = message["params"]
        known = self.users is None or self.users.get(user) == password
        client.answer(message, known)
        if known:
            client.ready = True
            client.tell("mining.set_difficulty", self.difficulty)
            client.notify(self.job, True)

    def _mining_extranonce_subscribe(self, client: Client, message: dict[str, Any]) -> None:
        client.answer(message, True)

    def _mining_submit(self, client: Client, message: dict[str, Any]) -> None:
        share = self.judge(client, *message["params"])
        self.shares.append(share)
        if share.fault is None:
            client.answer(message, True)
        else:
            code = {"stale": 21, "duplicate": 22, "low difficulty": 23}.get(share.fault, 20)
            client.answer(message, None, [code, share.fault, None])

    def judge(
        self, client: Client, user: str, job_id: str, extranonce2: str, time: str, nonce: str, bits: str | None = None
    ) -> Submitted:
        """Check a share with hashlib."""
        if job_id not in client.jobs:
            return Submitted(job_id, b"", "stale", None, user)
        job, difficulty, extranonce1 = client.jobs[job_id]
        mask, version_bits = client.mask or 0, int(bits, 16) if bits else None
        version = (job.version & ~mask) | ((version_bits or 0) & mask)
        extranonce = extranonce1 + bytes.fromhex(extranonce2)
        header = job.header(extranonce, version, int(time, 16), int(nonce, 16))
        fault = self._fault(client, header, difficulty, version_bits, len(extranonce2))
        if len(time) != 8 or len(nonce) != 8:
            fault = "malformed"
        self._seen.add(header)
        return Submitted(job_id, header, fault, version_bits, user)

    def _fault(
        self, client: Client, header: bytes, difficulty: float, bits: int | None, extranonce2_digits: int
    ) -> str | None:
        number = int.from_bytes(double_sha256(header), "little")
        if Fraction(difficulty) * number > 0xFFFF << 208:
            return "low difficulty"
        if header in self._seen:
            return "duplicate"
        if extranonce2_digits != 2 * client.size:
            return "extranonce2 of another size"
        if (bits is None) != (client.mask is None) or (bits or 0) & ~(client.mask or 0):
            return "version bits"
        return None


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore clients that disconnect."""


@contextmanager
def running(pool: TestPool, certificate: ssl.SSLContext | None = None) -> Iterator[TestPool]:
    """Serve the pool during the block, at its port if it has one; disconnect everybody at the end."""

    class Handler(socketserver.StreamRequestHandler):
        def setup(self) -> None:
            if certificate:
                self.request = certificate.wrap_socket(self.request, server_side=True)
            super().setup()

        def handle(self) -> None:
            client = Client(pool, self)
            pool.connections += 1
            pool.clients.append(client)
            try:
                for line in self.rfile:
                    pool.hear(client, json.loads(line))
            finally:
                pool.clients.remove(client)

        def finish(self) -> None:
            with suppress(OSError):
                super().finish()
            if certificate:
                self.request.close()

    server = _Server(("127.0.0.1", pool.port), Handler)
    pool.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield pool
    finally:
        server.shutdown()
        server.server_close()
        for client in list(pool.clients):
            client.hang_up()
        thread.join()
        pool.wait(lambda: not pool.clients, "a connection did not end")
