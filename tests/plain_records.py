"""Record files written as plain JSON, independently of the schema, for tests of everything that reads records."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

RATE = {"median": 7e8, "mad": 1e6, "ci95_low": 6.9e8, "ci95_high": 7.1e8}
ENERGY = {"joules": 1400.0, "seconds": 10.0, "source": "rapl", "scope": "package", "method": "counter", "idle_w": 20.0}
CPU = "AMD Ryzen 9 7950X"


def result(**changes: Any) -> dict[str, Any]:
    """Return a result of a record, by default of a metered CPU."""
    return {
        "backend": "c:shani",
        "mode": "plain",
        "device": CPU,
        "runtime": "C",
        "threads": 32,
        "hashes": 100,
        "samples_hs": [7e8],
        "hashrate_hs": RATE,
        "hashes_per_cpu_second": None,
        "cycles_per_hash": None,
        "verified_hits": 3,
        "energy": ENERGY,
        "j_per_th": {"value": 2e5, "low": 1.9e5, "high": 2.1e5},
    } | changes


def write_record(folder: Path, *results: dict[str, Any]) -> Path:
    """Write a record file with these results."""
    path = folder / "record.json"
    record = {
        "schema": "hashjoule.record/1",
        "created": "2026-11-20T10:00:00Z",
        "hashjoule": {"version": "0.1.0", "commit": None, "compiler": None},
        "machine": {
            "cpu": CPU,
            "features": [],
            "cores": 16,
            "memory": 1,
            "os": "Linux",
            "virtualised": None,
            "clock_hz": None,
        },
        "conditions": {"load": None, "steal": None, "governor": None, "warnings": []},
        "results": list(results),
    }
    path.write_text(json.dumps(record), encoding="utf-8")
    return path


UNMETERED = {"backend": "opencl:0.0", "device": "NVIDIA H100", "threads": 1, "energy": None, "j_per_th": None}
