"""`hashjoule mine`."""

from __future__ import annotations

import json
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

import click

from hashjoule.cli.common import all_cores, max_launch_option, one_row, threads_option
from hashjoule.errors import UsageError
from hashjoule.mine.address import CHAINS, script_of
from hashjoule.mine.conf import NodeConf
from hashjoule.mine.kept import Keeper, default_directory
from hashjoule.mine.loop import Mined, Miner, Stats
from hashjoule.mine.node import Chain, Node
from hashjoule.mine.rpc import PASSWORD_VARIABLE, Credentials, Rpc

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
@click.option("--rpc-user", help=f"RPC user; the password comes from {PASSWORD_VARIABLE}.")
@click.option("--embedded", type=click.Path(path_type=Path), help="Mine a regtest chain in this directory, no node.")
@click.option("--backend", "name", default="auto", show_default=True, metavar="B", help="See `hashjoule devices`.")
@threads_option("all cores")
@max_launch_option
@click.option("--roll-version", is_flag=True, help="Roll BIP 320's version bits too.")
@click.option("--json", "as_json", is_flag=True, help="One line of JSON for each block.")
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
    name: str,
    threads: int | None,
    roll_version: bool,
    as_json: bool,
) -> None:
    """Mines blocks on your bitcoind, or on an embedded regtest chain.

    A block counts when it is on the active chain. Blocks that the node did not answer for are kept and submitted
    by the next run. Ctrl-C ends with a summary.
    """
    if embedded and (chain != "regtest" or rpc_url or datadir or cookie or rpc_user):
        raise UsageError("--embedded is a regtest chain of its own; leave out --chain and the options of a node")
    if not address and not embedded:
        raise UsageError(f"give --address, an address of {chain} that the reward goes to")
    stop = threading.Event()
    payout = script_of(address, chain) if address else _anyone_can_spend()
    source = _embedded(embedded) if embedded else _node(chain, rpc_url, datadir, cookie, rpc_user, stop)
    keeper = Keeper(default_directory(), f"embedded-{embedded.resolve().name}" if embedded else chain)
    report = _Report(as_json, odds=chain == "main")
    row = one_row(name, "rolled" if roll_version else "plain")
    threads = threads or (all_cores() if row.threads else 1)
    with closing(source):
        miner = Miner(source, payout, row, report, keeper, threads=threads, roll_version=roll_version, stop=stop)
        try:
            with _stopped_by_signals(miner):
                stats = miner.run(blocks)
        finally:
            report.end(miner.stats)
    if blocks is None or stats.blocks < blocks:
        ctx.exit(_INTERRUPTED)


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
def _stopped_by_signals(miner: Miner) -> Iterator[None]:
    """SIGINT and SIGTERM end the run; a second one ends the program as if there were no handler."""

    def end(number: int, _: object) -> None:
        signal.signal(number, before[number])
        threading.Thread(target=miner.stop).start()  # not here: the interrupted code may hold an event's lock

    before: dict[int, Any] = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class _Report:
    """Blocks on stdout; on stderr a live line on a terminal, plain lines now and then elsewhere."""

    def __init__(self, as_json: bool, odds: bool) -> None:
        self._as_json, self._odds = as_json, odds
        self._live = sys.stderr.isatty()
        self._next = time.monotonic() + (0 if self._live else _LOG_SECONDS)

    def block(self, mined: Mined) -> None:
        """One line on stdout."""
        if self._as_json:
            line = json.dumps(asdict(mined))
        else:
            line = f"{mined.height} {mined.hash} {mined.fate}" + (f" ({mined.reason})" if mined.reason else "")
        self._clear()
        print(line, flush=True)

    def progress(self, stats: Stats) -> None:
        """The live line, or a plain one when it is time."""
        if self._odds and stats.seconds > _ODDS_SECONDS:
            self._odds = False
            years = (stats.block_seconds or 0) / _YEAR_SECONDS
            self.status(f"at {_rate(stats.hashrate_hs)} a block on main takes {years:,.0f} years on average")
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + (_LIVE_SECONDS if self._live else _LOG_SECONDS)
        if self._live:
            self._clear()
            print(_line(stats), end="", file=sys.stderr, flush=True)
        else:
            print(_line(stats), file=sys.stderr, flush=True)

    def status(self, sentence: str) -> None:
        """One line on stderr."""
        self._clear()
        print(sentence, file=sys.stderr, flush=True)

    def end(self, stats: Stats) -> None:
        """The summary."""
        self.status(_line(stats))

    def _clear(self) -> None:
        if self._live:
            print("\r\x1b[K", end="", file=sys.stderr)


def _line(stats: Stats) -> str:
    left = f", a block in {_duration(stats.block_seconds)} on average" if stats.block_seconds else ""
    return (
        f"height {stats.height}: {_rate(stats.hashrate_hs)}{left}, {stats.blocks} blocks, {stats.stale} stale, "
        f"{stats.rejected} rejected, {stats.wrong_hits} hardware errors in {_duration(stats.seconds)}"
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
