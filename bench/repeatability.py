"""Do two benchmark runs agree? Pairs of runs of the same build, one right after the other.

    python bench/repeatability.py [--pairs N] [--seconds S] [--backend B]... [--busy] [--command CMD] [--output DIR]

Two runs agree on a backend if `hashjoule compare` calls it no difference: CPU backends by their cycles per hash,
devices by their rate. With --busy an endless loop runs beside the second run of each pair. Adds its series to
repeatability.json (every interval) and makes repeatability.md from it, after each pair, so that an interrupted series
is not lost.
"""

from __future__ import annotations

import argparse
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import msgspec
from msgspec import Struct

from hashjoule.benchmark.comparison import Change, Measure, compare_records
from hashjoule.records.files import to_json
from hashjoule.records.schema import HostFacts, Rate, Record, Result

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
    core_shares: tuple[float, float] | None = None
    """The parts of its core that each run had: wall-clock rate over the rate by CPU time."""
    measure: Measure = "rate"
    """What decided."""
    cycles: tuple[tuple[float, float, float], tuple[float, float, float]] | None = None
    """Cycles per hash in both runs, with their intervals; None where rates decided."""


class Series(Struct):
    """All pairs of one kind on one machine. `load` is what else ran there, before each run."""

    created: str
    version: str
    machine: HostFacts
    seconds: float
    load: list[float | None]
    pairs: list[list[Pair]]
    busy: bool = False
    """Whether an endless loop ran beside the second run of each pair."""


def run(command: list[str], backends: list[str], seconds: float) -> Record:
    """Run `hashjoule bench` once and return its record."""
    names = [argument for name in backends for argument in ("--backend", name)]
    line = [*command, "bench", "--json", "--threads", "1", "--seconds", str(seconds), *names]
    done = subprocess.run(line, capture_output=True, check=True)
    return msgspec.json.decode(done.stdout, type=Record)


@contextmanager
def endless_loop(wanted: bool) -> Iterator[None]:
    """Keep a core busy meanwhile, if wanted."""
    if not wanted:
        yield
        return
    with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as loop:
        try:
            yield
        finally:
            loop.kill()


def pairs_of(a: Record, b: Record) -> list[Pair]:
    """Return the two runs, backend by backend."""
    results: list[dict[tuple[str, str], Result]] = [{(r.backend, r.mode): r for r in x.results} for x in (a, b)]
    clocks = a.machine.clock_hz, b.machine.clock_hz
    clock_ratio = clocks[1] / clocks[0] if clocks[0] and clocks[1] else None
    found = []
    for change in compare_records(a, b).changes:
        old, new = (result[change.backend, change.mode] for result in results)
        found.append(_pair(change, old, new, clock_ratio))
    return found


def _pair(change: Change, old: Result, new: Result, clock_ratio: float | None) -> Pair:
    both = [_cycles(result) for result in (old, new)]
    return Pair(
        backend=change.backend,
        mode=change.mode,
        a=old.hashrate_hs,
        b=new.hashrate_hs,
        agree=change.verdict == "no difference",
        clock_ratio=clock_ratio,
        core_shares=(_core_share(old), _core_share(new)),
        measure=change.measure,
        cycles=(both[0], both[1]) if both[0] and both[1] else None,
    )


def _cycles(result: Result) -> tuple[float, float, float] | None:
    if result.cycles_per_hash is None or not result.cycles_per_hash_ci95:
        return None
    return (result.cycles_per_hash, *result.cycles_per_hash_ci95)


def _core_share(result: Result) -> float:
    return result.hashrate_hs.median / result.hashes_per_cpu_second if result.hashes_per_cpu_second else 0.0


def markdown(found: list[Series]) -> str:
    """Return all series as a page, the newest first."""
    lines = [
        "# Do two runs agree?",
        "",
        "Made by `bench/repeatability.py`; every interval is in [repeatability.json](repeatability.json).",
        "Two runs of the same build, one right after the other, agree on a backend if `hashjoule compare` finds no",
        "difference. The bar is 19 of 20, on a quiet machine and with an endless loop beside the second run of each",
        "pair. Early series compared wall-clock rates; newer ones compare CPU cycles per hash.",
    ]
    for busy, title in ((False, "nothing beside them"), (True, "an endless loop beside the second run")):
        by_cycles = [p for series in found if series.busy == busy for p in _flat(series) if p.measure == "cycles"]
        lines += ["", f"By cycles per hash, {title}: {_agreement(by_cycles)}."]
    for series in reversed(found):
        lines += ["", *_section(series)]
    return "\n".join(lines) + "\n"


