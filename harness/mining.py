"""Runs of the miner for tests and measurements: with a report that records everything, and in a thread of their own."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

from harness.bitcoind import BitcoinNode
from harness.pool import TestPool
from hashjoule import check
from hashjoule.backends import BackendSpec, specs
from hashjoule.errors import HashjouleError
from hashjoule.job import Hit, Job
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
"""Longest wait for anything; only a test that fails waits this long."""

PAYOUT = bytes.fromhex("0014751e76e8199196d454941c45d1b3a323f1433bd6")


class Recorder:
    """A report that records sentences and counts calls of `progress`."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.calls = 0

    def progress(self, stats: Effort) -> None:
        """Count the call."""
        self.calls += 1

    def status(self, sentence: str) -> None:
        """Record the sentence."""
        self.said.append(sentence)


class BlockRecorder(Recorder):
    """A report that also records blocks."""

    def __init__(self) -> None:
        super().__init__()
        self.blocks: list[MinedBlock] = []

    def block(self, mined: MinedBlock) -> None:
        """Record the block."""
        self.blocks.append(mined)


class ShareRecorder(Recorder):
    """A report that also records shares."""

    def __init__(self) -> None:
        super().__init__()
        self.shares: list[ShareResult] = []

    def share(self, result: ShareResult) -> None:
        """Record the share."""
        self.shares.append(result)


def best() -> BackendSpec:
    """Return the fastest C variant that this CPU can run."""
    return next(spec for spec in specs("c") if not spec.unavailable)


class NotedScan(NamedTuple):
    """When a scan began and ended, by time.perf_counter, and the previous block's hash of its job."""

    began: float
    ended: float
    prev_hash: bytes


class NotingBackend:
    """A backend that notes its scans. Its name is unique, because `check.ready` opens each name once."""

    _numbers = count(1)

    def __init__(self, spec: BackendSpec) -> None:
        self._backend = check.ready(spec)
        self.spec = replace(spec, name=f"noting {spec.name} {next(self._numbers)}", open=lambda: self)
        self.scans: list[NotedScan] = []

    def scan(self, job: Job, first_nonce: int, count: int) -> list[Hit]:
        """Scan, and note it."""
        began = time.perf_counter()
        hits = self._backend.scan(job, first_nonce, count)
        self.scans.append(NotedScan(began, time.perf_counter(), job.header.prev_hash))
        return hits

    def take(self) -> list[NotedScan]:
        """Return the scans since the last call."""
        taken, self.scans = self.scans, []
        return taken


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
        self.report, self.pending = BlockRecorder(), PendingBlocks(directory / "pending", name)
        self.miner = Miner(chain, PAYOUT, spec or best(), self.report, self.pending, stop=stop, **options)
        self._chain = chain
        self.error: Exception | None = None
        self._thread: threading.Thread | None = None

    def mine(self, blocks: int | None) -> BlockStats:
        """Mine in this thread."""
        with closing(self._chain):
            return self.miner.run(blocks)

    def start(self, blocks: int | None = None) -> None:
        """Mine in a thread."""

        def run() -> None:
            try:
                self.mine(blocks)
            except Exception as error:
                self.error = error

        self._thread = threading.Thread(target=run, daemon=True)
        self._thread.start()

    def wait(self) -> BlockStats:
        """Wait for the thread; raise what the run raised."""
        assert self._thread
        self._thread.join(RUN_SECONDS)
        assert not self._thread.is_alive(), self.report.said
        if self.error:
            raise self.error
        return self.miner.stats

    def end(self) -> BlockStats:
        """Stop the miner and wait for the thread."""
        self.miner.stop()
        return self.wait()


def until(holds: Callable[[], bool], complaint: str = "") -> None:
    """Wait until something is true."""
    deadline = time.monotonic() + RUN_SECONDS
    while not holds():
        assert time.monotonic() < deadline, complaint
        time.sleep(0.01)


def run_on(node: BitcoinNode, directory: Path, *, url: str | None = None, **options: Any) -> Run:
    """Return a run on a node; with `url`, through a proxy in front of it."""
    stop = threading.Event()
    chain = Node(Rpc(url or node.url, Credentials(node.cookie), stop), node.chain)
    return Run(chain, directory, node.chain, stop, **options)


@contextmanager
def searching(run: Run) -> Iterator[Run]:
    """Keep a run going during the block, on a chain where blocks take a while. The block begins with the search."""
    run.start()
    until(lambda: run.report.calls > 3 or run.error is not None, "no search began")
    try:
        yield run
    finally:
        run.end()


class ShareRun:
    """A miner at pools, in a thread of its own."""

    def __init__(
        self, *pools: TestPool | PoolUrl, user: str = "alice", spec: BackendSpec | None = None, **options: Any
    ) -> None:
        self.report = ShareRecorder()
        urls = [at if isinstance(at, PoolUrl) else PoolUrl("127.0.0.1", at.port) for at in pools]
        self.miner = ShareMiner(urls, user, spec or best(), self.report, **options)
        self.error: Exception | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        try:
            self.miner.run()
        except Exception as error:
            self.error = error

    @contextmanager
    def started(self) -> Iterator[ShareRun]:
        """Mine during the block; raise what the run raised."""
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
        """Mine until the run fails; return its sentence."""
        self._thread.start()
        self._thread.join(RUN_SECONDS)
        assert not self._thread.is_alive(), self.report.said
        assert isinstance(self.error, HashjouleError), self.error
        return str(self.error)
