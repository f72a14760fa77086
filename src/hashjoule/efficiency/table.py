"""The J/TH table: published machines and measured ones as rows of one kind, filtered and sorted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

import msgspec

from hashjoule.data.hardware import BOUND_BASES, MachineClass, PublishedMachine, best, machines, read_machines
from hashjoule.errors import UsageError

if TYPE_CHECKING:
    from hashjoule.records.schema import Record, Result

SortKey = Literal["j_per_th", "hashrate", "power", "shipped", "maker", "model"]


class TableRow(msgspec.Struct, frozen=True, kw_only=True):
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
    """Whether the published J/TH differs from the computed one by over 3%."""
    ratio_to_class_best: float | None
    ratio_to_best: float | None
    """J/TH over that of the best published machine of the class, and of all; doubtful rows count only if alone."""
    quality: str | None
    source: str
    """The address of the source, or the file of the record."""
    via: str
    """The list through which the source's figures were read; empty if the source itself was read."""
    source_date: str
    note: str
    announced: bool
    """Whether the machine is only announced."""
    cores: int | None = None
    """CPU cores that a measured search kept busy; None for a published machine."""

    @property
    def is_bound(self) -> bool:
        """Whether J/TH is only an upper bound."""
        return self.power_basis in (*BOUND_BASES, "bound")

    @property
    def name(self) -> str:
        """Model and mode in one string."""
        return f"{self.model} ({self.mode})" if self.mode else self.model


class Filter(msgspec.Struct, frozen=True, kw_only=True):
    """Which published rows to keep: years inclusive, maker and model by a part of them. None keeps all."""

    machine_class: MachineClass | None = None
    since: int | None = None
    until: int | None = None
    maker: str | None = None
    model: str | None = None
    node_nm: float | None = None

    @property
    def by_date(self) -> bool:
        """Whether years are asked for, so that rows without a date are dropped."""
        return self.since is not None or self.until is not None

    def keeps(self, row: TableRow) -> bool:
        """Return whether a row stays; measured rows always do."""
        return row.origin == "measured" or (self._keeps_years(row) and self.keeps_undated(row))

    def keeps_undated(self, row: TableRow) -> bool:
        """Return whether all but the years let a published row through."""
        words = (self.model or "").casefold().split()
        name = f"{row.maker} {row.name}".casefold()
        return (
            self.machine_class in (None, row.machine_class)
            and (self.maker is None or self.maker.casefold() in row.maker.casefold())
            and (self.node_nm is None or self.node_nm == row.node_nm)
            and all(word in name for word in words)
        )

    def _keeps_years(self, row: TableRow) -> bool:
        if not self.by_date:
            return True
        year = None if row.shipped is None else int(row.shipped[:4])
        return year is not None and (self.since or year) <= year <= (self.until or year)


def dropped_for_want_of_a_date(rows: Iterable[TableRow], wanted: Filter) -> int:
    """Return how many published rows a filter of years drops only because their shipping date is not known."""
    if not wanted.by_date:
        return 0
    return sum(row.origin == "published" and row.shipped is None and wanted.keeps_undated(row) for row in rows)


def build_rows(
    published: Sequence[PublishedMachine], records: Iterable[tuple[str, Record]] = ()
) -> tuple[TableRow, ...]:
    """Every row of the table: the measured ones first, then the published ones.

    `records` are pairs of a name to show as the source (the file) and the record. Ratios refer to the best published
    machines given, before any filter, so that they mean the same in every view.
    """
    least = _least_by_class(published)
    measured = [_measured(record, result, name) for name, record in records for result in record.results]
    return tuple(_with_ratios(row, least) for row in [*measured, *map(_published, published)])


def load_table(files: Iterable[str | Path] = ()) -> tuple[TableRow, ...]:
    """Return the published table, with the rows of record files (.json) and of further hardware files (.csv).

    Raises:
        UsageError: for a file that cannot be read or is malformed, with its name, line and field.
    """
    paths = list(map(Path, files))
    records = [(str(path), dated_record(path)) for path in paths if path.suffix.lower() != ".csv"]
    return build_rows(published_with(paths), records)


def published_with(files: Iterable[Path]) -> list[PublishedMachine]:
    """Return the published machines and those of further hardware files (.csv) among these.

    Raises:
        UsageError: For a file that is malformed, with its name, line and field.
    """
    further = [machine for path in files if path.suffix.lower() == ".csv" for machine in read_machines(path)]
    return [*machines(), *further]


