"""The Numba kernels, on the CPU and on NVIDIA GPUs. Numba is imported when a backend is opened, not before."""

from __future__ import annotations

import ctypes
import logging
import os
import sys
import threading
from functools import cache, lru_cache, partial
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any

from hashjoule.backends import BackendSpec, prepare
from hashjoule.errors import UnavailableError
from hashjoule.hardware import ONE_CORE, Hardware
from hashjoule.job import SHA256_K, Hit, Job

_INSTALL = "pip install 'hashjoule[numba]'"
_CAPACITY = 1 << 12
_GPU_CAPACITY = 1 << 16
_GPU_THREADS = 256
SIGNATURE = "uint64(uint64, uint64, uint32, uint64, uint32[::1], uint32[::1], uint32[::1], uint32[:, ::1])"

_log = logging.getLogger(__name__)


def function(rolled: bool) -> Any:
    """Return the CPU kernel as a Python function, for Numba to compile."""
    import numpy as np

    from hashjoule.kernels import numba_kernel

    names: dict[str, Any] = {"u32": np.uint32, "u64": np.uint64, "__name__": numba_kernel.__name__}
    text = numba_kernel.cpu_source(SHA256_K, rolled)
    exec(compile(text, numba_kernel.__file__, "exec"), names)  # as if it stood in that file, Numba can cache it
    return names["search_rolled" if rolled else "search_plain"]


@cache
def kernel(rolled: bool) -> Any:
    """Return the compiled CPU kernel. Compiling takes about 20 s; Numba keeps the result on disk for the next time."""
    import numba

    _log.info("numba: compiling the %s kernel, about 20 s the first time", "rolled" if rolled else "plain")
    try:
        return compiled(function(rolled), use_cache=True)
    except (OSError, RuntimeError, EOFError, ValueError, AttributeError, numba.core.errors.NumbaError):
        return compiled(function(rolled), use_cache=False)  # what was kept is spoilt, or no folder can be written


def compiled(kernel_function: Any, use_cache: bool) -> Any:
    """Return the function compiled by Numba, which no longer holds the GIL. Numba's exceptions are passed on."""
    dispatcher = _dispatcher(kernel_function, use_cache)
    dispatcher.compile(SIGNATURE)
    return dispatcher


def _dispatcher(kernel_function: Any, use_cache: bool) -> Any:
    import numba

    return numba.njit(nogil=True, cache=use_cache, error_model="numpy")(kernel_function)


def is_compiled() -> bool:
    """Return whether Numba's cache on disk holds the CPU kernels for this processor; compiles nothing."""
    try:
        dispatchers = [_dispatcher(function(rolled), use_cache=True) for rolled in (False, True)]
        # Numba has no public way to ask; where a version has none at all, the kernels count as not compiled.
        return all(d._cache.load_overload(SIGNATURE, d.targetctx) is not None for d in dispatchers)
    except Exception:  # a spoilt cache, a folder that cannot be read, a version without these names
        return False


@lru_cache(maxsize=4)
def _prepared(job: Job) -> tuple[Any, Any]:
    """Return the job's known words and midstates as arrays."""
    import numpy as np

    known = prepare.known_words(job)
    midstates = [word for m in job.midstates for word in (*m, *prepare.start(m, known))]
    return np.array(known, np.uint32), np.array(midstates, np.uint32)


class NumbaCpu:
    """The CPU kernels, ready for any number of threads: they release the GIL."""

    def __init__(self) -> None:
        kernel(rolled=False)
        kernel(rolled=True)

    def scan(self, job: Job, first_nonce: int, count: int) -> list[Hit]:
        """See `Backend.scan`."""
        size = prepare.roomy_nonces(job, _CAPACITY)
        parts = prepare.candidates_of_range(partial(self._search, job), first_nonce, count, size, _CAPACITY)
        return [hit for part in parts for hit in prepare.confirmed(job, part)[0]]

    def _search(self, job: Job, first_nonce: int, nonces: int) -> tuple[int, list[tuple[int, int]]]:
        import numpy as np

        from hashjoule.kernels import numba_kernel

        known, midstates = _prepared(job)
        block = _aligned_zeros(numba_kernel.ROWS * numba_kernel.LANES)
        found = np.empty((_CAPACITY, 2), np.uint32)
        n_found = kernel(len(job.versions) > 1)(
            np.uint64(first_nonce), np.uint64(nonces), np.uint32(prepare.word7_filter(job.target)),
            np.uint64(len(job.versions)), known, midstates, block, found,
        )  # fmt: skip
        return int(n_found), [(int(index), int(nonce)) for index, nonce in found[: int(n_found)]]


def _aligned_zeros(words: int) -> Any:
    """Words at a multiple of 64 bytes, so that no vector lies across two cache lines."""
    import numpy as np

    room = np.zeros(words + 15, np.uint32)
    skip = -room.ctypes.data % 64 // 4
    return room[skip : skip + words]


