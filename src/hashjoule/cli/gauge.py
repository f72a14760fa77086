"""`hashjoule gauge`."""

from __future__ import annotations

import math
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hashjoule.cli.common import POSITIVE, command, json_option
from hashjoule.errors import UsageError
from hashjoule.gauge.devices import device
from hashjoule.gauge.poisson import relative_half_width, shares_for
from hashjoule.gauge.results import miner_name
from hashjoule.gauge.roster import Ending, Roster
from hashjoule.gauge.run import GaugePlan, Show, measure
from hashjoule.records.facts import utc_now
from hashjoule.records.files import RecordFile, to_json
from hashjoule.records.schema import Record
from hashjoule.report.gauge import gauge_text
from hashjoule.report.numbers import duration, hashrate, percent
from hashjoule.report.text import wrapped
from hashjoule.stratum.difficulty import difficulty_of, target_of

if TYPE_CHECKING:
    from rich.table import Table

    from hashjoule.gauge.channel import GaugedMiner
    from hashjoule.meters import Meter

DEFAULT_SECONDS = 600.0
_LOOPBACK = ("127.0.0.1", "::1", "localhost")
_EVERYWHERE = ("0.0.0.0", "::")


@command(
    "gauge",
    examples=[
        "hashjoule gauge --seconds 60",
        "hashjoule gauge --listen 192.168.1.20:3333 --minutes 30 --class asic",
        "hashjoule gauge --precision 5 --device http://192.168.1.31 --watts 18",
        "hashjoule gauge --meter shelly://192.168.1.40 --save results",
    ],
    option_groups={
        "Miner": ["--listen", "--wait", "--difficulty", "--name", "--class"],
        "Length of the count": ["--seconds", "--minutes", "--precision"],
        "Energy and the miner's own figures": ["--device", "--meter", "--watts"],
    },
)
@click.option(
    "--listen",
    metavar="HOST:PORT",
    default="127.0.0.1:3333",
    show_default=True,
    help="Address to accept miners on. For a miner on another machine, give this machine's own address.",
)
@click.option("--seconds", type=POSITIVE, metavar="SECONDS", help="Length of the count (default: 600).")
@click.option("--minutes", type=POSITIVE, metavar="MINUTES", help="Length of the count.")
@click.option(
    "--precision",
    type=POSITIVE,
    metavar="PERCENT",
    help="Count until the 95% interval of every miner is within this percentage of its rate.",
)
@click.option(
    "--wait",
    "wait_s",
    type=POSITIVE,
    default=300.0,
    metavar="SECONDS",
    help="Time to wait for the first share (default: 300).",
)
@click.option(
    "--difficulty", type=POSITIVE, metavar="D", help="Fix the share difficulty (default: search one share a second)."
)
@click.option("--name", metavar="NAME", help="Name of the miner in the record (default: what it calls itself).")
@click.option(
    "--class",
    "kind",
    type=click.Choice(["asic", "gpu", "fpga", "cpu"]),
    help="Class of the miner in the record (default: guessed from its rate).",
)
@click.option(
    "--device",
    "device_url",
    metavar="URL",
    help="Also read what the miner says of itself: http://HOST for AxeOS (Bitaxe, NerdQAxe), cgminer://HOST for "
    "Antminer, Avalon, Whatsminer, Braiins OS and LuxOS. Nothing is set.",
)
@click.option("--meter", "meter_url", metavar="URL", help="Wall plug that feeds the miner, such as shelly://HOST.")
@click.option("--watts", type=POSITIVE, metavar="WATTS", help="J/TH from the power that you state; marked as declared.")
@click.option(
    "--save", type=click.Path(file_okay=False, path_type=Path), metavar="DIR", help="Save the JSON record under DIR."
)
@json_option
@click.pass_context
def gauge_command(
    ctx: click.Context,
    listen: str,
    seconds: float | None,
    minutes: float | None,
    precision: float | None,
    wait_s: float,
    difficulty: float | None,
    name: str | None,
    kind: Any,
    device_url: str | None,
    meter_url: str | None,
    watts: float | None,
    save: Path | None,
    as_json: bool,
) -> None:
    """Measure any miner by the shares that it delivers.

    hashjoule hands out work as a mining pool does (Stratum V1), hashes every share again, and divides verified work
    by time and, with a meter, by energy. Point your miner at the URL that is printed; any user and password will do.
    """
    host, port = _address(listen)
    ending = _ending(seconds, minutes, precision)
    plan = GaugePlan(
        ending=ending,
        host=host,
        port=port,
        wait_s=wait_s,
        difficulty=_checked_difficulty(difficulty),
        name=name,
        kind=kind,
        device=device(device_url) if device_url else None,
        meter=_meter(meter_url, watts, ending),
    )
    file = RecordFile(save, name, utc_now(), "gauge") if save else None
    with _progress(ending) as show:
        record = measure(plan, lambda bound: _invite(host, bound), show)
    _tell(record, as_json)
    if file and record.results:
        click.echo(f"saved {file.write(record)}", err=True)
    ctx.exit(130 if not record.complete else 0 if record.results else 1)


