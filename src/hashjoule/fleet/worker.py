"""The functions that Dask calls in a worker's process. Their arguments and results are plain and small."""

from __future__ import annotations

import os
import platform
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import NamedTuple

import msgspec

import hashjoule
from hashjoule import check, choose, search
from hashjoule.backends import Backend, BackendSpec
from hashjoule.check import SelfTestError
from hashjoule.fleet import child
from hashjoule.job import Header, Job

VIEWS = ("CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES", "ZE_AFFINITY_MASK", "OCL_ICD_VENDORS")
"""Variables that show different devices to the workers of one machine (dask-cuda sets the first)."""

_TRIAL_SECONDS = 0.1
_searching = threading.Lock()


def hello() -> dict[str, str]:
    """Identify this worker: version, machine, name for people, and the set of devices that it is shown."""
    return {"version": hashjoule.__version__, "host": host(), "name": platform.node(), "view": _view()}


def host() -> str:
    """Return an identifier of this machine that all of its processes share.

    On Linux that is the boot id, which containers and network namespaces of one kernel share; elsewhere the address of
    the network card and the time of the boot.
    """
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        import psutil

        return f"{uuid.getnode():012x}-{psutil.boot_time():.0f}"


def _view() -> str:
    """Return what selects the devices of this process: the variables of VIEWS, and the mount namespace."""
    shown = [",".join(sorted(os.environ.get(name, "-").split(","))) for name in VIEWS]
    try:
        return " ".join([*shown, os.readlink("/proc/self/ns/mnt")])  # noqa: PTH115
    except OSError:
        return " ".join(shown)


@cache
def _spec(name: str, mode: str) -> BackendSpec:
    return choose.backend_named(name, mode)


def prepare(name: str, mode: str, threads: int) -> float:
    """Open and self-test the backend, once per process.

    Returns:
        An estimate of its rate in H/s on that many threads, from a short trial on one.

    Raises:
        HashjouleError: if the backend is missing or computes wrongly.
    """
    spec = _spec(name, mode)
    backend = check.ready(spec)
    job = check.job_for(check.known_blocks()[0].header, spec, mode, target=1)
    with _searching:
        return _trial_hs(backend, job) * (threads if spec.gains_from_threads else 1)


def _trial_hs(backend: Backend, job: Job) -> float:
    nonces = search.first_chunk(job)
    while True:
        began = time.perf_counter()
        backend.scan(job, 0, nonces)
        seconds = time.perf_counter() - began
        if seconds >= _TRIAL_SECONDS / 2:
            return nonces * len(job.versions) / seconds
        nonces *= 2


class _Withdrawn(threading.Event):
    """An event that is set once Dask no longer wants the running task: the client cancelled it or is gone."""

    def __init__(self) -> None:
        from distributed import get_worker

        super().__init__()
        worker = get_worker()
        self._tasks, self._key = worker.state.tasks, worker.get_current_task()

    def is_set(self) -> bool:
        task = self._tasks.get(self._key)
        return task is None or task.state != "executing"


class RangeRequest(NamedTuple):
    """A range of a search on a cluster."""

    backend: str
    header: bytes
    """80 bytes as on the wire."""
    target: int
    mask: int | None
    """Version bits to roll; None for the header's own version."""
    skip: int
    """Versions of the mask to skip (see `job.roll`)."""
    versions: int
    """Versions to try with each nonce after the skipped ones."""
    first_nonce: int
    nonces: int
    threads: int


