"""The J/TH table: published machines and measured ones as rows of one kind, filtered and sorted. Pure functions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import msgspec

from hashjoule.efficiency.dataset import BOUND_BASES, Machine, MachineClass, machines, read_machines
from hashjoule.errors import UsageError

if TYPE_CHECKING:
    from hashjoule.records.schema import Record, Result

SortKey = Literal["j_per_th", "hashrate", "power", "shipped", "maker", "model"]


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the table. What is not known is None; without a power there is no J/TH and no ratio."""

    origin: Literal["published", "measured"]
    model: str
    mode: str
    maker: str
    machine_class: MachineClass = msgspec.field(name="class")
    shipped: str | None
    """First shipping of a published machine as YYYY, YYYY-MM or YYYY-MM-DD."""
    node_nm: float | None
    chip: str
    cooling: str | None
    hashrate_hs: float
    power_w: float | None
    power_boundary: str | None
    """What the power covers: chip, board, wall or system; of a measurement the scope of its meter."""
    power_basis: str | None
    """How the power was had; "tdp", "limit" and "bound" mean that it, and J/TH, are upper bounds."""
    j_per_th: float | None
    published_j_per_th: float | None
    deviates: bool
    """Whether the published J/TH differs from the computed one by over 3 %."""
    ratio_to_class_best: float | None
    ratio_to_best: float | None
    """J/TH over that of the best published machine of the class, and of all; doubtful rows count only if alone."""
    quality: str | None
    source: str
    """The address of the source, or the file of the record."""
    source_date: str
    note: str

    @property
    def is_bound(self) -> bool:
        """Whether J/TH is only an upper bound."""
        return self.power_basis in (*BOUND_BASES, "bound")

    @property
    def name(self) -> str:
        """Model and mode in one string."""
        return f"{self.model} ({self.mode})" if self.mode else self.model


class Filter(msgspec.Struct, frozen=True, kw_only=True):
    """Which published rows to keep: years inclusive, maker and class as named, node in nm. None keeps all."""

    machine_class: MachineClass | None = None
    since: int | None = None
    until: int | None = None
    maker: str | None = None
    node_nm: float | None = None

    def keeps(self, row: Row) -> bool:
        """Measured rows always stay. A row without a shipping date passes no filter of years."""
        return row.origin == "measured" or (
            self.machine_class in (None, row.machine_class)
            and (self.since is None or (row.shipped is not None and int(row.shipped[:4]) >= self.since))
            and (self.until is None or (row.shipped is not None and int(row.shipped[:4]) <= self.until))
            and (self.maker is None or self.maker.lower() in row.maker.lower())
            and (self.node_nm is None or self.node_nm == row.node_nm)
        )


def build_rows(published: Sequence[Machine], records: Iterable[tuple[str, Record]] = ()) -> tuple[Row, ...]:
    """Every row of the table: the measured ones first, then the published ones.

    `records` are pairs of a name to show as the source (the file) and the record. Ratios refer to the best published
    machines given, before any filter, so that they mean the same in every view.
    """
    best = _best_by_class(published)
    measured = [_measured(record, result, name) for name, record in records for result in record.results]
    return tuple(_with_ratios(row, best) for row in [*measured, *map(_published, published)])


def load_table(files: Iterable[str | Path] = ()) -> tuple[Row, ...]:
    """The published table, with the rows of record files (.json) and of further hardware files (.csv).

    Raises:
        UsageError: for a file that cannot be read or is malformed, with its name, line and field.
    """
    published = list(machines())
    records: list[tuple[str, Record]] = []
    for path in map(Path, files):
        if path.suffix.lower() == ".csv":
            published += read_machines(path)
        else:
            records.append((str(path), dated_record(path)))
    return build_rows(published, records)


def dated_record(path: Path) -> Record:
    """A record whose date can stand on a time axis.

    Raises:
        UsageError: for a file that is no record, or one without a date or from the future.
    """
    from hashjoule.records.files import load_record

    record = load_record(path)
    _check_created(path.name, record.created)
    return record


def _check_created(name: str, created: str) -> None:
    try:
        known = datetime.fromisoformat(created)
    except ValueError:
        raise UsageError(f"{name}, field created: {created!r} is no date and time as in 2026-11-20T10:00:00Z") from None
    if known.date() > date.today() + timedelta(days=1):  # the next day has begun in some time zones
        raise UsageError(f"{name}, field created: {created} is in the future")