def _flat(series: Series) -> list[Pair]:
    return [pair for pairs in series.pairs for pair in pairs]


def _section(series: Series) -> list[str]:
    rows: dict[tuple[str, str], list[Pair]] = {}
    for pair in _flat(series):
        rows.setdefault((pair.backend, pair.mode), []).append(pair)
    loads = [load for load in series.load if load is not None]
    beside = "; an endless loop beside the second run of each pair" if series.busy else ""
    return [
        f"## {series.created}",
        "",
        f"{series.machine.cpu}, {series.machine.os}, hashjoule {series.version}: {len(series.pairs)} pairs of runs, "
        f"{series.seconds:g} s for each backend, one thread{beside}"
        + (f"; load before the runs {median(loads):.1f} (median)." if loads else "."),
        "",
        f"All pairs: {_agreement(_flat(series))}.",
        "",
        "| backend | mode | by | pairs | agree | half width (median) | change (median) | change (largest) |",
        "|---|---|---|--:|--:|--:|--:|--:|",
        *(_line(backend, mode, row) for (backend, mode), row in rows.items()),
    ]


def _agreement(pairs: list[Pair]) -> str:
    if not pairs:
        return "none yet"
    agree = sum(pair.agree for pair in pairs)
    met = "met" if agree >= WANTED * len(pairs) else "missed"
    return f"{agree} of {len(pairs)} agree ({agree / len(pairs):.1%}): {met}"


def _line(backend: str, mode: str, pairs: list[Pair]) -> str:
    widths = [(high - low) / 2 / value for pair in pairs for value, low, high in _figures(pair)[:1]]
    changes = [abs(b[0] / a[0] - 1) for a, b in map(_figures, pairs)]
    return (
        f"| `{backend}` | {mode} | {pairs[0].measure} | {len(pairs)} | {sum(p.agree for p in pairs)} "
        f"| {median(widths):.1%} | {median(changes):.1%} | {max(changes):.1%} |"
    )


def _figures(pair: Pair) -> list[tuple[float, float, float]]:
    """Return what decided, of both runs: value, low, high."""
    if pair.measure == "cycles" and pair.cycles:
        return list(pair.cycles)
    return [(rate.median, rate.ci95_low, rate.ci95_high) for rate in (pair.a, pair.b)]


def main(arguments: list[str]) -> int:
    """Run the pairs; return 1 if fewer than 19 of 20 comparisons agree."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--backend", action="append", default=[])
    parser.add_argument("--busy", action="store_true", help="keep a core busy beside the second run of each pair")
    parser.add_argument("--command", default=f"{shlex.quote(sys.executable)} -m hashjoule", help="how to call it")
    parser.add_argument("--output", type=Path, default=Path(__file__).parents[1] / "results")
    options = parser.parse_args(arguments)
    file = options.output / "repeatability.json"
    found = msgspec.json.decode(file.read_bytes(), type=list[Series]) if file.exists() else []
    earlier = len(found)
    for number in range(options.pairs):
        records = []
        for busy in (False, options.busy):
            with endless_loop(busy):
                records.append(run(shlex.split(options.command), options.backend or ["c"], options.seconds))
        a, b = records
        if len(found) == earlier:
            version = a.hashjoule.commit or a.hashjoule.version
            found.append(Series(a.created, version, a.machine, options.seconds, [], [], options.busy))
        found[-1].load += [a.conditions.load, b.conditions.load]
        found[-1].pairs.append(pairs_of(a, b))
        file.write_text(to_json(found) + "\n", "utf-8")
        file.with_suffix(".md").write_text(markdown(found), "utf-8")
        print(f"pair {number + 1}: {_agreement(found[-1].pairs[-1])}", flush=True)
    pairs = _flat(found[-1])
    return 0 if sum(pair.agree for pair in pairs) >= WANTED * len(pairs) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
