"""Do two benchmark runs agree? Pairs of runs, one right after the other, each in a process of its own.

    python bench/repeatability.py [--pairs N] [--seconds S] [--backend B]... [--command CMD] [--output DIR]

Two runs agree on a backend if their 95 % intervals overlap, which is what `hashjoule compare` calls no difference.
Writes repeatability.json (every interval) and repeatability.md (made from it) after each pair, so that an interrupted
series is not lost.
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

from hashjoule import comparison, records
from hashjoule.records import Machine, Rate, Record

WANTED = 0.95
"""19 of 20."""


class Pair(Struct):
    """One backend in two runs."""

    backend: str
    mode: str
    a: Rate
    b: Rate
    agree: bool
    clock_ratio: float | None


class Series(Struct):
    """All pairs on one machine. `load` is what else ran there, before each run."""

    created: str
    version: str
    machine: Machine
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
    rates: list[dict[tuple[str, str], Rate]] = [
        {(r.backend, r.mode): r.hashrate_hs for r in record.results} for record in (a, b)
    ]
    clocks = a.machine.clock_hz, b.machine.clock_hz
    clock_ratio = clocks[1] / clocks[0] if clocks[0] and clocks[1] else None
    return [
        Pair(
            change.backend,
            change.mode,
            rates[0][change.backend, change.mode],
            rates[1][change.backend, change.mode],
            change.verdict == "no difference",
            clock_ratio,
        )
        for change in comparison.compare(a, b).changes
    ]


def markdown(series: Series) -> str:
    """The series as a page."""
    rows: dict[tuple[str, str], list[Pair]] = {}
    for pairs in series.pairs:
        for pair in pairs:
            rows.setdefault((pair.backend, pair.mode), []).append(pair)
    found = [pair for pairs in series.pairs for pair in pairs]
    agree, share = sum(p.agree for p in found), sum(p.agree for p in found) / len(found)
    loads = [load for load in series.load if load is not None]
    lines = [
        "# Do two runs agree?",
        "",
        "Made by `bench/repeatability.py`; every interval is in [repeatability.json](repeatability.json).",
        "",
        f"{series.machine.cpu}, {series.machine.os}, hashjoule {series.version}, {series.created[:10]}: "
        f"{len(series.pairs)} pairs of runs, {series.seconds:g} s for each backend, one thread.",
        f"The median load of the machine before the runs was {median(loads):.1f}." if loads else "",
        "",
        f"**{agree} of {len(found)} pairs of intervals overlap ({share:.1%}); the bar is 19 of 20: "
        f"{'met' if share >= WANTED else 'missed'}.**",
        "",
        "| backend | mode | pairs | intervals overlap | median half width | median change | largest change |",
        "|---|---|--:|--:|--:|--:|--:|",
        *(_line(backend, mode, pairs) for (backend, mode), pairs in rows.items()),
    ]
    return "\n".join(lines) + "\n"


def _line(backend: str, mode: str, pairs: list[Pair]) -> str:
    widths = [(p.a.ci95_high - p.a.ci95_low) / 2 / p.a.median for p in pairs]
    changes = [abs(p.b.median / p.a.median - 1) for p in pairs]
    return (
        f"| `{backend}` | {mode} | {len(pairs)} | {sum(p.agree for p in pairs)} | "
        f"{median(widths):.1%} | {median(changes):.1%} | {max(changes):.1%} |"
    )


def main(arguments: list[str]) -> int:
    """Runs the pairs; 1 if fewer than 19 of 20 agree."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--backend", action="append", default=[])
    parser.add_argument("--command", default=f"{shlex.quote(sys.executable)} -m hashjoule", help="how to call it")
    parser.add_argument("--output", type=Path, default=Path(__file__).parents[1] / "results")
    options = parser.parse_args(arguments)
    series = None
    for number in range(options.pairs):
        a, b = (run(shlex.split(options.command), options.backend or ["c"], options.seconds) for _ in range(2))
        series = series or Series(a.created, a.hashjoule.version, a.machine, options.seconds, [], [])
        series.load += [a.conditions.load, b.conditions.load]
        series.pairs.append(pairs_of(a, b))
        (options.output / "repeatability.json").write_text(records.to_json(series) + "\n", "utf-8")
        (options.output / "repeatability.md").write_text(markdown(series), "utf-8")
        print(f"pair {number + 1}: {sum(p.agree for p in series.pairs[-1])} of {len(series.pairs[-1])} overlap")
    found = [pair for pairs in series.pairs for pair in pairs] if series else []
    return 0 if found and sum(pair.agree for pair in found) >= WANTED * len(found) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
