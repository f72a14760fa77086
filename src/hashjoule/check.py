"""Check that a backend is right: compare it with hashlib on real blocks and random jobs, over whole ranges."""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from hashjoule.backends import Backend, BackendSpec
from hashjoule.backends.reference import Reference
from hashjoule.errors import HashjouleError
from hashjoule.job import BIP320_MASK, NONCES, Header, Hit, Job

MODES = ("plain", "rolled")
"""`plain` searches consecutive nonces of one header, `rolled` many versions of each nonce (BIP 320, AsicBoost)."""


class SelfTestError(HashjouleError):
    """A backend computed a wrong result and must not be used."""


@dataclass(frozen=True, slots=True)
class KnownBlock:
    """The header of a real block, which meets its own target."""

    name: str
    header: Header
    comment: str
    source: str


@cache
def known_blocks() -> tuple[KnownBlock, ...]:
    """Return real mainnet headers from 2009 to today, oldest first, each with its source."""
    entries = json.loads((files("hashjoule") / "data" / "headers.json").read_text("utf-8"))
    return tuple(
        KnownBlock(e["name"], Header.parse(bytes.fromhex(e["header_hex"])), e["comment"], e["source"])
        for e in entries
        if e["chain"] == "main"
    )


def job_for(header: Header, spec: BackendSpec, mode: str, target: int | None = None) -> Job:
    """Return the header as a `plain` job, or as a `rolled` one with as many versions as suit the backend."""
    if mode == "plain":
        return Job.plain(header, target)
    return Job.rolled(header, BIP320_MASK, spec.rolled_versions, target)


@dataclass(frozen=True, slots=True)
class Difference:
    """Where a backend and hashlib disagree."""

    where: str
    missed: int
    invented: int

    def __str__(self) -> str:
        return f"{self.where}: {self.missed} hits missed, {self.invented} invented"


def compare_with_hashlib(backend: Backend, job: Job, first_nonce: int, count: int, where: str) -> Difference | None:
    """Scan a range with the backend and with hashlib; return None if both find the same hits, each once."""
    got, want = backend.scan(job, first_nonce, count), Reference().scan(job, first_nonce, count)
    missed, invented = set(want) - set(got), set(got) - set(want)
    doubled = len(got) - len(set(got))
    return Difference(where, len(missed), len(invented) + doubled) if missed or invented or doubled else None


def check_known(backend: Backend, spec: BackendSpec, block: KnownBlock, reach: int) -> Difference | None:
    """Scan about `reach` headers around a real block, plain and rolled: only its own solution may be found."""
    planted = Hit(block.header.version, block.header.nonce)
    for mode in MODES:
        job = job_for(block.header, spec, mode)
        count = max(1, reach // len(job.versions))
        hits = backend.scan(job, (planted.nonce - random.randrange(count)) % NONCES, count)
        false = sum(not job.verify(hit) for hit in hits) + len(hits) - len(set(hits))
        if planted not in hits or false:
            return Difference(f"{block.name}, {mode}", int(planted not in hits), false)
    return None


def check_random(backend: Backend, spec: BackendSpec, rng: random.Random, hashes: int) -> Difference | None:
    """Compare with hashlib on a random header, range and easy target, plain or rolled; some ranges wrap past 2^32."""
    header = Header.parse(rng.randbytes(80))
    target = rng.getrandbits(256) >> rng.choice((0, 1, 3, 6, 10)) or 1
    mode = rng.choice(MODES)
    job = job_for(header, spec, mode, target)
    count = rng.randrange(1, 2 + hashes // len(job.versions))
    first = rng.choice((0, NONCES - rng.randrange(1, count + 1), rng.randrange(NONCES)))
    return compare_with_hashlib(
        backend, job, first, count, f"random header {header.pack().hex()}, {mode}, from {first}"
    )


def self_test(backend: Backend, spec: BackendSpec) -> None:
    """Check a backend for a few milliseconds before its first use: two real blocks and four random ranges.

    Raises:
        SelfTestError: with the first difference found.
    """
    blocks = known_blocks()
    rng = random.Random(0)
    for found in (
        check_known(backend, spec, blocks[0], 2 * spec.lanes + 5),
        check_known(backend, spec, blocks[-1], 2 * spec.lanes + 5),
        *(check_random(backend, spec, rng, 4 * spec.lanes + 40) for _ in range(4)),
    ):
        if found:
            raise SelfTestError(f"{spec.name} failed its self-test and is not used ({found})")


_ready: dict[str, Backend] = {}


def ready(spec: BackendSpec) -> Backend:
    """Return the backend, opened and self-tested once per process.

    Raises:
        SelfTestError: if it computes wrongly.
        UnavailableError: if it cannot be opened.
    """
    if spec.name not in _ready:
        backend = spec.open()
        self_test(backend, spec)
        _ready[spec.name] = backend
    return _ready[spec.name]


@dataclass(frozen=True, slots=True)
class CheckResult:
    """The work that `check_backend` did, and the differences that it found."""

    rounds: int
    blocks: int
    differences: tuple[Difference, ...]


def check_backend(
    spec: BackendSpec,
    seconds: float,
    stop: threading.Event | None = None,
    progress: Callable[[float], None] | None = None,
) -> CheckResult:
    """Check all known blocks, then random jobs for about that many seconds; `progress` gets the fraction done."""
    backend = spec.open()
    rng = random.Random()
    blocks = known_blocks()
    differences = [
        d for block in blocks if (d := check_known(backend, spec, block, 100_000 if spec.lanes > 1 else 2_000))
    ]
    began, rounds = time.monotonic(), 0
    while (elapsed := time.monotonic() - began) < seconds and not (stop and stop.is_set()) and len(differences) < 10:
        if found := check_random(backend, spec, rng, 3_000):
            differences.append(found)
        rounds += 1
        if progress:
            progress(elapsed / seconds)
    return CheckResult(rounds, len(blocks), tuple(differences))
