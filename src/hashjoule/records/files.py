"""Read and write record files: validated when read, whole or not at all when written, never overwritten."""

from __future__ import annotations

import contextlib
import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

import msgspec
from msgspec import Struct

from hashjoule.errors import UsageError
from hashjoule.files import written
from hashjoule.records.schema import SCHEMA, Record

T = TypeVar("T")


class _Header(Struct):
    schema: str


def load_record(path: Path) -> Record:
    """Read and validate a record.

    Raises:
        UsageError: For anything that is not a record.
    """
    return load(path, Record, SCHEMA)


def load(path: Path, kind: type[T], schema: str) -> T:
    """Read and validate a file of this schema.

    Raises:
        UsageError: For anything else.
    """
    found = schema_of(path, schema)
    if found != schema and found.startswith(schema.partition("/")[0] + "/"):
        raise UsageError(f"{path} is a {found}, but this version reads {schema} only; update hashjoule")
    return _decoded(path, kind, schema)


def schema_of(path: Path, expected: str = SCHEMA) -> str:
    """Return the schema that a file names.

    Raises:
        UsageError: If it names none; the sentence says what was expected.
    """
    return _decoded(path, _Header, expected).schema


def _decoded(path: Path, kind: type[T], schema: str) -> T:
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UsageError(f"{path} is not a hashjoule record ({schema}): {_fault(error)}") from None


def _fault(error: Exception) -> str:
    """Say in plain words why a file cannot be decoded."""
    reason = str(error)
    return "the file is truncated" if "truncated" in reason else reason[:1].lower() + reason[1:]


def to_json(value: object) -> str:
    """Return indented JSON of a record or of any plain value."""
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode()


class RecordFile:
    """The file of one run: `<folder>/<machine>/<date>-<suite>.json`, with a name that no other run has taken.

    A run of many machines, which has no `cpu`, stands in the folder itself.

    It appears with the first `write` and is replaced in one step by each further one, so that a run which is
    interrupted, or whose disk fills up, keeps what was written before.
    """

    def __init__(self, folder: Path, cpu: str | None, created: str, suite: str = "bench") -> None:
        """Create the folder.

        Raises:
            UsageError: If it cannot be written; nothing has been measured by then.
        """
        self._folder = folder / _slug(cpu) if cpu else folder
        self._stem = f"{created[:10]}-{suite}"
        self.path: Path | None = None
        with self._one_sentence():
            self._folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self._folder):
                pass

    def write(self, record: Struct) -> Path:
        """Write the record, whole or not at all.

        Raises:
            UsageError: If the disk is full or the folder is gone.
        """
        with self._one_sentence(), written(f"{to_json(record)}\n".encode(), self._folder) as new:
            new.chmod(0o644)
            if self.path:
                new.replace(self.path)
            else:
                self.path = self._link_to_new_name(new)
        assert self.path
        return self.path

    def _link_to_new_name(self, new: Path) -> Path:
        for number in range(1, 10_000):
            path = self._folder / (f"{self._stem}.json" if number == 1 else f"{self._stem}-{number}.json")
            with contextlib.suppress(FileExistsError):
                os.link(new, path)  # fails where the name is taken, unlike a rename
                return path
        raise FileExistsError(17, "every name of this date is taken")

    @contextlib.contextmanager
    def _one_sentence(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise UsageError(f"the record cannot be saved in {self._folder}: {error.strerror}") from None


def save_record(record: Record, folder: Path, suite: str = "bench") -> Path:
    """Write a record into a new file (see RecordFile) and return its path."""
    return RecordFile(folder, record.machine.cpu, record.created, suite).write(record)


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-") or "unknown"
