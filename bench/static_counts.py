"""What the search costs on processors that are not here: instructions a hash on GPUs, cycles per hash on CPUs.

    python -m bench.static_counts [--markdown results/static_counts.md]

clang (19 is best, see CLANG) compiles the kernel to PTX and to AMD's instruction set; ptxas and nvdisasm turn the
PTX into NVIDIA's (SASS). Both come as wheels: pip install nvidia-cuda-nvcc nvidia-cuda-nvdisasm. Counted is the path
that a work item takes when it finds nothing, from its first instruction to its last, over its number of hashes.

Rates are *predictions*: no GPU was measured. The model holds a multiprocessor (NVIDIA, Ada and Ampere) to 64 results a
cycle on the integer pipe, 64 on the multiply-add pipe and 128 instructions in all; an AMD compute unit to 64 vector
instructions. For the C variants on CPUs llvm-mca predicts cycles (bench/mca.py).
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass, replace
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from bench import mca
from hashjoule.backends.opencl_kernel import Variant, source
from hashjoule.data.reading import Date, Positive, Sourced, read_csv

CLANG = ("clang-19", "clang-18", "clang-20", "clang")

PLAIN = Variant(local=256)
VARIANTS = {
    "plain": PLAIN,
    **{f"rolled N={n}": replace(PLAIN, rolled=True, chains=n) for n in (1, 2, 4, 8)},
    "plain, multiply-adds": replace(PLAIN, mad_adds=True),
    "rolled N=4, multiply-adds": replace(PLAIN, rolled=True, chains=4, mad_adds=True),
}

_PTX_BUILTINS = """
#define get_global_id(i) (__nvvm_read_ptx_sreg_ctaid_x() * LOCAL + __nvvm_read_ptx_sreg_tid_x())
#define get_num_groups(i) __nvvm_read_ptx_sreg_nctaid_y()
#define atomic_inc(p) __sync_fetch_and_add((p), 1u)
"""
_GCN_BUILTINS = """
#define get_global_id(i) (__builtin_amdgcn_workgroup_id_x() * LOCAL + __builtin_amdgcn_workitem_id_x())
#define get_num_groups(i) __builtin_amdgcn_grid_size_y()
#define atomic_inc(p) __sync_fetch_and_add((p), 1u)
"""


@dataclass(frozen=True)
class Counts:
    """Instructions a hash by class, registers of a work item, and what it spills to memory."""

    total: float
    alu: float
    mad: float
    registers: int
    spills: int


class Gpu(Sourced, frozen=True, kw_only=True):
    """A GPU of gpus.csv: its instruction set, multiprocessors or compute units and boost clock, which the source
    tells, and what hashcat -m 21400 (also a double SHA-256, of short messages) was published to reach on it.
    """

    name: str
    arch: str
    units: int
    clock_hz: Positive
    hashcat_hs: Positive | None = None
    hashcat_url: str = ""
    hashcat_date: Date | None = None


GPUS = read_csv(Path(__file__).with_name("gpus.csv"), Gpu)


def find_clang() -> str | None:
    """The first clang of CLANG that is installed."""
    return next((path for name in CLANG if (path := shutil.which(name))), None)


def find_cuda(tool: str) -> str | None:
    """ptxas or nvdisasm, from PATH or from its wheel."""
    spec = find_spec("nvidia")
    wheels = [Path(folder) for folder in (spec.submodule_search_locations or ())] if spec else []
    found = (str(path) for folder in wheels for path in folder.glob(f"*/bin/{tool}"))
    return shutil.which(tool) or next(found, None)


@cache
def counts(arch: str, variant: Variant) -> Counts:
    """The kernel's counts on an architecture: `sm_..` or `gfx...`. Raises FileNotFoundError without the tools."""
    with tempfile.TemporaryDirectory() as folder:
        return (_nvidia if arch.startswith("sm_") else _amd)(arch, variant, Path(folder))


def _compile(target: list[str], builtins: str, variant: Variant, folder: Path) -> str:
    clang = find_clang()
    if clang is None:
        raise FileNotFoundError("clang is not installed (Debian package clang-19)")
    text, assembly = folder / "kernel.cl", folder / "kernel.s"
    text.write_text(builtins + source(), "utf-8")
    options = ["-x", "cl", "-cl-std=CL1.2", "-Xclang", "-finclude-default-header", "-O3", "-S", "-w"]
    _run([clang, *target, *options, *variant.options(), "-o", str(assembly), str(text)])
    return assembly.read_text("utf-8")


