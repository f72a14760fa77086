"""What workers do. Dask calls these functions in a worker's process; arguments and results are plain and small."""

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

import msgspec

import hashjoule
from hashjoule import check, choose, search
from hashjoule.backends import Backend, BackendSpec
from hashjoule.check import SelfTestError
from hashjoule.fleet import child
from hashjoule.job import Header, Job

VIEWS = ("CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES", "ZE_AFFINITY_MASK", "OCL_ICD_VENDORS")
"""The variables by which workers of one machine are shown different devices (dask-cuda sets the first)."""

_TRIAL_SECONDS = 0.1
_searching = threading.Lock()


def hello() -> dict[str, str]:
    """Who this worker is: version, machine, name for people, and which devices it is shown."""
    return {"version": hashjoule.__version__, "host": host(), "name": platform.node(), "view": _view()}


def host() -> str:
    """What tells this machine from others: Linux's boot id, which containers and namespaces of one machine share.

    Elsewhere the network card's address and the time of the boot.
    """
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        import psutil

        return f"{uuid.getnode():012x}-{psutil.boot_time():.0f}"


def _view() -> str:
    """Which devices this process is shown, whatever their order: variables, and the mount namespace (containers)."""
    shown = [",".join(sorted(os.environ.get(name, "-").split(","))) for name in VIEWS]
    try:
        return " ".join([*shown, os.readlink("/proc/self/ns/mnt")])  # noqa: PTH115
    except OSError:
        return " ".join(shown)


@cache
def _spec(name: str, mode: str) -> BackendSpec:
    return choose.backend_named(name, mode)


def prepare(name: str, mode: str, threads: int) -> float:
    """Opens and self-tests the backend, once a process; its hashes a second on these threads, by a trial on one.

    Raises HashjouleError where the backend is missing or computes wrongly.
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
    """Set once Dask wants the running task no more: the client cancelled it, or is gone."""

    def __init__(self) -> None:
        from distributed import get_worker

        super().__init__()
        worker = get_worker()
        self._tasks, self._key = worker.state.tasks, worker.get_current_task()

    def is_set(self) -> bool:
        task = self._tasks.get(self._key)
        return task is None or task.state != "executing"


def search_range(
    name: str,
    header: bytes,
    target: int,
    mask: int | None,
    skip: int,
    versions: int,
    first: int,
    count: int,
    threads: int,
) -> dict[str, object]:
    """Searches `count` nonces from `first` with `versions` versions of the mask after the first `skip` ones.

    One search at a time in a process, on `threads` threads: a worker's tasks do not compete for its cores. Ends at the
    first hit, or soon after Dask wants the task no more. Says hashes and seconds of search, the hit, and whether the
    range was searched to its end. Raises SelfTestError if hashlib denies a hit of the backend.
    """
    spec = _spec(name, "plain" if mask is None else "rolled")
    backend, stop = check.ready(spec), _Withdrawn()
    hashes, hit, exhausted = 0, None, False
    with _searching:
        began, cpu_began = time.perf_counter(), time.process_time()
        for job in _jobs(Header.parse(header), target, mask, skip, versions, spec.rolled_versions):
            outcome = search.search(
                backend,
                job,
                first_nonce=first,
                count=count,
                threads=threads if spec.gains_from_threads else 1,
                stop=stop,
            )
            if outcome.wrong_hits:
                raise SelfTestError(f"{spec.name} reports hits that hashlib denies")
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


def _jobs(header: Header, target: int, mask: int | None, skip: int, versions: int, at_once: int) -> list[Job]:
    if mask is None:
        return [Job.plain(header, target)]
    ends = range(skip, skip + versions, at_once)
    return [Job.rolled(header, mask, min(at_once, skip + versions - first), target, first) for first in ends]


def measure_host(request: bytes, topic: str, silence_s: float) -> bytes:
    """The ordinary benchmark in a child process, progress as events of that topic; a `child.Reply` as JSON.

    A child that crashes, or says nothing for `silence_s`, takes nobody with it: the outcome has the reason. It is ended
    when Dask wants the task no more, and ends itself when this worker dies.
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
    return _failed(f"the benchmark said nothing for {silence_s:.0f} s and was ended")


def _failed(reason: str) -> bytes:
    return msgspec.json.encode(child.Reply(reason=reason))


class _Child:
    """A process of `hashjoule.fleet.child`; killed at the end of the block."""

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
        with suppress(OSError):  # it is gone already: that is told where its lines are read
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
        """The next line, empty at the end; None if there is none in that time."""
        try:
            return self._lines.get(timeout=timeout_s)
        except queue.Empty:
            return None

    def how_it_ended(self) -> str:
        """The exit code or signal, and the last thing that it printed."""
        code = self._process.wait()
        self._errors.seek(0)
        last = self._errors.read().decode(errors="replace").strip().splitlines()[-1:]
        how = f"died of {signal.Signals(-code).name}" if code < 0 else f"ended with {code}"
        return ": ".join([f"the benchmark {how}", *last])
