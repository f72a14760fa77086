"""The backends: one explicit registry of everything that can search, usable here or not.

A provider is a module with `rows()`; a row says what a backend is and why it is unavailable, and opens it.
To add one: write the module, add one line to PROVIDERS.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from importlib import import_module
from typing import Protocol

from hashjoule.errors import UnavailableError, UsageError
from hashjoule.job import Hit, Job


class Backend(Protocol):
    """Something that searches. It has no threads, clock or stop flag: callers pass short ranges."""

    def scan(self, job: Job, first_nonce: int, count: int) -> list[Hit]:
        """Every hit among `count` nonces from `first_nonce` (mod 2^32) for every version of the job.

        Each pair is tried exactly once; the order of the hits is not set.
        """
        ...


@dataclass(frozen=True)
class Row:
    """One line of the registry."""

    name: str
    device: str
    """"cpu", or what the device calls itself."""
    lanes: int
    """Hashes that one step of the search works on; 0 if unknown."""
    open: Callable[[], Backend]
    """Makes the backend ready to scan; may compile. Raises UnavailableError."""
    unavailable: str | None = None
    """Why it cannot be used here and what to do about it, as one sentence; None if it can."""
    runtime: str = ""
    """Compiler, library or driver that runs it."""
    threads: bool = True
    """Whether several threads may scan at once and gain from it (CPU backends)."""
    rolled_midstates: int = 64
    """How many versions a rolled job should carry to be fast here."""
    facts: dict[str, str | int | float | None] = field(default_factory=dict)
    """What else is known of the device (driver, compute units, memory ...), for `devices` and the record."""


PROVIDERS = {
    "c": "hashjoule.backends.c",
    "numba": "hashjoule.backends.numba_",
    "opencl": "hashjoule.backends.opencl",
    "reference": "hashjoule.backends.reference",
}
"""The first part of a backend's name, and the module that knows those backends; best first."""


def rows(provider: str | None = None) -> list[Row]:
    """The registry, best first; of one provider, or of all of them."""
    modules = PROVIDERS.values() if provider is None else [PROVIDERS[provider]]
    return [row for module in modules for row in import_module(module).rows()]


def select(names: Iterable[str]) -> list[Row]:
    """The rows of the given names; a provider's name (`c`) or `all` stands for all of its usable rows.

    A device is also found by its type or a part of its own name (`opencl:gpu`, `opencl:radeon`).

    Imports only the providers that the names need. Raises UsageError for an unknown name or a C variant that
    this CPU lacks, UnavailableError for a device or library that is not there.
    """
    chosen: dict[str, Row] = {}
    for name in names:
        for row in _matching(name):
            chosen[row.name] = row
    return list(chosen.values())


def _matching(name: str) -> list[Row]:
    if name == "all":
        return [row for row in rows() if not row.unavailable]
    provider = provider_of(name)
    known = rows(provider)
    exact = [row for row in known if row.name == name] or [row for row in known if _describes(name, row)]
    if exact and exact[0].unavailable:
        error = UsageError if provider == "c" else UnavailableError
        raise error(f"{name} cannot be used here: {exact[0].unavailable}")
    if not exact and name != provider:
        raise UsageError(f"there is no backend {name!r}; `hashjoule devices` lists them")
    usable = exact or [row for row in known if not row.unavailable]
    if not usable:
        raise UnavailableError(
            f"no backend of {name} can be used here: {known[0].unavailable if known else 'none known'}"
        )
    return usable


def provider_of(name: str) -> str:
    """The provider of a backend's name. Raises UsageError where there is none, whatever this machine has."""
    provider = name.partition(":")[0]
    if provider not in PROVIDERS:
        raise UsageError(f"there is no backend {name!r}; `hashjoule devices` lists them")
    return provider


def _describes(name: str, row: Row) -> bool:
    """Whether what follows the colon is the type of the row's device (`opencl:gpu`) or a part of its name."""
    _, colon, wanted = name.lower().partition(":")
    return bool(colon) and row.device != "cpu" and (wanted == row.facts.get("type") or wanted in row.device.lower())
