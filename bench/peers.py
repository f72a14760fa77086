"""Other programs and this one, alternating in one run, by CPU time.

    python bench/peers.py [--rounds N] [--cpu N] [--peer NAME[:BUILD]=PATH]... [--json]

Measures every peer found on PATH, or named by --peer, on one thread: cpuminer (cpuminer-opt), minerd (pooler's
cpuminer), bitcoin-util (its grind), hashcat (-m 21400, on whatever OpenCL runtime it finds), openssl (two of its
SHA-256 calls count as one double hash) and hashlib. Rates are hashes for each second of CPU time, so that other work
on the machine counts little (hashcat's is by wall clock, on the one core of --cpu); ratios are medians over the
rounds of ours over theirs in the same round.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from hashjoule import check
from hashjoule.backends import resolve
from hashjoule.benchmark import sampling
from hashjoule.benchmark.measurement import Measurement, measurements
from hashjoule.errors import HashjouleError
from hashjoule.job import Header

SECONDS = 5
"""How long a peer that can be told runs in each round."""

UNITS = {"": 1.0, "k": 1e3, "K": 1e3, "M": 1e6, "G": 1e9}


@dataclass(frozen=True)
class Ran:
    """A peer's process: what it printed, wall-clock and CPU seconds."""

    output: str
    wall_s: float
    cpu_s: float


@dataclass(frozen=True)
class Peer:
    """A program: how to call it, and how many hashes a CPU second its output shows."""

    name: str
    program: str
    arguments: list[str]
    rate: Callable[[Ran], float | None]
    ends: bool = True
    """Whether it ends by itself; else it is stopped after SECONDS."""


def printed_rate(pattern: str, by_cpu: bool = True) -> Callable[[Ran], float | None]:
    """Reads the last printed rate (number, unit prefix), and corrects it from wall clock to CPU time.

    Not where the process works long before and after the measurement that it prints (`by_cpu` false).
    """

    def rate(ran: Ran) -> float | None:
        found = re.findall(pattern, ran.output, re.MULTILINE)
        if not found:
            return None
        number, unit = found[-1]
        return float(number) * UNITS[unit] * (ran.wall_s / ran.cpu_s if by_cpu else 1)

    return rate


def ground_rate(ran: Ran) -> float | None:
    """`bitcoin-util grind` on one core counts nonces up from 0: the one that it found says how many it tried."""
    solved = re.search(r"[0-9a-f]{160}", ran.output)
    return (Header.parse(bytes.fromhex(solved[0])).nonce + 1) / ran.cpu_s if solved else None


def openssl_rate(ran: Ran) -> float | None:
    """`openssl speed` counts hashes of 16 bytes, one compression each; a double hash of a header needs two."""
    done = re.search(r"(\d+) sha256's in ([\d.]+)s", ran.output)
    return int(done[1]) / float(done[2]) / 2 if done else None


def header_to_grind() -> str:
    """A header that takes bitcoin-util some seconds: 2^22 hashes on average, far more are seldom needed."""
    return Header(4, bytes(32), bytes(range(32)), 1_700_000_000, 0x1E03FFFF).pack().hex()


def known_peers(cpu: int | None) -> list[Peer]:
    """All programs that we know how to measure; on one core if given, which cpuminer-opt must be told again."""
    pinned = [] if cpu is None else ["--cpu-affinity", hex(1 << cpu)]
    limit = ["--time-limit", str(SECONDS)]
    mining = ["--benchmark", "-a", "sha256d", "-t", "1"]
    cpuminer = [*mining, *limit, "--no-color", "--cpu-priority", "2", *pinned]  # unasked it runs at the lowest
    hashcat = ["-b", "-m", "21400", "-D", "1", "--force", "--runtime", "10", "--machine-readable", "--quiet"]
    return [
        Peer("cpuminer", "cpuminer", cpuminer, printed_rate(r"Benchmark: ([\d.]+) ([kMG]?)H/s")),
        Peer("minerd", "minerd", mining, printed_rate(r"([\d.]+) ([kMG]?)hash/s"), ends=False),
        Peer("bitcoin-util", "bitcoin-util", ["grind", header_to_grind()], ground_rate),
        Peer("hashcat", "hashcat", hashcat, printed_rate(r"^\d+:21400:.*:([\d.]+)()$", by_cpu=False)),
        Peer("openssl", "openssl", ["speed", "-seconds", "2", "-bytes", "16", "-evp", "sha256"], openssl_rate),
    ]


def found_peers(known: list[Peer], places: dict[str, str]) -> list[Peer]:
    """The known peers that are named with their places, or else on PATH; a build may be named, as in cpuminer:clang."""
    found = []
    for peer in known:
        named = {name: path for name, path in places.items() if name.partition(":")[0] == peer.name}
        if not named and (path := shutil.which(peer.program)):
            named = {peer.name: path}
        found += [replace(peer, name=name, program=path) for name, path in named.items()]
    return found


