"""OpenCL: devices that are missing or broken, builds, tuning, launches that fail, and the kernel under oclgrind."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from hashjoule import backends, check, cli, search, solver
from hashjoule.backends import BackendSpec, opencl, opencl_kernel, opencl_tuning, prepare
from hashjoule.backends.opencl_kernel import CAPACITY, Program, Variant
from hashjoule.backends.reference import Reference
from hashjoule.errors import UnavailableError
from hashjoule.hardware import usable_cores
from hashjoule.job import MAX_TARGET, NONCES, Hit, Job
from tests.backends.under_oclgrind import VARIANTS
from tests.fakes import spec_of
from tests.support import ROOT

cl = pytest.importorskip("pyopencl", reason="needs the extra: pip install 'hashjoule[opencl]'")

GENESIS = check.known_blocks()[0].header
USABLE = [spec for spec in opencl.specs() if not spec.unavailable]


@pytest.fixture
def device() -> Any:
    """The first device that works."""
    if not USABLE:
        assert not os.environ.get("CI"), "CI must have an OpenCL device: Debian's pocl-opencl-icd"
        pytest.skip("no OpenCL device works here; Debian's pocl-opencl-icd is one")
    return USABLE[0].open()._device  # type: ignore[attr-defined]


@pytest.fixture
def no_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache for tunings; the file that one is kept in."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    path = opencl_tuning._path()
    if tmp_path not in path.parents:  # not a platform of the XDG folders
        monkeypatch.setattr(opencl_tuning, "_path", lambda: tmp_path / "tuning.json")
    return opencl_tuning._path()


# Devices


def test_pyopencl_missing_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without pyopencl there is one spec, which says what to install; opening it says so too."""
    monkeypatch.setattr(opencl, "find_spec", lambda name: None)
    (spec,) = opencl.specs()
    assert spec.unavailable == "pyopencl is not installed; pip install 'hashjoule[opencl]'"
    with pytest.raises(UnavailableError, match="pip install"):
        spec.open()
    with pytest.raises(UnavailableError, match="pip install"):
        backends.resolve(["opencl"])


def test_no_platform_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    """A loader that finds nothing makes a spec with a remedy, not an exception."""

    def nothing() -> list[Any]:
        raise cl.LogicError("clGetPlatformIDs failed: PLATFORM_NOT_FOUND_KHR")

    monkeypatch.setattr(cl, "get_platforms", nothing)
    monkeypatch.setattr(opencl, "_broken_drivers", list)
    (spec,) = opencl.specs()
    assert spec.unavailable is not None
    assert "no OpenCL platform is found" in spec.unavailable
    assert "pocl-opencl-icd" in spec.unavailable
    assert "\n" not in spec.unavailable


def test_a_driver_file_without_its_library_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An ICD file that names a missing library is reported by its path; the other specs stay."""
    (tmp_path / "gone.icd").write_text("/nowhere/libgone.so\n")
    (tmp_path / "empty.icd").write_text("")
    monkeypatch.setenv("OCL_ICD_VENDORS", str(tmp_path))
    specs = {spec.name: spec.unavailable for spec in opencl._broken_drivers()}
    assert set(specs) == {"opencl:gone", "opencl:empty"}
    assert "libgone.so" in str(specs["opencl:gone"])
    assert "reinstall" in str(specs["opencl:gone"])


def test_a_broken_platform_does_not_hide_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """Platforms that throw, and devices that cannot even say their type, become specs of their own."""

    class Broken:
        name = "Broken"

        def get_devices(self) -> list[Any]:
            raise cl.RuntimeError("clGetDeviceIDs failed: OUT_OF_HOST_MEMORY")

    class Mute:
        name = "Mute"

        def get_devices(self) -> list[Any]:
            return [object()]

    working = cl.get_platforms() if USABLE else []
    monkeypatch.setattr(cl, "get_platforms", lambda: [Broken(), Mute(), *working])
    specs = opencl.specs()
    assert specs[0].name == "opencl:0"
    assert "OUT_OF_HOST_MEMORY" in str(specs[0].unavailable)
    assert specs[1].name == "opencl:1.0"
    assert "cannot be asked" in str(specs[1].unavailable)
    assert sum(not spec.unavailable for spec in specs) == len(USABLE)


def test_facts_of_a_device(device: Any) -> None:
    """`devices` and the record learn what kind of device it is and what drives it."""
    facts, hardware = USABLE[0].facts, USABLE[0].hardware
    assert hardware is not None
    assert hardware.kind in ("cpu", "gpu", "accelerator")
    assert hardware.compute_units == device.max_compute_units
    assert facts["driver"] == device.driver_version.strip()
    if hardware.kind == "cpu":
        assert 1 <= hardware.cpu_cores <= usable_cores()
        assert hardware.pci_bus_id is None


def test_devices_by_type_and_name(device: Any) -> None:
    """`opencl:cpu` and a part of the device's name find what its number finds."""
    hardware, name = USABLE[0].hardware, USABLE[0].device
    assert hardware is not None
    kind = hardware.kind
    assert USABLE[0].name in [spec.name for spec in backends.resolve([f"opencl:{kind}"])]
    assert USABLE[0].name in [spec.name for spec in backends.resolve([f"opencl:{name[:12]}"])]


