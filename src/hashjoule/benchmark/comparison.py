"""Two records: which backends became faster or slower, and by how much. Pure functions."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from hashjoule.records.schema import Record, Result

Verdict = Literal["faster", "slower", "no difference"]


class Change(Struct, frozen=True):
    """A backend's rate in the second record over that in the first.

    `low` and `high` are what the far ends of both 95 % intervals allow. That is wider than for two independent
    samples of one noise: what makes two runs differ (the clock, neighbours, where memory lies) is partly not seen
    within either of them.
    """

    backend: str
    mode: str
    device: str
    threads: int
    before_hs: float
    after_hs: float
    ratio: float
    low: float
    high: float
    verdict: Verdict


class Comparison(Struct, frozen=True):
    """All rows that both records have, the names of those that one lacks, and what makes the pair unfair."""

    changes: tuple[Change, ...]
    only_before: tuple[str, ...]
    only_after: tuple[str, ...]
    warnings: tuple[str, ...]


def compare_records(before: Record, after: Record) -> Comparison:
    """Sets the rates of two records side by side: same backend, mode, device and threads."""
    old, new = _by_row(before), _by_row(after)
    return Comparison(
        changes=tuple(change(old[row], new[row]) for row in old if row in new),
        only_before=tuple(_name(result) for row, result in old.items() if row not in new),
        only_after=tuple(_name(result) for row, result in new.items() if row not in old),
        warnings=tuple(_unfair(before, after)),
    )


def change(before: Result, after: Result) -> Change:
    """Faster or slower only if the intervals of the two rates do not overlap."""
    old, new = before.hashrate_hs, after.hashrate_hs
    low, high = new.ci95_low / old.ci95_high, new.ci95_high / old.ci95_low
    return Change(
        backend=before.backend,
        mode=before.mode,
        device=before.device,
        threads=before.threads,
        before_hs=old.median,
        after_hs=new.median,
        ratio=new.median / old.median,
        low=low,
        high=high,
        verdict="faster" if low > 1 else "slower" if high < 1 else "no difference",
    )


def regressions(comparison: Comparison, threshold: float) -> tuple[Change, ...]:
    """The rows that are slower by more than that part of the old rate, and not by chance."""
    return tuple(c for c in comparison.changes if c.verdict == "slower" and 1 - c.ratio > threshold)


def _by_row(record: Record) -> dict[tuple[str, str, str, int], Result]:
    return {(r.backend, r.mode, r.device, r.threads): r for r in record.results}


def _name(result: Result) -> str:
    return f"{result.backend} {result.mode}" + (f" x {result.threads}" if result.threads > 1 else "")


def _unfair(before: Record, after: Record) -> list[str]:
    found = []
    if before.machine.cpu != after.machine.cpu:
        found.append(f"two machines are compared: {before.machine.cpu} and {after.machine.cpu}")
    old_hz, new_hz = before.machine.clock_hz, after.machine.clock_hz
    if old_hz and new_hz and abs(new_hz / old_hz - 1) > 0.01:
        found.append(
            f"the clock ran at {old_hz / 1e9:.2f} and then at {new_hz / 1e9:.2f} GHz ({new_hz / old_hz - 1:+.1%}): "
            "compare cycles per hash too"
        )
    if not (before.complete and after.complete):
        found.append("a run was interrupted: its intervals come from fewer samples")
    return found
