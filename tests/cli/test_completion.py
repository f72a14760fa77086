"""Shell completion: of commands and options by click, of backends, machines and countries by us."""

from __future__ import annotations

import os
import re
import select
import subprocess
import sys
import time
from pathlib import Path

import pytest

pty = pytest.importorskip("pty", reason="terminals of POSIX")

FISH = {"_HASHJOULE_COMPLETE": "fish_complete"}


def completed(words: str, last: str) -> set[str]:
    """What is offered for the last word of a line, by the protocol of fish, which is given the word as it is."""
    environment = {**os.environ, **FISH, "COMP_WORDS": words, "COMP_CWORD": last}
    done = subprocess.run(
        [sys.executable, "-m", "hashjoule"], capture_output=True, text=True, env=environment, timeout=60, check=False
    )
    assert done.stderr == ""
    return {line.removeprefix("plain,").partition("\t")[0] for line in done.stdout.split("\n") if line}


@pytest.mark.parametrize(
    ("words", "last", "offers"),
    [
        ("hashjoule", "be", {"bench"}),
        ("hashjoule bench --backend", "", {"auto", "c", "numba", "opencl", "reference"}),
        ("hashjoule grind --backend", "c:por", {"c:portable"}),
        ("hashjoule mine --backend", "REF", {"reference"}),
        ("hashjoule explain --machine", "antminer\\ s21\\ p", {"Antminer S21 Pro"}),
        ("hashjoule economics countries --country", "Kaz", {"Kazakhstan"}),
        ("hashjoule economics machine --machine", "no-such", set()),
    ],
)
def test_names_are_completed(words: str, last: str, offers: set[str]) -> None:
    """Backends of the provider that was typed; machines and countries that begin so, in either case."""
    assert completed(words, last) == offers


@pytest.fixture(scope="module")
def bash(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A start file of bash that loads our completion, and a `hashjoule` in its path."""
    folder = tmp_path_factory.mktemp("bash")
    program = folder / "hashjoule"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m hashjoule "$@"\n')
    program.chmod(0o755)
    start = folder / "start"
    start.write_text(f'PATH="{folder}:$PATH"\nPS1="$ "\neval "$(_HASHJOULE_COMPLETE=bash_source hashjoule)"\n')
    return start


@pytest.mark.parametrize(
    ("typed", "line"),
    [
        ("hashjoule rep", "hashjoule report"),
        ("hashjoule bench --backend c:por", "hashjoule bench --backend c:portable"),
        ("hashjoule bench --backend refer", "hashjoule bench --backend reference"),
        ("hashjoule explain --machine Antminer\\ S21\\ P", "hashjoule explain --machine Antminer\\ S21\\ Pro"),
        ("hashjoule economics countries --country Kaz", "hashjoule economics countries --country Kazakhstan"),
    ],
)
def test_a_tab_in_bash(bash: Path, typed: str, line: str) -> None:
    """A real bash on a terminal of its own completes names with colons and with spaces."""
    assert line in _typed_into_bash(bash, typed + "\t")


def _typed_into_bash(start: Path, keys: str) -> str:
    """What the terminal shows after the keys, once nothing more comes."""
    process, terminal = pty.fork()
    if process == 0:
        os.execvp("bash", ["bash", "--noprofile", "--rcfile", str(start), "-i"])
    try:
        _read_until(terminal, "$ ")
        os.write(terminal, keys.encode())
        return _read_until(terminal, None)
    finally:
        os.close(terminal)
        os.waitpid(process, 0)


def _read_until(terminal: int, prompt: str | None) -> str:
    """Read until the prompt stands there, or, without one, until the line has not changed for two seconds."""
    shown, ends_at_s = "", time.monotonic() + 30
    while time.monotonic() < ends_at_s:
        if not select.select([terminal], [], [], 2.0)[0]:
            if prompt is None:
                break
            continue
        shown += os.read(terminal, 4096).decode()
        if prompt is not None and shown.endswith(prompt):
            break
    return re.sub(r"\x1b\[[?0-9;]*[a-zA-Z]|\x07", "", shown)
