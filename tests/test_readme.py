"""The README's examples run, and what is rendered from records is current."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")


def blocks(language: str) -> list[str]:
    """The README's fenced blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


COMMANDS = [
    line.partition("#")[0].strip()
    for block in blocks("sh")
    for line in block.splitlines()
    if line.startswith("hashjoule ")
]


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_of_the_readme(command: str, tmp_path: Path) -> None:
    """Each command line ends with 0 in an empty folder; benchmarks are cut short."""
    arguments = shlex.split(command)[1:]
    if arguments[0] == "bench" and "--quick" not in arguments:
        arguments += ["--seconds", "0.05", "--threads", "1"]
    done = subprocess.run(
        [sys.executable, "-m", "hashjoule", *arguments], cwd=tmp_path, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout or list(tmp_path.iterdir()), "neither printed nor written"


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
