"""Records: what is written is read back, and nothing that is not a record passes for one."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from hashjoule import records
from hashjoule.errors import UsageError
from hashjoule.records import Conditions, Rate, Record, Result, Software, load_record, save_record

RESULT = Result(
    backend="c:avx2",
    mode="rolled",
    device="cpu",
    runtime="gcc",
    threads=1,
    hashes=10,
    samples_hs=(1.5e7, 1.6e7),
    hashrate_hs=Rate(1.55e7, 5e5, 1.5e7, 1.6e7),
    hashes_per_cpu_second=1.55e7,
    cycles_per_hash=241.2,
    verified_hits=2,
)
RECORD = Record(
    schema=records.SCHEMA,
    created="2026-11-21T12:00:00Z",
    hashjoule=Software("0.1.0", None, "gcc 12"),
    machine=records.machine_facts(("sse2", "sha"), 4e9),
    conditions=Conditions(0.1, None, None, ("one",)),
    results=(RESULT,),
)


def changed(**fields: object) -> bytes:
    """The record's JSON with some of its first result's fields changed."""
    plain = json.loads(records.to_json(RECORD))
    plain["results"][0] |= fields
    return json.dumps(plain).encode()


def test_round_trip(tmp_path: Path) -> None:
    """A saved record reads back equal, unrounded."""
    path = save_record(RECORD, tmp_path)
    assert load_record(path) == RECORD
    assert path.name == "2026-11-21-bench.json"
    assert path.parent.parent == tmp_path


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    """A second record of the day gets a name of its own; no temporary file stays."""
    paths = [save_record(RECORD, tmp_path) for _ in range(3)]
    assert len(set(paths)) == 3
    assert sorted(p.name for p in paths[0].parent.iterdir()) == [
        "2026-11-21-bench-2.json",
        "2026-11-21-bench-3.json",
        "2026-11-21-bench.json",
    ]


def test_an_unwritable_folder_is_bad_input(tmp_path: Path) -> None:
    """A file where the folder should be: one sentence, nothing written."""
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot be saved"):
        save_record(RECORD, tmp_path / "file")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b'{"schema": "other/1"}',
        records.to_json(RECORD).encode()[:-40],
        records.to_json(RECORD).replace("record/1", "record/9").encode(),
        changed(threads=0),
        changed(cycles_per_hash=-1.0),
        changed(cycles_per_hash=float("nan")),
        changed(mode="sideways"),
        changed(surprise=1),
    ],
)
def test_what_is_no_record_is_refused(tmp_path: Path, content: bytes) -> None:
    """Truncated, foreign, newer or impossible content gives one sentence that names the file."""
    path = tmp_path / "x.json"
    path.write_bytes(content)
    with pytest.raises(UsageError, match=r"x\.json is no hashjoule"):
        load_record(path)


def test_a_missing_file_is_bad_input(tmp_path: Path) -> None:
    """No file, no traceback."""
    with pytest.raises(UsageError, match="cannot be read"):
        load_record(tmp_path / "none.json")


def test_the_schema_can_be_told() -> None:
    """The record's JSON Schema comes from the types themselves."""
    schema = msgspec.json.schema(Record)
    assert schema["$defs"]["Rate"]["properties"]["median"]["exclusiveMinimum"] == 0


def test_machine_facts_are_there() -> None:
    """CPU, cores and memory of the machine that runs the tests."""
    machine = RECORD.machine
    assert machine.cpu
    assert machine.cores >= 1
    assert machine.memory > 2**28
