"""The rated power of CPUs: the table holds what it must, names are matched whole, and the figure is called a bound."""

from __future__ import annotations

import csv
from importlib.resources import files
from pathlib import Path

import pytest

from hashjoule import cli
from hashjoule.errors import UsageError
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


def test_bench_shows_a_bound_as_one(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """`--tdp` fills in where no meter is, as an upper bound; beside declared watts it is refused."""
    monkeypatch.setattr("hashjoule.benchmark.run.cpu_name", lambda: "AMD EPYC 9755 128-Core Processor")
    monkeypatch.setattr(tdp, "sockets", lambda: 1)
    monkeypatch.setattr("hashjoule.meters.meters", list)
    assert cli.run(["bench", "--backend", "reference", "--mode", "plain", "--seconds", "0.1", "--tdp"]) == 0
    printed = capsys.readouterr().out
    assert "500 bound" in printed
    assert "<= " in printed
    assert cli.run(["bench", "--tdp", "--watts", "5"]) == 2
    assert "--watts" in capsys.readouterr().err
