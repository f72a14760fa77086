"""Predict cycles per hash of the C variants on CPUs that are not here, with llvm-mca (Debian's llvm-19).

clang compiles a variant to assembly. The parts that a search spends its time in are cut out of it, llvm-mca simulates
each for a CPU, and the cycles are added up by how often a step runs them. What happens once per nonce or job is left
out. Data is taken to come from the first cache level, branches to be foreseen, and decoding to be free.
"""

from __future__ import annotations

import re
import shutil
import statistics
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

from hashjoule.records.files import load_record

ROOT = Path(__file__).parents[1]
ITERATIONS = 40

X86_CPUS = ("znver3", "znver4", "znver5", "alderlake", "sapphirerapids")
ARM_CPUS = ("apple-m1", "neoverse-n1", "neoverse-v1")
WITHOUT_AVX512 = {"znver3", "alderlake"}

RECORDED = {"znver3": "amd-epyc-family-25-model-1", "znver5": "amd-epyc-family-26-model-2"}
"""The folders of results/ with measurements on these CPUs."""

COMPILE = {
    "shani": ["-mavx", "-msha"],
    "avx2": ["-mavx2"],
    "sse2": ["-msse2"],
    "avx512": ["-mavx512f"],
    "armv8": ["--target=aarch64-linux-gnu", "-march=armv8-a+crypto", "-isystem", "/usr/aarch64-linux-gnu/include"],
}
"""The variants and clang's options for them; neon's loops are the compiler's, and are not taken apart."""


class Part(NamedTuple):
    """Instructions that a step runs so many times."""

    lines: tuple[str, ...]
    times: int


class Prediction(NamedTuple):
    """Cycles per hash of a variant on a CPU, predicted, and measured where a record has them."""

    variant: str
    mode: str
    cpu: str
    cycles: float
    measured: float | None

    @property
    def error(self) -> float | None:
        """The relative error of the prediction."""
        return self.cycles / self.measured - 1 if self.measured else None


def blocks(assembly: str, function: str) -> list[tuple[str, ...]]:
    """Return the basic blocks of a function: its instructions between labels and jumps, without either."""
    body = re.search(rf"^{function}:.*?\n(.*?)^\.Lfunc_end", assembly, re.MULTILINE | re.DOTALL)
    if body is None:
        raise ValueError(f"there is no function {function} in the assembly")
    found: list[list[str]] = [[]]
    for line in body[1].splitlines():
        code = re.split(r"\s(?:# |//)", line)[0].strip()
        if re.fullmatch(r"[\w.]+:|j\w+\s.*|b(\.\w+)?\s.*|cbn?z\s.*|tbn?z\s.*|rep(z|ne)?\s.*", code):
            found.append([])
        elif code and code[0] not in ".#/" and not re.match(r"(callq?|bl|retq?)\b", code):
            found[-1].append(code)
    return [tuple(block) for block in found if block]


def parts(variant: str, mode: str, assembly: str) -> tuple[list[Part], int]:
    """Return what a step of the search runs, and the hashes of a step."""
    if variant in ("shani", "armv8"):
        rounds = [block for block in blocks(assembly, mode) if re.search("sha256(rnds2|h)", " ".join(block))]
        return [Part(sum(rounds, ()), 1)], 2
    step = Part(sum(blocks(assembly, f"{mode}_step"), ()), 1)
    if variant == "avx512":
        return [step], 16
    second = Part(sum(blocks(assembly, "second_hashes"), ()), 1)
    rounds = blocks(assembly, "rounds")
    loop = rounds.index(max(rounds, key=len))
    with_words, without = rounds[loop], rounds[loop + 1] + rounds[loop + 2]  # a jump to the end lies in the second
    ends = sum(rounds[:loop] + rounds[loop + 3 :], ())
    four_with_words = 8 if mode == "rolled" else 16  # 8 times in each hash whose message is not known
    four_without = 6 + (15 if mode == "rolled" else 7)
    lanes = 8 if variant == "avx2" else 4
    return [step, second, Part(ends, 1), Part(with_words, four_with_words), Part(without, four_without)], lanes


