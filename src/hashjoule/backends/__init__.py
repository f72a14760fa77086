"""The backends: one explicit registry of everything that can search, usable here or not.

A provider is a module with `specs()`; a spec says what a backend is and why it is unavailable, and opens it.
To add one: write the module, add one line to PROVIDERS.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from importlib import import_module
from typing import Protocol

from hashjoule.errors import UnavailableError, UsageError
from hashjoule.hardware import Hardware
from hashjoule.job import Hit, Job


class Backend(Protocol):
    """Something that searches. It has no threads, clock or stop flag: callers pass short ranges."""

    def scan(self, job: Job, first_nonce: int, count: int) -> list[Hit]:
        """Return every hit among `count` nonces from `first_nonce` (mod 2^32) for every version of the job.

        Each pair of version and nonce is tried exactly once. The order of the hits is not defined.
        """
        ...


@dataclass(frozen=True, kw_only=True)
class BackendSpec:
    """One entry of the registry: a backend, usable here or not."""

    name: str
    """What users type: a provider, or a provider and a variant or device (`c:avx2`, `opencl:0.0`)."""
    device: str
    """What the device calls itself; "cpu" for code that runs in the calling thread."""
    hardware: Hardware | None
    """Facts of the device; None where there is none to ask."""
    lanes: int
    """Hashes that one step of the search works on; 0 if unknown."""
    open: Callable[[], Backend]
    """Makes the backend ready to scan; may compile. Raises UnavailableError."""
    unavailable: str | None = None
    """Why it cannot be used here and what to do about it, as one sentence; None if it can."""
    runtime: str = ""
    """Compiler, library or driver that runs it."""
    gains_from_threads: bool = True
    """Whether several threads may scan at once and gain from it."""
    runs_in_caller: bool = True
    """Whether the calling thread does the work itself, so that its CPU time is the backend's."""
    rolled_versions: int = 64
    """Versions that a rolled job should carry to be fast here."""
    is_prepared: Callable[[], bool] = lambda: True
    """Whether it can be opened without compiling or tuning first."""
    prepare_s: float = 0.0
    """About how long compiling and tuning takes, in seconds."""
    facts: dict[str, str | int | float | None] = field(default_factory=dict)
    """What else the driver says of the device (vendor, memory in bytes, clock rate in Hz), for `devices --json`."""

    @property
    def on_cpu(self) -> bool:
        """Whether the CPU does the work, called directly or as an OpenCL device."""
        return self.hardware is not None and self.hardware.kind == "cpu"


PROVIDERS = {
    "c": "hashjoule.backends.c",
    "numba": "hashjoule.backends.numba_",
    "opencl": "hashjoule.backends.opencl",
    "reference": "hashjoule.backends.reference",
}
"""The first part of a backend's name, and the module that knows those backends; best first."""


def specs(provider: str | None = None) -> list[BackendSpec]:
    """Return the registry, best first: of one provider, or of all of them."""
    modules = PROVIDERS.values() if provider is None else [PROVIDERS[provider]]
    return [spec for module in modules for spec in import_module(module).specs()]


def resolve(names: Iterable[str]) -> list[BackendSpec]:
    """Return the specs that names stand for, each once, in the order of the names.

    The name of a provider (`c`) stands for all of its usable backends, `all` for those of every provider. A device is
    also found by its kind or by a part of its own name (`opencl:gpu`, `opencl:radeon`). Only the providers that the
    names need are imported.

    Raises:
        UsageError: for an unknown name, or a C variant that this CPU lacks.
        UnavailableError: for a device or library that is not there.
    """
    chosen: dict[str, BackendSpec] = {}
    for name in names:
        for spec in _matching(name):
            chosen[spec.name] = spec
    return list(chosen.values())


def _matching(name: str) -> list[BackendSpec]:
    if name == "all":
        return [spec for spec in specs() if not spec.unavailable]
    provider = provider_of(name)
    known = specs(provider)
    exact = [spec for spec in known if spec.name == name] or [spec for spec in known if _describes(name, spec)]
    if exact and exact[0].unavailable:
        error = UsageError if provider == "c" else UnavailableError
        raise error(f"{name} cannot be used here: {exact[0].unavailable}")
    if not exact and name != provider:
        raise UsageError(f"there is no backend {name!r}; `hashjoule devices` lists them")
    usable = exact or [spec for spec in known if not spec.unavailable]
    if not usable:
        raise UnavailableError(
            f"no backend of {name} can be used here: {known[0].unavailable if known else 'none known'}"
        )
    return usable


def provider_of(name: str) -> str:
    """Return the provider in a backend's name, whatever this machine has.

    Raises:
        UsageError: if there is no such provider.
    """
    provider = name.partition(":")[0]
    if provider not in PROVIDERS:
        raise UsageError(f"there is no backend {name!r}; `hashjoule devices` lists them")
    return provider


def _describes(name: str, spec: BackendSpec) -> bool:
    """Whether the part after the colon is the kind of the device (`opencl:gpu`) or a part of its name."""
    _, colon, wanted = name.lower().partition(":")
    if not colon or spec.runs_in_caller or spec.hardware is None:
        return False
    return wanted == spec.hardware.kind or wanted in spec.device.lower()
