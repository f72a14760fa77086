"""Run the ordinary benchmark in a process of its own, which a worker outlives: `python -m hashjoule.fleet.child`.

The first line of stdin is the request. When stdin ends, because the worker is gone, the process ends itself. stdout
carries lines of JSON: progress, then the reply. Whatever libraries print to stdout is redirected to stderr.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable

import msgspec
from msgspec import Struct

from hashjoule import backends
from hashjoule.benchmark import run
from hashjoule.benchmark.measurement import device_key
from hashjoule.benchmark.plan import Plan
from hashjoule.errors import HashjouleError
from hashjoule.records.schema import Record

_PAUSE_S = 0.25
"""Seconds between two lines of progress."""


class Request(Struct, frozen=True):
    """What to measure, and which devices to leave out because they were measured already (see `device_key`)."""

    plan: Plan
    measured: tuple[str, ...] = ()


class Progress(Struct, frozen=True, tag=True):
    """The present step of the benchmark, and the fraction of it that is done, 0 to 1."""

    text: str
    part: float


class Reply(Struct, frozen=True, tag=True):
    """The record, or the reason why there is none. Both are missing if all devices were measured already."""

    record: Record | None = None
    devices: dict[str, str] = {}
    """The device of each backend (see `device_key`)."""
    reason: str | None = None


def reply_to(request: Request, progress: run.Progress) -> Reply:
    """Carry out a request."""
    try:
        rows = backends.resolve(request.plan.names)
        devices = {row.name: device_key(row) for row in rows if device_key(row) not in request.measured}
        if not devices:
            return Reply()
        record = run.run(request.plan, [row for row in rows if row.name in devices], progress)
    except HashjouleError as error:
        return Reply(reason=str(error))
    if not record.results:
        reason = record.refused[0].reason if record.refused else "nothing could be measured"
        return Reply(record, devices, reason)
    return Reply(record, devices)


def _paced(send: Callable[[Struct], None]) -> run.Progress:
    last_s = 0.0

    def show(text: str, part: float) -> None:
        nonlocal last_s
        if time.monotonic() - last_s >= _PAUSE_S:
            last_s = time.monotonic()
            send(Progress(text, part))

    return show


def _end_with_stdin() -> None:
    sys.stdin.buffer.read()
    os._exit(1)


def main() -> None:
    """Read the request, measure, write the reply."""
    with os.fdopen(os.dup(1), "wb", buffering=0) as out:
        os.dup2(2, 1)
        request = msgspec.json.decode(sys.stdin.buffer.readline(), type=Request)
        threading.Thread(target=_end_with_stdin, daemon=True).start()

        def send(message: Struct) -> None:
            out.write(msgspec.json.encode(message) + b"\n")

        send(reply_to(request, _paced(send)))
        os._exit(0)  # the thread above is still reading stdin


if __name__ == "__main__":
    main()
