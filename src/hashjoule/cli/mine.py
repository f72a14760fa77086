"""`hashjoule mine`."""

from __future__ import annotations

import json
import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import click

from hashjoule.backends import BackendSpec
from hashjoule.cli.common import all_cores, backend_named, max_launch_option, threads_option
from hashjoule.cli.complete import BACKEND
from hashjoule.errors import UsageError
from hashjoule.mine.address import CHAINS, script_of
from hashjoule.mine.bitcoind.conf import NodeConf
from hashjoule.mine.bitcoind.node import Node
from hashjoule.mine.bitcoind.rpc import RPC_PASSWORD_VARIABLE, Credentials, Rpc
from hashjoule.mine.chain import Chain
from hashjoule.mine.effort import Effort
from hashjoule.mine.loop import Mined, Miner, Stats
from hashjoule.mine.pending import Keeper, default_directory

if TYPE_CHECKING:
    from hashjoule.mine.pools.share_miner import (
        ShareMiner,
        ShareResult,
        ShareStats,
    )  # with asyncio and TLS, for pools only

S_co = TypeVar("S_co", bound=Effort, covariant=True)

_LIVE_SECONDS, _LOG_SECONDS = 0.2, 30.0
_ODDS_SECONDS = 2.0
_YEAR_SECONDS = 365.25 * 86400
_INTERRUPTED = 130


@click.command("mine")
@click.option("--address", help="Where the reward goes; with --embedded, coins for anyone unless given.")
@click.option("--blocks", type=click.IntRange(1), help="Stop after that many blocks on the active chain.")
@click.option("--chain", type=click.Choice(CHAINS), default="regtest", show_default=True)
@click.option("--rpc-url", help="http://HOST:PORT of the node (default: as bitcoin.conf says).")
@click.option("--datadir", type=click.Path(path_type=Path), help="The node's data directory.")
@click.option("--cookie", type=click.Path(path_type=Path), help="The node's cookie file.")
@click.option("--rpc-user", help=f"RPC user; the password comes from {RPC_PASSWORD_VARIABLE}.")
@click.option("--embedded", type=click.Path(path_type=Path), help="Mine a regtest chain in this directory, no node.")
@click.option(
    "--pool", "pools", multiple=True, metavar="URL", help="stratum+tcp://HOST:PORT or stratum+ssl://..., in order."
)
@click.option("--user", help="Your name at the pool, often an address.")
@click.option("--shares", type=click.IntRange(1), help="Stop after that many accepted shares.")
@click.option("--follow-reconnect", is_flag=True, help="Let a pool send you to another host.")
@click.option(
    "--backend", "name", type=BACKEND, default="auto", show_default=True, metavar="B", help="See `hashjoule devices`."
)
@threads_option("all cores")
@max_launch_option
@click.option("--roll-version", is_flag=True, help="Roll BIP 320's version bits too.")
@click.option("--json", "as_json", is_flag=True, help="One line of JSON for each block or share.")
@click.pass_context
def mine_command(
    ctx: click.Context,
    address: str | None,
    blocks: int | None,
    chain: str,
    rpc_url: str | None,
    datadir: Path | None,
    cookie: Path | None,
    rpc_user: str | None,
    embedded: Path | None,
    pools: tuple[str, ...],
    user: str | None,
    shares: int | None,
    follow_reconnect: bool,
    name: str,
    threads: int | None,
    roll_version: bool,
    as_json: bool,
) -> None:
    """Mine blocks on a node or embedded chain, or shares at a pool.

    A block counts when it is on the active chain. Blocks that the node did not answer for are kept and submitted
    by the next run. Ctrl-C ends with a summary.

    Pools are mined at in order: a later one while the earlier ones are away. The password comes from
    HASHJOULE_POOL_PASSWORD ("x" unless set).
    """
    if pools:
        if address or blocks or chain != "regtest" or rpc_url or datadir or cookie or rpc_user or embedded:
            raise UsageError(
                "--pool mines what the pool hands out; leave out --address, --blocks, --chain, --embedded and the "
                "options of a node"
            )
        sharer, report = _sharer(pools, user, name, threads, roll_version, follow_reconnect, as_json)
        done = _run(sharer, shares, report).accepted
        ctx.exit(0 if shares and done >= shares else _INTERRUPTED)
    if user or shares or follow_reconnect:
        raise UsageError("--user, --shares and --follow-reconnect belong to --pool")
    if embedded and (chain != "regtest" or rpc_url or datadir or cookie or rpc_user):
        raise UsageError("--embedded is a regtest chain of its own; leave out --chain and the options of a node")
    if not address and not embedded:
        raise UsageError(f"give --address, an address of {chain} that the reward goes to")
    stop = threading.Event()
    payout = script_of(address, chain) if address else _anyone_can_spend()
    source = _embedded(embedded) if embedded else _node(chain, rpc_url, datadir, cookie, rpc_user, stop)
    keeper = Keeper(default_directory(), f"embedded-{embedded.resolve().name}" if embedded else chain)
    report = _Report(as_json, _block_line, odds=chain == "main")
    spec, threads = _searcher(name, threads, roll_version)
    with closing(source):
        miner = Miner(source, payout, spec, report, keeper, threads=threads, roll_version=roll_version, stop=stop)
        done = _run(miner, blocks, report).blocks
    ctx.exit(0 if blocks and done >= blocks else _INTERRUPTED)


