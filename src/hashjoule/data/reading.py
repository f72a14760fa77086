"""Read and check a table of the data set. A row that breaks its schema is refused with file, line and field."""

from __future__ import annotations

import csv
import datetime
import importlib.resources
import re
from pathlib import Path
from typing import Annotated, Literal, TypeVar

import msgspec

from hashjoule.errors import UsageError

_DATE_FIELDS = ("date", "shipped", "first_month", "source_date")

Positive = Annotated[float, msgspec.Meta(gt=0)]
Percent = Annotated[float, msgspec.Meta(ge=0, le=100)]
Text = Annotated[str, msgspec.Meta(min_length=1)]
Date = Annotated[str, msgspec.Meta(pattern=r"^\d{4}(-\d{2}(-\d{2})?|-Q[1-4])?$")]
Quality = Literal["high", "medium", "low"]


class Sourced(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A row that says where it comes from. `source_date` is the source's date, or the day it was read."""

    source_url: Text
    source_date: Date
    note: str = ""


Entry = TypeVar("Entry", bound=msgspec.Struct)


def read_csv(path: Path, entry_type: type[Entry], *, today: datetime.date | None = None) -> tuple[Entry, ...]:
    """Return the rows of a CSV file, each checked against its type.

    Raises:
        UsageError: With file, line and field, if a row breaks the schema or bears a date in the future.
    """
    latest = (today or datetime.date.today()).isoformat()
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file, strict=True)
        try:
            return tuple(_entry(path.name, reader.line_num, cells, entry_type, latest) for cells in reader)
        except csv.Error as error:
            raise UsageError(f"{path.name}, line {reader.reader.line_num}: {error}") from error


def shipped_table(name: str, entry_type: type[Entry]) -> tuple[Entry, ...]:
    """Return the rows of a file that hashjoule ships."""
    with importlib.resources.as_file(importlib.resources.files("hashjoule") / "data" / name) as path:
        return read_csv(path, entry_type)


def _entry(file: str, line: int, cells: dict[str, str], entry_type: type[Entry], latest: str) -> Entry:
    where = f"{file}, line {line}"
    if None in cells or None in cells.values():
        raise UsageError(f"{where}: the number of cells differs from the header's")
    given = {name: cell for name, cell in cells.items() if cell != ""}
    try:
        entry = msgspec.convert(given, entry_type, strict=False)
    except msgspec.ValidationError as error:
        raise UsageError(f"{where}, {_field(str(error))}") from error
    for name in _DATE_FIELDS:
        value = given.get(name, "")
        if value.split("-Q")[0] > latest[: len(value.split("-Q")[0])]:
            raise UsageError(f"{where}, field {name}: the date {value} is in the future")
    return entry


def _field(message: str) -> str:
    """Turn msgspec's message into ``field NAME: what is wrong``."""
    named = re.match(r"(?P<problem>.*) - at `\$\.(?P<field>\w+)`$", message)
    if named:
        return f"field {named['field']}: {named['problem'][0].lower()}{named['problem'][1:]}"
    other = re.match(r"Object (missing required|contains unknown) field `(?P<field>\w+)`", message)
    return f"field {other['field']}: {'is required' if 'missing' in message else 'is unknown'}" if other else message
