"""Numba: the kernel's vector code, its cache on disk, its threads, and the CUDA kernel on Numba's simulator."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest

from hashjoule import backends, check
from hashjoule.backends import c, numba_
from hashjoule.errors import UnavailableError
from hashjoule.hardware import Hardware
from hashjoule.job import NONCES, Hit, Job

pytest.importorskip("numba", reason="needs the extra: pip install 'hashjoule[numba]'")

HEADER = check.known_blocks()[-1].header


def test_numba_missing_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without Numba both specs say what to install, and selecting one says so too."""
    monkeypatch.setattr(numba_, "find_spec", lambda name: None)
    for spec in numba_.specs():
        assert spec.unavailable == "Numba is not installed; pip install 'hashjoule[numba]'"
        with pytest.raises(UnavailableError, match="pip install"):
            spec.open()
    with pytest.raises(UnavailableError, match="pip install"):
        backends.resolve(["numba"])


def test_listing_does_not_import_numba() -> None:
    """The spec is known without the import, which takes half a second."""
    code = "import sys; from hashjoule.backends import numba_; numba_.specs(); print('numba' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


@pytest.mark.parametrize(("rolled", "rotates"), [(False, 1000), (True, 860)], ids=["plain", "rolled"])
def test_rotates_are_vector_instructions(rolled: bool, rotates: int) -> None:
    """On a CPU with AVX-512 the rounds are vector code with single rotates and three-input logic, and no scalar ones.

    In zmm registers, or in ymm where LLVM takes the wide ones to be slow.
    """
    if "avx512f" not in c.features():
        pytest.skip("this CPU has no AVX-512")
    (assembly,) = numba_.compiled(numba_.function(rolled), use_cache=False).inspect_asm().values()
    vector = re.findall(r"\tvpro[lr]d\t.*%([yz]mm)\d+", assembly)
    assert len(vector) >= rotates
    assert len(set(vector)) == 1
    assert len(re.findall(r"\tvpternlogd\t", assembly)) >= 500
    assert len(re.findall(r"\tro[lr]x?[lq]?\t", assembly)) < 20


def test_the_kernel_is_kept_on_disk() -> None:
    """A second process loads what the first compiled."""
    numba_.kernel(rolled=False)
    code = "from hashjoule.backends import numba_; print(sum(numba_.kernel(rolled=False).stats.cache_hits.values()))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "1"


def test_threads_scan_at_once() -> None:
    """Calls from several threads share nothing: each finds its own hit."""
    backend = check.ready(backends.resolve(["numba"])[0])
    headers = [block.header for block in check.known_blocks()]

    def find(i: int) -> bool:
        header = headers[i % len(headers)]
        job = Job.rolled(header, limit=20) if i % 2 else Job.plain(header)
        return backend.scan(job, (header.nonce - 500) % NONCES, 1000) == [Hit(header.version, header.nonce)]

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(find, range(40)))


def test_cuda_says_what_is_missing() -> None:
    """Without an NVIDIA driver the CUDA spec stays, with the reason."""
    spec = numba_.specs()[1]
    assert spec.name == "numba:cuda"
    if spec.unavailable:
        assert "NVIDIA" in spec.unavailable
        with pytest.raises(UnavailableError, match="NVIDIA"):
            backends.resolve(["numba:cuda"])


def test_the_cuda_kernel_on_the_simulator() -> None:
    """On Numba's CUDA simulator the spec is usable and finds exactly what hashlib finds, plain and rolled."""
    code = """
from hashjoule import backends, check
from hashjoule.hardware import Hardware
from hashjoule.job import MAX_TARGET, NONCES, Job
(spec,) = backends.resolve(["numba:cuda"])
backend, header = spec.open(), check.known_blocks()[0].header
for job, count in ((Job.plain(header, MAX_TARGET >> 2), 30), (Job.rolled(header, limit=3, target=MAX_TARGET >> 2), 9)):
    print(check.compare_with_hashlib(backend, job, NONCES - 4, count, "simulated"))
print(check.check_known(backend, spec, check.known_blocks()[-1], 5))
"""
    environment = os.environ | {"NUMBA_ENABLE_CUDASIM": "1"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, env=environment)
    assert done.stdout.split() == ["None"] * 3, done.stderr[-2000:]


def test_facts_of_a_cuda_device(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first GPU's name, PCI bus id and multiprocessors come from the driver (made up here, as Numba shows them)."""
    identity = {"pci_domain_id": 0, "pci_bus_id": 0x41, "pci_device_id": 0}
    device = SimpleNamespace(name=b"NVIDIA H100", MULTIPROCESSOR_COUNT=132, get_device_identity=lambda: identity)
    monkeypatch.setattr("numba.cuda.list_devices", lambda: [device])
    facts = Hardware(kind="gpu", cpu_cores=0, compute_units=132, pci_bus_id="0000:41:00.0")
    assert numba_._cuda_device() == ("NVIDIA H100", facts)