def _sharer(
    urls: tuple[str, ...],
    user: str | None,
    name: str,
    threads: int | None,
    roll_version: bool,
    follow_reconnect: bool,
    as_json: bool,
) -> tuple[ShareMiner, _Report]:
    from hashjoule.mine.pools.share_miner import ShareMiner
    from hashjoule.mine.pools.url import PoolUrl

    if not user:
        raise UsageError("give --user, your name at the pool (often an address that is paid, or ADDRESS.WORKER)")
    pools = [PoolUrl.parse(url) for url in dict.fromkeys(urls)]
    report = _Report(as_json, _share_line)
    spec, threads = _searcher(name, threads, roll_version)
    miner = ShareMiner(
        pools, user, spec, report, threads=threads, roll_version=roll_version, follow_reconnect=follow_reconnect
    )
    return miner, report


def _searcher(name: str, threads: int | None, roll_version: bool) -> tuple[BackendSpec, int]:
    spec = backend_named(name, "rolled" if roll_version else "plain")
    return spec, threads or (all_cores() if spec.gains_from_threads else 1)


class _Run(Protocol[S_co]):
    """A miner of blocks or shares."""

    @property
    def stats(self) -> S_co: ...
    def stop(self) -> None: ...
    def run(self, limit: int | None, /) -> S_co: ...


def _run(miner: _Run[S_co], limit: int | None, report: _Report) -> S_co:
    """Mines until the limit or a signal, and prints the summary however it ends, unless it never began."""
    try:
        with _stopped_by_signals(miner.stop):
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


def _node(
    chain: str,
    url: str | None,
    datadir: Path | None,
    cookie: Path | None,
    user: str | None,
    stop: threading.Event,
) -> Chain:
    conf = cache(lambda: NodeConf(chain, datadir))  # not read where all is said
    credentials = Credentials(cookie, user) if cookie or user else conf().credentials
    return Node(Rpc(url or conf().url, credentials, stop), chain)


