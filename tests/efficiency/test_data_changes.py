"""`tools/data_changes.py`: what changed in the data set between two revisions."""

from __future__ import annotations

import importlib.util
import subprocess
from pathlib import Path
from types import ModuleType

import pytest

from tests.support import ROOT

SCRIPT = ROOT / "tools" / "data_changes.py"
OLD = "model,mode,maker,power_w\nA,,M,10\nB,fast,M,20\n"
NEW = "model,mode,maker,power_w\nA,,M,11\nC,,M,30\n"


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    """The script as a module."""
    spec = importlib.util.spec_from_file_location("data_changes", SCRIPT)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def git(root: Path, *arguments: str) -> None:
    """A git command in a repository of its own, with no settings of the user."""
    identity = ["-c", "user.name=T", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", "-C", str(root), *identity, *arguments], check=True, capture_output=True)


def test_changes_between_revision_and_working_tree(
    tool: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A changed cell, a removed and an added row are listed; no change gives nothing and exit code 0."""
    folder = tmp_path / tool.FOLDER
    folder.mkdir(parents=True)
    (folder / "hardware.csv").write_text(OLD, encoding="utf-8")
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "first")
    assert tool.main(["HEAD"], tmp_path) == 0
    assert capsys.readouterr().out == ""
    (folder / "hardware.csv").write_text(NEW, encoding="utf-8")
    (folder / "other.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    assert tool.main(["HEAD"], tmp_path) == 1
    assert capsys.readouterr().out.splitlines() == [
        "hardware.csv: 2 -> 2 rows",
        "~ M, A: power_w: '10' -> '11'",
        "- M, B, fast",
        "+ M, C",
        "other.csv: 0 -> 1 rows",
        "+ 1, 2",
    ]


def test_bad_arguments(tool: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No revision, and one that does not exist, give exit code 2 and a sentence."""
    assert tool.main([], tmp_path) == 2
    git(tmp_path, "init", "-q")
    with pytest.raises(SystemExit) as stop:
        tool.main(["nonsense"], tmp_path)
    assert stop.value.code == 2
    assert "nonsense" in capsys.readouterr().err
