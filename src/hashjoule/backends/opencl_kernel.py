"""The OpenCL kernel: its source and options, what a launch gets, and launches on one device."""

from __future__ import annotations

import re
import struct
import threading
import time
import warnings
from dataclasses import asdict, dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from hashjoule.backends import prepare
from hashjoule.errors import UnavailableError
from hashjoule.job import NONCES, Job, Words8

CAPACITY = 1 << 14
"""Candidates that one launch can report."""

MAX_LAUNCH_NONCES = 1 << 28
"""So that offsets and padded ranges stay within 32 bits."""

HUNG_SECONDS, HUNG_FIRST_SECONDS = 30.0, 300.0
"""A launch is aimed at a twentieth of a second; one that takes this long will not come back. In the first, some
runtimes still compile."""

_MASK = 0xFFFFFFFF


@dataclass(frozen=True)
class Variant:
    """One way to build the kernel: the options that stand at its top."""

    width: int = 1
    chains: int = 1
    per_item: int = 1
    local: int = 1
    rolled: bool = False
    pipelined: bool = False
    mad_adds: bool = False

    def options(self) -> list[str]:
        """Return the compiler's options."""
        fields = asdict(self) | {"capacity": CAPACITY}
        return [f"-D{name.upper()}={int(value)}" for name, value in fields.items() if value is not False]

    def items(self, nonces: int) -> int:
        """Work items that a range needs, in whole groups."""
        per_group = self.local * self.per_item * self.width * (1 if self.rolled else self.chains)
        return -(-nonces // per_group) * self.local


@cache
def source() -> str:
    """Return the kernel's source with its own headers in place, as not every OpenCL compiler finds files."""
    folder = files("hashjoule.kernels")

    def with_headers(name: str) -> str:
        text = folder.joinpath(name).read_text("utf-8")
        return re.sub(r'#include "(.+)"', lambda include: with_headers(include[1]), text)

    return with_headers("sha256d.cl")


@dataclass(frozen=True)
class Prepared:
    """A job as the kernel wants it."""

    job: Job
    known: tuple[int, ...]
    midstates: bytes
    """The kernel's `midstate` structs, as many as a multiple of 8 that no chain reads beyond."""

    @classmethod
    def of(cls, job: Job) -> Prepared:
        """Compute all that does not depend on the nonce."""
        known = prepare.known_words(job)
        structs = [_midstate(midstate, known) for midstate in job.midstates]
        structs += structs[:1] * (-len(structs) % 8)
        return cls(job, tuple(known), b"".join(structs))

    def task(self, first_nonce: int, nonces: int) -> bytes:
        """Return the kernel's `task` struct for one launch."""
        n_midstates, filter_ = len(self.job.versions), prepare.word7_filter(self.job.target)
        head = struct.pack("=4I", first_nonce, nonces, filter_, n_midstates)
        return head + struct.pack("=18I8x", *self.known[16:]) + self.midstates[:80]


def _midstate(midstate: Words8, known: list[int]) -> bytes:
    start = prepare.start(midstate, known)
    heads = [(start[11 - t] + known[t]) & _MASK for t in (4, 5, 6)]  # h, g and f
    return struct.pack("=20I", *midstate, *start[4:], *start[:4], *heads, 0)


def build(context: Any, source: str, options: list[str]) -> Any:
    """Build a program. Drivers, or else pyopencl, keep binaries in the user's cache, so only the first time is slow."""
    import pyopencl as cl

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pyopencl warns of every remark in a build log
        return cl.Program(context, source).build(options)


class Program:
    """The kernel in one variant on one device. One launch at a time."""

    def __init__(self, device: Any, variant: Variant, name: str) -> None:
        """Build the kernel; `name` is what errors call the device.

        Raises:
            UnavailableError: If it does not compile, with the build log.
        """
        import pyopencl as cl

        self.variant, self._name, self._lock = variant, name, threading.Lock()
        self._prepared: Prepared | None = None
        self._has_run = False
        try:
            self._context = cl.Context([device])
            self._queue = cl.CommandQueue(self._context, device)
            self._kernel = cl.Kernel(build(self._context, source(), variant.options()), "search")
            self._found = cl.Buffer(self._context, cl.mem_flags.READ_WRITE, 4 + 8 * CAPACITY)
        except (cl.Error, OSError) as error:
            raise UnavailableError(f"{name} cannot build the kernel: {gist(error)}") from error

    def launch(self, job: Job, first_nonce: int, nonces: int) -> tuple[int, list[tuple[int, int]]]:
        """Search a range of at most MAX_LAUNCH_NONCES; return the number of candidates, and those that fit.

        A candidate is an index into the job's versions and a nonce. Raises UnavailableError if the device fails.
        """
        import pyopencl as cl

        with self._lock:
            try:
                return self._launch(job, first_nonce, nonces)
            except cl.Error as error:
                raise UnavailableError(f"{self._name} failed: {gist(error)}") from error

    def _launch(self, job: Job, first_nonce: int, nonces: int) -> tuple[int, list[tuple[int, int]]]:
        import numpy as np
        import pyopencl as cl

        prepared = self._prepare(job)
        count = np.zeros(1, np.uint32)
        cl.enqueue_copy(self._queue, self._found, count)
        task = np.frombuffer(prepared.task(first_nonce % NONCES, nonces), np.uint8)
        self._kernel.set_args(task, self._midstates, self._found)
        size, local = (self.variant.items(nonces),), (self.variant.local,)
        self._wait(cl.enqueue_nd_range_kernel(self._queue, self._kernel, size, local))
        cl.enqueue_copy(self._queue, count, self._found)
        pairs = np.empty((min(int(count[0]), CAPACITY), 2), np.uint32)
        if len(pairs):
            cl.enqueue_copy(self._queue, pairs, self._found, src_offset=4)
        return int(count[0]), [(int(midstate), int(nonce)) for midstate, nonce in pairs]

    def _prepare(self, job: Job) -> Prepared:
        import pyopencl as cl

        if self._prepared is None or self._prepared.job != job:
            prepared = Prepared.of(job)
            flags = cl.mem_flags.READ_ONLY | cl.mem_flags.COPY_HOST_PTR
            self._midstates = cl.Buffer(self._context, flags, hostbuf=prepared.midstates)
            self._prepared = prepared
        return self._prepared

    def _wait(self, event: Any) -> None:
        """Wait in short sleeps, which Ctrl-C can end.

        Raises:
            UnavailableError: If the launch hangs.
        """
        import pyopencl as cl

        self._queue.flush()
        patience = HUNG_SECONDS if self._has_run else HUNG_FIRST_SECONDS
        deadline, pause = time.monotonic() + patience, 1e-5
        while (status := event.command_execution_status) > cl.command_execution_status.COMPLETE:
            if time.monotonic() > deadline:
                raise UnavailableError(
                    f"{self._name} hangs: a launch is not back after {patience:.0f} s; restart its driver"
                )
            time.sleep(pause)
            pause = min(2 * pause, 1e-3)
        if status < 0:
            raise UnavailableError(f"{self._name} failed: a launch ended with OpenCL error {status}")
        self._has_run = True


def gist(error: Exception) -> str:
    """Return the gist of an OpenCL error: the compiler's first error, else the first line."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("error:") or ": error:" in line]
    return (errors or lines or [type(error).__name__])[0]
