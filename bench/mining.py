"""Measure how fast `hashjoule mine` mines on a real bitcoind: python -m bench.mining [--only NAME]... [--rounds N]

blocks    regtest blocks a second without transactions, beside the node's own
          generatetoaddress and, if it is on the PATH, pooler's minerd, in turns
signet    the hash rate on an OP_TRUE signet as a fraction of the bare search, in turns
tips      the time from a new tip at the node to the first hash on it
rivals    stale blocks of two miners on one node
template  the time from a template of 4,000,000 weight units to the first hash
memory    resident memory during a run of --seconds

It needs tools/get-bitcoind. It asserts nothing; stdout gets one JSON document.
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
from pathlib import Path
from typing import Any

import msgspec
import psutil

from harness.bitcoind import ADDRESS, SIGNET_ADDRESS, BitcoinNode, running
from harness.mining import NotingBackend, best, run_on
from harness.transactions import OP_TRUE_ADDRESS, spend
from hashjoule import check, choose
from hashjoule.block import output
from hashjoule.job import Header, Job, sha256d
from hashjoule.mine.embedded import ANYONE_CAN_SPEND
from hashjoule.mine.template import CandidateBlock, Template, check_template
from hashjoule.search import search

SIGNET_BLOCKS = 50
FEE_SATOSHI = 1_000
TIP_PAUSE_SECONDS = 0.25
"""Longer than any latency that is measured, so that one change of the tip is over before the next."""


def command(node: BitcoinNode, *arguments: str) -> list[str]:
    """Return the command line that mines on a node."""
    address = SIGNET_ADDRESS if node.chain == "signet" else ADDRESS
    where = ["--chain", node.chain, "--rpc-url", node.url, "--cookie", str(node.cookie), "--address", address]
    return [sys.executable, "-m", "hashjoule", "mine", *where, *arguments]


def seconds_of(action: Callable[[], object]) -> float:
    """Return how long an action takes, in seconds."""
    began = time.perf_counter()
    action()
    return time.perf_counter() - began


def blocks(directory: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Measure blocks a second; medians over the rounds."""
    amount = options.blocks
    rates: dict[str, list[float]] = {"hashjoule": [], "hashjoule command": [], "generatetoaddress": [], "minerd": []}
    with running(directory, "regtest", "-rpcthreads=4") as node:
        mine = command(node, "--blocks", str(amount), "--json")
        actions: dict[str, Callable[[], object]] = {
            "hashjoule": lambda: run_on(node, directory).mine(amount),
            "hashjoule command": lambda: subprocess.run(mine, check=True, capture_output=True),
            "generatetoaddress": lambda: node.call("generatetoaddress", amount, ADDRESS),
        }
        for _ in range(options.rounds):
            for name, action in actions.items():
                rates[name].append(amount / seconds_of(action))
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