def _run(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{Path(command[0]).name} failed: {done.stderr.strip()[:500]}")
    return done.stdout + done.stderr


def _nvidia(arch: str, variant: Variant, folder: Path) -> Counts:
    ptxas, nvdisasm = find_cuda("ptxas"), find_cuda("nvdisasm")
    if ptxas is None or nvdisasm is None:
        raise FileNotFoundError("ptxas or nvdisasm is missing: pip install nvidia-cuda-nvcc nvidia-cuda-nvdisasm")
    ptx = _compile(["-target", "nvptx64-nvidia-nvcl", f"-march={arch}"], _PTX_BUILTINS, variant, folder)
    (folder / "kernel.ptx").write_text(ptx, "utf-8")
    binary = str(folder / "kernel.cubin")
    remarks = _run([ptxas, f"-arch={arch}", "-v", "-o", binary, str(folder / "kernel.ptx")])
    path = shortest_path(sass_blocks(_run([nvdisasm, "-c", binary])))
    spills = sum(map(int, re.findall(r"(\d+) bytes spill", remarks)))
    registers = int(re.findall(r"Used (\d+) registers", remarks)[0])
    hashes = _hashes(variant)
    classes = Counter(_sass_class(opcode) for opcode in path)
    return Counts(len(path) / hashes, classes["alu"] / hashes, classes["mad"] / hashes, registers, spills)


def _amd(arch: str, variant: Variant, folder: Path) -> Counts:
    target = ["-target", "amdgcn-amd-amdhsa", f"-mcpu={arch}", "-nogpulib"]
    assembly = _compile(target, _GCN_BUILTINS, variant, folder)
    path = shortest_path(gcn_blocks(assembly))
    spills = sum(map(int, re.findall(r"\.[vs]gpr_spill_count:\s+(\d+)", assembly)))
    registers = int(re.findall(r"\.vgpr_count:\s+(\d+)", assembly)[0])
    vector = sum(opcode.startswith("v_") for opcode in path)
    return Counts(len(path) / _hashes(variant), vector / _hashes(variant), 0.0, registers, spills)


def _hashes(variant: Variant) -> int:
    return variant.chains * variant.per_item


def _sass_class(opcode: str) -> str:
    """The pipe of a SASS instruction: multiply-adds stand alone, U... runs on the uniform path, the rest is integer."""
    if opcode.startswith(("IMAD", "FFMA", "FMUL", "FADD")):
        return "mad"
    if opcode.startswith(
        ("SHF", "LOP3", "IADD3", "LEA", "PRMT", "ISETP", "SEL", "PLOP3", "MOV", "IMNMX", "P2R", "R2P")
    ):
        return "alu"
    return "other"


@dataclass
class Block:
    """Instructions without a jump into or out of their midst, and where control goes from there."""

    opcodes: list[str]
    jumps: list[str]
    falls_through: bool = True
    returns: bool = False


Blocks = dict[str, Block]


def sass_blocks(text: str) -> Blocks:
    """The blocks of nvdisasm's output, in order, by label."""
    blocks: Blocks = {"start": Block([], [])}
    for line in text.splitlines():
        if label := re.match(r"\s*(\.L_x_\d+):", line):
            blocks[label[1]] = Block([], [])
        elif found := re.match(r"\s+/\*[0-9a-f]{4,}\*/\s+(@!?U?P\w+ )?\s*([A-Z][A-Z0-9.]*)(.*)", line):
            guard, opcode, operands = found[1], found[2], found[3]
            target = re.search(r"\((\.L_x_\d+)\)", operands)
            is_jump = opcode.split(".")[0] == "BRA"
            _append(blocks, opcode, target[1] if is_jump and target else None, is_jump and not guard, opcode == "EXIT")
            if opcode == "EXIT" and not guard:
                blocks[f"after {len(blocks)}"] = Block([], [], falls_through=True)
    return blocks


def gcn_blocks(text: str) -> Blocks:
    """The blocks of the kernel in clang's assembly for AMD GPUs."""
    blocks: Blocks = {"start": Block([], [])}
    body = text[text.index("\nsearch:") : text.index(".section\t.rodata")]
    for line in body.splitlines():
        if label := re.match(r"(\.LBB\d+_\d+):", line):
            blocks[label[1]] = Block([], [])
        elif found := re.match(r"\s+([a-z]+_[a-z0-9_]+)(.*)", line):
            opcode, operands = found[1], found[2]
            target = re.search(r"(\.LBB\d+_\d+)", operands)
            is_jump = opcode.startswith(("s_cbranch", "s_branch"))
            _append(
                blocks, opcode, target[1] if is_jump and target else None, opcode == "s_branch", opcode == "s_endpgm"
            )
    return blocks


def _append(blocks: Blocks, opcode: str, target: str | None, always: bool, returns: bool) -> None:
    name, block = next(reversed(blocks.items()))
    block.opcodes.append(opcode)
    block.returns |= returns
    if target:
        block.jumps.append(target)
    if target or returns:  # what follows a jump is a new block
        block.falls_through = not always and not (returns and opcode == "s_endpgm")
        blocks[f"{name}+"] = Block([], [])


def shortest_path(blocks: Blocks) -> list[str]:
    """The opcodes from the start through all long blocks, which are the hashes, to an end, by the shortest way.

    What lies off that way is the early end of a work item beyond the range, and what happens to a candidate.
    """
    names = list(blocks)
    followers = {
        name: [*block.jumps, *([names[i + 1]] if block.falls_through and i + 1 < len(names) else [])]
        for i, (name, block) in enumerate(blocks.items())
    }
    path, here = ["start"], "start"
    for goal in [name for name in names if len(blocks[name].opcodes) > 200] + [""]:
        if goal != here:
            path += _way(blocks, followers, here, goal)[1:]
            here = goal
    return [opcode for name in path for opcode in blocks[name].opcodes]


def _way(blocks: Blocks, followers: dict[str, list[str]], start: str, goal: str) -> list[str]:
    """The way with the fewest instructions between blocks; to any block that returns if the goal is empty."""
    best = {start: (0, [start])}
    waiting = [start]
    while waiting:
        name = waiting.pop()
        cost, way = best[name]
        for follower in followers[name]:
            further = cost + len(blocks[follower].opcodes)
            if follower not in best or further < best[follower][0]:
                best[follower] = further, [*way, follower]
                waiting.append(follower)
    ends = [found for name, found in best.items() if (name == goal if goal else blocks[name].returns)]
    return min(ends)[1]


def predicted_hs(gpu: Gpu, cost: Counts) -> float:
    """Hashes a second by the model at the top of this file."""
    limits = [cost.alu / 64, cost.mad / 64]
    if gpu.arch.startswith("sm_"):
        limits.append(cost.total / 128)
    return gpu.units * gpu.clock_hz / max(limits)


def markdown() -> str:
    """Both tables, with what they were made with."""
    versions = [_run([tool, "--version"]).splitlines()[line] for tool, line in _tools()]
    lines = [
        "# Costs of a hash on processors that are not here", "",
        "Made by `python -m bench.static_counts --markdown results/static_counts.md`; that file says what is counted.",
        f"Tools: {'; '.join(versions)}.", "",
        "| architecture | kernel | total | integer pipe (AMD: vector) | multiply-add pipe | registers | spills |",
        "|---|---|---:|---:|---:|---:|---:|",
    ]  # fmt: skip
    for arch in sorted({gpu.arch for gpu in GPUS}):
        for name, variant in VARIANTS.items():
            if variant.mad_adds and not arch.startswith("sm_"):
                continue
            c = counts(arch, variant)
            lines.append(
                f"| {arch} | {name} | {c.total:.0f} | {c.alu:.0f} | {c.mad:.0f} | {c.registers} | {c.spills} |"
            )
    return "\n".join([*lines, "", *_predictions(), "", *mca.markdown()]) + "\n"


def _tools() -> list[tuple[str, int]]:
    found = [(find_clang(), 0), (find_cuda("ptxas"), 3), (find_cuda("nvdisasm"), 3)]
    return [(path, line) for path, line in found if path]


def _predictions() -> list[str]:
    lines = [
        "## Predicted rates (no GPU was measured)", "",
        "MH/s by the model in that file at the maker's boost clock, which cards exceed or miss with their cooling. The",
        "published rates are hashcat's own kernel (-m 21400), a plain search with about as many instructions as ours;",
        "the difference is between the model's prediction for ours and what was published.", "",
        "| GPU | units | boost, MHz | plain | rolled N=4 | best with multiply-adds | hashcat, published | difference |",
        "|---|---:|---:|---:|---:|---:|---:|---:|",
    ]  # fmt: skip
    for gpu in GPUS:
        mad = "rolled N=4, multiply-adds" if gpu.arch.startswith("sm_") else "rolled N=4"
        plain, rolled, best = (
            predicted_hs(gpu, counts(gpu.arch, VARIANTS[name])) for name in ("plain", "rolled N=4", mad)
        )
        published = f"{gpu.hashcat_hs / 1e6:.0f}" if gpu.hashcat_hs else "-"
        error = f"{plain / gpu.hashcat_hs - 1:+.1%}" if gpu.hashcat_hs else "-"
        rates = f"{plain / 1e6:.0f} | {rolled / 1e6:.0f} | {best / 1e6:.0f}"
        lines.append(f"| {gpu.name} | {gpu.units} | {gpu.clock_hz / 1e6:.0f} | {rates} | {published} | {error} |")
    return [*lines, "", "Sources (bench/gpus.csv), with their dates:", "", *map(_sources, GPUS)]


def _sources(gpu: Gpu) -> str:
    rate = f"; rate: {gpu.hashcat_url} ({gpu.hashcat_date})" if gpu.hashcat_hs else ""
    note = f"; {gpu.note}" if gpu.note else ""
    return f"- {gpu.name}: units and clock: {gpu.source_url} ({gpu.source_date}){rate}{note}"


def main() -> int:
    """Prints the tables, or writes them to a file."""
    parser = argparse.ArgumentParser(description="Costs of a hash on GPUs and CPUs that are not here.")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the tables there")
    file = parser.parse_args().markdown
    try:
        text = markdown()
    except (FileNotFoundError, RuntimeError) as error:
        print(error, file=sys.stderr)
        return 1
    if file:
        file.write_text(text, "utf-8")
    else:
        print(text)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
