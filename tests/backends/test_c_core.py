"""The C core as a program of its own: under sanitizers, by other compilers, for other processors."""

from __future__ import annotations

import os
import re
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from hashjoule.backends import c
from tests.conftest import system_tool
from tests.fips180 import INITIAL_STATE, ROUND_CONSTANTS
from tests.support import ROOT

SANITIZE = "-O1 -g -fno-sanitize-recover=all -fsanitize="
WARNINGS_ARE_ERRORS = "-Werror -Wall -Wextra"

COMPILERS = [("gcc", "gcc"), ("clang", "clang libclang-rt-14-dev"), ("clang-19", "clang-19 libclang-rt-19-dev")]
each_compiler = pytest.mark.parametrize(("compiler", "package"), COMPILERS)

EVERYWHERE = {"portable", "generic_beside", "generic_loops"}
X86 = {"avx512", "shani", "shani_sse", "avx2", "sse2"} | EVERYWHERE
ARM = {"armv8", "neon"} | EVERYWHERE


def tool(name: str) -> str:
    """A program that the development environment brings."""
    return str(Path(sys.executable).with_name(name))


def build(folder: Path, compiler: str, flags: str, *options: str, target: str = "variants") -> Path:
    """Build a C test program with CMake and return its path. Any warning fails the build."""
    common = ["-G", "Ninja", f"-DCMAKE_MAKE_PROGRAM={tool('ninja')}", "-DHASHJOULE_TOOLS=ON"]
    configure = [tool("cmake"), "-S", str(ROOT), "-B", str(folder), *common, f"-DCMAKE_C_COMPILER={compiler}"]
    run([*configure, f"-DCMAKE_C_FLAGS={flags} {WARNINGS_ARE_ERRORS}", *options])
    run([tool("cmake"), "--build", str(folder), "--target", target])
    return folder / target


def run(command: list[str], **environment: str) -> str:
    """Run a command to its end; a failure shows what it printed."""
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=900, env=os.environ | {"CFLAGS": ""} | environment
    )
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
    return done.stdout


def assert_right(printed: str, names: set[str]) -> None:
    """The program tried these variants, and none failed."""
    assert {line.partition(":")[0] for line in printed.splitlines()} == names
    assert "FAILED" not in printed


@each_compiler
def test_variants_under_sanitizers(tmp_path: Path, compiler: str, package: str) -> None:
    """Every variant agrees with a plain loop, with no address or undefined-behaviour error."""
    program = build(tmp_path, system_tool(compiler, package), f"{SANITIZE}address,undefined")
    assert "FAILED" not in run([str(program), "150"])


@each_compiler
def test_new_jobs_in_many_threads_under_thread_sanitizer(tmp_path: Path, compiler: str, package: str) -> None:
    """Threads that begin a new job at once find every hit, and share nothing that one of them writes."""
    program = build(tmp_path, system_tool(compiler, package), f"{SANITIZE}thread", target="threads")
    assert "FAILED" not in run([str(program), "20"])


@each_compiler
def test_variants_as_released(tmp_path: Path, compiler: str, package: str) -> None:
    """The optimised build has all variants of this kind of processor, compiles without a warning and is right."""
    program = build(tmp_path, system_tool(compiler, package), "", "-DCMAKE_BUILD_TYPE=Release")
    assert_right(run([str(program), "300", "7"]), X86 if os.uname().machine == "x86_64" else ARM)


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="Wine runs programs of its own kind of CPU")
@pytest.mark.parametrize(
    ("compiler", "options"),
    [
        ("x86_64-w64-mingw32-gcc", []),
        ("clang-19", ["-DCMAKE_C_COMPILER_TARGET=x86_64-w64-mingw32"]),  # the code generator and ABI of clang-cl
    ],
)
def test_variants_on_windows(tmp_path: Path, compiler: str, options: list[str]) -> None:
    """Under Wine every variant is right, and leaves xmm6 to xmm15, which belong to the caller, as they were."""
    wine = system_tool("wine", "wine wine64")
    system_tool("x86_64-w64-mingw32-gcc", "gcc-mingw-w64-x86-64")  # clang uses its headers and libraries
    compiler = system_tool(compiler, "clang-19")
    build(tmp_path, compiler, "-static", *cross("x86_64", "Windows"), *options)
    printed = run([wine, str(tmp_path / "variants.exe"), "150"], WINEPREFIX=str(tmp_path / "wine"), WINEDEBUG="-all")
    assert_right(printed, X86)


def test_arm_variants_under_qemu(tmp_path: Path) -> None:
    """NEON and the ARMv8 SHA-2 instructions agree with a plain loop."""
    compiler = system_tool("aarch64-linux-gnu-gcc", "gcc-aarch64-linux-gnu libc6-dev-arm64-cross")
    emulator = system_tool("qemu-aarch64", "qemu-user")
    program = build(tmp_path, compiler, "-static", *cross("aarch64"))
    printed = run([emulator, str(program), "150"])
    assert_right(printed, ARM)
    assert "not on this CPU" not in printed