def signet(directory: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Measure the rates of the command and of the bare search on one thread, in turns of a few seconds."""
    spec = choose.fastest("plain")
    job = Job.plain(check.known_blocks()[0].header, target=1)
    core, mining = [], []

    def core_hs() -> float:
        began = time.perf_counter()
        return search(check.ready(spec), job, count=1 << 26).hashes / (time.perf_counter() - began)

    with running(directory, "signet", "-signetchallenge=51") as node:
        arguments = ["--threads", "1", "--backend", spec.name, "--blocks", str(SIGNET_BLOCKS), "--json"]
        for _ in range(3 * options.rounds):
            before = core_hs()
            done = subprocess.run(command(node, *arguments), check=True, capture_output=True, text=True)
            last = json.loads(done.stdout.splitlines()[-1])
            mining.append(last["hashes"] / last["seconds"])
            core.append((before + core_hs()) / 2)
    fractions = [m / c for m, c in zip(mining, core, strict=True)]
    return {
        "backend": spec.name,
        "core_hs": statistics.median(core),
        "mining_hs": statistics.median(mining),
        "fraction": statistics.median(fractions),
        "fractions": sorted(fractions),
    }


def tips(directory: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Measure milliseconds from the node's answer that its tip has changed to the first scan on the new tip."""
    noting, latencies = NotingBackend(best()), []
    with running(directory, "signet", "-signetchallenge=51") as node:
        run_on(node, directory).mine(3)
        top = node.call("getbestblockhash")
        run = run_on(node, directory, spec=noting.spec)
        run.start()
        for _ in range(options.rounds * 5):
            for method in ("invalidateblock", "reconsiderblock"):
                time.sleep(TIP_PAUSE_SECONDS)
                node.call(method, top)
                changed = time.perf_counter()
                tip = bytes.fromhex(node.call("getbestblockhash"))[::-1]
                time.sleep(TIP_PAUSE_SECONDS)
                later = [scan.began for scan in noting.scans if scan.prev_hash == tip and scan.began > changed]
                latencies += [1000 * (began - changed) for began in later[:1]]
        run.end()
    return {"changes": len(latencies), "median_ms": statistics.median(latencies), "max_ms": max(latencies)}


def rivals(directory: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Count the stale blocks of two commands on one node, with one thread each of a slow backend."""
    totals, backend = {"blocks": 0, "stale": 0, "rejected": 0}, "c:portable"
    with running(directory, "signet", "-signetchallenge=51") as node:
        arguments = ["--threads", "1", "--backend", backend, "--blocks", str(10 * options.rounds), "--json"]
        began = time.perf_counter()
        processes = [
            subprocess.Popen(command(node, *arguments), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
            for _ in range(2)
        ]
        for process in processes:
            for line in process.communicate()[0].splitlines():
                fate = json.loads(line)["fate"]
                totals["blocks" if fate == "active" else fate] += 1
        seconds = time.perf_counter() - began
    return {"backend": backend, **totals, "seconds_per_block": seconds / totals["blocks"]}


def template(directory: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Measure the time from a full block's template, as bytes, to the first hashes. Then mine it: the block is good."""
    settings = ["-blockmaxweight=4000000", "-blockmintxfee=0.00000001", "-datacarriersize=100", "-maxmempool=300"]
    with running(directory, "regtest", *settings) as node:
        body = _full_template(node)
        backend = check.ready(choose.fastest("plain"))

        def to_first_hash() -> Header:
            decoded = check_template(msgspec.json.decode(body, type=Template))
            header = CandidateBlock(decoded, ANYONE_CAN_SPEND).header(1)
            backend.scan(Job.plain(header), 0, 16)
            return header

        seconds = [seconds_of(to_first_hash) for _ in range(5 * options.rounds)]
        run_on(node, directory).mine(1)
        block = node.call("getblock", node.call("getbestblockhash"), 1)
    return {
        "transactions": len(block["tx"]),
        "weight": block["weight"],
        "template_bytes": len(body),
        "median_ms": 1000 * statistics.median(seconds),
        "max_ms": 1000 * max(seconds),
    }


def _full_template(node: BitcoinNode, transactions: int = 5_280) -> bytes:
    """Fill the node's memory pool with small transactions; return its template for a block of them."""
    node.call("generatetoaddress", 101, OP_TRUE_ADDRESS)
    first = bytes.fromhex(node.call("getblock", node.call("getblockhash", 1), 1)["tx"][0])[::-1] + bytes(4)
    each = 50 * 10**8 // transactions
    fan = [output(each, ANYONE_CAN_SPEND)] * transactions
    node.call("generateblock", OP_TRUE_ADDRESS, [spend(first, fan, witness=True).hex()])
    parent = sha256d(spend(first, fan, witness=False))
    padding = output(0, b"\x6a\x4c\x50" + bytes(80))
    with node.rpc() as rpc:
        for i in range(transactions):
            outputs = [output(each - FEE_SATOSHI, ANYONE_CAN_SPEND), padding]
            tx = spend(parent + i.to_bytes(4, "little"), outputs, witness=True)
            rpc.call("sendrawtransaction", tx.hex(), answer=str)
        node.call("setmocktime", int(time.time()) + 10)  # bitcoind's template may be five seconds old
        return bytes(rpc.call("getblocktemplate", {"rules": ["segwit"]}, answer=msgspec.Raw))


@contextmanager
def _process(arguments: list[str]) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(10)


def memory(directory: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Measure resident memory of the command at ten moments, on regtest, where it does most in a second."""
    with running(directory, "regtest") as node, _process(command(node)) as process:
        sizes = []
        for _ in range(10):
            time.sleep(options.seconds / 10)
            sizes.append(psutil.Process(process.pid).memory_info().rss / 1e6)
        height = node.height
    return {"seconds": options.seconds, "blocks": height, "rss_mb": sizes}


MEASUREMENTS = {
    "blocks": blocks,
    "signet": signet,
    "tips": tips,
    "rivals": rivals,
    "template": template,
    "memory": memory,
}


def main() -> None:
    """Run the measurements that are asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", action="append", choices=MEASUREMENTS, help="may be given several times")
    parser.add_argument("--rounds", type=int, default=3, metavar="N", help="default: %(default)s")
    parser.add_argument("--blocks", type=int, default=1_500, metavar="N", help="a round of `blocks` (%(default)s)")
    parser.add_argument("--seconds", type=float, default=60.0, metavar="S", help="of `memory`; default: %(default)s")
    options = parser.parse_args()
    results = {}
    with tempfile.TemporaryDirectory() as directory:
        os.environ["XDG_STATE_HOME"] = directory
        for name in options.only or MEASUREMENTS:
            results[name] = MEASUREMENTS[name](Path(directory) / name, options)
            print(f"{name}: {results[name]}", file=sys.stderr)
    print(json.dumps(results, indent=2))


if __name__ == "__main__":
    main()
