"""OpenCL devices of all platforms. pyopencl is imported when devices are asked for, not before.

The kernel reports candidates, whose last hash word passes a filter; here each is hashed once more. A candidate that
the filter should have stopped is a fault of the device: it is handed on for the caller to count as wrong, and a
device that keeps producing them is given up.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import cache, partial
from importlib.util import find_spec
from typing import Any

from hashjoule.backends import BackendSpec, opencl_icd, opencl_kernel, prepare
from hashjoule.backends.opencl_icd import Unregistered
from hashjoule.backends.opencl_kernel import CAPACITY, MAX_LAUNCH_NONCES, Program
from hashjoule.errors import UnavailableError
from hashjoule.hardware import Hardware, Kind, usable_cores
from hashjoule.job import Hit, Job

MAX_WRONG = 16
"""Wrong candidates after which a device is given up."""

LAUNCH_SECONDS = 0.05
"""What a launch is aimed at: long against its overhead, short against the watchdogs of displays and of users.

It is not tuned: the rate that tuning found gives the nonces for it on any device, and on a core under PoCL 3.1 20 ms
cost 2 to 3 % of the hashes in a CPU second, while 100 ms gained less than 1 %.
"""

_launch_seconds = LAUNCH_SECONDS
_INSTALL = "pip install 'hashjoule[opencl]'"


class OpenCLDevice:
    """One device, with its best kernel for each mode, built on first use."""

    def __init__(self, device: Any, name: str) -> None:
        self._device, self._name = device, name
        self._programs: dict[bool, tuple[Program, float]] = {}
        self._wrong = 0

    def scan(self, job: Job, first_nonce: int, count: int) -> list[Hit]:
        """See `Backend.scan`. Raises UnavailableError if the device fails, hangs or computes wrong hashes."""
        program, rate = self._program(len(job.versions) > 1)
        size = self._launch_nonces(job, rate)
        parts = prepare.candidates_of_range(partial(program.launch, job), first_nonce, count, size, CAPACITY)
        return [hit for part in parts for hit in self._check(job, part)]

    def _program(self, rolled: bool) -> tuple[Program, float]:
        if rolled not in self._programs:
            from hashjoule.backends import opencl_tuning

            best, program = opencl_tuning.tuned(self._device, rolled, self._name)
            self._programs[rolled] = program, best.hashes_per_second
        return self._programs[rolled]

    def _launch_nonces(self, job: Job, rate: float) -> int:
        """As many as take about as long as launches may, and fewer where an easy target makes many candidates."""
        by_time = int(rate * _launch_seconds / len(job.versions))
        return max(1, min(by_time, prepare.roomy_nonces(job, CAPACITY), MAX_LAUNCH_NONCES))

    def _check(self, job: Job, candidates: list[tuple[int, int]]) -> list[Hit]:
        hits, wrong = prepare.confirmed(job, candidates)
        self._wrong += wrong
        if self._wrong > MAX_WRONG:
            raise UnavailableError(
                f"{self._name} computed {self._wrong} wrong hashes and is given up; check its cooling"
            )
        return hits


@contextmanager
def launches_of_at_most(seconds: float) -> Iterator[None]:
    """Within, launches are aimed at that or less: while one runs, the display of its GPU stands still."""
    global _launch_seconds
    before, _launch_seconds = _launch_seconds, min(_launch_seconds, seconds)
    try:
        yield
    finally:
        _launch_seconds = before


def specs() -> list[BackendSpec]:
    """Return a spec for each device, and for whatever keeps a platform from having one."""
    if find_spec("pyopencl") is None:
        return [_missing("opencl", f"pyopencl is not installed; {_INSTALL}")]
    try:
        unregistered = opencl_icd.tell_loader()
        import pyopencl as cl

        platforms = cl.get_platforms()
    except Exception as error:  # no loader, no platform, a loader that a broken driver brings down: all mean none
        return [*_broken_drivers(), _missing("opencl", f"no OpenCL platform is found ({_line(error)}); {_remedy()}")]
    found = [
        replace(spec, runtime=spec.runtime + _how_found(platform, unregistered))
        for p, platform in enumerate(platforms)
        for spec in _platform_specs(p, platform)
    ]
    return [*found, *_broken_drivers()] or [_missing("opencl", f"no OpenCL device is found; {_remedy()}")]


def _remedy() -> str:
    return f"install the device's OpenCL driver, or Debian's pocl-opencl-icd, or {_INSTALL}"


def _how_found(platform: Any, unregistered: Sequence[Unregistered]) -> str:
    """Return what was done to find a platform; nothing if an ICD file names its driver."""
    address = getattr(platform, "int_ptr", None)
    library = next((driver.library for driver in unregistered if address in driver.platforms), None)
    return f"; {library} has no ICD file and was loaded by its name" if library else ""


def _platform_specs(p: int, platform: Any) -> Iterator[BackendSpec]:
    try:
        devices = platform.get_devices()
    except Exception as error:  # whatever a driver throws must not hide the other platforms
        yield _missing(f"opencl:{p}", f"{_try(lambda: platform.name)} lists no devices ({_line(error)}); reinstall it")
        return
    for d, device in enumerate(devices):
        name = f"opencl:{p}.{d}"
        try:
            yield _device_spec(name, device)
        except Exception as error:
            yield _missing(name, f"the device cannot be asked what it is ({_line(error)}); reinstall its driver")


def _device_spec(name: str, device: Any) -> BackendSpec:
    label = device.name.strip()
    hardware = _hardware(device)
    return BackendSpec(
        name=name,
        device=label,
        hardware=hardware,
        lanes=16 if hardware.kind == "cpu" else device.max_compute_units * 64,
        open=partial(_open, device, f"{name} ({label})"),
        unavailable=_why_not(device, f"{name} ({label})"),
        runtime=f"{device.platform.name.strip()}, {device.driver_version.strip()}",
        gains_from_threads=False,
        runs_in_caller=False,
        is_prepared=partial(_is_tuned, device),
        prepare_s=60.0 if hardware.kind == "cpu" else 20.0,
        facts=_facts(device),
    )


def _hardware(device: Any) -> Hardware:
    import pyopencl as cl

    kinds: dict[Kind, int] = {"gpu": cl.device_type.GPU, "cpu": cl.device_type.CPU}
    kind: Kind = next((kind for kind, bit in kinds.items() if device.type & bit), "accelerator")
    compute_units = int(device.max_compute_units)
    return Hardware(
        kind=kind,
        cpu_cores=min(compute_units, usable_cores()) if kind == "cpu" else 0,
        compute_units=compute_units,
        pci_bus_id=_try(lambda: _pci_bus_id(device)),
    )


def _is_tuned(device: Any) -> bool:
    from hashjoule.backends import opencl_tuning

    return opencl_tuning.is_ready(device)


@cache
def _open(device: Any, name: str) -> OpenCLDevice:
    return OpenCLDevice(device, name)


@cache
def _why_not(device: Any, name: str) -> str | None:
    """Build an empty kernel, unless the device is known to work: some compilers do not know a newer CPU.

    PoCL's wheel (3.0, LLVM 14) is one. It takes no other CPU from build options, and POCL_LLVM_CPU_NAME came with 5.0.
    """
    import pyopencl as cl

    from hashjoule.backends import opencl_tuning

    if opencl_tuning.is_tuned(device):
        return None
    if not device.available or not device.compiler_available:
        return "the device or its compiler is not available; check its driver"
    try:
        opencl_kernel.build(cl.Context([device]), "__kernel void nothing(__global int *x) { x[0] = 1; }", [])
    except Exception as error:
        reason = opencl_kernel.gist(error)
        return f"its compiler does not work ({reason}); install another driver, such as Debian's pocl-opencl-icd"
    return None


def _facts(device: Any) -> dict[str, str | int | float | None]:
    return {
        "vendor": _try(lambda: device.vendor.strip()),
        "driver": _try(lambda: device.driver_version.strip()),
        "opencl": _try(lambda: device.version.strip()),
        "clock_hz": _try(lambda: device.max_clock_frequency * 1_000_000 or None),
        "memory_bytes": _try(lambda: device.global_mem_size),
    }


def _pci_bus_id(device: Any) -> str | None:
    """Domain, bus, device and function, by whichever extension the driver has."""
    extensions = device.extensions.split()
    if "cl_khr_pci_bus_info" in extensions:
        pci = device.pci_bus_info_khr
        return f"{pci.pci_domain:04x}:{pci.pci_bus:02x}:{pci.pci_device:02x}.{pci.pci_function:x}"
    if "cl_nv_device_attribute_query" in extensions:
        slot = device.pci_slot_id_nv
        return f"{device.pci_domain_id_nv:04x}:{device.pci_bus_id_nv:02x}:{slot >> 3:02x}.{slot & 7:x}"
    if "cl_amd_device_attribute_query" in extensions:
        topology = device.topology_amd
        return f"0000:{topology.bus & 255:02x}:{topology.device:02x}.{topology.function:x}"
    return None


def _broken_drivers() -> Iterator[BackendSpec]:
    """Driver files (.icd) that name a library which cannot be loaded; the loader passes over them in silence."""
    for icd in opencl_icd.icd_files():
        try:
            library = icd.read_text("utf-8").strip().splitlines()[0]
            ctypes.CDLL(library)
        except (OSError, ValueError, IndexError) as error:
            yield _missing(f"opencl:{icd.stem}", f"{icd} names a driver that cannot be loaded ({error}); reinstall it")


def _missing(name: str, why: str) -> BackendSpec:
    return BackendSpec(
        name=name,
        device="",
        hardware=None,
        lanes=0,
        open=partial(_refuse, name, why),
        unavailable=why,
        gains_from_threads=False,
        runs_in_caller=False,
    )


def _refuse(name: str, why: str) -> OpenCLDevice:
    raise UnavailableError(f"{name} cannot be used here: {why}")


def _try(ask: Any) -> Any:
    """Return what a driver answers; None if it does not know the question."""
    try:
        return ask()
    except Exception:  # drivers refuse queries in many ways
        return None


def _line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]
