"""Compare two records: which backends became faster or slower, and by how much. Pure functions."""

from __future__ import annotations

from typing import Literal, NamedTuple

from msgspec import Struct

from hashjoule.benchmark.conditions import QUIET_CORES, QUIET_STEAL
from hashjoule.records.schema import Record, Result

Verdict = Literal["faster", "slower", "no difference"]
Measure = Literal["cycles", "rate"]


class Change(Struct, frozen=True):
    """A backend's speed in the second record over that in the first.

    `low` and `high` are what the far ends of both 95 % intervals allow. That is wider than for two independent
    samples of one noise: what makes two runs differ (the clock, neighbours, where memory lies) is partly not seen
    within either of them.
    """

    backend: str
    mode: str
    device: str
    threads: int
    measure: Measure
    """What is compared: CPU cycles per hash, or hashes per second of wall-clock time."""
    before: float
    after: float
    """The figure in either record: cycles per hash, or H/s."""
    ratio: float
    """Speed in the second record over speed in the first: above 1 is faster, whatever is compared."""
    low: float
    high: float
    verdict: Verdict

    @property
    def name(self) -> str:
        """What is compared, for people: backend, mode, and threads if there are several."""
        return _name(self.backend, self.mode, self.threads)


class Comparison(Struct, frozen=True):
    """All rows that both records have, the names of those that one lacks, and what makes the pair unfair."""

    changes: tuple[Change, ...]
    """What decides: cycles per hash of CPU backends where both records have them, else rates."""
    rates: tuple[Change, ...]
    """The wall-clock rates of all rows, whatever decides."""
    only_before: tuple[str, ...]
    only_after: tuple[str, ...]
    warnings: tuple[str, ...]


def compare_records(before: Record, after: Record, by: Measure = "cycles") -> Comparison:
    """Set two records side by side: same backend, mode, device and threads.

    A CPU backend is judged by its cycles per hash, which neither the clock rate nor other programs change much, unless
    `by` asks for rates. A device has no cycles that we know, so its rate decides.
    """
    old, new = _by_row(before), _by_row(after)
    both = [(old[row], new[row]) for row in old if row in new]
    return Comparison(
        changes=tuple((_by_cycles(a, b) if by == "cycles" else None) or change_of_rate(a, b) for a, b in both),
        rates=tuple(change_of_rate(a, b) for a, b in both),
        only_before=tuple(_name(r.backend, r.mode, r.threads) for row, r in old.items() if row not in new),
        only_after=tuple(_name(r.backend, r.mode, r.threads) for row, r in new.items() if row not in old),
        warnings=tuple(_unfair(before, after)),
    )


class _Figure(NamedTuple):
    value: float
    low: float
    high: float


def change_of_rate(before: Result, after: Result) -> Change:
    """Compare two rates by wall clock."""
    old, new = (_Figure(r.median, r.ci95_low, r.ci95_high) for r in (before.hashrate_hs, after.hashrate_hs))
    return _change(before, "rate", (old, new), new.value / old.value, new.low / old.high, new.high / old.low)


def _by_cycles(before: Result, after: Result) -> Change | None:
    """Compare two figures of cycles per hash; None where either record has none with an interval."""
    if not (before.cycles_per_hash_ci95 and after.cycles_per_hash_ci95):
        return None
    if before.cycles_per_hash is None or after.cycles_per_hash is None:
        return None
    old = _Figure(before.cycles_per_hash, *before.cycles_per_hash_ci95)
    new = _Figure(after.cycles_per_hash, *after.cycles_per_hash_ci95)
    return _change(before, "cycles", (old, new), old.value / new.value, old.low / new.high, old.high / new.low)


def _change(
    row: Result, measure: Measure, figures: tuple[_Figure, _Figure], ratio: float, low: float, high: float
) -> Change:
    """Return a change: faster or slower only if the two intervals do not overlap."""
    return Change(
        backend=row.backend,
        mode=row.mode,
        device=row.device,
        threads=row.threads,
        measure=measure,
        before=figures[0].value,
        after=figures[1].value,
        ratio=ratio,
        low=low,
        high=high,
        verdict="faster" if low > 1 else "slower" if high < 1 else "no difference",
    )


def regressions(comparison: Comparison, threshold: float) -> tuple[Change, ...]:
    """Return the rows that are slower by more than that part of the old speed, and not by chance."""
    return tuple(c for c in comparison.changes if c.verdict == "slower" and 1 - c.ratio > threshold)


def _by_row(record: Record) -> dict[tuple[str, str, str, int], Result]:
    return {(r.backend, r.mode, r.device, r.threads): r for r in record.results}


def _name(backend: str, mode: str, threads: int) -> str:
    return f"{backend} {mode}" + (f" x {threads}" if threads > 1 else "")


def _unfair(before: Record, after: Record) -> list[str]:
    found = []
    if before.machine.cpu != after.machine.cpu:
        found.append(f"two machines are compared: {before.machine.cpu} and {after.machine.cpu}")
    old_hz, new_hz = before.machine.clock_hz, after.machine.clock_hz
    if old_hz and new_hz and abs(new_hz / old_hz - 1) > 0.01:
        found.append(
            f"the clock ran at {old_hz / 1e9:.2f} GHz in A and at {new_hz / 1e9:.2f} GHz in B "
            f"({new_hz / old_hz - 1:+.1%}), which changes the rates"
        )
    if not (before.complete and after.complete):
        found.append("a run was interrupted: its intervals come from fewer samples")
    for name, record in (("A", before), ("B", after)):
        if disturbed := _disturbed(record):
            found.append(f"{name} was disturbed, which lowers its rates: {disturbed}")
    return found


def _disturbed(record: Record) -> str:
    """Return what took the CPU from a run; empty if nothing did, or nobody knows."""
    steal, after = record.conditions.steal, record.conditions.after
    busy = after.others_busy if after and isinstance(after.others_busy, float) else 0.0
    parts = [f"other programs kept {busy:.1f} cores busy"] if busy > QUIET_CORES else []
    parts += [f"the hypervisor took {steal:.0%} of the CPU time"] if steal and steal > QUIET_STEAL else []
    return " and ".join(parts)
