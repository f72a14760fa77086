"""Predictions of llvm-mca: what is cut out of the assembly, and how it is added up."""

from __future__ import annotations

import os
import re
import shutil

import pytest

from bench import mca

ASSEMBLY = """
plain:                                  # @plain
	.cfi_startproc
	pushq	%rbp
.LBB0_1:                                # comment
	addl	$1, %eax                # 4-byte Reload
	#APP
	sha256rnds2	%xmm0, %xmm1, %xmm2
	#NO_APP
	jne	.LBB0_1
	callq	other
	retq
.Lfunc_end0:
"""

needs_tools = pytest.mark.skipif(
    not os.environ.get("CI") and not (shutil.which("clang-19") and shutil.which("llvm-mca-19")),
    reason="needs Debian's clang-19 and llvm-19",
)


def test_blocks_lie_between_labels_and_jumps() -> None:
    """Directives, comments, calls and jumps are no part of them."""
    found = mca.blocks(ASSEMBLY, "plain")
    assert found == [("pushq	%rbp",), ("addl	$1, %eax", "sha256rnds2	%xmm0, %xmm1, %xmm2")]
    with pytest.raises(ValueError, match="no function rolled"):
        mca.blocks(ASSEMBLY, "rolled")


@needs_tools
@pytest.mark.parametrize("mode", ["plain", "rolled"])
@pytest.mark.parametrize("variant", ["shani", "armv8"])
def test_all_rounds_of_a_step_are_counted(variant: str, mode: str) -> None:
    """Two instructions do four rounds: 60 rounds of each first hash, and 62 of each second."""
    parts, hashes = mca.parts(variant, mode, mca.assembly_of(variant))
    rounds = sum(part.times * len(re.findall(r"sha256(?:rnds2|h2?)\b", " ".join(part.lines))) for part in parts)
    assert (rounds, hashes) == (122, 2)


@needs_tools
@pytest.mark.parametrize(("mode", "with_words"), [("plain", 64), ("rolled", 32)])
def test_all_rounds_in_loops_are_counted(mode: str, with_words: int) -> None:
    """Every round has three rotations to the right for each big sigma, each message word two and a shift."""
    parts, hashes = mca.parts("avx2", mode, mca.assembly_of("avx2"))
    shifts = sum(part.times * sum("vpsrld" in line for line in part.lines) for part in parts[2:])
    assert hashes == 8
    assert shifts == pytest.approx(6 * (60 + 58) + 6 * with_words, rel=0.05)


@needs_tools
def test_a_chain_takes_its_latency() -> None:
    """Dependent additions take one cycle each on every CPU, independent ones less."""
    chain = ["addl	$1, %eax"] * 8
    beside = [f"addl	$1, %e{name}x" for name in "abcd"] * 2
    for cpu in mca.X86_CPUS:
        assert mca.cycles(chain, cpu) == pytest.approx(8, rel=0.1)
        assert mca.cycles(beside, cpu) < 4
