"""Records: what is written is read back, and nothing that is not a record passes for one."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from hashjoule.errors import UsageError
from hashjoule.hardware import Hardware
from hashjoule.records.facts import host_facts
from hashjoule.records.files import RecordFile, load_record, save_record, to_json
from hashjoule.records.schema import SCHEMA, Conditions, Rate, Record, Result, Software
from tests.support import (
    GOLDEN_RECORD,
    GOLDEN_RECORD_WITH_CYCLES,
    GOLDEN_RECORD_WITH_GAUGE,
    GOLDEN_RECORD_WITH_HARDWARE,
    ROOT,
)

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
    schema=SCHEMA,
    created="2026-11-21T12:00:00Z",
    hashjoule=Software("0.1.0", None, "gcc 12"),
    machine=host_facts(("sse2", "sha"), 4e9),
    conditions=Conditions(0.1, None, None, ("one",)),
    results=(RESULT,),
)


def changed(**fields: object) -> bytes:
    """The record's JSON with some of its first result's fields changed."""
    plain = json.loads(to_json(RECORD))
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


def test_a_run_has_one_file(tmp_path: Path) -> None:
    """Each further write replaces the run's own file, never that of another run; no temporary file stays."""
    other = save_record(RECORD, tmp_path)
    file = RecordFile(tmp_path, RECORD.machine.cpu, RECORD.created)
    assert not list(tmp_path.rglob("*-2.json")), "nothing is measured yet"
    first = file.write(replace(RECORD, results=(), complete=False))
    assert file.write(RECORD) == first != other
    assert load_record(first) == RECORD
    assert sorted(path.name for path in first.parent.iterdir()) == [first.name, other.name]