def test_big_endian(tmp_path: Path) -> None:
    """Nothing in the core takes little-endian words for granted."""
    compiler = system_tool("s390x-linux-gnu-gcc", "gcc-s390x-linux-gnu libc6-dev-s390x-cross")
    emulator = system_tool("qemu-s390x", "qemu-user")
    vectors = "-march=z13"  # without them gcc takes minutes for the lanes of the tests' own variants
    program = build(tmp_path, compiler, f"-static {vectors}", *cross("s390x"))
    assert_right(run([emulator, str(program), "60"]), EVERYWHERE)


def cross(processor: str, system: str = "Linux") -> list[str]:
    """CMake's options for another processor or system."""
    return ["-DCMAKE_BUILD_TYPE=Release", f"-DCMAKE_SYSTEM_NAME={system}", f"-DCMAKE_SYSTEM_PROCESSOR={processor}"]


@pytest.mark.parametrize(
    ("template", "missing"),
    [
        ("lanes-inl.h", "LANES"),
        ("loops-inl.h", "STREAMS"),
        ("two-phase-inl.h", "INLINE"),
        ("search-inl.h", "beside-inl.h or loops-inl.h"),
        ("rounds-c-inl.h", "loops-inl.h"),
        ("sha256_rounds.h", "ROTR"),
    ],
)
def test_a_template_says_what_is_missing(template: str, missing: str) -> None:
    """A variant that defines too little is told which primitive, in the compiler's first error."""
    include = ["-I", str(ROOT / "csrc"), "-I", str(ROOT / "kernels"), "-include", template]
    command = [system_tool("gcc", "gcc"), *include, "-fsyntax-only", "-x", "c", "/dev/null"]
    done = subprocess.run(command, capture_output=True, text=True)
    first_error = next(line for line in done.stderr.splitlines() if "error:" in line)
    assert missing in first_error


def test_constants_are_what_their_comments_say() -> None:
    """The numbers in the rounds are SHA-256 of what is known: round 0 of the second hash, and its padding."""
    text = (ROOT / "kernels" / "sha256_rounds.h").read_text("utf-8")
    after_round_0 = one_round(struct.unpack(">8I", INITIAL_STATE), ROUND_CONSTANTS[0])
    assert re.search(r"s\[7\] = ADD\(w0, (0x\w+)u\)", text)[1] == f"{after_round_0[0]:#010x}"  # type: ignore[index]
    assert re.search(r"s\[3\] = ADD\(w0, (0x\w+)u\)", text)[1] == f"{after_round_0[4]:#010x}"  # type: ignore[index]
    sigmas = {"s1(W15)": small_sigma(256, 17, 19, 10), "s0(W15)": small_sigma(256, 7, 18, 3)}
    sigmas["s0(W8)"] = small_sigma(0x80000000, 7, 18, 3)
    for name, value in sigmas.items():
        line = next(line for line in text.splitlines() if line.endswith(f"/* {name} */"))
        assert f"{value:#010x}u" in line


def rotated(x: int, n: int) -> int:
    """A 32-bit word, rotated right."""
    return (x >> n | x << (32 - n)) & 0xFFFFFFFF


def small_sigma(x: int, n0: int, n1: int, n2: int) -> int:
    """FIPS 180-4, 4.1.2."""
    return rotated(x, n0) ^ rotated(x, n1) ^ x >> n2


def one_round(state: tuple[int, ...], kw: int) -> list[int]:
    """FIPS 180-4, 6.2.2, step 3, with kw as K + W."""
    a, b, c, d, e, f, g, h = state
    t1 = h + (rotated(e, 6) ^ rotated(e, 11) ^ rotated(e, 25)) + (e & f ^ ~e & g) + kw
    t2 = (rotated(a, 2) ^ rotated(a, 13) ^ rotated(a, 22)) + (a & b ^ a & c ^ b & c)
    return [(t1 + t2) & 0xFFFFFFFF, a, b, c, (d + t1) & 0xFFFFFFFF, e, f, g]


def test_features_have_their_names() -> None:
    """The names of this CPU's features are those that the kernel lists."""
    if sys.platform != "linux" or os.uname().machine != "x86_64":
        pytest.skip("reads the flags of /proc/cpuinfo on x86-64")
    flags = set(re.findall(r"^flags\s*: (.*)$", Path("/proc/cpuinfo").read_text("utf-8"), re.MULTILINE)[0].split())
    ours = {"sse2": "sse2", "sse4.1": "sse4_1", "avx": "avx", "avx2": "avx2", "avx512f": "avx512f", "sha": "sha_ni"}
    assert set(c.features()) == {name for name, flag in ours.items() if flag in flags}
