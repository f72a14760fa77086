"""`hashjoule grind`."""

from __future__ import annotations

from pathlib import Path

import click

from hashjoule.backends import provider_of
from hashjoule.cli.common import (
    HEX,
    dask_option,
    max_launch_option,
    progress_bar,
    refuse,
    threads_option,
)
from hashjoule.cli.complete import BACKEND
from hashjoule.errors import UsageError
from hashjoule.job import NONCES, Header, check_mask, check_target, nbits_to_target
from hashjoule.search import check_range
from hashjoule.solver import solve


@click.command("grind")
@click.argument("header_hex")
@click.option(
    "--target", type=HEX, metavar="HEX", help="Highest hash that counts (default: what the header's nbits say)."
)
@click.option("--start", type=int, default=0, show_default=True, metavar="N", help="First nonce.")
@click.option(
    "--count", type=int, default=NONCES, show_default=True, metavar="N", help="Nonces to try, past 2^32 from 0 on."
)
@click.option("--version-mask", type=HEX, metavar="HEX", help="Also roll these bits of the version (BIP 320).")
@click.option(
    "--backend", "name", type=BACKEND, default="auto", show_default=True, metavar="B", help="See `hashjoule devices`."
)
@threads_option("all cores")
@max_launch_option
@dask_option
@click.option(
    "--state", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="With --dask: keep what is done."
)
@click.pass_context
def grind_command(
    ctx: click.Context,
    header_hex: str,
    target: int | None,
    start: int,
    count: int,
    version_mask: int | None,
    name: str,
    threads: int | None,
    dask: str | None,
    state: Path | None,
) -> None:
    """Search for the nonce that solves one block header.

    160 hex digits in, the solved header out.

    A drop-in for `bitcoin-util grind` and for the signet miner's --grind-cmd. Exits with 1 if the range holds no
    solution.
    """
    header = parse_header(header_hex)
    check_range(start, count)
    if version_mask is not None:
        check_mask(version_mask)
    target = nbits_to_target(header.nbits) if target is None else check_target(target)
    if dask:
        refuse(ctx, "max_launch_ms")
        solved = _on_a_cluster(dask, header, target, version_mask, start, count, name, threads, state)
    elif state:
        raise UsageError("--state keeps what a search on a cluster has done; it goes with --dask")
    else:
        solved = _here(header, target, version_mask, start, count, name, threads)
    if solved is None:
        ctx.exit(1)
    click.echo(solved.pack().hex())


def parse_header(text: str) -> Header:
    """A header from 160 hex digits; raises UsageError for anything else."""
    try:
        return Header.parse(bytes.fromhex(text.strip()))
    except ValueError as error:
        if isinstance(error, UsageError):
            raise
        raise UsageError("the header must be given as 160 hexadecimal digits") from None


def _on_a_cluster(
    where: str,
    header: Header,
    target: int,
    mask: int | None,
    start: int,
    count: int,
    name: str,
    threads: int | None,
    state: Path | None,
) -> Header | None:
    from hashjoule.fleet import cluster
    from hashjoule.fleet.grind import ClusterSearch
    from hashjoule.fleet.ranges import Problem, StateFile

    cluster.require()
    if name != "auto":
        provider_of(name)
    problem = Problem(header, target, mask, start, count)
    kept = StateFile(state, problem) if state else None
    search = ClusterSearch(where, problem, name, threads, kept)
    try:
        with progress_bar() as search.progress:
            return cluster.run(search.run())
    finally:
        if search.events.ranges:
            click.echo(search.summary(), err=True)


def _here(
    header: Header, target: int, mask: int | None, start: int, count: int, name: str, threads: int | None
) -> Header | None:
    with progress_bar() as show:
        return solve(
            header,
            target=target,
            version_mask=mask,
            first_nonce=start,
            count=count,
            backend=name,
            threads=threads,
            progress=lambda fraction: show("search", fraction),
        )
