"""The fleet's efficiency over time: estimate and bounds against what others published."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import pytest

from hashjoule.economics.history import compared_with_published, fleet_efficiency
from hashjoule.errors import UsageError
from tests.conftest import CommandLine


@pytest.fixture
def run(hashjoule: CommandLine) -> CommandLine:
    """Runs `hashjoule economics ...`: exit code, stdout, stderr."""
    return partial(hashjoule, "economics")


def test_published_figures_lie_within_our_bounds() -> None:
    """CBECI's of every year since 2014 and Cambridge's 28.2 J/TH of 2024; the estimate is off by half at most."""
    found = compared_with_published()
    assert len(found) >= 11
    assert all(comparison.inside for comparison in found)
    assert all(1 / 1.5 < comparison.ratio < 1.5 for comparison in found)
    survey = next(comparison for comparison in found if comparison.source == "Cambridge survey")
    assert survey.published_j_per_th == pytest.approx(28.2)
    assert survey.ratio == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize(
    ("country", "date", "published_gw"), [("China", "2019-09", 5.4), ("United States", "2022-01", 4.0)]
)
def test_a_countrys_power_is_that_of_the_fleet_of_its_time(
    run: CommandLine, country: str, date: str, published_gw: float
) -> None:
    """18 to 32 J/TH, those of 2025, once made 1.2 to 2.1 GW of China's 5.4 in 2019."""
    code, out, _ = run("countries", "--country", country, "--json")
    row = next(row for row in json.loads(out)["rows"] if row["date"] == date)
    assert code == 0
    assert row["GW at least"] < published_gw < row["GW at most"]
    assert row["GW"] == pytest.approx(published_gw, rel=0.3)


def test_efficiency_has_bounds_with_names() -> None:
    """The best machine shipped by then, the worst that earned its electricity, and the estimate between."""
    fleet = fleet_efficiency("2016-12")
    assert fleet.best_machine == "Antminer S9 (11.5T)"
    assert fleet.best_j_per_th < fleet.estimate_j_per_th < fleet.worst_j_per_th <= fleet.threshold_j_per_th
    dearer = fleet_efficiency("2016-12", 0.10)
    assert dearer.threshold_j_per_th == pytest.approx(fleet.threshold_j_per_th / 2)
    assert dearer.worst_j_per_th <= fleet.worst_j_per_th


def test_a_month_without_machines_is_refused() -> None:
    """Before 2013, and for a month that the data set lacks."""
    for month in ("2010-05", "2013", "2199-01"):
        with pytest.raises(UsageError):
            fleet_efficiency(month)


def test_the_network_has_power_and_emissions_with_a_range(run: CommandLine) -> None:
    """39.8 Mt CO2e for the surveyed energy is the intensity; 52.4% of that energy is sustainable."""
    code, out, _ = run("network", "--month", "2024-06", "--json")
    document = json.loads(out)
    inputs = {entry["name"]: entry["value"] for entry in document["inputs"]}
    emissions = document["results"]["emissions"]
    assert code == 0
    assert emissions["low"] < 39.8 < emissions["high"]
    assert emissions["value"] == pytest.approx(39.8, rel=0.15)
    assert inputs["sustainable energy of surveyed miners"] == pytest.approx(52.4)


def test_a_refresh_from_downloaded_files(run: CommandLine, tmp_path: Path) -> None:
    """Answers of mempool.space bring hash rate, price and fees, and no note of old figures."""
    day = 1_790_000_000
    files = {
        "hashrate.json": {"hashrates": [{"timestamp": day, "avgHashrate": 1e21}], "currentDifficulty": 1.4e14},
        "prices.json": {"time": day, "USD": 70000},
        "fees.json": {"startBlock": 1, "endBlock": 100, "totalFee": "500000000"},
    }
    options = []
    for name, content in files.items():
        (tmp_path / name).write_text(json.dumps(content))
        options += ["--network-file", str(tmp_path / name)]
    code, out, _ = run("machine", "--hashrate-ths", "200", "--watts", "3500", *options, "--json")
    inputs = {entry["name"]: entry["value"] for entry in json.loads(out)["inputs"]}
    assert code == 0
    assert inputs["network hash rate"] == pytest.approx(1000)
    assert inputs["bitcoin price"] == 70000
    assert inputs["fees"] == pytest.approx(0.05)
    (tmp_path / "odd.json").write_text('{"a": 1}')
    code, out, err = run("machine", "--hashrate-ths", "1", "--watts", "1", "--network-file", str(tmp_path / "odd.json"))
    assert (code, out) == (2, "")
    assert "holds no figures of the network" in err


def test_old_figures_are_said_to_be_old(run: CommandLine) -> None:
    """A month with 22 days shows them, and figures over 60 days old carry a note that says how to bring newer ones."""
    code, out, _ = run("machine", "--machine", "Antminer S21")
    assert code == 0
    assert "2026-08, days 1 to 22" in out
    assert "days old; bring newer figures with --network-file" in " ".join(out.split())


def test_chances_too_small_for_percent(run: CommandLine) -> None:
    """1 TH/s finds a block in a year with a chance of 1 in 17,350."""
    code, out, _ = run("block", "--hashrate-ths", "1")
    assert code == 0
    assert "1 in 17,350" in out
