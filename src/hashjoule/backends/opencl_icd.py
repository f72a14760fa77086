"""OpenCL drivers that are installed but not registered.

An OpenCL loader learns of drivers from ICD files, each of which names a library. Containers for CUDA and ROCm often
have the driver's library and no such file, so that the loader finds nothing. Here the library is found, and the loader
is pointed at a folder that has the files it knew and one more.
"""

from __future__ import annotations

import ctypes
import logging
import os
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

VENDORS = Path("/etc/OpenCL/vendors")
"""Where loaders look for ICD files, unless OCL_ICD_VENDORS names another folder.

Source: ocl-icd, libOpenCL(7); Khronos OpenCL-ICD-Loader, README.
"""

LIBRARIES = ("libnvidia-opencl.so.1", "libamdocl64.so", "/opt/rocm/lib/libamdocl64.so")
"""The libraries of NVIDIA's and AMD's drivers. NVIDIA's container runtime mounts the first, but no ICD file.

Source: libnvidia-container, src/nvc_info.c (compute libraries); ROCm's package rocm-opencl.
"""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Unregistered:
    """A driver's library that no ICD file names, and the platforms in it, as the addresses that loaders pass on."""

    library: str
    platforms: frozenset[int]


@cache
def tell_loader() -> tuple[Unregistered, ...]:
    """Point the loader at all drivers that can be loaded, and return those that no ICD file names.

    Call it before pyopencl is imported, for the loader looks for drivers when it is loaded. What the user has set
    OCL_ICD_VENDORS to is left as it is.
    """
    if sys.platform != "linux" or "OCL_ICD_VENDORS" in os.environ:
        return ()
    found = tuple(_unregistered(VENDORS))
    if found:
        try:
            os.environ["OCL_ICD_VENDORS"] = str(_folder_with([driver.library for driver in found]))
        except OSError as error:
            _log.info("drivers without an ICD file are left out: %s", error)
            return ()
    return found


def icd_files() -> list[Path]:
    """Return the ICD files that the loader reads."""
    folder = Path(os.environ.get("OCL_ICD_VENDORS") or VENDORS)
    return sorted(folder.glob("*.icd")) if folder.is_dir() else []


def _unregistered(vendors: Path) -> list[Unregistered]:
    registered = {Path(line).name for icd in vendors.glob("*.icd") for line in icd.read_text("utf-8").split()}
    found: dict[str, Unregistered] = {}
    for library in LIBRARIES:
        name = Path(library).name
        if name not in registered and name not in found and (platforms := _platforms(library)):
            found[name] = Unregistered(library, platforms)
    return list(found.values())


def _platforms(library: str) -> frozenset[int]:
    """Ask a driver for its platforms as loaders do (cl_khr_icd); none if it cannot be loaded."""
    try:
        driver = ctypes.CDLL(library)
        driver.clGetExtensionFunctionAddress.restype = ctypes.c_void_p
        address = driver.clGetExtensionFunctionAddress(b"clIcdGetPlatformIDsKHR")
    except (OSError, AttributeError):
        return frozenset()
    prototype = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_uint, ctypes.POINTER(ctypes.c_void_p), ctypes.c_void_p)
    room, count = (ctypes.c_void_p * 16)(), ctypes.c_uint()
    if not address or prototype(address)(len(room), room, ctypes.addressof(count)):
        return frozenset()
    return frozenset(platform for platform in room[: count.value] if platform)


def _folder_with(libraries: list[str]) -> Path:
    """Make a folder with the system's ICD files and one for each library."""
    from platformdirs import user_cache_path  # comes with pyopencl

    folder = user_cache_path("hashjoule", appauthor=False) / "opencl-vendors"
    folder.mkdir(parents=True, exist_ok=True)
    wanted = {icd.name: icd.read_text("utf-8") for icd in VENDORS.glob("*.icd")}
    wanted |= {f"hashjoule-{Path(library).stem}.icd": library + "\n" for library in libraries}
    for stale in folder.glob("*.icd"):
        if stale.name not in wanted:
            stale.unlink(missing_ok=True)
    for name, text in wanted.items():
        scratch = folder / f"{name}.{os.getpid()}.tmp"
        scratch.write_text(text, "utf-8")
        scratch.replace(folder / name)
    return folder