def run(peer: Peer, limit_s: float) -> Ran:
    """Run a peer to its end; one that does not end by itself gets SIGINT after SECONDS, any SIGKILL after `limit_s`."""
    signals = [(limit_s, signal.SIGKILL)] if peer.ends else [(SECONDS, signal.SIGINT), (limit_s, signal.SIGKILL)]
    with tempfile.TemporaryFile("w+") as output:
        began = time.perf_counter()
        process = subprocess.Popen(
            [peer.program, *peer.arguments], stdout=output, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL
        )
        pid = 0
        while not pid:
            pid, _, usage = os.wait4(process.pid, os.WNOHANG)
            if not pid and signals and time.perf_counter() - began > signals[0][0]:
                process.send_signal(signals.pop(0)[1])
            time.sleep(0.0 if pid else 0.01)
        wall_s = time.perf_counter() - began
        process.returncode = 0  # reaped above; Popen must not wait for it again
        output.seek(0)
        return Ran(output.read(), wall_s, usage.ru_utime + usage.ru_stime)


def ours(names: list[str]) -> list[Measurement]:
    """Our backends, plain and rolled, calibrated, on one thread."""
    found = list(measurements(resolve(names), check.MODES, 1))
    for measurement in found:
        if not measurement.refused:
            sampling.calibrate(measurement)
    return [measurement for measurement in found if not measurement.refused]


def our_rate(measurement: Measurement) -> float:
    """Return hashes for each second of CPU time: the median of a few samples in a row.

    Where a runtime's own threads do the work it is the CPU time of the whole process.
    """
    samples = [sampling.take_sample(measurement, measurement.nonces) for _ in range(5)]
    return statistics.median(s.hashes / s.cpu_s for s in samples)


def measure_all(peers: list[Peer], measurements: list[Measurement], rounds: int) -> dict[str, list[float]]:
    """Rates of everything, round by round; a peer whose output shows none is named on stderr and left out."""
    rates: dict[str, list[float]] = {}
    for number in range(rounds):
        print(f"round {number + 1} of {rounds}", file=sys.stderr)
        for peer in peers:
            ran = run(peer, 60)
            rate = peer.rate(ran)
            if rate is None:
                print(f"{peer.name} printed no rate; its last words: {ran.output.strip()[-200:]!r}", file=sys.stderr)
                continue
            rates.setdefault(peer.name, []).append(rate)
        for measurement in measurements:
            rates.setdefault(f"{measurement.spec.name} {measurement.mode}", []).append(our_rate(measurement))
    return rates


def ratios(rates: dict[str, list[float]], mine: str, peers: list[str]) -> dict[str, float | None]:
    """Our rate over each peer's, the median over rounds; None where a peer gave no rate in every round."""
    whole = len(rates[mine])
    return {
        peer: statistics.median(m / p for m, p in zip(rates[mine], rates[peer], strict=True))
        if len(rates.get(peer, [])) == whole
        else None
        for peer in peers
    }


def table(rates: dict[str, list[float]], peers: list[str]) -> str:
    """Medians in MH/s, and ours as multiples of each peer."""
    lines = [f"{'':24}{'MH/s':>9}" + "".join(f"{'x ' + peer:>18}" for peer in peers)]
    for name, values in rates.items():
        line = f"{name:24}{statistics.median(values) / 1e6:9.2f}"
        if name not in peers:
            cells = ratios(rates, name, peers).values()
            line += "".join(f"{cell:18.2f}" if cell else f"{'-':>18}" for cell in cells)
        lines.append(line)
    return "\n".join(lines)


def main() -> int:
    """Parses the command line, measures, prints."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--cpu", type=int, help="run everything on this core (Linux)")
    parser.add_argument("--peer", action="append", default=[], metavar="NAME[:BUILD]=PATH", help="where a peer lies")
    parser.add_argument("--backend", action="append", metavar="B", help="ours (default: all C variants and hashlib)")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if options.cpu is not None:
        os.sched_setaffinity(0, {options.cpu})
    peers = found_peers(known_peers(options.cpu), dict(item.partition("=")[::2] for item in options.peer))
    try:
        measurements = ours(options.backend or ["c", "reference"])
    except HashjouleError as error:
        parser.error(str(error))
    rates = measure_all(peers, measurements, options.rounds)
    names = [peer.name for peer in peers if peer.name in rates]
    print(json.dumps(rates, indent=2) if options.json else table(rates, names))
    return 0


if __name__ == "__main__":
    sys.exit(main())
