"""The C core as a program of its own: under sanitizers, by other compilers, for other processors."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import system_tool
from tests.support import ROOT

SANITIZE = "-O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all"
WARNINGS_ARE_ERRORS = "-Werror -Wall -Wextra"


def tool(name: str) -> str:
    """A program that the development environment brings."""
    return str(Path(sys.executable).with_name(name))


def build(folder: Path, compiler: str, flags: str, *options: str) -> Path:
    """Builds the C test program with CMake; returns its path. Any warning fails the build."""
    common = ["-G", "Ninja", f"-DCMAKE_MAKE_PROGRAM={tool('ninja')}", "-DHASHJOULE_TOOLS=ON"]
    configure = [tool("cmake"), "-S", str(ROOT), "-B", str(folder), *common, f"-DCMAKE_C_COMPILER={compiler}"]
    run([*configure, f"-DCMAKE_C_FLAGS={flags} {WARNINGS_ARE_ERRORS}", *options])
    run([tool("cmake"), "--build", str(folder), "--target", "variants"])
    return folder / "variants"


def run(command: list[str]) -> str:
    """Runs a command to its end; a failure shows what it printed."""
    environment = {**os.environ, "CFLAGS": ""}
    done = subprocess.run(command, capture_output=True, text=True, timeout=900, env=environment)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
    return done.stdout


@pytest.mark.parametrize(("compiler", "package"), [("gcc", "gcc"), ("clang", "clang libclang-rt-14-dev")])
def test_variants_under_sanitizers(tmp_path: Path, compiler: str, package: str) -> None:
    """Every variant agrees with a plain loop, with no address or undefined-behaviour error."""
    program = build(tmp_path, system_tool(compiler, package), SANITIZE)
    assert "FAILED" not in run([str(program), "150"])


@pytest.mark.parametrize(("compiler", "package"), [("gcc", "gcc"), ("clang", "clang")])
def test_variants_as_released(tmp_path: Path, compiler: str, package: str) -> None:
    """The optimised build has all variants of this kind of processor, compiles without a warning and is right."""
    program = build(tmp_path, system_tool(compiler, package), "", "-DCMAKE_BUILD_TYPE=Release")
    printed = run([str(program), "300", "7"])
    assert "FAILED" not in printed
    if os.uname().machine == "x86_64":
        names = {line.partition(":")[0] for line in printed.splitlines()}
        assert names == {"portable", "sse2", "avx2", "avx512", "shani"}


def test_arm_variants_under_qemu(tmp_path: Path) -> None:
    """NEON and the ARMv8 SHA-2 instructions agree with a plain loop."""
    compiler = system_tool("aarch64-linux-gnu-gcc", "gcc-aarch64-linux-gnu libc6-dev-arm64-cross")
    emulator = system_tool("qemu-aarch64", "qemu-user")
    program = build(tmp_path, compiler, "-static", *cross("aarch64"))
    printed = run([emulator, str(program), "150"])
    assert {line.partition(":")[0] for line in printed.splitlines()} == {"portable", "neon", "armv8"}
    assert "FAILED" not in printed
    assert "not on this CPU" not in printed


def test_big_endian(tmp_path: Path) -> None:
    """Nothing in the core takes little-endian words for granted."""
    compiler = system_tool("s390x-linux-gnu-gcc", "gcc-s390x-linux-gnu libc6-dev-s390x-cross")
    emulator = system_tool("qemu-s390x", "qemu-user")
    program = build(tmp_path, compiler, "-static", *cross("s390x"))
    printed = run([emulator, str(program), "60"])
    assert printed.startswith("portable:")
    assert "FAILED" not in printed


def cross(processor: str) -> list[str]:
    """CMake's options for another Linux processor."""
    return ["-DCMAKE_BUILD_TYPE=Release", "-DCMAKE_SYSTEM_NAME=Linux", f"-DCMAKE_SYSTEM_PROCESSOR={processor}"]