def dated_record(path: Path) -> Record:
    """Return a record whose date can stand on a time axis.

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
        raise UsageError(
            f"{name}, field created: {created!r} is not a date and time like 2026-11-20T10:00:00Z"
        ) from None
    if known.date() > date.today() + timedelta(days=1):  # the next day has begun in some time zones
        raise UsageError(f"{name}, field created: {created} is in the future")


def select(
    rows: Iterable[TableRow], wanted: Filter | None = None, sort: SortKey = "j_per_th", limit: int | None = None
) -> tuple[TableRow, ...]:
    """Return the rows that a filter keeps, sorted, at most `limit` published ones; measured rows are never cut off."""
    kept = sorted(filter((wanted or Filter()).keeps, rows), key=_SORT_KEYS[sort])
    if limit is None:
        return tuple(kept)
    within = set(map(id, [row for row in kept if row.origin == "published"][:limit]))
    return tuple(row for row in kept if row.origin == "measured" or id(row) in within)


def _missing_last(value: float | str | None) -> tuple[bool, float | str]:
    return (True, 0.0) if value is None else (False, value)


_SORT_KEYS: dict[SortKey, Callable[[TableRow], tuple[object, ...]]] = {
    "j_per_th": lambda row: (*_missing_last(row.j_per_th), row.model),
    "hashrate": lambda row: (-row.hashrate_hs, row.model),
    "power": lambda row: (row.power_w is None, -(row.power_w or 0.0), row.model),
    "shipped": lambda row: (*_missing_last(row.shipped), row.model),
    "maker": lambda row: (row.maker.lower(), *_missing_last(row.shipped), row.model),
    "model": lambda row: (row.model.lower(), row.mode),
}
SORT_KEYS: tuple[SortKey, ...] = tuple(_SORT_KEYS)


def _published(machine: PublishedMachine) -> TableRow:
    return TableRow(
        origin="published",
        model=machine.model,
        mode=machine.mode,
        maker=machine.maker,
        machine_class=machine.machine_class,
        shipped=machine.shipped,
        node_nm=machine.node_nm,
        chip=machine.chip,
        cooling=machine.cooling,
        hashrate_hs=machine.hashrate_hs,
        power_w=machine.power_w,
        power_boundary=machine.power_boundary,
        power_basis=machine.power_basis,
        j_per_th=machine.j_per_th,
        published_j_per_th=machine.published_j_per_th,
        deviates=machine.deviates,
        ratio_to_class_best=None,
        ratio_to_best=None,
        quality=machine.quality,
        source=machine.source_url,
        via=machine.via,
        source_date=machine.source_date,
        note=machine.note,
        announced=machine.status == "announced",
    )


def _measured(record: Record, result: Result, name: str) -> TableRow:
    energy = result.energy if result.j_per_th else None
    cores = record.cores_of(result)
    return TableRow(
        origin="measured",
        model=record.name_of(result),
        mode=", ".join([result.backend, result.mode, *([f"{cores} cores"] if cores > 1 else [])]),
        maker="",
        machine_class=class_of(record, result),
        shipped=None,
        node_nm=None,
        chip="",
        cooling=None,
        hashrate_hs=result.hashrate_hs.median,
        power_w=energy.joules / energy.seconds if energy else None,
        power_boundary=energy.scope if energy else None,
        power_basis=energy.method if energy else None,
        j_per_th=result.j_per_th.value if energy and result.j_per_th else None,
        published_j_per_th=None,
        deviates=False,
        ratio_to_class_best=None,
        ratio_to_best=None,
        quality=None,
        source=name,
        via="",
        source_date=record.created[:10],
        note="",
        announced=False,
        cores=cores,
    )


def class_of(record: Record, result: Result) -> MachineClass:
    """Return the table's class of a measured result; other accelerators stand with the GPUs."""
    kind = record.kind_of(result)
    return "gpu" if kind == "accelerator" else kind


def _least_by_class(published: Sequence[PublishedMachine]) -> dict[str, float]:
    """Return the J/TH of the best machine of each class, and of all."""
    found = {name: best(published, name) for name in get_args(MachineClass)} | {"all": best(published)}
    return {name: machine.j_per_th for name, machine in found.items() if machine and machine.j_per_th}


def _with_ratios(row: TableRow, least: dict[str, float]) -> TableRow:
    if row.j_per_th is None:
        return row
    of_class, of_all = least.get(row.machine_class), least.get("all")
    return msgspec.structs.replace(
        row,
        ratio_to_class_best=row.j_per_th / of_class if of_class else None,
        ratio_to_best=row.j_per_th / of_all if of_all else None,
    )