def select(
    rows: Iterable[Row], wanted: Filter | None = None, sort: SortKey = "j_per_th", limit: int | None = None
) -> tuple[Row, ...]:
    """The rows that a filter keeps, sorted, at most `limit` published ones; measured rows are never cut off."""
    kept = sorted(filter((wanted or Filter()).keeps, rows), key=_SORT_KEYS[sort])
    if limit is None:
        return tuple(kept)
    within = set(map(id, [row for row in kept if row.origin == "published"][:limit]))
    return tuple(row for row in kept if row.origin == "measured" or id(row) in within)


def _missing_last(value: float | str | None) -> tuple[bool, float | str]:
    return (True, 0.0) if value is None else (False, value)


_SORT_KEYS: dict[SortKey, Callable[[Row], tuple[object, ...]]] = {
    "j_per_th": lambda row: (*_missing_last(row.j_per_th), row.model),
    "hashrate": lambda row: (-row.hashrate_hs, row.model),
    "power": lambda row: (row.power_w is None, -(row.power_w or 0.0), row.model),
    "shipped": lambda row: (*_missing_last(row.shipped), row.model),
    "maker": lambda row: (row.maker.lower(), *_missing_last(row.shipped), row.model),
    "model": lambda row: (row.model.lower(), row.mode),
}
SORT_KEYS: tuple[SortKey, ...] = tuple(_SORT_KEYS)


def _published(machine: Machine) -> Row:
    return Row(
        origin="published", model=machine.model, mode=machine.mode, maker=machine.maker,
        machine_class=machine.machine_class, shipped=machine.shipped, node_nm=machine.node_nm, chip=machine.chip,
        cooling=machine.cooling, hashrate_hs=machine.hashrate_hs, power_w=machine.power_w,
        power_boundary=machine.power_boundary, power_basis=machine.power_basis, j_per_th=machine.j_per_th,
        published_j_per_th=machine.published_j_per_th, deviates=machine.deviates, ratio_to_class_best=None,
        ratio_to_best=None, quality=machine.quality, source=machine.source_url, source_date=machine.source_date,
        note=machine.note,
    )  # fmt: skip


def _measured(record: Record, result: Result, name: str) -> Row:
    energy = result.energy if result.j_per_th else None
    return Row(
        origin="measured", model=record.name_of(result), mode=f"{result.backend}, {result.mode}", maker="",
        machine_class=class_of(record, result), shipped=None, node_nm=None, chip="", cooling=None,
        hashrate_hs=result.hashrate_hs.median, power_w=energy.joules / energy.seconds if energy else None,
        power_boundary=energy.scope if energy else None, power_basis=energy.method if energy else None,
        j_per_th=result.j_per_th.value if energy and result.j_per_th else None, published_j_per_th=None,
        deviates=False, ratio_to_class_best=None, ratio_to_best=None, quality=None, source=name,
        source_date=record.created[:10], note=f"{result.threads} threads" if result.threads > 1 else "",
    )  # fmt: skip


def class_of(record: Record, result: Result) -> MachineClass:
    """Return the table's class of a measured result; other accelerators stand with the GPUs."""
    kind = record.kind_of(result)
    return "gpu" if kind == "accelerator" else kind


def _best_by_class(published: Iterable[Machine]) -> dict[str, float]:
    """The lowest J/TH of each class and of "all". A doubtful row sets it only where there is no other."""
    best: dict[str, tuple[bool, float]] = {}
    for machine in published:
        if machine.j_per_th is not None:
            candidate = (machine.quality == "low", machine.j_per_th)
            for group in (machine.machine_class, "all"):
                best[group] = min(candidate, best.get(group, candidate))
    return {group: j_per_th for group, (_, j_per_th) in best.items()}


def _with_ratios(row: Row, best: dict[str, float]) -> Row:
    if row.j_per_th is None:
        return row
    of_class, of_all = best.get(row.machine_class), best.get("all")
    return msgspec.structs.replace(
        row,
        ratio_to_class_best=row.j_per_th / of_class if of_class else None,
        ratio_to_best=row.j_per_th / of_all if of_all else None,
    )
