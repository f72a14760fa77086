"""The rated power of a CPU as a bound on what it draws: for machines without a meter, on request only.

The thermal design power is what a package may draw for long as it is rated. Firmware can allow more, boost does for
seconds, and a virtual machine has only a part of the package; so the figure is called a bound, never a measurement.
"""

from __future__ import annotations

import csv
import re
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

from hashjoule.errors import UsageError
from hashjoule.meters import Meter, closed


def bound(cpu: str, sockets: int) -> Meter:
    """The bound for that many of a CPU, by its name as the system tells it.

    Raises UsageError if the table of server CPUs (data/tdp.csv) does not hold it.
    """
    wanted = _key(cpu)
    table = (files("hashjoule") / "data" / "tdp.csv").read_text("utf-8").splitlines()
    row = next((row for row in csv.DictReader(table) if _key(row["cpu"]) == wanted), None)
    if row is None:
        raise UsageError(f"the rated power of {cpu!r} is not known here; look it up and give it with --watts")
    watts = float(row["tdp_w"]) * sockets
    return replace(
        closed("tdp", "package", "bound", "cpu", "it is stated"),
        source=f"rated power (TDP) of {sockets} x {row['cpu']}: {row['source_url']}, {row['source_date']}",
        unavailable=None, watts=watts,
    )  # fmt: skip


def sockets(cpuinfo: Path = Path("/proc/cpuinfo")) -> int:
    """CPU packages of this machine, 1 where the system does not tell."""
    try:
        text = cpuinfo.read_text("utf-8")
    except OSError:
        return 1
    return len(set(re.findall(r"^physical id\s*: (\d+)$", text, re.MULTILINE))) or 1


def _key(cpu: str) -> str:
    """The name without trademarks, clock rate, core count and what `records.cpu_name` adds."""
    bare = re.sub(r"\((r|tm)\)|\bcpu\b|\bprocessor\b|\b\d+-core\b|@.*|\(family.*", " ", cpu.lower())
    return " ".join(bare.split())
