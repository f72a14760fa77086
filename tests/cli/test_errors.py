"""What the command line says when something is wrong: one sentence that says where to read on, and the exit code."""

from __future__ import annotations

from pathlib import Path

import pytest

from hashjoule import cli
from tests.conftest import CommandLine


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["bench", "--zzz"], "hashjoule: No such option '--zzz'; see `hashjoule bench --help`."),
        (["bench", "--thread"], "hashjoule: No such option '--thread'. "),
        (["nonsense"], "hashjoule: No such command 'nonsense'; see `hashjoule --help`."),
        (["grind"], "hashjoule: Missing argument 'HEADER'; see `hashjoule grind --help`."),
        (["economics", "machine", "--price", "x"], "; see `hashjoule economics machine --help`."),
        (["reprot"], "hashjoule: No such command 'reprot'. Did you mean 'report'?"),
    ],
)
def test_bad_input_says_where_to_read_on(arguments: list[str], sentence: str, hashjoule: CommandLine) -> None:
    """The help of the command, or the name that was probably meant."""
    code, out, err = hashjoule(*arguments)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert sentence in err


def test_a_file_that_cannot_be_used_is_one_sentence(
    hashjoule: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The operating system's complaint about a file ends the command with 2, whoever forgot to expect it."""

    def refuse(*_: object, **__: object) -> int:
        raise PermissionError(13, "Permission denied", str(tmp_path / "file"))

    monkeypatch.setattr(cli.cli, "main", refuse)
    code, _, err = hashjoule("table")
    assert (code, err) == (2, f"hashjoule: {tmp_path / 'file'} cannot be used: Permission denied.\n")


def test_a_bug_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    """An error of the operating system that names no file is one of ours."""

    def fail(*_: object, **__: object) -> int:
        raise OSError(9, "Bad file descriptor")

    monkeypatch.setattr(cli.cli, "main", fail)
    with pytest.raises(OSError, match="Bad file descriptor"):
        cli.run(["table"])


def test_no_command_shows_the_help(hashjoule: CommandLine) -> None:
    """On stderr, with exit code 2: nothing was asked for."""
    code, out, err = hashjoule()
    assert (code, out) == (2, "")
    assert err.startswith("Usage: hashjoule [OPTIONS] COMMAND")
