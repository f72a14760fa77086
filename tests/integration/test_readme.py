"""The README's examples run, and what is rendered from records is current."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path

import pytest

from tests.fleet.cluster import cluster
from tests.support import ROOT

README = (ROOT / "README.md").read_text("utf-8")


def blocks(language: str) -> list[str]:
    """The README's fenced blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


def commands(block: str) -> list[list[str]]:
    """The block's calls of hashjoule, without its name."""
    lines = (line.partition("#")[0] for line in block.splitlines() if line.startswith("hashjoule "))
    return [shlex.split(line)[1:] for line in lines]


@pytest.mark.parametrize("block", [b for b in blocks("sh") if commands(b)], ids=lambda block: block[:30].strip())
def test_commands_of_the_readme(block: str, tmp_path: Path) -> None:
    """The commands of a block, one after another in an empty folder, end with 0; benchmarks are cut short."""
    with cluster(tmp_path / "cluster", 2) if "--dask" in block else nullcontext() as made:
        if made:
            (tmp_path / "cluster.json").write_text(json.dumps({"address": made.address}))
        run_all(block, tmp_path)


def run_all(block: str, tmp_path: Path) -> None:
    """Runs the commands of a block."""
    for command in commands(block):
        arguments = [match for argument in command for match in expanded(argument, tmp_path)]
        if arguments[0] == "bench" and "--quick" not in arguments:
            arguments += ["--seconds", "0.05", "--threads", "1"]
        done = subprocess.run(
            [sys.executable, "-m", "hashjoule", *arguments], cwd=tmp_path, capture_output=True, text=True, timeout=300
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout or list(tmp_path.iterdir()), "neither printed nor written"


def expanded(argument: str, folder: Path) -> list[str]:
    """A pattern's files, as a shell would have them; the argument itself if it is none."""
    return sorted(str(path) for path in folder.glob(argument)) or [argument] if "*" in argument else [argument]


@pytest.mark.parametrize("code", blocks("python"))
def test_python_of_the_readme(code: str) -> None:
    """The Python example runs; the one in the README finds Bitcoin's first block."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("0000000000")


def test_make_targets_of_the_readme_exist() -> None:
    """`make bench` and `make test` are targets of the Makefile."""
    makefile = (ROOT / "Makefile").read_text("utf-8")
    named = re.findall(r"^make (\w+)", "\n".join(blocks("sh")), re.MULTILINE)
    assert {"bench", "test"} <= set(named)
    assert all(f"\n{name}:" in makefile for name in named)


def test_rendered_tables_are_current() -> None:
    """README.md and results/README.md show what the records hold."""
    done = subprocess.run([sys.executable, ROOT / "bench" / "render.py", "--check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