class NumbaCuda:
    """The CUDA kernel on the first NVIDIA GPU, or on Numba's simulator. One launch at a time."""

    def __init__(self) -> None:
        try:
            self._kernel = cuda_kernel()
        except Exception as error:  # whatever the driver or the compiler throws
            raise UnavailableError(f"numba:cuda cannot build its kernel: {str(error).splitlines()[0]}") from error
        self._lock = threading.Lock()

    def scan(self, job: Job, first_nonce: int, count: int) -> list[Hit]:
        """See `Backend.scan`. Raises UnavailableError if the GPU fails."""
        size = min(1 << 24, prepare.roomy_nonces(job, _GPU_CAPACITY))
        parts = prepare.candidates_of_range(partial(self._launch, job), first_nonce, count, size, _GPU_CAPACITY)
        return [hit for part in parts for hit in prepare.confirmed(job, part)[0]]

    def _launch(self, job: Job, first_nonce: int, nonces: int) -> tuple[int, list[tuple[int, int]]]:
        import numpy as np
        from numba import cuda

        known, midstates = _prepared(job)
        try:
            with self._lock:
                count, found = cuda.to_device(np.zeros(1, np.int32)), cuda.device_array((_GPU_CAPACITY, 2), np.uint32)
                self._kernel[-(-nonces // _GPU_THREADS), _GPU_THREADS](
                    np.uint32(first_nonce), nonces, np.uint32(prepare.word7_filter(job.target)), len(job.versions),
                    cuda.to_device(known), cuda.to_device(midstates), found, count,
                )  # fmt: skip
                n_found = int(count.copy_to_host()[0])
                return n_found, [(int(i), int(n)) for i, n in found.copy_to_host()[:n_found]]
        except Exception as error:  # whatever the driver throws
            raise UnavailableError(f"numba:cuda failed: {str(error).splitlines()[0]}; check the driver") from error


@cache
def cuda_kernel() -> Any:
    """Return the CUDA kernel; compiled at its first launch."""
    import numpy as np
    from numba import cuda

    from hashjoule.kernels import numba_kernel

    names: dict[str, Any] = {"u32": np.uint32, "u64": np.uint64, "cuda": cuda}
    if _is_simulated():  # NumPy's scalars warn where they wrap; Python's numbers do not
        names |= {"u32": lambda x: int(x) & 0xFFFFFFFF, "u64": int}
    exec(compile(numba_kernel.gpu_source(SHA256_K), numba_kernel.__file__, "exec"), names)
    return cuda.jit(names["search"])


def _is_simulated() -> bool:
    return os.environ.get("NUMBA_ENABLE_CUDASIM") == "1"


def _why_no_cuda() -> str | None:
    if _is_simulated():
        return None
    try:
        ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
    except OSError:
        return "no NVIDIA driver is found (libcuda); install it if there is an NVIDIA GPU"
    from numba import cuda

    return None if cuda.is_available() else "the NVIDIA driver has no GPU that Numba can use; see `numba -s`"


def specs() -> list[BackendSpec]:
    """Return the spec of the CPU and that of CUDA."""
    why = None if find_spec("numba") else f"Numba is not installed; {_INSTALL}"
    runtime = "" if why else f"Numba {version('numba')}"
    cpu = BackendSpec(
        name="numba",
        device="cpu",
        hardware=ONE_CORE,
        lanes=16,
        open=partial(_opened, NumbaCpu, why),
        unavailable=why,
        runtime=runtime,
        is_prepared=is_compiled,
        prepare_s=40.0,
    )
    why_no_cuda = why or _why_no_cuda()
    device, hardware = ("", None) if why_no_cuda else _cuda_device()
    gpu = BackendSpec(
        name="numba:cuda",
        device=device,
        hardware=hardware,
        lanes=_GPU_THREADS,
        open=partial(_opened, NumbaCuda, why),
        unavailable=why_no_cuda,
        runtime=runtime,
        gains_from_threads=False,
        runs_in_caller=False,
    )
    return [cpu, gpu]


def _cuda_device() -> tuple[str, Hardware]:
    """Name and facts of the first CUDA device, which is the one that Numba uses; no context is created."""
    if _is_simulated():
        return "CUDA simulator", Hardware(kind="gpu", cpu_cores=0)
    from numba import cuda

    device = cuda.list_devices()[0]
    pci = device.get_device_identity()
    name = device.name.decode(errors="replace") if isinstance(device.name, bytes) else str(device.name)
    return name, Hardware(
        kind="gpu",
        cpu_cores=0,
        compute_units=int(device.MULTIPROCESSOR_COUNT),
        pci_bus_id=f"{pci['pci_domain_id']:04x}:{pci['pci_bus_id']:02x}:{pci['pci_device_id']:02x}.0",
    )


@cache
def _opened(kind: type[NumbaCpu] | type[NumbaCuda], why: str | None) -> NumbaCpu | NumbaCuda:
    if why:
        raise UnavailableError(why)
    return kind()
