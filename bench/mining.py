"""How fast `hashjoule mine` mines on a real bitcoind. `python -m bench.mining [--rounds N] [--only NAME]...`

blocks    regtest blocks a second without transactions, beside the node's own generatetoaddress and, if it is on the
          PATH, pooler's minerd, interleaved in one run
signet    hashes a second on an OP_TRUE signet, of what the core alone does, interleaved
tips      from a new tip at the node to the first hash on it
rivals    stale blocks of two miners on one node
template  from a template of 4,000,000 weight units as bytes to the first hash
memory    resident memory over a run of --seconds

Needs tools/get-bitcoind. Nothing is asserted; results go to stdout as one JSON document.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import psutil

from harness.bitcoind import ADDRESS, SIGNET_ADDRESS, BitcoinNode, running
from harness.mining import best, run_on
from hashjoule import check, choose
from hashjoule.backends import BackendSpec
from hashjoule.block import output, varint
from hashjoule.job import Header, Hit, Job, sha256d
from hashjoule.mine.embedded import ANYONE_CAN_SPEND
from hashjoule.mine.template import CandidateBlock, Template, check_template
from hashjoule.search import search

OP_TRUE_ADDRESS = "bcrt1qft5p2uhsdcdc3l2ua4ap5qqfg4pjaqlp250x7us7a8qqhrxrxfsqseac85"
REGTEST_BLOCKS = 1_500
SIGNET_BLOCKS = 50
FEE_SATOSHI = 1_000


def command(node: BitcoinNode, *arguments: str) -> list[str]:
    """The command line that mines on a node."""
    address = SIGNET_ADDRESS if node.chain == "signet" else ADDRESS
    where = ["--chain", node.chain, "--rpc-url", node.url, "--cookie", str(node.cookie), "--address", address]
    return [sys.executable, "-m", "hashjoule", "mine", *where, *arguments]


def timed(action: Callable[[], object]) -> float:
    """Seconds that it takes."""
    began = time.perf_counter()
    action()
    return time.perf_counter() - began


def blocks(directory: Path, rounds: int) -> dict[str, Any]:
    """Blocks a second, medians over the rounds."""
    rates: dict[str, list[float]] = {"hashjoule": [], "hashjoule command": [], "generatetoaddress": [], "minerd": []}
    with running(directory, "regtest", "-rpcthreads=4") as node:
        for _ in range(rounds):
            run = run_on(node, directory)
            rates["hashjoule"].append(REGTEST_BLOCKS / timed(lambda run=run: run.mine(REGTEST_BLOCKS)))  # type: ignore[misc]
            mine = command(node, "--blocks", str(REGTEST_BLOCKS), "--json")
            seconds = timed(lambda mine=mine: subprocess.run(mine, check=True, capture_output=True))  # type: ignore[misc]
            rates["hashjoule command"].append(REGTEST_BLOCKS / seconds)
            seconds = timed(lambda: node.call("generatetoaddress", REGTEST_BLOCKS, ADDRESS))
            rates["generatetoaddress"].append(REGTEST_BLOCKS / seconds)
            if shutil.which("minerd"):
                rates["minerd"].append(_minerd(node))
        height = node.height
    return {"height": height, "blocks_per_s": {name: statistics.median(r) for name, r in rates.items() if r}}


def _minerd(node: BitcoinNode, seconds: float = 5) -> float:
    before = node.height
    user, _, password = node.cookie.read_text().partition(":")
    options = ["-a", "sha256d", "-t", "1", "-q", "-o", node.url, "-u", user, "-p", password]
    process = subprocess.Popen(["minerd", *options, "--coinbase-addr", ADDRESS], stderr=subprocess.DEVNULL)
    time.sleep(seconds)
    process.terminate()
    process.wait()
    return (node.height - before) / seconds


def signet(directory: Path, rounds: int) -> dict[str, Any]:
    """Hash rates of the command and of the bare search, one thread each, in turns short enough for a noisy machine."""
    spec = choose.fastest("plain")
    job = Job.plain(check.known_blocks()[0].header, target=1)
    core, mining = [], []

    def core_hs() -> float:
        began = time.perf_counter()
        return search(check.ready(spec), job, count=1 << 26).hashes / (time.perf_counter() - began)

    with running(directory, "signet", "-signetchallenge=51") as node:
        options = ["--threads", "1", "--backend", spec.name, "--blocks", str(SIGNET_BLOCKS), "--json"]
        for _ in range(3 * rounds):
            before = core_hs()
            done = subprocess.run(command(node, *options), check=True, capture_output=True, text=True)
            last = json.loads(done.stdout.splitlines()[-1])
            mining.append(last["hashes"] / last["seconds"])
            core.append((before + core_hs()) / 2)
    parts = [m / c for m, c in zip(mining, core, strict=True)]
    return {
        "backend": spec.name,
        "core_hs": statistics.median(core),
        "mining_hs": statistics.median(mining),
        "part": statistics.median(parts),
        "parts": sorted(parts),
    }


class Noting:
    """A backend that notes when it scans on which tip."""

    def __init__(self, spec: BackendSpec) -> None:
        self._backend = check.ready(spec)
        self.scans: list[tuple[float, bytes]] = []

    def scan(self, job: Job, first_nonce: int, count: int) -> list[Hit]:
        """See `Backend.scan`."""
        self.scans.append((time.perf_counter(), job.header.prev_hash))
        return self._backend.scan(job, first_nonce, count)


def tips(directory: Path, rounds: int) -> dict[str, Any]:
    """Milliseconds from the node's answer that its tip is another to the first scan on it."""
    noting, latencies = Noting(best()), []
    with running(directory, "signet", "-signetchallenge=51") as node:
        run_on(node, directory).mine(3)
        top = node.call("getbestblockhash")
        run = run_on(node, directory, spec=replace(best(), name="noting", open=lambda: noting))
        run.start()
        for _ in range(rounds * 5):
            for method in ("invalidateblock", "reconsiderblock"):
                time.sleep(0.25)
                node.call(method, top)
                changed = time.perf_counter()
                tip = bytes.fromhex(node.call("getbestblockhash"))[::-1]
                time.sleep(0.25)
                latencies += [1000 * (at - changed) for at, prev in noting.scans if prev == tip and at > changed][:1]
        run.end()
    return {"changes": len(latencies), "median_ms": statistics.median(latencies), "max_ms": max(latencies)}


