"""The examples of the README and of the how-tos run, their links lead somewhere, and rendered tables are current."""

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


HOW_TOS = [ROOT / "README.md", ROOT / "docs" / "mining.md", ROOT / "docs" / "fleet.md"]
"""Pages whose `sh` blocks run; other blocks need a node, a pool, a plug or a miner at home."""


def blocks(language: str, text: str = README) -> list[str]:
    """Return the fenced blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def commands(block: str) -> list[list[str]]:
    """Return the calls of hashjoule in a block, without its name."""
    lines = (line.partition("#")[0] for line in block.splitlines() if line.startswith("hashjoule "))
    return [shlex.split(line)[1:] for line in lines]


EXAMPLES = [block for page in HOW_TOS for block in blocks("sh", page.read_text("utf-8")) if commands(block)]


@pytest.mark.parametrize("block", EXAMPLES, ids=lambda block: block[:30].strip())
def test_commands_of_the_readme(block: str, tmp_path: Path) -> None:
    """The commands of a block run one after another in an empty folder and end with 0; benchmarks are shortened."""
    with cluster(tmp_path / "cluster", 2) if "--dask" in block else nullcontext() as made:
        if made:
            (tmp_path / "cluster.json").write_text(json.dumps({"address": made.address}))
        run_all(block, tmp_path)


def run_all(block: str, tmp_path: Path) -> None:
    """Run the commands of a block."""
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
    """Expand a pattern as a shell would; return any other argument as it is."""
    return sorted(str(path) for path in folder.glob(argument)) or [argument] if "*" in argument else [argument]


@pytest.mark.parametrize("code", blocks("python"))
def test_python_of_the_readme(code: str) -> None:
    """The Python example runs; the one in the README finds Bitcoin's first block."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("0000000000")


def test_make_targets_of_the_readme_exist() -> None:
    """The targets of make that the README names, among them `bench` and `test`, are in the Makefile."""
    makefile = (ROOT / "Makefile").read_text("utf-8")
    named = re.findall(r"^make (\w+)", README, re.MULTILINE)
    assert {"bench", "test"} <= set(named)
    assert all(f"\n{name}:" in makefile for name in named)


@pytest.mark.parametrize("page", sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]), ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    """Every relative link of a page names a file that exists."""
    links = re.findall(r"\]\(([^)#]+)", page.read_text("utf-8"))
    missing = [link for link in links if "://" not in link and not (page.parent / link).exists()]
    assert missing == []


def test_rendered_tables_are_current() -> None:
    """README.md and results/README.md show what the records hold."""
    done = subprocess.run([sys.executable, ROOT / "bench" / "render.py", "--check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