def _address(listen: str) -> tuple[str, int]:
    host, _, port = listen.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not host or not port.isascii() or not port.isdigit() or not 0 <= int(port) < 1 << 16:
        raise UsageError(f"--listen {listen!r} is not an address; give HOST:PORT, for example 192.168.1.20:3333")
    return host, int(port)


def _ending(seconds: float | None, minutes: float | None, precision: float | None) -> Ending:
    if sum(option is not None for option in (seconds, minutes, precision)) > 1:
        raise UsageError("--seconds, --minutes and --precision each say when the count ends; give one of them")
    if precision is not None:
        if precision > 50:
            raise UsageError("--precision is a percentage of at most 50")
        return Ending(precision=precision / 100)
    return Ending(seconds=60 * minutes if minutes else seconds or DEFAULT_SECONDS)


def _checked_difficulty(difficulty: float | None) -> float | None:
    """Return the difficulty; not less than the one at which every hash is a share, or its shares would look chosen."""
    if difficulty is None:
        return None
    try:
        return max(difficulty, difficulty_of(target_of(difficulty)))
    except ValueError:
        raise UsageError("--difficulty is so high that no hash would be a share; give a lower one") from None


def _meter(url: str | None, watts: float | None, ending: Ending) -> Meter | None:
    if url and watts:
        raise UsageError("--watts states the power that --meter would measure; give one of them")
    if watts:
        from hashjoule.meters.stated import declared

        return declared(watts)
    if url:
        from hashjoule.meters import plugs

        return plugs.meter(url, longest_s=ending.seconds or DEFAULT_SECONDS)
    return None


def _invite(host: str, port: int) -> None:
    """Tell on stderr which URL to type into the miner."""
    names = _own_addresses() if host in _EVERYWHERE else [host]
    for name in names:
        shown = f"[{name}]" if ":" in name else name
        click.echo(f"point your miner at stratum+tcp://{shown}:{port} (any user, any password)", err=True)
    if host in _LOOPBACK:
        click.echo("only this machine can connect; for others, listen on its address: --listen HOST:PORT", err=True)


def _own_addresses() -> list[str]:
    import psutil

    addresses = [
        each.address
        for all_of_one in psutil.net_if_addrs().values()
        for each in all_of_one
        if each.family == socket.AF_INET and not each.address.startswith("127.")
    ]
    return addresses or ["127.0.0.1"]


def _tell(record: Record, as_json: bool) -> None:
    if as_json:
        click.echo(to_json(record))
        return
    if record.results:
        click.echo(gauge_text(record))
    for refusal in record.refused:
        click.echo(wrapped(f"no rate: {refusal.reason}"), err=True)
    for warning in record.conditions.warnings:
        click.echo(wrapped(f"warning: {warning}"), err=True)


@contextmanager
def _progress(ending: Ending) -> Iterator[Show]:
    """Show each miner's rate, interval and shares on stderr while the run goes on, if that is a terminal."""
    if not sys.stderr.isatty():
        yield lambda roster, now_s: None
        return
    from rich.console import Console
    from rich.live import Live

    with Live(console=Console(stderr=True), transient=True, auto_refresh=False) as live:
        shown_s = -math.inf

        def show(roster: Roster, now_s: float) -> None:
            nonlocal shown_s
            if now_s - shown_s >= 1:
                shown_s = now_s
                live.update(_table(roster, ending, now_s), refresh=True)

        yield show


def _table(roster: Roster, ending: Ending, now_s: float) -> Table:
    from rich.table import Table

    if roster.begun_s is None:
        title = "waiting for the first miner" if not roster.miners else "ramp-up: finding the difficulty"
    elif ending.seconds is not None:
        title = f"counting, {duration(max(0.0, roster.begun_s + ending.seconds - now_s))} left"
    else:
        title = f"counting until {percent(ending.precision)}"
    table = Table(title=title, box=None, title_justify="left")
    for header in ("miner", "hash rate", "95% interval", "shares", "rejected", "left"):
        table.add_column(header, justify="left" if header == "miner" else "right")
    for miner in list(roster.miners.values())[:20]:
        table.add_row(*progress_row(miner, ending, now_s))
    return table


def progress_row(miner: GaugedMiner, ending: Ending, now_s: float) -> tuple[str, ...]:
    """Return a miner's line of the progress table; the time left is that to the wanted precision."""
    name, rejected = miner_name(miner), f"{miner.account.rejected.total():,}"
    tally = miner.account.count
    if tally is None or now_s <= tally.began_s:
        return name, "ramp-up", "-", "-", rejected, "-"
    estimate = tally.estimate(now_s)
    left = "-"
    if ending.precision and estimate.shares.shares:
        missing = shares_for(ending.precision) / estimate.shares.shares - 1
        left = duration(max(0.0, missing * estimate.seconds))
    interval = f"±{percent(relative_half_width(estimate.shares))}" if estimate.shares.shares else "-"
    return name, hashrate(estimate.hashrate_hs), interval, f"{estimate.shares.shares:,}", rejected, left
