"""A real Dask cluster on loopback: a scheduler and workers in processes of their own, which end with the test."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from harness.bitcoind import free_port
from tests.support import ROOT

START_SECONDS = 60
RANGE_S = 0.25
"""Seconds that a range takes in these tests."""
SCHEDULER = """
import sys
sys.modules["hashjoule"] = None
from distributed.cli.dask_scheduler import main
main()
"""
"""A scheduler that has no hashjoule: it needs none."""

Process = subprocess.Popen[str]


def until(condition: Callable[[], Any], seconds: float = START_SECONDS, what: str = "it") -> Any:
    """Wait until a condition is true, and return its value."""
    ends_at_s = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < ends_at_s, f"{what} did not happen within {seconds} s"
        time.sleep(0.05)
    return found


class Cluster:
    """A scheduler with workers; their output goes to files in a folder."""

    def __init__(self, folder: Path, host: str = "127.0.0.1", inside: tuple[str, ...] = ()) -> None:
        """Prepare a cluster; `inside` is put before every command (`ip netns exec ...`)."""
        self.folder, self.host, self.port, self._inside = folder, host, free_port(), inside
        self.address = f"tcp://{host}:{self.port}"
        self.diary = folder / "diary"
        self.workers: list[Process] = []
        self.scheduler: Process | None = None
        self._started = 0

    def _start(
        self, arguments: list[str], env: dict[str, str], inside: tuple[str, ...] | None = None
    ) -> tuple[Process, Path]:
        self._started += 1
        log = self.folder / f"{self._started}.log"
        changed = {"PYTHONPATH": str(ROOT), "HASHJOULE_LAZY_DIARY": str(self.diary), **env}
        command = [*(self._inside if inside is None else inside), sys.executable, *arguments]
        with log.open("w") as file:
            process = subprocess.Popen(
                command, stdout=file, stderr=file, env={**os.environ, **changed}, text=True, cwd=ROOT
            )
        return process, log

    def start_scheduler(self) -> None:
        """Start the scheduler, or restart it at the same address, and wait until it listens."""
        arguments = ["-c", SCHEDULER, "--host", self.host, "--port", str(self.port)]
        arguments += ["--dashboard-address", f"{self.host}:0"]
        self.scheduler, log = self._start(arguments, {})
        until(lambda: "Scheduler at" in log.read_text(), what="the scheduler")

    def start_workers(
        self,
        count: int,
        env: dict[str, str] | None = None,
        *,
        threads: int = 1,
        preload: str = "tests.fleet.lazy",
        host: str = "127.0.0.1",
        inside: tuple[str, ...] | None = None,
    ) -> list[Process]:
        """Start workers and wait until they are registered."""
        arguments = [
            "-m",
            "distributed.cli.dask_worker",
            self.address,
            "--nthreads",
            str(threads),
            "--preload",
            preload,
        ]
        arguments += ["--no-nanny", "--memory-limit", "0", "--dashboard-address", f"{host}:0", "--host", host]
        started = [self._start(arguments, env or {}, inside) for _ in range(count)]
        self.workers += [process for process, _ in started]
        for _, log in started:
            until(lambda log=log: "Registered to" in log.read_text(), what="a worker")  # type: ignore[misc]
        return [process for process, _ in started]

    def call(self, *arguments: str, **settings: dict[str, float]) -> Process:
        """Start a command against this cluster, with the lazy backend and changed constants of `fleet`."""
        settings = {"model": {"SHORTEST_S": RANGE_S}, **settings}
        env = {**os.environ, "PYTHONPATH": str(ROOT), "HASHJOULE_LAZY_SET": json.dumps(settings)}
        command = [*self._inside, sys.executable, "-m", "tests.fleet.lazy", *arguments, "--dask", self.address]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env, cwd=ROOT)

    def scanned(self) -> list[tuple[int, int, int, int]]:
        """Return the diary of all lazy workers: process, first version, first nonce, count."""
        lines = self.diary.read_text().splitlines() if self.diary.exists() else []
        return [(int(a), int(b), int(c), int(d)) for a, b, c, d in (line.split() for line in lines)]

    def end(self) -> None:
        """End all processes of the cluster."""
        for process in [*self.workers, *([self.scheduler] if self.scheduler else [])]:
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)
                process.kill()
            process.wait()


@contextmanager
def cluster(folder: Path, workers: int = 0, **options: Any) -> Iterator[Cluster]:
    """Start a cluster and end it after the test."""
    folder.mkdir(exist_ok=True)
    made = Cluster(folder)
    try:
        made.start_scheduler()
        if workers:
            made.start_workers(workers, **options)
        yield made
    finally:
        made.end()


def outcome(process: Process, timeout_s: float = 60) -> tuple[int, str, str]:
    """Wait for a command to end; return its exit code, stdout and stderr."""
    try:
        out, err = process.communicate(timeout=timeout_s)
    finally:
        process.kill()
        process.wait()
    assert "Traceback" not in err, err
    return process.returncode, out, err


@contextmanager
def listening(answer: bytes | None) -> Iterator[str]:
    """Start a server that is not a scheduler and sends `answer`, if any, to each client; yield its HOST:PORT."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.1)
        import threading

        over, kept = threading.Event(), list[socket.socket]()

        def serve() -> None:
            while not over.is_set():
                try:
                    connection, _ = server.accept()
                except TimeoutError:
                    continue
                kept.append(connection)
                if answer:
                    connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"127.0.0.1:{server.getsockname()[1]}"
        finally:
            over.set()
            thread.join()
            for connection in kept:
                connection.close()
