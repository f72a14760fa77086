"""Compiling and tuning backends before they are measured, once for each machine and driver."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from hashjoule import check
from hashjoule.backends import BackendSpec
from hashjoule.errors import HashjouleError
from hashjoule.search import search

Progress = Callable[[str, float], None]

_TICK_S = 0.25


def unprepared(specs: Sequence[BackendSpec]) -> list[BackendSpec]:
    """Return those that have to be compiled or tuned before they can search."""
    return [spec for spec in specs if not spec.unavailable and not spec.is_prepared()]


def expected_s(specs: Sequence[BackendSpec]) -> float:
    """Return about how many seconds it takes to prepare them."""
    return sum(spec.prepare_s for spec in specs)


def prepare(specs: Sequence[BackendSpec], progress: Progress) -> dict[str, str]:
    """Compile, tune and self-test backends in both modes; return why one failed, by its name.

    A compiler says nothing of how far it is, so the progress is the time over what it usually takes, and slows down
    towards the end of what was expected.
    """
    failed = {}
    whole_s, done_s = expected_s(specs) or 1.0, 0.0
    for number, spec in enumerate(specs, 1):
        of_several = f" ({number} of {len(specs)})" if len(specs) > 1 else ""
        span = _Span(f"compiling {spec.name}{of_several}", done_s / whole_s, spec.prepare_s / whole_s)
        with _moving(progress, span, spec.prepare_s):
            try:
                _use_once(spec)
            except HashjouleError as error:
                failed[spec.name] = str(error)
        done_s += spec.prepare_s
    progress("compiled", 1.0)
    return failed


class _Span(NamedTuple):
    """A stretch of the whole progress, and what is said meanwhile."""

    label: str
    begins: float
    share: float


def _use_once(spec: BackendSpec) -> None:
    """Search a little in both modes: what is compiled lazily is compiled then."""
    backend = check.ready(spec)
    header = check.known_blocks()[-1].header
    for mode in check.MODES:
        search(backend, check.job_for(header, spec, mode, target=1), count=1)


@contextmanager
def _moving(progress: Progress, span: _Span, expected_s: float) -> Iterator[None]:
    """Show the part of the expected time that has passed, four times a second."""
    ended, began_s = threading.Event(), time.monotonic()

    def tick() -> None:
        while not ended.wait(_TICK_S):
            passed = (time.monotonic() - began_s) / max(expected_s, 1.0)
            part = passed if passed < 0.8 else 1 - 0.2 / (1 + 5 * (passed - 0.8))
            progress(span.label, span.begins + span.share * part)

    thread = threading.Thread(target=tick, name="progress", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
