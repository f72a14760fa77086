"""The rated power of CPUs: the table holds what it must, names are matched whole, and the figure is called a bound."""

from __future__ import annotations

import csv
import json
from importlib.resources import files
from pathlib import Path

import pytest

from hashjoule import cli
from hashjoule.errors import UsageError
from hashjoule.hardware import usable_cores
from hashjoule.meters import tdp

ROWS = list(csv.DictReader((files("hashjoule") / "data" / "tdp.csv").read_text("utf-8").splitlines()))


def test_every_row_has_a_source() -> None:
    """A positive power, a source and its date; each CPU once."""
    assert len(ROWS) > 500
    for row in ROWS:
        assert 5 <= float(row["tdp_w"]) <= 1000
        assert row["source_url"].startswith("https://")
        assert len(row["source_date"]) == 10
    assert len({tdp._key(row["cpu"]) for row in ROWS}) == len(ROWS)


@pytest.mark.parametrize(
    ("cpu", "watts"),
    [
        ("AMD EPYC 9755 128-Core Processor (family 26 model 2)", 500),
        ("Intel(R) Xeon(R) CPU E5-2690 v3 @ 2.60GHz (family 6 model 63)", 135),
        ("Intel(R) Xeon(R) Platinum 8480+", 350),
    ],
)
def test_names_as_the_system_tells_them(cpu: str, watts: float) -> None:
    """The bound is for all packages, and its source stands in it."""
    meter = tdp.bound(cpu, 2)
    assert meter.stated_w == 2 * watts
    assert (meter.method, meter.scope, meter.covers) == ("bound", "package", "cpu")
    assert "https://" in meter.source


@pytest.mark.parametrize(
    "cpu",
    [
        "AMD EPYC",
        "AMD EPYC (family 25 model 1)",
        "Intel(R) Xeon(R) CPU E5-2690 v9 @ 2.60GHz",
        "AMD EPYC 4564P 16-Core Processor",
        "Intel(R) Xeon(R) E-2124 CPU",
        "",
    ],
)
def test_an_unknown_cpu_is_not_guessed(cpu: str) -> None:
    """Half a name, one that a cloud has masked, another generation, a CPU that may draw more than its TDP, no name."""
    with pytest.raises(UsageError, match="no rated power is known"):
        tdp.bound(cpu, 1)


def test_sockets(tmp_path: Path) -> None:
    """Different physical ids; 1 without such lines or file."""
    cpuinfo = tmp_path / "cpuinfo"
    assert tdp.sockets(cpuinfo) == 1
    cpuinfo.write_text("processor\t: 0\nphysical id\t: 0\n\nprocessor\t: 1\nphysical id\t: 1\n\nphysical id\t: 1\n")
    assert tdp.sockets(cpuinfo) == 2
    cpuinfo.write_text("processor\t: 0\n")
    assert tdp.sockets(cpuinfo) == 1


@pytest.fixture
def rated_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """A CPU whose rated power is known, and no meter."""
    for module in ("run", "plan"):
        monkeypatch.setattr(f"hashjoule.benchmark.{module}.cpu_name", lambda: "AMD EPYC 9755 128-Core Processor")
    monkeypatch.setattr(tdp, "sockets", lambda: 1)
    monkeypatch.setattr("hashjoule.meters.meters", list)


BENCH = ["bench", "--backend", "c:portable", "--mode", "plain", "--seconds", "0.1"]


@pytest.mark.usefixtures("rated_cpu")
def test_bench_shows_unasked_what_follows_from_the_rated_power(capsys: pytest.CaptureFixture[str]) -> None:
    """For all cores only, marked as a bound, and never as a measurement: the record holds no energy."""
    assert cli.run(BENCH) == 0
    printed = capsys.readouterr().out
    (line,) = [line for line in printed.splitlines() if "rated  " in line]
    backend, mode, cores, power, unit, method, j_per_th, *_ = line.split()
    assert (backend, mode, cores, power, unit, method) == (
        "c:portable",
        "plain",
        str(usable_cores()),
        "≤500",
        "W",
        "rated",
    )
    assert j_per_th.startswith("≤")
    assert "an upper bound, no measurement" in printed
    assert "No J/TH: no power was measured" in printed
    assert cli.run([*BENCH, "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert record["cpu_rating"]["power_w"] == 500
    assert all(result["energy"] is None and result["j_per_th"] is None for result in record["results"])


def test_nothing_is_claimed_of_an_unknown_cpu(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A cloud's masked name."""
    monkeypatch.setattr("hashjoule.benchmark.run.cpu_name", lambda: "AMD EPYC")
    assert cli.run(BENCH) == 0
    assert "≤" not in capsys.readouterr().out


@pytest.mark.usefixtures("rated_cpu")
def test_bench_saves_a_bound_as_one(capsys: pytest.CaptureFixture[str]) -> None:
    """`--tdp` puts the bound into the record; beside declared watts it is refused."""
    assert cli.run([*BENCH, "--threads", "1", "--tdp"]) == 0
    printed = capsys.readouterr().out
    assert "≤500 W   bound  ≤" in printed
    assert cli.run(["bench", "--tdp", "--watts", "5"]) == 2
    assert "--watts" in capsys.readouterr().err
