"""Which build of the kernel is fastest on a device: tried once, remembered for that device and driver.

A build that fails, or that misses a planted solution or any hit of an easy target, is out, however fast it looks.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

from hashjoule.backends import opencl_kernel
from hashjoule.backends.opencl_kernel import Program, Variant
from hashjoule.backends.reference import Reference
from hashjoule.errors import UnavailableError
from hashjoule.files import written
from hashjoule.job import MAX_TARGET, NONCES, Header, Hit, Job

_TRIAL_SECONDS = 0.03
_ROLLED_VERSIONS = 64
_KNOWN = Header.parse(  # block 125552 of the main chain, found in 2011
    bytes.fromhex(
        "0100000081cd02ab7e569e8bcd9317e2fe99f2de44d49ab2b8851ba4a308000000000000"
        "e320b6c2fffc8d750423db8b1eb942ae710e951ed797f7affc8892b0f1fc122bc7f5d74df2b9441a42a14695"
    )
)

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Tuned:
    """The fastest build for one mode, and its rate when it was tuned."""

    variant: Variant
    hashes_per_second: float


def tuned(device: Any, rolled: bool, name: str) -> tuple[Tuned, Program]:
    """Return the best build for the device, from the cache or by trying; built. `name` is what errors call the device.

    Raises UnavailableError with the last reason if no build works.
    """
    key = _key(device, rolled)
    known = _load().get(key)
    if known:
        return known, Program(device, known.variant, name)
    _log.info("%s: compiling and tuning the %s kernel, once for this driver", name, "rolled" if rolled else "plain")
    best = _best(device, rolled, name)
    _save(key, best[0])
    return best


def is_tuned(device: Any) -> bool:
    """Whether the device is known to work, from an earlier tuning."""
    return _key(device, rolled=False) in _load()


def is_ready(device: Any) -> bool:
    """Return whether the kernels of both modes are tuned."""
    known = _load()
    return all(_key(device, rolled) in known for rolled in (False, True))


def _best(device: Any, rolled: bool, name: str) -> tuple[Tuned, Program]:
    best: tuple[Tuned, Program] | None = None
    reason = UnavailableError(f"{name} computes wrong hashes with every build of the kernel; update its driver")
    for variant in candidates(device, rolled):
        try:
            program = Program(device, variant, name)
            rate = _rate(program, rolled) if _is_right(program, rolled) else 0.0
        except UnavailableError as error:
            reason = error
            continue
        _log.debug("%s: %s: %.1f MH/s", name, " ".join(variant.options()), rate / 1e6)
        if rate and (best is None or rate > best[0].hashes_per_second):
            best = Tuned(variant, rate), program
    if best is None:
        raise reason
    return best


def candidates(device: Any, rolled: bool) -> Iterator[Variant]:
    """Yield the builds worth trying, by the type of device.

    CPUs: explicit vectors, as most compilers do not vectorise over work items; those that do get a scalar build. With
    16 registers one hash after the other is faster, with 32 two side by side.
    GPUs: scalar, with several midstates side by side when rolled; on NVIDIA also with adds on the multiplier.
    """
    import pyopencl as cl

    if device.type & cl.device_type.CPU:
        per_item = 64 if rolled else 1024
        for width, pipelined in ((16, True), (16, False), (8, False), (4, False)):
            yield Variant(width=width, per_item=per_item, rolled=rolled, pipelined=pipelined)
        if "intel" in device.platform.name.lower():
            yield Variant(local=64, rolled=rolled)
        return
    mad_adds = (False, True) if "nvidia" in device.platform.name.lower() else (False,)
    locals_ = [n for n in (64, 256) if n <= device.max_work_group_size]
    for chains, local, mad in product((1, 2, 4, 8) if rolled else (1,), locals_, mad_adds):
        yield Variant(chains=chains, local=local, per_item=1 if rolled else 8, rolled=rolled, mad_adds=mad)


def _job(rolled: bool, target: int | None = None) -> Job:
    if rolled:
        return Job.rolled(_KNOWN, limit=_ROLLED_VERSIONS, target=target)
    return Job.plain(_KNOWN, target)


def _is_right(program: Program, rolled: bool) -> bool:
    """Whether it finds every hit of an easy target in a short range across the end of the nonces."""
    job = _job(rolled, MAX_TARGET >> 3)
    job = replace(job, versions=job.versions[:11])
    first, nonces = NONCES - 37, 100 if rolled else 1000
    _, pairs = program.launch(job, first, nonces)
    hits = [Hit(job.versions[midstate], nonce) for midstate, nonce in pairs]
    return len(hits) == len(set(hits)) and {*hits} == {*Reference().scan(job, first, nonces)}


def _rate(program: Program, rolled: bool) -> float:
    """Hashes a second of the best of three launches that find the planted solution; 0 if one does not."""
    job = _job(rolled)
    nonces, best = 1 << 10, 0.0
    while True:
        first = (_KNOWN.nonce - nonces // 2) % NONCES
        began = time.perf_counter()
        _, pairs = program.launch(job, first, nonces)
        spent = time.perf_counter() - began
        if (0, _KNOWN.nonce) not in pairs:
            return 0.0
        if spent >= _TRIAL_SECONDS or nonces == opencl_kernel.MAX_LAUNCH_NONCES:
            break
        nonces = min(4 * nonces, opencl_kernel.MAX_LAUNCH_NONCES)
    for _ in range(3):
        began = time.perf_counter()
        _, pairs = program.launch(job, first, nonces)
        spent = time.perf_counter() - began
        best = max(best, nonces * len(job.versions) / spent if (0, _KNOWN.nonce) in pairs else 0.0)
    return best


def _key(device: Any, rolled: bool) -> str:
    platform = device.platform
    source = hashlib.sha256(opencl_kernel.source().encode()).hexdigest()[:16]
    mode = "rolled" if rolled else "plain"
    threads = os.environ.get("POCL_MAX_PTHREAD_COUNT", "")
    return " | ".join((platform.name, platform.version, device.name, device.driver_version, threads, source, mode))


def _path() -> Path:
    from platformdirs import user_cache_path  # comes with pyopencl

    return user_cache_path("hashjoule", appauthor=False) / "opencl-tuning.json"


def _load() -> dict[str, Tuned]:
    """Return what is remembered; nothing if the file is missing or spoilt, for it can be made again."""
    try:
        entries = json.loads(_path().read_text("utf-8"))
        return {key: Tuned(Variant(**e["variant"]), float(e["hashes_per_second"])) for key, e in entries.items()}
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return {}


def _save(key: str, entry: Tuned) -> None:
    path = _path()
    entries = {k: asdict(v) for k, v in (_load() | {key: entry}).items()}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with written(json.dumps(entries, indent=1).encode(), path.parent) as new:
            new.replace(path)
    except OSError as error:
        _log.info("the tuning is not remembered: %s", error)
