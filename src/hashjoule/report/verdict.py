"""What a record means, in plain words: the fastest code, what its rate is worth, and where joules would come from."""

from __future__ import annotations

from collections.abc import Sequence

from hashjoule.data.hardware import best_asic
from hashjoule.data.network import latest
from hashjoule.economics.formulas import expected_block_seconds
from hashjoule.power import METERED
from hashjoule.records.schema import Record, Result
from hashjoule.report.numbers import duration, hashrate, number, times


def verdict(record: Record) -> list[str]:
    """Return what follows from a record's rates, one sentence for each answer; nothing without results."""
    if not record.results:
        return []
    return [*_fastest_code(record), *_fastest_devices(record), *_in_the_world(record)]


def _fastest_code(record: Record) -> list[str]:
    """Compare like with like: code that kept the same number of CPU cores busy."""
    groups: dict[int, list[Result]] = {}
    for result in record.results:
        if record.kind_of(result) == "cpu":
            groups.setdefault(record.cores_of(result), []).append(result)
    found, alone = [], _best(groups.get(1, []))
    for cores, group in sorted(groups.items()):
        fastest = _best(group)
        if fastest is None:
            continue
        said = f"{_name(fastest)} with {hashrate(fastest.hashrate_hs.median)}"
        found.append(f"Fastest on {_cores(cores)}: {said}{_compared(fastest, group, alone)}.")
    return found


def _compared(fastest: Result, group: Sequence[Result], alone: Result | None) -> str:
    """Return how much faster the fastest is than the next backend and hashlib on as many cores, and than one core."""
    following = _best([result for result in group if result.backend != fastest.backend])
    hashlib = _best([result for result in group if result.backend == "reference"])
    parts = []
    if following:
        level = following.hashrate_hs.ci95_high >= fastest.hashrate_hs.ci95_low
        ahead = "not clearly ahead of" if level else times(_ratio(fastest, following))
        parts.append(f"{ahead} the next ({_name(following)})")
    if hashlib and following and hashlib.backend != following.backend:
        parts.append(f"{times(_ratio(fastest, hashlib))} Python's hashlib")
    if alone and alone is not fastest:
        parts.append(f"{times(_ratio(fastest, alone))} the best on one core")
    return f"; {', '.join(parts)}" if parts else ""


def _fastest_devices(record: Record) -> list[str]:
    devices: dict[str, list[Result]] = {}
    for result in record.results:
        if record.kind_of(result) != "cpu":
            devices.setdefault(result.device, []).append(result)
    best = [(device, _best(group)) for device, group in devices.items()]
    return [f"Fastest on {device}: {_name(b)} with {hashrate(b.hashrate_hs.median)}." for device, b in best if b]


def _in_the_world(record: Record) -> list[str]:
    """Return what the rate means: the time to a block, and how many of these machines equal the best ASIC."""
    fastest = _best(record.results)
    assert fastest is not None
    rate_hs = max(record.device_sum_hs or 0.0, fastest.hashrate_hs.median)
    difficulty, asic = latest("difficulty"), best_asic()
    seconds = expected_block_seconds(rate_hs, difficulty.value)
    found = [
        f"At {hashrate(rate_hs)} a block of mainnet takes {duration(seconds)} on average "
        f"(difficulty {number(difficulty.value)} of {difficulty.date})."
    ]
    equal = f"{number(asic.hashrate_hs / rate_hs)} of these machines hash as fast as one {asic.name}"
    metered = [r.j_per_th.value for r in record.results if r.j_per_th and r.energy and r.energy.method in METERED]
    if metered and asic.j_per_th:
        return [*found, f"{equal}, and each hash takes {times(min(metered) / asic.j_per_th)} its energy."]
    return [*found, f"{equal}."]


def without_a_meter(record: Record) -> list[str]:
    """Return which ways lead to a real J/TH on this machine, where none was measured."""
    ways = ["a wall plug that measures (--meter URL, see docs/meters.md)", "a power that you know (--watts W)"]
    if record.machine.os.startswith("Linux") and not record.machine.virtualised:
        ways.append("root's permission to read the CPU's own counter (`hashjoule devices` shows the command)")
        return [f"No J/TH: no power was measured. What helps here: {', '.join(ways[:-1])}, or {ways[-1]}."]
    why = "a virtual machine has no meter of its own" if record.machine.virtualised else "no meter can be read here"
    return [f"No J/TH: no power was measured, and {why}. What helps: {' or '.join(ways)}."]


def bound_j_per_th(record: Record, result: Result) -> float | None:
    """Return the J/TH that a result has at most, from the rated power of the CPU; None unless it used the whole CPU."""
    if not record.cpu_rating or result.energy or record.kind_of(result) != "cpu":
        return None
    if record.cores_of(result) < record.machine.cores:
        return None
    return record.cpu_rating.power_w / result.hashrate_hs.median * 1e12


def _best(group: Sequence[Result]) -> Result | None:
    return max(group, key=lambda result: result.hashrate_hs.median, default=None)


def _ratio(one: Result, other: Result) -> float:
    return one.hashrate_hs.median / other.hashrate_hs.median


def _name(result: Result) -> str:
    return f"{result.backend} {result.mode}"


def _cores(cores: int) -> str:
    return "one core" if cores == 1 else f"{cores} cores"