def test_other_backends_do_not_import_it() -> None:
    """Listing the C core's specs loads neither pyopencl nor Numba nor NumPy."""
    code = (
        "import sys, hashjoule; from hashjoule import backends; backends.resolve(['c', 'reference']); "
        "print([m for m in ('pyopencl', 'numba', 'numpy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


# Builds and tuning


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda v: "-".join(v.options()))
def test_every_kind_of_kernel_agrees_with_hashlib(device: Any, variant: Variant) -> None:
    """Each build finds each hit of an easy target once, across the end of the nonces."""
    program = Program(device, variant, "test")
    job = Job.rolled(GENESIS, limit=5) if variant.rolled else Job.plain(GENESIS)
    job = replace(job, target=MAX_TARGET >> 3)
    count, pairs = program.launch(job, NONCES - 50, 117)
    hits = [Hit(job.versions[midstate], nonce) for midstate, nonce in pairs]
    assert count == len(hits) == len(set(hits))
    assert set(hits) == set(Reference().scan(job, NONCES - 50, 117))


def test_a_kernel_that_does_not_compile_says_why(device: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The compiler's own words reach the user in one line."""
    monkeypatch.setattr(opencl_kernel, "source", lambda: "#error this device is too old\n")
    with pytest.raises(UnavailableError, match="too old") as failure:
        Program(device, Variant(), "opencl:9.9")
    assert "\n" not in str(failure.value)
    assert "opencl:9.9" in str(failure.value)


def test_candidates_by_type_of_device() -> None:
    """CPUs get vectors in both orders of the hashes; GPUs scalars, several midstates, multiply-adds on NVIDIA alone."""
    platform = SimpleNamespace(name="NVIDIA CUDA")
    gpu = SimpleNamespace(type=cl.device_type.GPU, platform=platform, max_work_group_size=1024)
    cpu = SimpleNamespace(type=cl.device_type.CPU, platform=SimpleNamespace(name="Portable"), max_work_group_size=4096)
    on_cpu = [(v.width, v.pipelined) for v in opencl_tuning.candidates(cpu, rolled=False)]
    assert on_cpu == [(16, True), (16, False), (8, False), (4, False)]
    on_gpu = list(opencl_tuning.candidates(gpu, rolled=True))
    assert {v.width for v in on_gpu} == {1}
    assert {v.chains for v in on_gpu} == {1, 2, 4, 8}
    assert any(v.mad_adds for v in on_gpu)
    platform.name = "AMD Accelerated Parallel Processing"
    assert not any(v.mad_adds for v in opencl_tuning.candidates(gpu, rolled=True))


class Recorded:
    """Stands for a build in tuning: right or wrong, fast or slow, as its width says."""

    def __init__(self, device: Any, variant: Variant, name: str) -> None:
        if variant.width == 16:
            raise UnavailableError("this compiler breaks on 16 lanes")
        self.variant = variant


def test_tuning_takes_the_fastest_that_is_right(
    no_cache: Path, device: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A build that fails or computes wrongly is out; the choice is logged, remembered, and used the next time."""
    caplog.set_level("INFO", "hashjoule")
    monkeypatch.setattr(opencl_tuning, "Program", Recorded)
    monkeypatch.setattr(opencl_tuning, "_is_right", lambda program, rolled: program.variant.width != 8)
    monkeypatch.setattr(opencl_tuning, "_rate", lambda program, rolled: 1e6 * program.variant.width)
    monkeypatch.setattr(opencl_tuning, "candidates", lambda device, rolled: [Variant(width=w) for w in (1, 4, 8, 16)])
    found, _ = opencl_tuning.tuned(device, False, "test")
    assert found.variant == Variant(width=4)
    assert "test: compiling and tuning the plain kernel" in caplog.text
    assert no_cache.exists()
    assert opencl_tuning.is_tuned(device)
    monkeypatch.setattr(opencl_tuning, "candidates", lambda device, rolled: pytest.fail("tuned a second time"))
    assert opencl_tuning.tuned(device, False, "test")[0] == found


def test_a_device_where_every_build_is_wrong_is_refused(
    no_cache: Path, device: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No rate is made up where nothing computes rightly, and nothing is remembered."""
    monkeypatch.setattr(opencl_tuning, "Program", Recorded)
    monkeypatch.setattr(opencl_tuning, "_is_right", lambda program, rolled: False)
    monkeypatch.setattr(opencl_tuning, "candidates", lambda device, rolled: [Variant(width=4)])
    with pytest.raises(UnavailableError, match="wrong hashes"):
        opencl_tuning.tuned(device, False, "opencl:9.9")
    assert not no_cache.exists()


@pytest.mark.parametrize("spoilt", ["", "{", "[]", '{"x": 1}', '{"x": {"variant": {"no": 1}}}'])
def test_a_spoilt_cache_is_as_good_as_none(no_cache: Path, spoilt: str) -> None:
    """Whatever is in the file, the device is tuned again and the file made whole."""
    no_cache.parent.mkdir(parents=True, exist_ok=True)
    no_cache.write_text(spoilt)
    assert opencl_tuning._load() == {}
    tuned = opencl_tuning.Tuned(Variant(), 1.0)
    opencl_tuning._save("key", tuned)
    assert opencl_tuning._load() == {"key": tuned}
    assert set(json.loads(no_cache.read_text())) == {"key"}


# Launches


class Scripted:
    """Stands for a built kernel: reports what it is told."""

    def __init__(self, pairs: list[tuple[int, int]]) -> None:
        self.pairs, self.ranges = pairs, list[int]()

    def launch(self, job: Job, first_nonce: int, nonces: int) -> tuple[int, list[tuple[int, int]]]:
        """The scripted pairs within the range."""
        self.ranges.append(nonces)
        inside = [(m, n) for m, n in self.pairs if (n - first_nonce) % NONCES < nonces]
        return len(inside), inside[:CAPACITY]


def scripted(pairs: list[tuple[int, int]]) -> tuple[opencl.OpenCLDevice, Scripted]:
    """A device whose plain kernel is scripted."""
    device, program = opencl.OpenCLDevice(None, "opencl:9.9 (test)"), Scripted(pairs)
    device._programs[False] = (program, 1e9)  # type: ignore[assignment]
    return device, program


def test_a_wrong_hash_is_counted_not_hidden() -> None:
    """What the device's filter should have stopped reaches `search.scan`, which counts it as wrong."""
    device, _ = scripted([(0, GENESIS.nonce), (0, 5)])
    scanned = search.scan(device, Job.plain(GENESIS), 0, NONCES - 1)
    assert scanned.hits == [Hit(GENESIS.version, GENESIS.nonce)]
    assert scanned.wrong == 1


def test_a_near_miss_is_not_wrong() -> None:
    """A hash that passes the filter but not the target is dropped without blame."""
    device, _ = scripted([(0, GENESIS.nonce)])
    exact = int.from_bytes(GENESIS.hash(), "little")
    assert search.scan(device, Job.plain(GENESIS, exact - 1), GENESIS.nonce, 1) == search.Scanned([], 0)


def test_a_device_with_many_wrong_hashes_is_given_up() -> None:
    """Past the threshold the device is stopped with one sentence."""
    device, _ = scripted([(0, n) for n in range(opencl.MAX_WRONG + 1)])
    with pytest.raises(UnavailableError, match="wrong hashes and is given up"):
        device.scan(Job.plain(GENESIS), 0, 1000)


def test_more_candidates_than_fit_are_found_in_smaller_launches(monkeypatch: pytest.MonkeyPatch) -> None:
    """A launch that overflows is made again in halves, so no hit is lost or doubled."""
    monkeypatch.setattr(prepare, "roomy_nonces", lambda job, capacity: NONCES)
    n = 3 * CAPACITY
    device, program = scripted([(0, nonce) for nonce in range(n)])
    hits = device.scan(Job.plain(GENESIS, MAX_TARGET), 0, n)
    assert sorted(hit.nonce for hit in hits) == list(range(n))
    assert program.ranges[:2] == [n, n // 2]


def test_easy_targets_make_short_launches() -> None:
    """As many nonces as half fill the buffer on average; a real target does not limit them, and one is the least."""
    assert prepare.roomy_nonces(Job.plain(GENESIS, MAX_TARGET), 1000) == 500
    assert prepare.roomy_nonces(Job.plain(GENESIS, MAX_TARGET >> 5), 1000) == 500 << 5
    assert prepare.roomy_nonces(Job.plain(GENESIS), 1000) >= NONCES
    assert prepare.roomy_nonces(Job.rolled(GENESIS, limit=256, target=MAX_TARGET), 100) == 1


def largest_launch() -> int:
    """The nonces of the largest launch at 1 GH/s in a range of a second."""
    device, program = scripted([])
    device.scan(Job.plain(GENESIS), 0, 1_000_000_000)
    return max(program.ranges)


def test_launches_are_as_short_as_asked() -> None:
    """A limit shortens launches while it holds; it never makes them longer than they are anyway."""
    usual = round(1e9 * opencl.LAUNCH_SECONDS)
    assert largest_launch() == usual
    with opencl.launches_of_at_most(0.005):
        assert largest_launch() == 5_000_000
    with opencl.launches_of_at_most(10.0):
        assert largest_launch() == usual
    assert largest_launch() == usual


def test_max_launch_ms_holds_for_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    """--max-launch-ms is in force while the command searches, and not after it."""
    seen: list[int] = []

    class Watched(Reference):
        def scan(self, job: Job, first_nonce: int, count: int) -> list[Hit]:
            seen.append(largest_launch())
            return super().scan(job, first_nonce, count)

    monkeypatch.setattr(solver, "backend_named", lambda name, mode: spec_of(Watched()))
    header = GENESIS.pack().hex()
    command = ["grind", header, "--start", str(GENESIS.nonce), "--count", "1", "--threads", "1"]
    assert cli.run([*command, "--max-launch-ms", "2.5"]) == 0
    assert set(seen) == {2_500_000}
    assert largest_launch() > 2_500_000


@pytest.mark.parametrize("command", ["bench", "check", "grind", "mine"])
@pytest.mark.parametrize("ms", ["0", "-5", "nan", "many"])
def test_a_launch_takes_some_time(command: str, ms: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Every command that may search with OpenCL has the option, and refuses what is no number above zero."""
    assert cli.run([command, "--max-launch-ms", ms]) == 2
    assert f"'{ms}' is not a number above zero" in capsys.readouterr().err


def test_a_hung_launch_is_reported(device: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A launch that does not come back in time ends in a sentence, not in a wait for ever."""
    monkeypatch.setattr(opencl_kernel, "HUNG_FIRST_SECONDS", -1.0)
    program = Program(device, VARIANTS[0], "opencl:9.9")
    with pytest.raises(UnavailableError, match=r"opencl:9\.9 hangs"):
        program.launch(Job.plain(GENESIS), 0, 1 << 20)


def test_a_device_that_fails_is_one_sentence(device: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """An OpenCL error in mid-run (a vanished device, no memory) names the device and the error."""

    def failing(*arguments: Any, **options: Any) -> Any:
        raise cl.RuntimeError("clEnqueueNDRangeKernel failed: OUT_OF_RESOURCES")

    program = Program(device, VARIANTS[0], "opencl:9.9")
    monkeypatch.setattr(cl, "enqueue_nd_range_kernel", failing)
    with pytest.raises(UnavailableError, match=r"opencl:9\.9 failed: .*OUT_OF_RESOURCES"):
        program.launch(Job.plain(GENESIS), 0, 100)


@pytest.mark.parametrize("spec", USABLE, ids=lambda spec: spec.name)
def test_two_jobs_in_turn(spec: BackendSpec) -> None:
    """A device that changes between jobs keeps none of the last one."""
    backend = check.ready(spec)
    blocks = [block.header for block in check.known_blocks()[:2]]
    for header in (*blocks, *blocks):
        assert backend.scan(Job.plain(header), header.nonce - 3, 7) == [Hit(header.version, header.nonce)]


def test_no_race_and_nothing_uninitialized_under_oclgrind() -> None:
    """A simulator that watches every access finds no fault in any kind of kernel, and each finds the known block."""
    oclgrind = shutil.which("oclgrind")
    if oclgrind is None:
        assert not os.environ.get("CI"), "CI must have Debian's oclgrind"
        pytest.skip("oclgrind is not installed (Debian package oclgrind)")
    watch = ["--data-races", "--uninitialized", "--build-options", "-cl-opt-disable"]  # it knows no LLVM rotates
    done = subprocess.run(
        [oclgrind, *watch, sys.executable, "-m", "tests.backends.under_oclgrind"],
        cwd=ROOT,
        env=os.environ | {"OCL_ICD_VENDORS": "/nonexistent", "PYOPENCL_NO_CACHE": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.splitlines() == [f"Oclgrind Simulator 1 [(0, {GENESIS.nonce})]"] * len(VARIANTS)
    for fault in ("race", "ninitialized", "Invalid", "ERROR"):
        assert fault not in done.stderr
