"""The rated power of a CPU, as an upper bound on what it draws.

The thermal design power is what a package may draw for long as it is rated. A virtual machine has only a part of the
package. So the figure is a bound and no measurement, and it is called so wherever it is shown. Of processors whose
firmware lets them draw more than that for long, the client parts that are sold as small servers among them, nothing is
claimed here.
"""

from __future__ import annotations

import csv
import re
from dataclasses import replace
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

from hashjoule.errors import UsageError
from hashjoule.meters import Meter, closed


class Rating(NamedTuple):
    """A CPU's rated power."""

    cpu: str
    tdp_w: float
    source: str


_TURBO_EXCEEDS_TDP = re.compile(r"epyc 4\d|xeon e-|xeon e3|xeon w-1")
"""Client processors in server clothes: their package limit (AMD's PPT, Intel's PL2) is above the TDP."""


@cache
def _ratings() -> dict[str, Rating]:
    lines = (files("hashjoule") / "data" / "tdp.csv").read_text("utf-8").splitlines()
    return {
        _key(row["cpu"]): Rating(row["cpu"], float(row["tdp_w"]), f"{row['source_url']}, {row['source_date']}")
        for row in csv.DictReader(lines)
    }


def rating(cpu: str) -> Rating | None:
    """Return the rated power of a CPU by its name as the system tells it.

    None if it is not known, or if the CPU may draw more than that for long.
    """
    key = _key(cpu)
    return None if _TURBO_EXCEEDS_TDP.search(key) else _ratings().get(key)


def bound(cpu: str, sockets: int) -> Meter:
    """Return the bound for that many of a CPU, by its name as the system tells it.

    Raises:
        UsageError: if its rated power is not known to be a bound.
    """
    rated = rating(cpu)
    if rated is None:
        raise UsageError(
            f"no rated power is known that bounds what {cpu!r} draws; look it up and state it with --watts"
        )
    return replace(
        closed("tdp", "package", "bound", "cpu", "it is stated"),
        source=f"rated power (TDP) of {sockets} x {rated.cpu}: {rated.source}",
        unavailable=None,
        stated_w=rated.tdp_w * sockets,
    )


def sockets(cpuinfo: Path = Path("/proc/cpuinfo")) -> int:
    """Return the number of CPU packages of this machine; 1 where the system does not tell."""
    try:
        text = cpuinfo.read_text("utf-8")
    except OSError:
        return 1
    return len(set(re.findall(r"^physical id\s*: (\d+)$", text, re.MULTILINE))) or 1


def _key(cpu: str) -> str:
    """Return the name without trademarks, clock rate, core count and what `records.facts.cpu_name` adds."""
    bare = re.sub(r"\((r|tm)\)|\bcpu\b|\bprocessor\b|\b\d+-core\b|@.*|\(family.*", " ", cpu.lower())
    return " ".join(bare.split())
