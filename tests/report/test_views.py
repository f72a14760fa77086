"""Views as data: which machines they leave out, what their titles count, and which marks are hollow."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from msgspec.structs import replace

from hashjoule.efficiency.table import load_table
from hashjoule.report.views import VIEW_NAMES, ViewName, is_hollow, short_name, view_of
from tests.plain_records import ENERGY, UNMETERED, result, write_record


@pytest.mark.parametrize("name", VIEW_NAMES)
def test_captions_count_every_machine_that_is_left_out(name: ViewName) -> None:
    """Machines that are shown and machines that the caption counts as left out add up to all published machines."""
    rows = load_table()
    view = view_of(rows, name)
    (sentence,) = re.findall(r"Left out: [^.]*\.", view.caption)
    assert len(view.rows) + sum(map(int, re.findall(r"\d+", sentence))) == len(rows)


def test_the_title_of_the_power_view_counts_machines_of_that_power() -> None:
    """The title gives the lowest and the highest hash rate of machines that draw 3 kW within 5%."""
    rates = [
        row.hashrate_hs / 1e12
        for row in load_table()
        if row.quality != "low" and row.power_w and abs(row.power_w / 3000 - 1) <= 0.05
    ]
    low, high = map(float, re.findall(r"([\d.]+) to ([\d.]+) TH/s", view_of(load_table(), "power").title)[0])
    assert [low, high] == pytest.approx([min(rates), max(rates)], rel=0.005)


def test_a_declared_power_is_no_plain_measurement(tmp_path: Path) -> None:
    """A declared power is drawn hollow and the caption says so; both kinds are drawn at the date of the measurement."""
    declared = {"joules": 10.0, "seconds": 1.0, "source": "--watts", "scope": "declared", "method": "declared"}
    path = write_record(tmp_path, result(), result(backend="c:avx2", device="Other", energy=declared))
    view = view_of(load_table([path]), "frontier")
    yours = {row.mode.partition(",")[0]: row for row in view.rows if row.origin == "measured"}
    assert is_hollow(yours["c:avx2"])
    assert not is_hollow(yours["c:shani"])
    assert "hollow where the power is declared" in view.caption
    assert "stars by the date of the measurement" in view.subtitle
    metered = view_of(load_table([write_record(tmp_path, result())]), "frontier")
    assert "declared" not in metered.caption


def test_the_best_of_each_device_is_named_first(tmp_path: Path) -> None:
    """Each measured device has one label, for its best result; without a power it has none."""
    cheap = {"value": 1e4, "low": 9e3, "high": 1.1e4}
    path = write_record(
        tmp_path,
        result(),
        result(mode="rolled", j_per_th={"value": 1.5e5, "low": 1e5, "high": 2e5}),
        result(backend="opencl:0.0", device="Board", energy=ENERGY, j_per_th=cheap),
        result(**UNMETERED),
    )
    view = view_of(load_table([path]), "frontier")
    named = [(row.model, row.j_per_th) for row in view.labelled if row.origin == "measured"]
    assert named == [("Board", 1e4), ("AMD Ryzen 9 7950X", 1.5e5)]


def test_names_fit() -> None:
    """A name that is too long loses what is in brackets first, then its end."""
    assert short_name("Intel Xeon (family 6 model 85) with a long name") == "Intel Xeon"
    assert short_name("Antminer S9 (11.5T)") == "Antminer S9 (11.5T)"
    assert short_name("x" * 50) == "x" * 35 + "…"


def test_a_ratio_from_a_bound_is_called_one() -> None:
    """The best GPU of 5 nm has a power limit and no measured power, so the title says "at most"."""
    rows = load_table()
    assert "at most" in view_of(rows, "node").title
    metered = [replace(row, power_basis="measured") if row.machine_class == "gpu" else row for row in rows]
    assert "about" in view_of(metered, "node").title
