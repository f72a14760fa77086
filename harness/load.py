"""Many connections that submit shares on time, for measuring the gauge's server: every hash is a share here.

At a difficulty of 2^-32 nothing has to be searched, so one process can play hundreds of miners.
"""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from hashjoule.job import MAX_TARGET
from hashjoule.stratum.difficulty import difficulty_of

EVERY_HASH = difficulty_of(MAX_TARGET)
"""The highest difficulty at which every hash is a share."""


@dataclass
class LoadFigures:
    """What a load has seen: shares sent, accepted and refused, and the time to each answer."""

    sent: int = 0
    accepted: int = 0
    refused: int = 0
    lost_connections: int = 0
    seconds: float = 0.0
    latencies_s: list[float] = field(default_factory=list)

    def quantile_ms(self, part: float) -> float:
        """The time in which this part of all answers came, in milliseconds."""
        ordered = sorted(self.latencies_s)
        return 1000 * ordered[min(len(ordered) - 1, int(part * len(ordered)))] if ordered else float("nan")


class _Miner(asyncio.Protocol):
    """One connection."""

    def __init__(self, load: LoadFigures, user: str) -> None:
        self._load, self._user = load, user
        self._buffer = bytearray()
        self._job: list[object] = []
        self._sent: dict[int, float] = {}
        self._number = 10
        self._ready = asyncio.get_running_loop().create_future()
        self._closing = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(b'{"id":1,"method":"mining.subscribe","params":["load/1"]}\n')
        line = {"id": 2, "method": "mining.authorize", "params": [self._user, "x"]}
        transport.write(json.dumps(line).encode() + b"\n")

    def connection_lost(self, exc: Exception | None) -> None:
        self._load.lost_connections += not self._closing

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        *lines, rest = self._buffer.split(b"\n")
        self._buffer = rest
        for line in lines:
            self._take(json.loads(line))

    def _take(self, message: dict[str, object]) -> None:
        if message.get("method") == "mining.notify":
            params = message["params"]
            assert isinstance(params, list)
            self._job = params
            if not self._ready.done():
                self._ready.set_result(None)
        elif (sent_s := self._sent.pop(message.get("id"), None)) is not None:  # type: ignore[call-overload]
            self._load.latencies_s.append(time.perf_counter() - sent_s)
            self._load.accepted += message["result"] is True
            self._load.refused += message["result"] is not True

    async def ready(self) -> None:
        """Wait for the first job."""
        await self._ready

    def submit(self) -> None:
        """Send a share."""
        self._number += 1
        params = [self._user, self._job[0], "00" * 8, self._job[7], f"{self._number:08x}"]
        self._sent[self._number] = time.perf_counter()
        self._load.sent += 1
        line = {"id": self._number, "method": "mining.submit", "params": params}
        self._transport.write(json.dumps(line).encode() + b"\n")

    @property
    def unanswered(self) -> int:
        """Shares without an answer."""
        return len(self._sent)

    def close(self) -> None:
        """Hang up."""
        self._closing = True
        self._transport.close()


async def _submit_on_time(miner: _Miner, interval_s: float, until_s: float) -> None:
    next_s = time.perf_counter() + random.random() * interval_s
    while next_s < until_s:
        await asyncio.sleep(max(0.0, next_s - time.perf_counter()))
        miner.submit()
        next_s += interval_s


async def drive(port: int, connections: int, shares_per_second: float, seconds: float) -> LoadFigures:
    """Keep so many connections, which together submit so many shares a second."""
    load, loop = LoadFigures(), asyncio.get_running_loop()
    miners: Sequence[_Miner] = []
    for number in range(connections):
        _, miner = await loop.create_connection(lambda n=number: _Miner(load, f"worker.{n % 20}"), "127.0.0.1", port)  # type: ignore[misc]
        await miner.ready()
        miners = [*miners, miner]
    began_s = time.perf_counter()
    interval_s = connections / shares_per_second
    await asyncio.gather(*(_submit_on_time(miner, interval_s, began_s + seconds) for miner in miners))
    load.seconds = time.perf_counter() - began_s
    for _ in range(100):
        if not any(miner.unanswered for miner in miners):
            break
        await asyncio.sleep(0.05)
    for miner in miners:
        miner.close()
    await asyncio.sleep(0.1)
    return load
