"""A run: what is sustained afterwards."""

from __future__ import annotations

from hashjoule import check
from hashjoule.benchmark.energy import Metering
from hashjoule.benchmark.run import Benchmark
from hashjoule.records.schema import Record
from hashjoule.report.record import notes
from tests.fakes import Faulty, device_spec, spec_of


def sustained(*specs: object) -> Record:
    """A short run of these specs, and the fastest sustained on two threads."""
    check._ready.clear()
    with Metering() as metering:
        bench = Benchmark(metering)
        bench.compare(specs, ["plain"], 1, 0.15)  # type: ignore[arg-type]
        bench.sustain(2, 0.1)
        bench.finish()
    return bench.record()


def test_a_device_is_sustained_too() -> None:
    """A GPU gets hot as well. It needs one thread, and the CPU's clock and temperature say nothing about it."""
    record = sustained(device_spec("opencl:0.0", "Example GPU", kind="gpu"))
    assert record.sustained
    assert (record.sustained.backend, record.sustained.threads) == ("opencl:0.0", 1)
    assert all(point.clock_hz is None and point.temperature_c is None for point in record.sustained.points)
    (note,) = [note for note in notes(record) if note.startswith("Sustained")]
    assert "opencl:0.0 plain: " in note


def test_a_cpu_backend_is_sustained_on_all_threads() -> None:
    """With the clock rate, which falls as the CPU heats up."""
    record = sustained(spec_of(Faulty()))
    assert record.sustained
    assert record.sustained.threads == 2
    assert "on 2 threads" in " ".join(notes(record))


def test_nothing_is_sustained_where_all_were_refused() -> None:
    """The record says why, and the run ends."""
    record = sustained(spec_of(Faulty(lose=True)))
    assert record.sustained is None
    assert record.refused
