"""The fleet's record: sums, unknown values and outliers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from hashjoule.fleet import summary
from hashjoule.fleet.child import Reply
from hashjoule.fleet.summary import Fleet, Host, best_by_device, merged, outlier, power_w, summarise
from hashjoule.records.files import RecordFile
from hashjoule.records.schema import Record, Result
from hashjoule.report.fleet import fleet_text
from tests.conftest import CommandLine
from tests.plain_records import CPU, ENERGY, UNMETERED, result

CREATED = "2026-11-22T10:00:00Z"


def results(*changes: dict[str, Any]) -> tuple[Result, ...]:
    """Return results of a record."""
    return msgspec.convert([result(**change) for change in changes], tuple[Result, ...])


def at(rate_hs: float, **changes: Any) -> dict[str, Any]:
    """Return a result of that rate."""
    return {"hashrate_hs": {"median": rate_hs, "mad": 0.0, "ci95_low": rate_hs, "ci95_high": rate_hs}, **changes}


def record(*changes: dict[str, Any], warnings: tuple[str, ...] = ()) -> Record:
    """Return a record with these results."""
    machine = {"cpu": CPU, "features": [], "cores": 16, "memory": 1, "os": "Linux", "virtualised": None}
    return msgspec.convert(
        {
            "schema": "hashjoule.record/1",
            "created": CREATED,
            "hashjoule": {"version": "0.1.0", "commit": None, "compiler": None},
            "machine": machine | {"clock_hz": None},
            "conditions": {"load": None, "steal": None, "governor": None, "warnings": warnings},
            "results": [result(**change) for change in changes],
        },
        Record,
    )


def host(name: str, *changes: dict[str, Any], devices: dict[str, str] | None = None) -> Host:
    """Return a host that measured these results."""
    return summary.host(name, 1, [Reply(record(*changes), devices or {})])


def test_a_fleet_is_the_sum_of_its_hosts() -> None:
    """The record has sum, spread, slowest host and overall J/TH; hosts without a record have a reason."""
    hosts = [host("a", at(1e9)), host("b", at(3e9)), host("c", at(2e9)), Host("d", 2, reason="it died")]
    fleet = summarise(hosts, CREATED)
    assert (fleet.measured, fleet.hashrate_hs, fleet.slowest) == (3, 6e9, "a")
    assert fleet.spread == summary.Spread(1e9, 2e9, 3e9, 1e9)
    assert fleet.j_per_th == summary.FleetEfficiency(2e5, 3, ("counter",))
    assert [h.name for h in fleet.hosts] == ["a", "b", "c", "d"]
    assert fleet.hosts[3].reason == "it died"
    assert msgspec.json.decode(msgspec.json.encode(fleet), type=Fleet) == fleet
    shown = fleet_text(fleet)
    assert "6.00 GH/s from 3 of 4 hosts, each measured alone: median 2.00 GH/s, from 1.00 GH/s to 3.00 GH/s" in shown
    assert "Slowest: a." in shown
    assert "200,000 J/TH on 3 hosts (counter)" in shown


def test_nothing_measured_is_null() -> None:
    """Without a measurement there is no sum, no spread and no J/TH."""
    fleet = summarise([Host("d", 1, reason="it died")], CREATED, complete=False)
    assert (fleet.hashrate_hs, fleet.spread, fleet.j_per_th, fleet.slowest) == (None, None, None, None)
    assert fleet_text(fleet).startswith("The run was interrupted")


def test_no_meter_no_j_per_th() -> None:
    """J/TH covers metered hosts only; a host with an unmetered device has no power."""
    metered, bare = host("a", at(1e9)), host("b", at(9e9, **UNMETERED))
    assert (metered.power_w, bare.power_w) == (200, None)
    both = summarise([metered, bare], CREATED)
    assert both.j_per_th == summary.FleetEfficiency(2e5, 1, ("counter",))
    assert summarise([bare], CREATED).j_per_th is None
    assert host("c", at(1e9), at(9e9, **UNMETERED)).power_w is None
    bound = summarise([host("a", at(1e9, energy=ENERGY | {"method": "bound"}))], CREATED)
    assert "At most 200,000 J/TH" in fleet_text(bound)


def test_a_device_counts_once() -> None:
    """Each device counts with its best result: one CPU in two backends, two equal GPUs on different buses."""
    gpus = {"device": "Fake 9000", "energy": ENERGY | {"scope": "board"}}
    measured = [
        at(1e9),
        at(2e9, backend="opencl:0.0", device="cpu-znver5"),
        at(5e9, backend="opencl:1.0", **gpus),
        at(6e9, backend="opencl:1.1", **gpus),
    ]
    devices = {"c:shani": "cpu", "opencl:0.0": "cpu", "opencl:1.0": "01:00.0", "opencl:1.1": "02:00.0"}
    rig = host("rig", *measured, devices=devices)
    assert rig.hashrate_hs == 2e9 + 5e9 + 6e9
    assert rig.power_w == pytest.approx(2e5 * 13e9 / 1e12)
    system = best_by_device(results(*({**one, "energy": ENERGY | {"scope": "system"}} for one in measured)), devices)
    assert power_w(system) is None, "one meter of the whole system saw both"
    assert power_w(system[:1]) is not None


def test_runs_of_one_machine_become_one_record() -> None:
    """The merged record has all results, each warning once, and the sum of the devices; failures become a reason."""
    cpu, card = record(at(1e9), warnings=("hot",)), record(at(5e9, **UNMETERED), warnings=("hot", "loud"))
    both = merged([cpu, card])
    assert [r.hashrate_hs.median for r in both.results] == [1e9, 5e9]
    assert (both.conditions.warnings, both.device_sum_hs, both.complete) == (("hot", "loud"), 6e9, True)
    devices = {"c:shani": "cpu"}, {"opencl:0.0": "01:00.0"}
    partly = summary.host("rig", 2, [Reply(cpu, devices[0]), Reply(reason="its driver failed")])
    assert (partly.hashrate_hs, partly.reason) == (1e9, "its driver failed")
    assert summary.host("rig", 2, [Reply(reason="it died")]).reason == "it died"
    assert summary.host("rig", 1, [Reply()]).reason == "it has no device to measure"
    whole = summary.host("rig", 2, [Reply(cpu, devices[0]), Reply(card, devices[1]), Reply()])
    assert (whole.hashrate_hs, whole.reason, whole.outlier) == (6e9, None, None)


@pytest.mark.parametrize(
    ("rate_hs", "like_hs", "says"),
    [
        (70.0, [99, 100, 101, 100, 70], "30% slower than the median of the 5 hosts with the same hardware"),
        (140.0, [99, 100, 101, 100, 140], "40% faster"),
        (96.0, [100, 100, 100, 100, 96], None),
        (94.0, [100, 100, 100, 100, 94], "6% slower"),
        (70.0, [100, 70], None),
        (70.0, [60, 100, 140, 80, 120, 70], None),
    ],
)
def test_odd_hosts(rate_hs: float, like_hs: list[float], says: str | None) -> None:
    """An outlier is far from the median for the spread of its group, by more than 5%, among at least three hosts."""
    why = outlier(rate_hs, like_hs)
    assert (why is None) == (says is None)
    assert why is None or says is None or why.startswith(says)


def test_only_hosts_of_one_model_are_compared() -> None:
    """A slow CPU among GPUs is no outlier; a slow CPU among equal CPUs is one."""
    hosts = [host(f"h{i}", at(1e9)) for i in range(4)] + [host("slow", at(5e8))]
    hosts += [host("gpu", at(9e9, **UNMETERED))]
    fleet = summarise(hosts, CREATED)
    assert {h.name: h.outlier for h in fleet.hosts if h.outlier} == {
        "slow": "50% slower than the median of the 5 hosts with the same hardware"
    }


def test_a_kept_fleet_is_shown(tmp_path: Path, hashjoule: CommandLine) -> None:
    """`show` prints a saved fleet without Dask, and refuses formats that hold one machine only."""
    fleet = summarise([host("a", at(1e9)), host("b", at(2e9))], CREATED)
    file = RecordFile(tmp_path, None, CREATED, "fleet").write(fleet)
    assert hashjoule("show", str(file)) == (0, fleet_text(fleet) + "\n", "")
    code, out, err = hashjoule("show", str(file), "--format", "csv")
    assert (code, out) == (2, "")
    assert "is shown as text" in err
    file.write_text(file.read_text().replace("hashjoule.fleet/1", "hashjoule.fleet/2"))
    assert "reads hashjoule.fleet/1 only; update hashjoule" in hashjoule("show", str(file))[2]