@cache
def assembly_of(variant: str) -> str:
    """Compile a variant with clang-19.

    Raises:
        FileNotFoundError: without clang-19.
        RuntimeError: if it does not compile.
    """
    source = ROOT / "csrc" / f"{variant}.c"
    includes = ["-I", str(ROOT / "csrc"), "-I", str(ROOT / "kernels")]
    command = [_tool("clang-19"), "-O3", "-DNDEBUG", *COMPILE[variant], *includes, "-S", "-o", "-", str(source)]
    return _output(command)


def cycles(lines: Sequence[str], cpu: str) -> float:
    """Simulate an endless loop over instructions; return the cycles of one pass."""
    triple = "aarch64-linux-gnu" if cpu in ARM_CPUS else "x86_64-linux-gnu"
    with tempfile.NamedTemporaryFile("w", suffix=".s") as file:
        file.write("\n".join(lines) + "\n")
        file.flush()
        options = [f"-mtriple={triple}", f"-mcpu={cpu}", f"-iterations={ITERATIONS}"]
        printed = _output([_tool("llvm-mca-19"), *options, "--instruction-info=0", "--resource-pressure=0", file.name])
    total = re.search(r"Total Cycles:\s+(\d+)", printed)
    assert total, printed
    return int(total[1]) / ITERATIONS


def predictions() -> Iterator[Prediction]:
    """Predict every variant and mode on every CPU that has its instructions."""
    for variant in COMPILE:
        for mode in ("plain", "rolled"):
            run, hashes = parts(variant, mode, assembly_of(variant))
            for cpu in ARM_CPUS if variant == "armv8" else X86_CPUS:
                if variant == "avx512" and cpu in WITHOUT_AVX512:
                    continue
                spent = sum(part.times * cycles(part.lines, cpu) for part in run) / hashes
                yield Prediction(variant, mode, cpu, spent, measured(cpu, f"c:{variant}", mode))


def measured(cpu: str, backend: str, mode: str) -> float | None:
    """Return the median of the cycles per hash in all records of a CPU; None if there is none."""
    paths = (ROOT / "results" / RECORDED[cpu]).glob("*-bench*.json") if cpu in RECORDED else ()
    found = [
        result.cycles_per_hash
        for path in paths
        for result in load_record(path).results
        if (result.backend, result.mode, result.threads) == (backend, mode, 1) and result.cycles_per_hash
    ]
    return statistics.median(found) if found else None


def markdown() -> list[str]:
    """Return the table of all predictions."""
    lines = [
        "## Predicted cycles per hash of the C variants", "",
        "Predictions by llvm-mca of Debian's llvm-19 from what clang-19 makes of each variant (bench/mca.py says how);",
        "no such CPU was measured, except where a figure from a record in this folder stands beside; the error there",
        "says how far to trust the others. The models of Zen take two cycles for sha256rnds2, which Zen 3 starts every",
        "cycle; that of znver5 is Zen 4's, without its wider units for AVX-512; that of alderlake is of its",
        "performance cores, and takes one cycle for sha256rnds2, where uops.info lists three.",
        "", "| variant | mode | CPU | predicted | measured | error |", "|---|---|---|---:|---:|---:|",
    ]  # fmt: skip
    for p in predictions():
        beside = f"{p.measured:.1f} | {p.error:+.0%}" if p.measured else "- | -"
        lines.append(f"| c:{p.variant} | {p.mode} | {p.cpu} | {p.cycles:.1f} | {beside} |")
    return lines


def _tool(name: str) -> str:
    path = shutil.which(name)
    if path is None:
        raise FileNotFoundError(f"{name} is not installed (Debian packages clang-19 and llvm-19)")
    return path


def _output(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{command[0]} fails: {done.stderr.strip()[-500:]}")
    return done.stdout
