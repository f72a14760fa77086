"""The OpenCL kernel on GPUs that are not here: compiled and counted."""

from __future__ import annotations

import os

import pytest

from bench import static_counts
from bench.static_counts import GPUS, VARIANTS, Block, Counts, counts, predicted_hs, shortest_path


def need(*tools: str | None, missing: str) -> None:
    """Skips where tools are missing, except in CI, which must have them."""
    if not all(tools) and not os.environ.get("CI"):
        pytest.skip(missing)


@pytest.fixture
def nvidia() -> None:
    """What SASS counts need."""
    tools = (static_counts.find_clang(), static_counts.find_cuda("ptxas"), static_counts.find_cuda("nvdisasm"))
    need(*tools, missing="needs Debian's clang-19, and the wheels nvidia-cuda-nvcc and nvidia-cuda-nvdisasm")


@pytest.fixture
def amd() -> None:
    """What counts for AMD need."""
    need(static_counts.find_clang(), missing="needs Debian's clang-19")


@pytest.mark.usefixtures("nvidia")
def test_plain_on_ada_is_below_the_best_known_kernel() -> None:
    """Fewer than the 2462 instructions of the classic kernels, few registers, and nothing spilled."""
    plain = counts("sm_89", VARIANTS["plain"])
    assert plain.total < 2462
    assert plain.alu <= 2270
    assert plain.registers <= 64
    assert plain.spills == 0


@pytest.mark.usefixtures("nvidia")
def test_rolled_on_ada_shares_the_schedule() -> None:
    """Four midstates side by side make a hash cheaper by a tenth."""
    rolled = counts("sm_89", VARIANTS["rolled N=4"])
    assert rolled.total <= 2190
    assert rolled.spills == 0


@pytest.mark.usefixtures("nvidia")
def test_multiply_adds_relieve_the_integer_pipe() -> None:
    """With adds on the multiply-add pipe both pipes have less to do than the integer pipe had alone."""
    plain, mad = counts("sm_89", VARIANTS["plain"]), counts("sm_89", VARIANTS["plain, multiply-adds"])
    assert max(mad.alu, mad.mad) < 0.85 * plain.alu


@pytest.mark.usefixtures("amd")
@pytest.mark.parametrize(("kernel", "most"), [("plain", 2580), ("rolled N=4", 2310)])
def test_vector_instructions_on_rdna3(kernel: str, most: int) -> None:
    """Few vector instructions a hash, nothing spilled."""
    found = counts("gfx1100", VARIANTS[kernel])
    assert found.alu <= most
    assert found.spills == 0


def test_published_figures_name_their_source_and_date() -> None:
    """Units and clock have a source and its date, and so has every published rate."""
    assert GPUS
    for gpu in GPUS:
        assert gpu.source_url.startswith("https://")
        assert gpu.source_date
        assert bool(gpu.hashcat_hs) == bool(gpu.hashcat_url) == bool(gpu.hashcat_date)


def test_the_model_takes_the_busiest_pipe() -> None:
    """128 instructions of which 64 are integer take a cycle; more of one kind takes as long as that kind takes."""
    gpu = next(gpu for gpu in GPUS if gpu.arch == "sm_89")
    one_a_cycle = gpu.units * gpu.clock_hz
    assert predicted_hs(gpu, Counts(128, 64, 64, 0, 0)) == one_a_cycle
    assert predicted_hs(gpu, Counts(128, 128, 0, 0, 0)) == one_a_cycle / 2
    assert predicted_hs(gpu, Counts(256, 64, 64, 0, 0)) == one_a_cycle / 2


def test_only_the_path_without_a_candidate_is_counted() -> None:
    """The way through the long block, past an early end and past what happens to a candidate."""
    blocks = {
        "start": Block(["a"], ["end"]),
        "hash": Block(["h"] * 300, ["end"]),
        "candidate": Block(["c"] * 50, []),
        "end": Block(["e"], [], falls_through=False, returns=True),
    }
    assert shortest_path(blocks) == ["a", *["h"] * 300, "e"]
