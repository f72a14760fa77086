"""`hashjoule grind`: a header in, the solved header out, or a sentence if there is none."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from dataclasses import replace
from typing import Any

import pytest

from hashjoule.check import known_blocks
from hashjoule.job import MAX_TARGET, Header
from tests.conftest import CommandLine

HEADER = known_blocks()[0].header
UNSOLVED = replace(HEADER, nonce=0).pack().hex()
EASY = replace(HEADER, nonce=0, nbits=0x207FFFFF)
NEAR = str(HEADER.nonce - 1_000)


@pytest.mark.parametrize("extra", [[], ["--version-mask", "1fffe000"], ["--threads", "2"], ["--backend", "reference"]])
def test_a_real_header_is_solved(hashjoule: CommandLine, extra: list[str]) -> None:
    """The solved header comes out as hex and nothing else, and it meets its target."""
    code, out, err = hashjoule("grind", UNSOLVED, "--start", NEAR, "--count", "2000", *extra)
    assert (code, err) == (0, "")
    solved = Header.parse(bytes.fromhex(out))
    assert solved.meets(int.from_bytes(HEADER.hash(), "little"))


@pytest.mark.parametrize(
    ("extra", "words"),
    [
        (["--count", "1000"], "among 1,000 nonces from 0 ("),
        (["--count", "1", "--start", "7"], "among 1 nonce from 7 ("),
        (["--count", "0"], "among 0 nonces from 0 ("),
        (["--count", "100", "--version-mask", "00ffe000"], "among 100 nonces from 0 with 2,048 versions ("),
    ],
)
def test_an_exhausted_range_is_told(hashjoule: CommandLine, extra: list[str], words: str) -> None:
    """The exit code is 1, stdout is empty, and one sentence has the rate and what else to try."""
    code, out, err = hashjoule("grind", UNSOLVED, *extra)
    assert (code, out) == (1, "")
    assert err.startswith(f"no solution {words}")
    assert "H/s); try more nonces" in err
    assert err.count("\n") == 1


def test_when_all_nonces_are_tried_versions_are_left(hashjoule: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    """After the versions, the time and the merkle root are left."""
    monkeypatch.setattr("hashjoule.cli.grind.solve", lambda header, **options: None)
    _, _, err = hashjoule("grind", UNSOLVED)
    assert "all 4,294,967,296 nonces (" in err
    assert "try more versions with --version-mask 1fffe000, or change the header's time or merkle root" in err
    _, _, err = hashjoule("grind", UNSOLVED, "--version-mask", "1fffe000")
    assert "all 4,294,967,296 nonces with 65,536 versions (" in err
    assert err.endswith("; change the header's time or merkle root\n")


def test_an_easier_target(hashjoule: CommandLine) -> None:
    """--target replaces the header's own."""
    code, out, _ = hashjoule("grind", UNSOLVED, "--target", f"{MAX_TARGET >> 8:x}")
    assert code == 0
    assert Header.parse(bytes.fromhex(out)).meets(MAX_TARGET >> 8)


def from_stdin(hashjoule: CommandLine, monkeypatch: pytest.MonkeyPatch, content: bytes, *extra: str) -> Any:
    """Run the command with this content on stdin."""
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content), "utf-8"))
    return hashjoule("grind", "-", *extra)


def test_headers_from_stdin(hashjoule: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each line gives a line; empty lines and the kind of line ends do not matter."""
    headers = [replace(EASY, time=time) for time in range(5)]
    content = "\r\n".join(header.pack().hex() for header in headers) + "\n\n"
    code, out, err = from_stdin(hashjoule, monkeypatch, content.encode())
    assert (code, err) == (0, "")
    solved = [Header.parse(bytes.fromhex(line)) for line in out.splitlines()]
    assert [replace(header, nonce=0) for header in solved] == headers
    assert all(header.meets(0x7FFFFF << 232) for header in solved)


def test_a_header_without_a_solution_does_not_stop_the_others(
    hashjoule: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its sentence is on stderr, and the exit code is 1."""
    content = f"{UNSOLVED}\n{EASY.pack().hex()}\n".encode()
    code, out, err = from_stdin(hashjoule, monkeypatch, content, "--count", "100")
    assert code == 1
    assert len(out.splitlines()) == 1
    assert "no solution among 100 nonces" in err


@pytest.mark.parametrize("line", [b"zz", b"00", b"\xff\xfe", UNSOLVED.encode() + b"00", b"-"])
def test_a_bad_line_on_stdin(hashjoule: CommandLine, monkeypatch: pytest.MonkeyPatch, line: bytes) -> None:
    """The sentence has its number; the lines before it are solved."""
    code, out, err = from_stdin(hashjoule, monkeypatch, EASY.pack().hex().encode() + b"\n" + line + b"\n")
    assert code == 2
    assert len(out.splitlines()) == 1
    assert err.startswith("hashjoule: line 2 of stdin: ")
    assert err.count("\n") == 1


def test_nothing_on_stdin_is_nothing_to_do(hashjoule: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty input gives an empty output, as for any filter."""
    assert from_stdin(hashjoule, monkeypatch, b"") == (0, "", "")


def test_json(hashjoule: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each header has one line, with null where there is no solution."""
    content = f"{EASY.pack().hex()}\n{UNSOLVED}\n".encode()
    code, out, _ = from_stdin(hashjoule, monkeypatch, content, "--count", "100", "--json")
    assert code == 1
    solved, unsolved = (json.loads(line) for line in out.splitlines())
    header = Header.parse(bytes.fromhex(solved["solved"]))
    assert header == replace(EASY, nonce=solved["nonce"], version=solved["version"])
    assert solved["hash"] == header.hash()[::-1].hex()
    assert (unsolved.pop("header"), unsolved.pop("seconds") > 0) == (UNSOLVED, True)
    assert unsolved == dict.fromkeys(["solved", "hash", "version", "nonce"])


def test_a_state_belongs_to_one_header(hashjoule: CommandLine) -> None:
    """It also belongs to a cluster."""
    code, _, err = hashjoule("grind", UNSOLVED, "--state", "x")
    assert (code, "it goes with --dask" in err) == (2, True)
    code, _, err = hashjoule("grind", "-", "--state", "x", "--dask", "127.0.0.1:1")
    assert (code, "--state belongs to one header" in err) == (2, True)


def test_a_terminal_shows_rate_and_time_left() -> None:
    """The line fits the terminal and is gone at the end."""
    ours, theirs = os.openpty()
    command = [sys.executable, "-m", "hashjoule", "grind", UNSOLVED, "--target", "1", "--count", str(1 << 24)]
    environment = {**os.environ, "COLUMNS": "80", "TERM": "xterm"}
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=theirs, timeout=60, env=environment)
    os.close(theirs)
    shown = os.read(ours, 1 << 16).decode(errors="replace")  # a terminal gives 4 KiB at a time, maybe half a character
    os.close(ours)
    assert done.returncode == 1
    assert "MH/s" in shown
    assert "0:00:0" in shown
    assert "no solution among 16,777,216 nonces from 0" in shown