def test_a_disk_that_fills_up_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was written before stays whole, nothing half written lies about, and the sentence says why."""
    file = RecordFile(tmp_path, RECORD.machine.cpu, RECORD.created)
    path = file.write(RECORD)

    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UsageError, match=r"cannot be saved in .*: No space left on device"):
        file.write(replace(RECORD, complete=False))
    with pytest.raises(UsageError, match="No space left"):
        save_record(RECORD, tmp_path)
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]
    assert load_record(path) == RECORD


def test_a_name_is_never_taken_twice(tmp_path: Path) -> None:
    """Two runs at once, neither of which has written yet, get two files."""
    one, other = (RecordFile(tmp_path, RECORD.machine.cpu, RECORD.created) for _ in range(2))
    assert one.write(RECORD) != other.write(RECORD)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"\xff\xfe{}",
        b"[" * 200_000,
        b'{"schema": "other/1"}',
        b'{"schema": 1}',
        to_json(RECORD).encode()[:-40],
        changed(threads=0),
        changed(cycles_per_hash=-1.0),
        changed(cycles_per_hash=float("nan")),
        changed(cycles_per_hash=float("inf")),
        changed(samples_hs=[1e7, -1e7]),
        changed(hashrate_hs={"median": 2.0, "mad": 0.0, "ci95_low": 3.0, "ci95_high": 4.0}),
        changed(j_per_th={"value": 2.0, "low": 1.0, "high": 1.5}),
        changed(energy={"joules": 0.0, "seconds": 1.0, "source": "x", "scope": "package", "method": "counter"}),
        changed(mode="sideways"),
        changed(surprise=1),
        to_json(RECORD).replace("2026-11-21T", "yesterday, ").encode(),
    ],
)
def test_what_is_no_record_is_refused(tmp_path: Path, content: bytes) -> None:
    """Truncated, foreign or impossible content gives one sentence that names the file."""
    path = tmp_path / "x.json"
    path.write_bytes(content)
    with pytest.raises(UsageError, match=r"x\.json is not a hashjoule record"):
        load_record(path)


@pytest.mark.parametrize("schema", ["hashjoule.record/2", "hashjoule.record/0"])
def test_another_version_s_record_is_refused(tmp_path: Path, schema: str) -> None:
    """Whatever else it holds, the sentence says which version it is and which one is read."""
    path = tmp_path / "x.json"
    path.write_text(json.dumps({"schema": schema, "entirely": "different"}))
    with pytest.raises(UsageError, match=f"is a {schema}, but this version reads hashjoule.record/1 only"):
        load_record(path)


@pytest.mark.parametrize(
    "golden",
    [GOLDEN_RECORD, GOLDEN_RECORD_WITH_HARDWARE, GOLDEN_RECORD_WITH_CYCLES, GOLDEN_RECORD_WITH_GAUGE],
    ids=lambda path: path.stem,
)
def test_golden_records(golden: Path) -> None:
    """A record of this schema reads, and writes back byte for byte: of the first version, and with all later fields."""
    assert to_json(load_record(golden)) + "\n" == golden.read_text("utf-8")


@pytest.mark.parametrize(
    ("backend", "device", "kind", "cores"),
    [
        ("c:avx2", "cpu", "cpu", 2),
        ("opencl:0.0", "cpu-haswell-AMD EPYC", "cpu", 8),
        ("opencl:0.0", "pthread-haswell-AMD EPYC", "cpu", 8),
        ("opencl:0.0", "AMD EPYC", "cpu", 8),
        ("opencl:1.0", "NVIDIA H100", "gpu", 0),
        ("numba:cuda", "NVIDIA GPU", "gpu", 0),
    ],
)
def test_records_without_device_facts_are_read_by_their_names(backend: str, device: str, kind: str, cores: int) -> None:
    """Early records do not say what a device is: the names that their backends gave it decide."""
    result = replace(RESULT, backend=backend, device=device, threads=2)
    record = replace(RECORD, machine=replace(RECORD.machine, cpu="AMD EPYC (family 26)", cores=8), results=(result,))
    assert (record.kind_of(result), record.cores_of(result)) == (kind, cores)


def test_device_facts_outweigh_names() -> None:
    """What the runtime said of its device counts, whatever the device is called."""
    facts = Hardware(kind="gpu", cpu_cores=0, pci_bus_id="0000:41:00.0")
    result = replace(RESULT, backend="opencl:0.0", device="cpu-like name", hardware=facts)
    assert (RECORD.kind_of(result), RECORD.cores_of(result)) == ("gpu", 0)
    assert RECORD.name_of(result) == "cpu-like name"


@pytest.mark.skipif(os.name == "nt", reason="the resource module is POSIX")
def test_a_hundred_thousand_samples_stay_small(tmp_path: Path) -> None:
    """Result, warnings, saving and reading of a long run take less than 200 MB, all libraries included."""
    code = f"""
import resource, sys
from pathlib import Path
from hashjoule.benchmark import conditions, results
from hashjoule.records.files import load_record, save_record
from hashjoule.records.schema import State
from hashjoule.benchmark.measurement import Sample, Turn
from tests.benchmark.test_sampling import measurement
from tests.fakes import Faulty
from tests.records.test_records import RECORD
from msgspec.structs import replace
long = measurement(Faulty())
long.samples = [Sample(10**6 + i, 0.15 + i % 97 / 1e4, 0.15, 4e9 + i, 1) for i in range(100_000)]
long.turns = [Turn(1.0 + i / 1e6, 0.15, 1e6 + i) for i in range(100_000)]
result = results.result(long)
conditions.warnings([long], State(), State())
path = save_record(replace(RECORD, results=(result,)), Path({str(tmp_path)!r}))
assert len(load_record(path).results[0].samples_hs) == 100_000
status = Path("/proc/self/status")  # rusage would count the test runner that this process was forked from
if status.exists():
    print(int(status.read_text().split("VmHWM:")[1].split()[0]) * 1024)
else:
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300, cwd=ROOT)
    assert done.stderr == ""
    assert int(done.stdout) < 200e6


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