@contextmanager
def _stopped_by_signals(stop: Callable[[], None]) -> Iterator[None]:
    """SIGINT and SIGTERM end the run; a second one ends the program as if there were no handler."""

    def end(number: int, _: object) -> None:
        signal.signal(number, before[number])
        threading.Thread(target=stop).start()  # not here: the interrupted code may hold an event's lock

    before: dict[int, Any] = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class _Report:
    """Blocks or shares on stdout; on stderr a live line on a terminal, plain lines now and then elsewhere."""

    def __init__(self, as_json: bool, line: Callable[[Any], str], odds: bool = False) -> None:
        self._as_json, self._line, self._odds = as_json, line, odds
        self._live = sys.stderr.isatty()
        self._next = time.monotonic() + (0 if self._live else _LOG_SECONDS)

    def block(self, mined: Mined) -> None:
        """One line on stdout."""
        self._print(mined, f"{mined.height} {mined.hash} {mined.fate}")

    def share(self, result: ShareResult) -> None:
        """One line on stdout."""
        what = f"{result.fate} {result.share_difficulty:.6g} of {result.difficulty:.6g}"
        block = " block found" if result.block and result.fate == "accepted" else ""
        self._print(result, f"{what} {result.hash}{block}")

    def _print(self, result: Mined | ShareResult, text: str) -> None:
        self._clear()
        reason = f" ({result.reason})" if result.reason else ""
        print(json.dumps(asdict(result)) if self._as_json else text + reason, flush=True)

    def progress(self, stats: Effort) -> None:
        """The live line, or a plain one when it is time."""
        if self._odds and stats.seconds > _ODDS_SECONDS:
            self._odds = False
            years = (stats.hit_seconds or 0) / _YEAR_SECONDS
            self.status(f"at {_rate(stats.hashrate_hs)} a block on main takes {years:,.0f} years on average")
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + (_LIVE_SECONDS if self._live else _LOG_SECONDS)
        if self._live:
            self._clear()
            width = shutil.get_terminal_size().columns - 1  # what wraps could not be removed again
            print(self._line(stats)[:width], end="", file=sys.stderr, flush=True)
        else:
            print(self._line(stats), file=sys.stderr, flush=True)

    def status(self, sentence: str) -> None:
        """One line on stderr."""
        self._clear()
        print(sentence, file=sys.stderr, flush=True)

    def end(self, stats: Effort) -> None:
        """The summary."""
        self.status(self._line(stats))

    def _clear(self) -> None:
        if self._live:
            print("\r\x1b[K", end="", file=sys.stderr)


def _block_line(stats: Stats) -> str:
    left = f", a block in {_duration(stats.hit_seconds)} on average" if stats.hit_seconds else ""
    return (
        f"height {stats.height}: {_rate(stats.hashrate_hs)}{left}, {stats.blocks} blocks, {stats.stale} stale, "
        f"{stats.rejected} rejected, {stats.wrong_hits} hardware errors in {_duration(stats.seconds)}"
    )


def _share_line(stats: ShareStats) -> str:
    left = f", a share in {_duration(stats.hit_seconds)} on average" if stats.hit_seconds else ""
    why = ", ".join(f"{reason} {n}" for reason, n in stats.reasons.most_common())
    blocks = f", {stats.blocks} blocks found" if stats.blocks else ""
    fates, where = stats.fates, stats.pool or "waiting for a pool"
    return (
        f"{where}: {_rate(stats.hashrate_hs)}, {_rate(stats.pool_hashrate_hs)} at the pool{left}, "
        f"{stats.accepted} accepted{blocks}, {fates['rejected']} rejected{f' ({why})' if why else ''}, "
        f"{fates['stale']} stale, {fates['unanswered']} unanswered, {stats.wrong_hits} hardware errors "
        f"in {_duration(stats.seconds)}"
    )


def _rate(hashes_per_second: float) -> str:
    for unit, size in (("GH/s", 1e9), ("MH/s", 1e6), ("kH/s", 1e3)):
        if hashes_per_second >= size:
            return f"{hashes_per_second / size:.2f} {unit}"
    return f"{hashes_per_second:.0f} H/s"


def _duration(seconds: float) -> str:
    for unit, size in (("years", _YEAR_SECONDS), ("days", 86400.0), ("hours", 3600.0), ("minutes", 60.0)):
        if seconds >= 2 * size:
            return f"{seconds / size:,.1f} {unit}"
    return f"{seconds:.3g} s"
