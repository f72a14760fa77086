"""`hashjoule mine`."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Protocol, TypeVar

import click

from hashjoule.backends import BackendSpec
from hashjoule.choose import backend_named
from hashjoule.cli.common import all_cores, backend_option, command, max_launch_option, threads_option
from hashjoule.cli.mine_report import MineReport, block_live_parts, block_summary, share_live_parts, share_summary
from hashjoule.errors import UsageError
from hashjoule.mine.address import CHAINS, script_of
from hashjoule.mine.bitcoind.conf import NodeConf
from hashjoule.mine.bitcoind.credentials import RPC_PASSWORD_VARIABLE, Credentials
from hashjoule.mine.bitcoind.node import Node
from hashjoule.mine.bitcoind.rpc import Rpc
from hashjoule.mine.chain import Chain
from hashjoule.mine.effort import Effort
from hashjoule.mine.loop import Miner
from hashjoule.mine.pending import PendingBlocks, default_directory
from hashjoule.mine.pools.url import PoolUrl

S_co = TypeVar("S_co", bound=Effort, covariant=True)

_INTERRUPTED = 130
_FOLDER = click.Path(path_type=Path)
_DEFAULT_CHAIN = "regtest"


class _StopSignal:
    """What a signal sets: an event, and then a miner that may have begun meanwhile."""

    def __init__(self) -> None:
        self.event = threading.Event()
        self.then: Callable[[], None] = lambda: None

    def __call__(self) -> None:
        self.event.set()
        self.then()


@dataclass(frozen=True)
class _Options:
    """What the user asked for."""

    address: str | None
    blocks: int | None
    chain: str
    rpc_url: str | None
    datadir: Path | None
    cookie: Path | None
    rpc_user: str | None
    embedded: Path | None
    pools: tuple[str, ...]
    user: str | None
    shares: int | None
    follow_reconnect: bool
    backend: str
    threads: int | None
    roll_version: bool
    as_json: bool

    @property
    def names_a_node(self) -> bool:
        return bool(self.chain != _DEFAULT_CHAIN or self.rpc_url or self.datadir or self.cookie or self.rpc_user)

    def check(self) -> None:
        """Raise UsageError for options that do not go together, or where one is missing."""
        if self.pools:
            if self.address or self.blocks or self.embedded or self.names_a_node:
                raise UsageError(
                    "--pool mines what the pool hands out; leave out --address, --blocks, --chain, --embedded and the "
                    "options of a node"
                )
            if not self.user:
                raise UsageError("give --user, your pool account or payout address, optionally followed by .WORKER")
        elif self.user or self.shares or self.follow_reconnect:
            raise UsageError("--user, --shares and --follow-reconnect belong to --pool; give --pool URL")
        elif self.embedded and self.names_a_node:
            raise UsageError("--embedded is a regtest chain of its own; leave out --chain and the options of a node")
        elif not self.address and not self.embedded:
            raise UsageError(f"give --address, an address of {self.chain} that the reward goes to")

    def search(self) -> tuple[BackendSpec, int]:
        """Return the backend to search with, and the number of threads."""
        spec = backend_named(self.backend, "rolled" if self.roll_version else "plain")
        return spec, self.threads or (all_cores() if spec.gains_from_threads else 1)


@command(
    "mine",
    option_groups={
        "Node": ["--address", "--blocks", "--chain", "--rpc-url", "--datadir", "--cookie", "--rpc-user"],
        "Embedded chain": ["--embedded"],
        "Pool": ["--pool", "--user", "--shares", "--follow-reconnect"],
        "Search": ["--backend", "--threads", "--max-launch-ms", "--roll-version"],
        "Output": ["--json"],
    },
    examples=(
        "hashjoule mine --embedded my-chain --blocks 10",
        "hashjoule mine --address bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080",
        "hashjoule mine --pool stratum+tcp://pool.example:3333 --user alice --shares 9",
    ),
)
@click.option("--address", metavar="ADDRESS", help="Pay the reward to ADDRESS; optional with --embedded.")
@click.option("--blocks", type=click.IntRange(1), metavar="N", help="Stop after N blocks on the active chain.")
@click.option("--chain", type=click.Choice(CHAINS), default=_DEFAULT_CHAIN, show_default=True, help="Mine this chain.")
@click.option("--rpc-url", metavar="URL", help="Call the node at http://HOST:PORT (default: from bitcoin.conf).")
@click.option(
    "--datadir", type=_FOLDER, metavar="DIR", help="Find bitcoin.conf and the cookie in DIR (default: bitcoind's)."
)
@click.option("--cookie", type=_FOLDER, metavar="FILE", help="Log in with this cookie file (default: in --datadir).")
@click.option("--rpc-user", metavar="NAME", help=f"Log in as NAME with the password in {RPC_PASSWORD_VARIABLE}.")
@click.option("--embedded", type=_FOLDER, metavar="DIR", help="Mine a regtest chain kept in DIR, without a node.")
@click.option(
    "--pool", "pools", multiple=True, metavar="URL", help="Mine at stratum+tcp://HOST:PORT or stratum+ssl://HOST:PORT."
)
@click.option("--user", metavar="NAME", help="Log in at the pool with your account or address[.WORKER].")
@click.option("--shares", type=click.IntRange(1), metavar="N", help="Stop after N accepted shares.")
@click.option("--follow-reconnect", is_flag=True, help="Let the pool send you to another host.")
@backend_option
@threads_option("all cores")
@max_launch_option
@click.option("--roll-version", is_flag=True, help="Also roll the version bits that BIP 320 leaves to miners.")
@click.option("--json", "as_json", is_flag=True, help="Print one line of JSON for each block or share.")
@click.pass_context
def mine_command(ctx: click.Context, /, **options: Any) -> None:
    """Mine blocks on a node or embedded chain, or shares at a pool.

    A block counts when it is on the active chain. A block that the node has not answered for is kept on disk and
    submitted by the next run. Ctrl-C ends the run with a summary.

    Give --pool several times to fail over: the first pool that answers is mined at, and an earlier one again when it
    is back. The password comes from HASHJOULE_POOL_PASSWORD ("x" if that is not set).
    """
    wanted = _Options(**options)
    wanted.check()
    limit = wanted.shares if wanted.pools else wanted.blocks
    with _stopped_by_signals() as stop:
        done = _mine_at_pools(wanted, stop) if wanted.pools else _mine_blocks(wanted, stop)
    ctx.exit(0 if limit and done >= limit else _INTERRUPTED)


def _mine_at_pools(wanted: _Options, stop: _StopSignal) -> int:
    """Mine at pools; return how many shares were accepted."""
    from hashjoule.mine.pools.share_miner import ShareMiner  # with asyncio and TLS, which blocks do not need

    pools = [PoolUrl.parse(url) for url in dict.fromkeys(wanted.pools)]
    report = MineReport(wanted.as_json, share_live_parts, share_summary)
    spec, threads = wanted.search()
    miner = ShareMiner(
        pools,
        wanted.user or "",
        spec,
        report,
        threads=threads,
        roll_version=wanted.roll_version,
        follow_reconnect=wanted.follow_reconnect,
        stop=stop.event,
    )
    return _run(miner, wanted.shares, report, stop).accepted


def _mine_blocks(wanted: _Options, stop: _StopSignal) -> int:
    """Mine on a node or an embedded chain; return how many blocks are on the active chain."""
    payout = script_of(wanted.address, wanted.chain) if wanted.address else _anyone_can_spend()
    chain = _embedded(wanted.embedded) if wanted.embedded else _node(wanted, stop.event)
    with closing(chain):
        name = f"embedded-{wanted.embedded.resolve().name}" if wanted.embedded else wanted.chain
        pending = PendingBlocks(default_directory(), name)
        report = MineReport(wanted.as_json, block_live_parts, block_summary, odds=wanted.chain == "main")
        spec, threads = wanted.search()
        miner = Miner(
            chain, payout, spec, report, pending, threads=threads, roll_version=wanted.roll_version, stop=stop.event
        )
        return _run(miner, wanted.blocks, report, stop).blocks


class _Run(Protocol[S_co]):
    """A miner of blocks or shares."""

    @property
    def stats(self) -> S_co: ...
    def stop(self) -> None: ...
    def run(self, limit: int | None, /) -> S_co: ...


def _run(miner: _Run[S_co], limit: int | None, report: MineReport, stop: _StopSignal) -> S_co:
    """Mine until the limit or a signal. However it ends, print the summary, unless nothing was searched."""
    stop.then = miner.stop
    try:
        return miner.run(limit)
    finally:
        if miner.stats.hashes:
            report.end(miner.stats)


def _anyone_can_spend() -> bytes:
    from hashjoule.mine.embedded import ANYONE_CAN_SPEND

    return ANYONE_CAN_SPEND


def _embedded(directory: Path) -> Chain:
    from hashjoule.mine.embedded import EmbeddedChain

    return EmbeddedChain(directory)


def _node(wanted: _Options, stop: threading.Event) -> Chain:
    conf = cache(lambda: NodeConf(wanted.chain, wanted.datadir))  # not read where the options say everything
    by_option = wanted.cookie or wanted.rpc_user
    credentials = Credentials(wanted.cookie, wanted.rpc_user) if by_option else conf().credentials
    return Node(Rpc(wanted.rpc_url or conf().url, credentials, stop), wanted.chain)


@contextmanager
def _stopped_by_signals() -> Iterator[_StopSignal]:
    """Let SIGINT and SIGTERM end the run; a second one ends the program as if there were no handler.

    This begins before a chain is opened: a KeyboardInterrupt in a callback of libbitcoinkernel would be lost.
    """
    stop = _StopSignal()

    def end(number: int, _: object) -> None:
        signal.signal(number, before[number])
        threading.Thread(target=stop).start()  # not here: the interrupted code may hold an event's lock

    before: dict[int, Any] = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
