"""OpenCL drivers without an ICD file: found, told to the loader, and said."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from hashjoule.backends import opencl_icd
from tests.conftest import system_tool
from tests.support import ROOT

pytest.importorskip("pyopencl", reason="needs the extra: pip install 'hashjoule[opencl]'")

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="ICD files are Linux's way")

SHOW = """
import json, os, pathlib, sys
from hashjoule.backends import opencl, opencl_icd
opencl_icd.VENDORS = pathlib.Path(sys.argv[1])
specs = opencl.specs()
print(json.dumps([[spec.runtime, spec.unavailable, spec.device] for spec in specs]))
"""


def pocl() -> Path:
    """The library of Debian's PoCL, which plays the GPU's driver."""
    found = sorted(Path("/usr/lib").glob("*/libpocl.so.2*"))
    if not found:
        assert not os.environ.get("CI"), "CI must have Debian's pocl-opencl-icd"
        pytest.skip("Debian's pocl-opencl-icd is not installed")
    return found[0]


def shown(tmp_path: Path, vendors: Path, **environment: str) -> list[Any]:
    """What a process with the driver on its library path, and these ICD files, lists."""
    driver = tmp_path / "driver"
    driver.mkdir()
    library = str(driver / "libnvidia-opencl.so.1")  # empty but for PoCL, which must lie in its own place
    subprocess.run([system_tool("gcc", "gcc"), "-shared", "-o", library, "-Wl,--no-as-needed", str(pocl())], check=True)
    changed = {"LD_LIBRARY_PATH": str(driver), "XDG_CACHE_HOME": str(tmp_path / "cache"), "PYTHONPATH": str(ROOT)}
    kept = {name: value for name, value in os.environ.items() if name != "OCL_ICD_VENDORS"}
    command = [sys.executable, "-c", SHOW, str(vendors)]
    done = subprocess.run(command, env=kept | changed | environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return list(json.loads(done.stdout))


def said(rows: list[Any]) -> int:
    """The number of rows that say what was done."""
    return sum("libnvidia-opencl.so.1 has no ICD file and was loaded by its name" in row[0] for row in rows)


def test_a_driver_without_an_icd_file_is_found(tmp_path: Path) -> None:
    """A container that has the library alone shows its device, and says how it was found."""
    rows = shown(tmp_path, tmp_path / "no-vendors")
    assert said(rows) == 1
    assert len([row for row in rows if row[2]]) >= 1


def test_registered_drivers_stay(tmp_path: Path) -> None:
    """The loader keeps the drivers that it knows; a broken one among them is still named."""
    vendors = tmp_path / "vendors"
    vendors.mkdir()
    (vendors / "gone.icd").write_text("libgone.so\n")
    rows = shown(tmp_path, vendors)
    assert said(rows) == 1
    assert sum("libgone.so" in str(row[1]) for row in rows) == 1


def test_a_driver_with_an_icd_file_is_left_to_the_loader(tmp_path: Path) -> None:
    """Nothing is said or done where an ICD file names the library."""
    vendors = tmp_path / "vendors"
    vendors.mkdir()
    (vendors / "nvidia.icd").write_text("libnvidia-opencl.so.1\n")
    assert said(shown(tmp_path, vendors)) == 0
    assert not (tmp_path / "cache" / "hashjoule" / "opencl-vendors").exists()


def test_the_users_own_folder_wins(tmp_path: Path) -> None:
    """Where OCL_ICD_VENDORS is set, the loader is not told anything else."""
    empty = tmp_path / "empty"
    empty.mkdir()
    assert said(shown(tmp_path, tmp_path / "no-vendors", OCL_ICD_VENDORS=str(empty))) == 0


def test_a_library_that_is_no_driver_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a file that cannot be loaded nor a library without OpenCL counts."""
    broken = tmp_path / "libbroken.so"
    broken.write_text("no library")
    monkeypatch.setattr(opencl_icd, "LIBRARIES", (str(broken), "libc.so.6", "libnowhere.so.1"))
    assert opencl_icd._unregistered(tmp_path) == []
