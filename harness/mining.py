"""What the mining tests share: a report that remembers, and a run in a thread of its own."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from harness.bitcoind import BitcoinNode
from harness.pool import TestPool
from hashjoule.backends import BackendSpec, specs
from hashjoule.errors import HashjouleError
from hashjoule.mine.bitcoind.credentials import Credentials
from hashjoule.mine.bitcoind.node import Node
from hashjoule.mine.bitcoind.rpc import Rpc
from hashjoule.mine.chain import Chain
from hashjoule.mine.effort import Effort
from hashjoule.mine.loop import BlockStats, MinedBlock, Miner
from hashjoule.mine.pending import PendingBlocks
from hashjoule.mine.pools.share_miner import ShareMiner, ShareResult
from hashjoule.mine.pools.url import PoolUrl

RUN_SECONDS = 60
PAYOUT = bytes.fromhex("0014751e76e8199196d454941c45d1b3a323f1433bd6")


class Listener:
    """What a report on blocks and one on shares both remember."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.calls = 0

    def progress(self, stats: Effort) -> None:
        """Counts it."""
        self.calls += 1

    def status(self, sentence: str) -> None:
        """Remembers it."""
        self.said.append(sentence)


class Recorder(Listener):
    """A report that remembers everything."""

    def __init__(self) -> None:
        super().__init__()
        self.blocks: list[MinedBlock] = []

    def block(self, mined: MinedBlock) -> None:
        """Remembers it."""
        self.blocks.append(mined)


def best() -> BackendSpec:
    """The first variant that this CPU can run."""
    return next(spec for spec in specs("c") if not spec.unavailable)


class Run:
    """A miner on a chain."""

    def __init__(
        self,
        chain: Chain,
        directory: Path,
        name: str = "regtest",
        stop: threading.Event | None = None,
        *,
        spec: BackendSpec | None = None,
        **options: Any,
    ) -> None:
        self.report, self.pending = Recorder(), PendingBlocks(directory / "pending", name)
        self.miner = Miner(chain, PAYOUT, spec or best(), self.report, self.pending, stop=stop, **options)
        self._chain = chain
        self.error: Exception | None = None
        self._thread: threading.Thread | None = None

    def mine(self, blocks: int | None) -> BlockStats:
        """Mines in this thread."""
        with closing(self._chain):
            return self.miner.run(blocks)

    def start(self, blocks: int | None = None) -> None:
        """Mines in a thread."""

        def run() -> None:
            try:
                self.mine(blocks)
            except Exception as error:
                self.error = error

        self._thread = threading.Thread(target=run, daemon=True)
        self._thread.start()

    def wait(self) -> BlockStats:
        """Until the thread has ended; raises what it raised."""
        assert self._thread
        self._thread.join(RUN_SECONDS)
        assert not self._thread.is_alive(), self.report.said
        if self.error:
            raise self.error
        return self.miner.stats

    def end(self) -> BlockStats:
        """Stops the miner and waits."""
        self.miner.stop()
        return self.wait()


def until(holds: Callable[[], bool], what: str = "") -> None:
    """Waits for something to become true."""
    deadline = time.monotonic() + RUN_SECONDS
    while not holds():
        assert time.monotonic() < deadline, what
        time.sleep(0.01)


def run_on(
    node: BitcoinNode,
    directory: Path,
    *,
    url: str | None = None,
    **options: Any,
) -> Run:
    """A miner on a node, or on something else that stands in front of it."""
    stop = threading.Event()
    chain = Node(Rpc(url or node.url, Credentials(node.cookie), stop), node.chain)
    return Run(chain, directory, node.chain, stop, **options)


@contextmanager
def searching(run: Run) -> Iterator[Run]:
    """Starts a run on a chain where a block takes a while, and stops it at the end; begins when it searches."""
    run.start()
    until(lambda: run.report.calls > 3 or run.error is not None, "no search began")
    try:
        yield run
    finally:
        run.end()


class ShareRecorder(Listener):
    """A report on shares that remembers everything."""

    def __init__(self) -> None:
        super().__init__()
        self.shares: list[ShareResult] = []

    def share(self, result: ShareResult) -> None:
        """Remembers it."""
        self.shares.append(result)


class ShareRun:
    """A miner at pools, in a thread of its own."""

    def __init__(
        self, *pools: TestPool | PoolUrl, user: str = "alice", spec: BackendSpec | None = None, **options: Any
    ) -> None:
        self.report = ShareRecorder()
        addresses = [at if isinstance(at, PoolUrl) else PoolUrl("127.0.0.1", at.port) for at in pools]
        self.miner = ShareMiner(addresses, user, spec or best(), self.report, **options)
        self.error: Exception | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        try:
            self.miner.run()
        except Exception as error:
            self.error = error

    @contextmanager
    def started(self) -> Iterator[ShareRun]:
        """Mines for as long as the block lasts; raises what the run raised."""
        self._thread.start()
        try:
            yield self
        finally:
            self.miner.stop()
            self._thread.join(RUN_SECONDS)
            assert not self._thread.is_alive(), self.report.said
        if self.error:
            raise self.error

    def failure(self) -> str:
        """Mines until the run fails; what it says."""
        self._thread.start()
        self._thread.join(RUN_SECONDS)
        assert not self._thread.is_alive(), self.report.said
        assert isinstance(self.error, HashjouleError), self.error
        return str(self.error)
