"""The C core's variants. The only module that touches cffi's `ffi` and `lib`."""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import Any

from hashjoule.backends import BackendSpec
from hashjoule.errors import UnavailableError
from hashjoule.hardware import ONE_CORE
from hashjoule.job import NONCES, SHA256_H, Hit, Job

try:
    from hashjoule._core import ffi, lib
except ImportError as error:  # an sdist unpacked without a build, a broken wheel
    _IMPORT_ERROR: ImportError | None = error
else:
    _IMPORT_ERROR = None

_HITS = 4096
"""Capacity of the hit buffer: at least HJ_MAX_MIDSTATES, and large enough that an easy target does not force one call
per hit."""


@dataclass(frozen=True, slots=True)
class _CJob:
    """A job in the core's own form. It owns the memory that `struct` points to, so hold it during the whole scan."""

    job: Job
    struct: Any
    """`hj_job *`; its field `midstates` is a bare pointer into `midstates` below, which cffi does not track."""
    midstates: Any

    @classmethod
    def of(cls, job: Job) -> _CJob:
        """Convert a job.

        Raises:
            ValueError: if the job has no version, or more than the core takes.
        """
        if not 1 <= len(job.versions) <= lib.HJ_MAX_MIDSTATES:
            raise ValueError(f"a job has 1 to {lib.HJ_MAX_MIDSTATES} versions, not {len(job.versions)}")
        midstates = ffi.new("uint32_t[]", 8 * len(job.versions))
        for i, version in enumerate(job.versions):  # in C: a hundred times faster than job.midstates
            block = struct.unpack(">16I", replace(job.header, version=version).pack()[:64])
            midstates[8 * i : 8 * i + 8] = SHA256_H
            lib.hj_compress(midstates + 8 * i, ffi.new("uint32_t[16]", block))
        target = [job.target >> shift & 0xFFFFFFFF for shift in range(224, -1, -32)]
        return cls(job, ffi.new("hj_job *", [midstates, len(job.versions), job.tail, target]), midstates)


class CVariant:
    """One variant of the C core. Any number of threads may scan at once: cffi releases the GIL during a scan."""

    def __init__(self, index: int) -> None:
        self._index = index
        self._latest: _CJob | None = None

    def scan(self, job: Job, first_nonce: int, count: int) -> list[Hit]:
        """See `Backend.scan`."""
        c_job = self._converted(job)  # this reference keeps the memory alive, whatever other threads begin meanwhile
        hits = ffi.new("hj_hit[]", _HITS)
        n_hits = ffi.new("uint32_t *")
        found: list[Hit] = []
        done = 0
        while done < count:  # the core stops early when its buffer is full
            first = (first_nonce + done) % NONCES
            nonces = lib.hj_scan(self._index, c_job.struct, first, count - done, hits, _HITS, n_hits)
            if nonces == 0:
                raise ValueError(f"the C core refuses {count} nonces for variant {self._index}")
            done += nonces
            found += [Hit(job.versions[hits[i].midstate], hits[i].nonce) for i in range(n_hits[0])]
        return found

    def _converted(self, job: Job) -> _CJob:
        latest = self._latest  # read once: another thread may replace it
        if latest is None or latest.job is not job:
            latest = self._latest = _CJob.of(job)
        return latest


@cache
def features() -> tuple[str, ...]:
    """Return the instruction sets that this CPU has and its operating system supports, of those that we know."""
    if _IMPORT_ERROR:
        return ()
    bits = lib.hj_cpu_features()
    return _feature_names(bits)


def _feature_names(bits: int) -> tuple[str, ...]:
    return tuple(ffi.string(lib.hj_feature_name(i)).decode() for i in range(lib.hj_feature_count()) if bits >> i & 1)


def compiler() -> str | None:
    """Return the compiler that built the core."""
    return None if _IMPORT_ERROR else ffi.string(lib.hj_compiler()).decode()


def clock_chain(instructions: int) -> int:
    """Run about that many dependent one-cycle instructions and return how many, 0 where no such chain is known."""
    return 0 if _IMPORT_ERROR else int(lib.hj_clock_chain(instructions))


def compress(state: tuple[int, ...], block: tuple[int, ...]) -> tuple[int, ...]:
    """Compress with the core's plain SHA-256 function: 8 words of state after 16 words of block (FIPS 180-4)."""
    words = ffi.new("uint32_t[8]", state)
    lib.hj_compress(words, ffi.new("uint32_t[16]", block))
    return tuple(words)


def specs() -> list[BackendSpec]:
    """Return the variants for this kind of CPU, best first; those that the compiler left out say so."""
    if _IMPORT_ERROR:
        return [_spec("c", 0, None, f"the C core is not built ({_IMPORT_ERROR}); install hashjoule with pip")]
    return [_variant(index) for index in range(lib.hj_variant_count())]


def _variant(index: int) -> BackendSpec:
    name, lanes = ffi.string(lib.hj_variant_name(index)).decode(), lib.hj_variant_lanes(index)
    missing = _feature_names(lib.hj_variant_needs(index) & ~lib.hj_cpu_features())
    why_not = f"this CPU (or its operating system) lacks {', '.join(missing)}" if missing else None
    if lanes == 0:
        why_not = f"{compiler()} could not build it; a newer compiler can"
    return _spec(f"c:{name}", lanes, index, why_not)


def _spec(name: str, lanes: int, index: int | None, why_not: str | None) -> BackendSpec:
    return BackendSpec(
        name=name,
        device="cpu",
        hardware=ONE_CORE,
        lanes=lanes,
        open=partial(_opened, name, index, why_not),
        unavailable=why_not,
        runtime=compiler() or "",
    )


def _opened(name: str, index: int | None, why_not: str | None) -> CVariant:
    if why_not or index is None:
        raise UnavailableError(f"{name} cannot be used here: {why_not}")
    return CVariant(index)
