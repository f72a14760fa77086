"""bench/gpu.sh: what it says where it cannot measure. A whole run needs a kit of wheels and takes minutes."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support import ROOT

SCRIPT = ROOT / "bench" / "gpu.sh"

pytestmark = pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash; the script is for Linux")


def run(script: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the script."""
    return subprocess.run(["bash", str(script), *arguments], capture_output=True, text=True, timeout=60)


def test_its_help_says_how_to_pack_and_to_measure() -> None:
    """Both commands, and no comment signs."""
    done = run(SCRIPT, "--help")
    assert done.returncode == 0
    assert "bench/gpu.sh pack KIT" in done.stdout
    assert "#" not in done.stdout


@pytest.mark.parametrize(
    ("arguments", "says"), [((), "this is not a kit; make one with"), (("pack",), "name the folder to pack into")]
)
def test_bad_calls_exit_with_2(arguments: tuple[str, ...], says: str) -> None:
    """One sentence with the remedy."""
    done = run(SCRIPT, *arguments)
    assert done.returncode == 2
    assert says in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_machine_without_the_kits_python(tmp_path: Path) -> None:
    """The sentence says which version is wanted and where to put it; nothing else happens."""
    shutil.copy(SCRIPT, tmp_path)
    (tmp_path / "python-version").write_text("2.4\n", "ascii")
    done = run(tmp_path / "gpu.sh")
    assert done.returncode == 3
    assert f"there is no Python 2.4 here; unpack a standalone one as {tmp_path}/python" in done.stderr
