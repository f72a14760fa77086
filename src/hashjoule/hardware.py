"""What a backend runs on, as facts: kind of device, PCI address, size, and the CPU cores that it keeps busy."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Kind = Literal["cpu", "gpu", "accelerator", "fpga", "asic"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hardware:
    """A device, as its own runtime describes it; nothing here is guessed from a name."""

    kind: Kind
    cpu_cores: int
    """CPU cores that searching keeps busy: those that run the search, not the one that waits for a device."""
    compute_units: int | None = None
    """OpenCL compute units or CUDA multiprocessors; None where the runtime does not say."""
    pci_bus_id: str | None = None
    """PCI address as `domain:bus:device.function` in hexadecimal: what tells two equal GPUs apart."""


ONE_CORE = Hardware(kind="cpu", cpu_cores=1)
"""A backend whose search runs in the thread that calls it."""


_CPUS = Path("/sys/devices/system/cpu")


def physical_cores(cpus: Path = _CPUS) -> int | None:
    """Return the number of cores behind the logical CPUs that this process may run on; None where nobody tells.

    A virtual machine usually shows each of its CPUs as a core of its own, whatever it is.
    """
    if not hasattr(os, "sched_getaffinity"):
        return None
    try:
        siblings = {
            (cpus / f"cpu{number}/topology/thread_siblings_list").read_text("ascii").strip()
            for number in os.sched_getaffinity(0)
        }
    except OSError:
        return None
    return len(siblings)


def usable_cores() -> int:
    """Return the number of CPU cores that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