def rivals(directory: Path, rounds: int, backend: str = "c:portable") -> dict[str, Any]:
    """Two commands on one node, each on one thread."""
    totals = {"blocks": 0, "stale": 0, "rejected": 0}
    with running(directory, "signet", "-signetchallenge=51") as node:
        options = ["--threads", "1", "--backend", backend, "--blocks", str(10 * rounds), "--json"]
        began = time.perf_counter()
        processes = [
            subprocess.Popen(command(node, *options), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
            for _ in range(2)
        ]
        for process in processes:
            for line in process.communicate()[0].splitlines():
                fate = json.loads(line)["fate"]
                totals["blocks" if fate == "active" else fate] += 1
        seconds = time.perf_counter() - began
    return {"backend": backend, **totals, "seconds_per_block": seconds / totals["blocks"]}


def spend(outpoint: bytes, outputs: list[bytes], *, witness: bool) -> bytes:
    """A transaction that spends an output of `ANYONE_CAN_SPEND`."""
    body = b"\x01" + outpoint + b"\x00" + b"\xff" * 4 + varint(len(outputs)) + b"".join(outputs)
    mark, script = (b"\x00\x01", b"\x01\x01\x51") if witness else (b"", b"")
    return b"\x02\0\0\0" + mark + body + script + bytes(4)


def template(directory: Path, rounds: int, transactions: int = 5_280) -> dict[str, Any]:
    """A full block's template, from bytes to the first hashes; the block is then mined, to show that it is good."""
    options = ["-blockmaxweight=4000000", "-blockmintxfee=0.00000001", "-datacarriersize=100", "-maxmempool=300"]
    with running(directory, "regtest", *options) as node:
        node.call("generatetoaddress", 101, OP_TRUE_ADDRESS)
        first = bytes.fromhex(node.call("getblock", node.call("getblockhash", 1), 1)["tx"][0])[::-1] + bytes(4)
        each = 50 * 10**8 // transactions
        fan = [output(each, ANYONE_CAN_SPEND)] * transactions
        node.call("generateblock", OP_TRUE_ADDRESS, [spend(first, fan, witness=True).hex()])
        parent = sha256d(spend(first, fan, witness=False))
        pad = output(0, b"\x6a\x4c\x50" + bytes(80))
        rpc = node.rpc()
        for i in range(transactions):
            outputs = [output(each - FEE_SATOSHI, ANYONE_CAN_SPEND), pad]
            tx = spend(parent + i.to_bytes(4, "little"), outputs, witness=True)
            rpc.call("sendrawtransaction", tx.hex(), answer=str)
        node.call("setmocktime", int(time.time()) + 10)  # bitcoind's template may be five seconds old
        raw = rpc.call("getblocktemplate", {"rules": ["segwit"]}, answer=msgspec.Raw)
        rpc.close()
        body = bytes(raw)
        backend = check.ready(choose.fastest("plain"))

        def to_first_hash() -> Header:
            decoded = check_template(msgspec.json.decode(body, type=Template))
            header = CandidateBlock(decoded, ANYONE_CAN_SPEND).header(1)
            backend.scan(Job.plain(header), 0, 16)
            return header

        seconds = [timed(to_first_hash) for _ in range(5 * rounds)]
        run_on(node, directory).mine(1)
        block = node.call("getblock", node.call("getbestblockhash"), 1)
    return {
        "transactions": len(block["tx"]),
        "weight": block["weight"],
        "template_bytes": len(body),
        "median_ms": 1000 * statistics.median(seconds),
        "max_ms": 1000 * max(seconds),
    }


@contextmanager
def _process(arguments: list[str]) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(10)


def memory(directory: Path, seconds: float) -> dict[str, Any]:
    """Resident memory of the command on regtest, where it does most a second, at ten moments."""
    with running(directory, "regtest") as node, _process(command(node)) as process:
        sizes = []
        for _ in range(10):
            time.sleep(seconds / 10)
            sizes.append(psutil.Process(process.pid).memory_info().rss / 1e6)
        height = node.height
    return {"seconds": seconds, "blocks": height, "rss_mb": sizes}


def main() -> None:
    """Runs what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = ["blocks", "signet", "tips", "rivals", "template", "memory"]
    parser.add_argument("--only", action="append", choices=names)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=60.0)
    options = parser.parse_args()
    results = {}
    with tempfile.TemporaryDirectory() as directory:
        os.environ["XDG_STATE_HOME"] = directory
        for name in options.only or names:
            amount = options.seconds if name == "memory" else options.rounds
            results[name] = globals()[name](Path(directory) / name, amount)
            print(f"{name}: {results[name]}", file=sys.stderr)
    print(json.dumps(results, indent=2))


if __name__ == "__main__":
    main()
