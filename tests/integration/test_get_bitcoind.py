"""The options of tools/get-bitcoind."""

import subprocess
import sys
from pathlib import Path

import pytest

from harness.bitcoind import bitcoind
from tests.support import ROOT

TOOL = ROOT / "tools" / "get-bitcoind"


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the script in an empty folder."""
    return subprocess.run([sys.executable, TOOL, *arguments], cwd=folder, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--help"], 0, "usage: get-bitcoind"),
        (["-h"], 0, "DIR"),
        (["--version"], 2, "usage:"),
        (["a", "b"], 2, "usage:"),
    ],
)
def test_options_make_no_folder(arguments: list[str], code: int, words: str, tmp_path: Path) -> None:
    """--help prints help, and unknown options are refused; neither makes a folder."""
    done = run(tmp_path, *arguments)
    assert done.returncode == code
    assert words in done.stdout + done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_bitcoind_that_is_there_is_left_alone(tmp_path: Path) -> None:
    """The second call prints the version and changes nothing."""
    done = run(tmp_path, str(bitcoind().parents[1]))
    assert (done.returncode, done.stderr) == (0, "")
    assert "version" in done.stdout