def search_range(request: RangeRequest) -> dict[str, object]:
    """Search a range until the first hit, its end, or soon after Dask no longer wants the task.

    One search runs at a time in a process: a worker's tasks do not compete for its cores.

    Returns:
        `hashes` and `seconds` of search, `cpu_s` of the process, the `hit` as (version, nonce) or None, and whether the
        range is `exhausted`.

    Raises:
        SelfTestError: if hashlib does not confirm a hit of the backend.
    """
    spec = _spec(request.backend, "plain" if request.mask is None else "rolled")
    backend, stop = check.ready(spec), _Withdrawn()
    threads = request.threads if spec.gains_from_threads else 1
    hashes, hit, exhausted = 0, None, False
    with _searching:
        began, cpu_began = time.perf_counter(), time.process_time()
        for job in _jobs(request, spec.rolled_versions):
            outcome = search.search(
                backend, job, first_nonce=request.first_nonce, count=request.nonces, threads=threads, stop=stop
            )
            if outcome.wrong_hits:
                raise SelfTestError(f"{spec.name} reports hits that hashlib does not confirm")
            hashes, hit, exhausted = hashes + outcome.hashes, outcome.hit, outcome.exhausted
            if not exhausted:
                break
        seconds, cpu_s = time.perf_counter() - began, time.process_time() - cpu_began
    return {
        "hashes": hashes,
        "seconds": seconds,
        "cpu_s": cpu_s,
        "hit": hit and (hit.version, hit.nonce),
        "exhausted": exhausted,
    }


def _jobs(request: RangeRequest, at_once: int) -> list[Job]:
    """Return the request as jobs of at most `at_once` versions."""
    header = Header.parse(request.header)
    if request.mask is None:
        return [Job.plain(header, request.target)]
    end = request.skip + request.versions
    return [
        Job.rolled(header, request.mask, min(at_once, end - first), request.target, first)
        for first in range(request.skip, end, at_once)
    ]


def measure_host(request: bytes, topic: str, silence_s: float) -> bytes:
    """Run the ordinary benchmark in a child process and return a `child.Reply` as JSON.

    Progress is sent as events of that topic. If the child crashes, or reports nothing for `silence_s` seconds, the
    reply holds the reason. The child is ended when Dask no longer wants the task, and ends itself when this worker
    dies.
    """
    from distributed import get_worker

    worker, withdrawn = get_worker(), _Withdrawn()
    with _Child(request) as benchmark:
        heard_at_s = time.monotonic()
        while not withdrawn.is_set() and time.monotonic() - heard_at_s < silence_s:
            line = benchmark.line(timeout_s=min(0.5, silence_s))
            if line is None:
                continue
            if not line:
                return _failed(benchmark.how_it_ended())
            message = msgspec.json.decode(line, type=child.Progress | child.Reply)
            if isinstance(message, child.Reply):
                return line
            heard_at_s = time.monotonic()
            worker.log_event(topic, [worker.address, message.text, message.part])
    return _failed(f"the benchmark was silent for {silence_s:.0f} s and was ended")


def _failed(reason: str) -> bytes:
    return msgspec.json.encode(child.Reply(reason=reason))


class _Child:
    """A process that runs `hashjoule.fleet.child`; it is killed at the end of the block."""

    def __init__(self, request: bytes) -> None:
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the block
        command = [sys.executable, "-m", child.__name__]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors, bufsize=0
        )
        self._lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._request = request

    def __enter__(self) -> _Child:
        assert self._process.stdin
        self._reader.start()
        with suppress(OSError):  # the child is gone already; reading its lines reports that
            self._process.stdin.write(self._request + b"\n")
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._reader.join()
        self._process.wait()
        for file in (self._process.stdin, self._process.stdout, self._errors):
            assert file
            file.close()

    def _read(self) -> None:
        assert self._process.stdout
        for line in self._process.stdout:
            self._lines.put(line)
        self._lines.put(b"")

    def line(self, timeout_s: float) -> bytes | None:
        """Return the next line, b"" at the end of the output, None if no line came in that time."""
        try:
            return self._lines.get(timeout=timeout_s)
        except queue.Empty:
            return None

    def how_it_ended(self) -> str:
        """Return a sentence with the exit code or signal, and the last line that the child printed to stderr."""
        code = self._process.wait()
        self._errors.seek(0)
        last = self._errors.read().decode(errors="replace").strip().splitlines()[-1:]
        how = f"died of {signal.Signals(-code).name}" if code < 0 else f"ended with {code}"
        return ": ".join([f"the benchmark {how}", *last])
