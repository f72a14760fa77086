"""Do two benchmark runs agree? Pairs of runs, one right after the other, each in a process of its own.

    python bench/repeatability.py [--pairs N] [--seconds S] [--backend B]... [--command CMD] [--output DIR]

Two runs agree on a backend if their 95 % intervals overlap, which is what `hashjoule compare` calls no difference.
Adds its series to repeatability.json (every interval) and makes repeatability.md from it, after each pair, so that an
interrupted series is not lost. The bar is for idle machines: a pair counts as idle where both runs had at least
95 % of their core, told by CPU time over wall-clock time.
"""

from __future__ import annotations

import argparse
import shlex
import subprocess
import sys
from pathlib import Path
from statistics import median

import msgspec
from msgspec import Struct

from hashjoule.benchmark import comparison
from hashjoule.records.files import to_json
from hashjoule.records.schema import HostFacts, Rate, Record, Result

WANTED = 0.95
"""19 of 20."""
IDLE = 0.95
"""The part of its core that a run must have had for the machine to count as idle."""


class Pair(Struct):
    """One backend in two runs."""

    backend: str
    mode: str
    a: Rate
    b: Rate
    agree: bool
    clock_ratio: float | None
    core_shares: tuple[float, float] | None = None
    """The parts of its core that each run had: wall-clock rate over the rate by CPU time."""

    def idle(self) -> bool:
        """Whether both runs had their core to themselves."""
        return self.core_shares is not None and min(self.core_shares) >= IDLE


class Series(Struct):
    """All pairs on one machine. `load` is what else ran there, before each run."""

    created: str
    version: str
    machine: HostFacts
    seconds: float
    load: list[float | None]
    pairs: list[list[Pair]]


def run(command: list[str], backends: list[str], seconds: float) -> Record:
    """One run of `hashjoule bench`."""
    names = [argument for name in backends for argument in ("--backend", name)]
    line = [*command, "bench", "--json", "--threads", "1", "--seconds", str(seconds), *names]
    done = subprocess.run(line, capture_output=True, check=True)
    return msgspec.json.decode(done.stdout, type=Record)


def pairs_of(a: Record, b: Record) -> list[Pair]:
    """The two runs, backend by backend."""
    results: list[dict[tuple[str, str], Result]] = [{(r.backend, r.mode): r for r in x.results} for x in (a, b)]
    clocks = a.machine.clock_hz, b.machine.clock_hz
    clock_ratio = clocks[1] / clocks[0] if clocks[0] and clocks[1] else None
    found = []
    for change in comparison.compare_records(a, b).changes:
        old, new = (result[change.backend, change.mode] for result in results)
        rates, agree = (old.hashrate_hs, new.hashrate_hs), change.verdict == "no difference"
        found.append(
            Pair(change.backend, change.mode, *rates, agree, clock_ratio, (_core_share(old), _core_share(new)))
        )
    return found


def _core_share(result: Result) -> float:
    return result.hashrate_hs.median / result.hashes_per_cpu_second if result.hashes_per_cpu_second else 0.0


def markdown(found: list[Series]) -> str:
    """All series as a page, the newest first."""
    lines = [
        "# Do two runs agree?",
        "",
        "Made by `bench/repeatability.py`; every interval is in [repeatability.json](repeatability.json). Two runs,",
        "one right after the other, agree if their 95 % intervals overlap. The bar is 19 of 20 on an idle machine:",
        "where both runs had at least 95 % of their core, by CPU time over wall-clock time. (What other guests of a",
        "hypervisor take of the same physical core does not show there.)",
        "",
        f"All series together: {_agreement([pair for series in found for pairs in series.pairs for pair in pairs])}.",
    ]
    for series in reversed(found):
        lines += ["", *_section(series)]
    return "\n".join(lines) + "\n"


def _section(series: Series) -> list[str]:
    rows: dict[tuple[str, str], list[Pair]] = {}
    for pair in (pair for pairs in series.pairs for pair in pairs):
        rows.setdefault((pair.backend, pair.mode), []).append(pair)
    pairs = [pair for row in rows.values() for pair in row]
    loads = [load for load in series.load if load is not None]
    idle = [pair for pair in pairs if pair.idle()]
    known = any(pair.core_shares for pair in pairs)
    return [
        f"## {series.created}",
        "",
        f"{series.machine.cpu}, {series.machine.os}, hashjoule {series.version}: {len(series.pairs)} pairs of runs, "
        f"{series.seconds:g} s for each backend, one thread"
        + (f"; load before the runs {median(loads):.1f} (median)." if loads else "."),
        "",
        f"- all pairs: {_agreement(pairs)}",
        f"- idle: {_agreement(idle) if known else 'not recorded'}",
        "",
        "| backend | mode | pairs | agree | idle | of these agree | median half width | median change | largest |",
        "|---|---|--:|--:|--:|--:|--:|--:|--:|",
        *(_line(backend, mode, row) for (backend, mode), row in rows.items()),
    ]


def _agreement(pairs: list[Pair]) -> str:
    if not pairs:
        return "none"
    agree = sum(pair.agree for pair in pairs)
    met = "met" if agree >= WANTED * len(pairs) else "missed"
    return f"{agree} of {len(pairs)} agree ({agree / len(pairs):.1%}): {met}"


def _line(backend: str, mode: str, pairs: list[Pair]) -> str:
    widths = [(p.a.ci95_high - p.a.ci95_low) / 2 / p.a.median for p in pairs]
    changes = [abs(p.b.median / p.a.median - 1) for p in pairs]
    idle = [pair for pair in pairs if pair.idle()]
    return (
        f"| `{backend}` | {mode} | {len(pairs)} | {sum(p.agree for p in pairs)} | {len(idle)} | "
        f"{sum(p.agree for p in idle)} | {median(widths):.1%} | {median(changes):.1%} | {max(changes):.1%} |"
    )


def main(arguments: list[str]) -> int:
    """Runs the pairs; 1 if fewer than 19 of 20 idle ones agree, or there are none."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--backend", action="append", default=[])
    parser.add_argument("--command", default=f"{shlex.quote(sys.executable)} -m hashjoule", help="how to call it")
    parser.add_argument("--output", type=Path, default=Path(__file__).parents[1] / "results")
    options = parser.parse_args(arguments)
    file = options.output / "repeatability.json"
    found = msgspec.json.decode(file.read_bytes(), type=list[Series]) if file.exists() else []
    earlier = len(found)
    for number in range(options.pairs):
        a, b = (run(shlex.split(options.command), options.backend or ["c"], options.seconds) for _ in range(2))
        if len(found) == earlier:
            found.append(Series(a.created, a.hashjoule.version, a.machine, options.seconds, [], []))
        found[-1].load += [a.conditions.load, b.conditions.load]
        found[-1].pairs.append(pairs_of(a, b))
        file.write_text(to_json(found) + "\n", "utf-8")
        file.with_suffix(".md").write_text(markdown(found), "utf-8")
        print(f"pair {number + 1}: {_agreement(found[-1].pairs[-1])}", flush=True)
    idle = [pair for pairs in found[-1].pairs for pair in pairs if pair.idle()]
    return 0 if idle and sum(pair.agree for pair in idle) >= WANTED * len(idle) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
