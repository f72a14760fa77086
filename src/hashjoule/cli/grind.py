"""`hashjoule grind`."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from hashjoule.backends import provider_of
from hashjoule.cli.common import (
    HEX,
    backend_option,
    command,
    dask_option,
    max_launch_option,
    progress_bar,
    refuse,
    threads_option,
)
from hashjoule.errors import UsageError
from hashjoule.job import BIP320_MASK, NONCES, Header, check_mask, check_target, nbits_to_target
from hashjoule.report.numbers import count as amount
from hashjoule.report.numbers import duration, hashrate
from hashjoule.search import check_range
from hashjoule.solver import solve


@dataclass(frozen=True)
class _Options:
    """What to search, and with what."""

    target: int | None
    start: int
    count: int
    version_mask: int | None
    backend: str
    threads: int | None
    dask: str | None
    state: Path | None

    def check(self) -> None:
        """Raise UsageError for values out of range, or options that do not go together."""
        check_range(self.start, self.count)
        if self.version_mask is not None:
            check_mask(self.version_mask)
        if self.target is not None:
            check_target(self.target)
        if self.state and not self.dask:
            raise UsageError("--state saves the progress of a search on a cluster; it goes with --dask")

    @property
    def versions(self) -> int:
        """How many versions are tried with each nonce."""
        return 1 if self.version_mask is None else 1 << self.version_mask.bit_count()

    @property
    def space(self) -> str:
        """What is tried, in words."""
        nonces = (
            f"all {NONCES:,} nonces" if self.count == NONCES else f"{amount(self.count, 'nonce')} from {self.start}"
        )
        return nonces if self.version_mask is None else f"{nonces} with {self.versions:,} versions"


@command(
    "grind",
    option_groups={
        "Range": ["--target", "--start", "--count", "--version-mask"],
        "Search": ["--backend", "--threads", "--max-launch-ms", "--dask", "--state"],
        "Output": ["--json"],
    },
    examples=(
        "hashjoule grind - < headers.txt   # 160 hex digits a line",
        "hashjoule grind - --version-mask 1fffe000 --json < headers.txt",
    ),
)
@click.argument("header_hex", metavar="HEADER")
@click.option("--target", type=HEX, metavar="HEX", help="Accept hashes up to HEX (default: from the header's nbits).")
@click.option("--start", type=int, default=0, show_default=True, metavar="N", help="Begin with nonce N.")
@click.option(
    "--count",
    type=int,
    default=NONCES,
    show_default=True,
    metavar="N",
    help="Try N nonces; wraps to 0 after 2^32.",
)
@click.option("--version-mask", type=HEX, metavar="HEX", help="Also roll these bits of the version (BIP 320).")
@backend_option
@threads_option("all cores")
@max_launch_option
@dask_option
@click.option(
    "--state",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="With --dask: save the progress in FILE, and resume from it.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one line of JSON for each header.")
@click.pass_context
def grind_command(ctx: click.Context, /, header_hex: str, as_json: bool, **options: Any) -> None:
    """Search for the nonce that solves one block header.

    HEADER has 160 hexadecimal digits; the solved header is printed in the same form. With - as HEADER, headers are
    read from stdin, one a line.

    It is a drop-in replacement for `bitcoin-util grind` and for the --grind-cmd of Bitcoin Core's signet miner. It
    exits with 1 if the range holds no solution.
    """
    wanted = _Options(**options)
    wanted.check()
    if wanted.dask:
        refuse(ctx, "max_launch_ms")
    if header_hex == "-" and wanted.state:
        raise UsageError("--state belongs to one header; give the header instead of -")
    unsolved = 0
    for header in _headers(header_hex):
        began_s = time.perf_counter()
        solved = _on_cluster(header, wanted) if wanted.dask else _on_this_machine(header, wanted)
        seconds = time.perf_counter() - began_s
        if solved is None:
            unsolved += 1
            click.echo(_exhausted(wanted, seconds), err=True)
        if as_json:
            click.echo(json.dumps(_result(header, solved, seconds)))
        elif solved:
            click.echo(solved.pack().hex())
    ctx.exit(1 if unsolved else 0)


def _headers(argument: str) -> Iterator[Header]:
    """Yield the header of the command line, or those of stdin; raise UsageError for anything else."""
    if argument != "-":
        yield parse_header(argument)
        return
    for number, line in enumerate(sys.stdin.buffer, 1):
        if not line.isspace():
            try:
                yield parse_header(line.decode("ascii", "replace"))
            except UsageError as error:
                raise UsageError(f"line {number} of stdin: {error}") from None


def parse_header(digits: str) -> Header:
    """Return the header of 160 hex digits; raise UsageError for anything else."""
    try:
        data = bytes.fromhex(digits.strip())
    except ValueError:
        raise UsageError("the header must be given as 160 hexadecimal digits") from None
    return Header.parse(data)


def _on_cluster(header: Header, wanted: _Options) -> Header | None:
    from hashjoule.fleet import cluster
    from hashjoule.fleet.grind import ClusterSearch
    from hashjoule.fleet.ranges import Problem, StateFile

    cluster.require()
    if wanted.backend != "auto":
        provider_of(wanted.backend)
    target = nbits_to_target(header.nbits) if wanted.target is None else wanted.target
    problem = Problem(header, target, wanted.version_mask, wanted.start, wanted.count)
    kept = StateFile(wanted.state, problem) if wanted.state else None
    search = ClusterSearch(wanted.dask or "", problem, wanted.backend, wanted.threads, kept)
    try:
        with progress_bar() as search.progress:
            return cluster.run(search.run())
    finally:
        if search.events.ranges:
            click.echo(search.summary(), err=True)


def _on_this_machine(header: Header, wanted: _Options) -> Header | None:
    hashes, began_s = wanted.count * wanted.versions, time.perf_counter()
    with progress_bar() as show:

        def progress(fraction: float) -> None:
            show(hashrate(fraction * hashes / (time.perf_counter() - began_s)), fraction)

        return solve(
            header,
            target=wanted.target,
            version_mask=wanted.version_mask,
            first_nonce=wanted.start,
            count=wanted.count,
            backend=wanted.backend,
            threads=wanted.threads,
            progress=progress,
        )


def _exhausted(wanted: _Options, seconds: float) -> str:
    """Say that there is no solution, and what else can be tried.

    On a cluster the time and rate are left to the summary of the search: a resumed one did not try every nonce now.
    """
    rate = hashrate(wanted.count * wanted.versions / max(seconds, 1e-9))
    took = "" if wanted.dask else f" ({duration(seconds)} at {rate})"
    more = "change the header's time or merkle root"
    if wanted.count < NONCES:
        more = "try more nonces"
    elif wanted.version_mask is None:
        more = f"try more versions with --version-mask {BIP320_MASK:08x}, or {more}"
    return f"no solution among {wanted.space}{took}; {more}"


def _result(header: Header, solved: Header | None, seconds: float) -> dict[str, Any]:
    """Return what --json prints of a header; null where there is no solution."""
    return {
        "header": header.pack().hex(),
        "solved": solved and solved.pack().hex(),
        "hash": solved and solved.hash()[::-1].hex(),
        "version": solved and solved.version,
        "nonce": solved and solved.nonce,
        "seconds": seconds,
    }
