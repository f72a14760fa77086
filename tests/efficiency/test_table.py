"""The J/TH table: rows of published machines and records, filters, sorting, formats, trends, the command."""

from __future__ import annotations

import csv
import io
import json
import math
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from hashjoule.cli.table import table_command
from hashjoule.data.hardware import machines
from hashjoule.efficiency.table import SORT_KEYS, Filter, TableRow, load_table, select
from hashjoule.efficiency.trend import decimal_year, fit_halving, frontier, plain_slope_error, robust_slope_error
from hashjoule.errors import UsageError
from hashjoule.report.numbers import hashrate
from hashjoule.report.table import render_table
from tests.plain_records import CPU, ENERGY, RATE, UNMETERED, result, write_record
from tests.support import PACKAGE_DATA, ROOT


def run(*arguments: str | Path) -> Result:
    """The command with these arguments."""
    return CliRunner().invoke(table_command, [str(argument) for argument in arguments])


def test_a_measured_row_names_its_machine_and_day(tmp_path: Path) -> None:
    """A processor stands by its own name, a device by its; the day is that of the record."""
    path = write_record(tmp_path, result(device="cpu"), result(**UNMETERED))
    rows = [row for row in load_table([path]) if row.origin == "measured"]
    assert [(row.model, row.source_date) for row in rows] == [(CPU, "2026-11-20"), ("NVIDIA H100", "2026-11-20")]


def test_every_published_machine_is_a_row() -> None:
    """The table has one row for each machine; J/TH and ratios are known exactly where a power is."""
    rows = load_table()
    assert len(rows) == len(machines())
    for row in rows:
        known = row.power_w is not None
        assert [value is not None for value in (row.j_per_th, row.ratio_to_best, row.ratio_to_class_best)] == [
            known
        ] * 3


def test_ratios_refer_to_the_best_published() -> None:
    """The best shipping machine has ratio 1; no sound one is below its class's best; a filter changes nothing."""
    rows = load_table()
    best = next(row for row in select(rows) if not row.announced)
    assert (best.model, best.ratio_to_best, best.ratio_to_class_best) == ("Antminer S23 Hydro", 1.0, 1.0)
    sound = [row for row in rows if row.quality != "low" and row.ratio_to_class_best is not None and not row.announced]
    assert min(row.ratio_to_class_best or 0.0 for row in sound) == 1.0
    (s9,) = (row for row in select(rows, Filter(until=2016)) if row.name == "Antminer S9 (11.5T)")
    assert s9.ratio_to_best == pytest.approx(98.0 / 9.5)


def test_measured_rows_stand_beside_published_ones(tmp_path: Path) -> None:
    """A record's results are rows with its file as the source, compared with the best CPU and the best of all."""
    path = write_record(tmp_path, result(), result(**UNMETERED))
    measured = [row for row in load_table([path]) if row.origin == "measured"]
    assert [(row.model, row.machine_class, row.power_w, row.j_per_th) for row in measured] == [
        (CPU, "cpu", 140.0, 2e5),
        ("NVIDIA H100", "gpu", None, None),
    ]
    assert measured[0].ratio_to_best == pytest.approx(2e5 / 9.5)
    assert (measured[0].source, measured[0].source_date) == (str(path), "2026-11-20")


def test_every_real_record_is_of_its_own_class() -> None:
    """The records in results/ were measured on CPUs, OpenCL (PoCL) included: the table shows no GPU among them."""
    paths = sorted((ROOT / "results").glob("*/*.json"))
    measured = [row for row in load_table(paths) if row.origin == "measured"]
    assert any(row.mode.startswith("opencl") for row in measured)
    assert {row.machine_class for row in measured} == {"cpu"}


def test_opencl_on_the_processor_is_a_cpu(tmp_path: Path) -> None:
    """An OpenCL device that is the processor itself does not count as a GPU."""
    path = write_record(tmp_path, result(backend="opencl:0.0"), result(backend="opencl:1.0", device="cpu-haswell"))
    assert [row.machine_class for row in load_table([path]) if row.origin == "measured"] == ["cpu", "cpu"]


@pytest.mark.parametrize("form", ["text", "md", "csv", "json"])
def test_no_power_no_j_per_th_in_any_format(tmp_path: Path, form: str) -> None:
    """A machine without power has no J/TH and no ratio in any format."""
    path = write_record(tmp_path, result(**UNMETERED))
    done = run(path, "--limit", "1", "--format", form)
    assert done.exit_code == 0
    if form == "json":
        (row,) = (row for row in json.loads(done.output) if row["origin"] == "measured")
    elif form == "csv":
        (row,) = (row for row in csv.DictReader(io.StringIO(done.output)) if row["origin"] == "measured")
    else:
        (line,) = (line for line in done.output.splitlines() if "H100" in line)
        cells = line.strip("| ").split(" | ") if form == "md" else line.split()
        # shipped, W, J/TH and the ratio to the best; in Markdown also node and the ratio to the best of the class
        assert cells.count("-") == {"text": 4, "md": 6}[form], line
        return
    for name in ("power_w", "j_per_th", "published_j_per_th", "ratio_to_class_best", "ratio_to_best"):
        assert not row[name], name


def test_declared_and_bound_figures_are_called_so(tmp_path: Path) -> None:
    """A declared power and an upper bound are marked, and the marks explained."""
    declared = result(backend="c:avx2", energy=ENERGY | {"method": "declared"})
    bound = result(backend="c:sse2", energy=ENERGY | {"method": "bound"})
    lines = run(write_record(tmp_path, declared, bound), "--class", "fpga").output.splitlines()
    above = dict(zip(lines[1:], lines, strict=False))  # a long mode stands on the line below its model and figures
    assert "~200,000" in next(above[line] for line in lines if "avx2" in line)
    assert "<=200,000" in next(above[line] for line in lines if "sse2" in line)
    assert "~ from a power that you declared" in lines
    assert "<= from a TDP or power limit: an upper bound" in lines


def test_filters_choose_published_rows_only(tmp_path: Path) -> None:
    """Class, years, maker and node choose; the user's rows stay in every view."""
    rows = load_table([write_record(tmp_path, result())])
    cases: list[tuple[Filter, Callable[[TableRow], bool]]] = [
        (Filter(machine_class="gpu"), lambda row: row.machine_class == "gpu"),
        (Filter(since=2024), lambda row: (row.shipped or "") >= "2024"),
        (Filter(until=2014), lambda row: "" < (row.shipped or "") < "2015"),
        (Filter(since=2016, until=2016), lambda row: (row.shipped or "").startswith("2016")),
        (Filter(maker="canaan"), lambda row: row.maker == "Canaan"),
        (Filter(node_nm=16), lambda row: row.node_nm == 16),
    ]
    for wanted, holds in cases:
        kept = select(rows, wanted)
        published = [row for row in kept if row.origin == "published"]
        assert len(published) > 0
        assert all(holds(row) for row in published)
        assert sum(row.origin == "measured" for row in kept) == 1


@pytest.mark.parametrize("key", SORT_KEYS)
def test_sorting_and_limit(key: Any) -> None:
    """Every order holds the same rows, what is unknown comes last, and a limit takes the first of them."""
    rows = load_table()
    ordered = select(rows, sort=key)
    assert sorted(map(id, ordered)) == sorted(map(id, rows))
    assert select(rows, sort=key, limit=7) == ordered[:7]
    orders: dict[str, list[Any]] = {
        "j_per_th": [row.j_per_th for row in ordered],
        "power": [row.power_w and -row.power_w for row in ordered],
        "shipped": [row.shipped for row in ordered],
        "hashrate": [-row.hashrate_hs for row in ordered],
        "maker": [row.maker.lower() for row in ordered],
        "model": [row.model.lower() for row in ordered],
    }
    values = orders[key]
    known = [value for value in values if value is not None]
    assert values == known + [None] * (len(values) - len(known))
    assert known == sorted(known)


def test_formats_agree() -> None:
    """JSON and CSV hold the same unrounded rows; Markdown links each source."""
    rows = select(load_table(), limit=5)
    plain = json.loads(render_table(rows, "json"))
    cells = list(csv.DictReader(io.StringIO(render_table(rows, "csv"))))
    assert [row["j_per_th"] for row in plain] == [float(row["j_per_th"]) for row in cells]
    assert plain[0]["class"] == cells[0]["class"] == "asic"
    for row, line in zip(rows, render_table(rows, "md").splitlines()[2:], strict=False):
        assert f"]({row.source})" in line


@given(st.floats(1, 1e18))
def test_rate_shows_one_to_four_digits(hashrate_hs: float) -> None:
    """A rate is shown in a unit in which it is at least one, and reads back to within half a percent."""
    number, unit = hashrate(hashrate_hs).split()
    size = {"H/s": 1, "kH/s": 1e3, "MH/s": 1e6, "GH/s": 1e9, "TH/s": 1e12, "PH/s": 1e15, "EH/s": 1e18}[unit]
    assert float(number.replace(",", "")) * size == pytest.approx(hashrate_hs, rel=0.005)


def test_command_line_errors(tmp_path: Path) -> None:
    """A malformed record, a malformed row and a missing file raise UsageError naming the file; options are checked."""
    bad_csv = tmp_path / "bad.csv"
    bad_csv.write_text("model,maker\nA,B\n", encoding="utf-8")
    dated = []
    for number, created in enumerate(("yesterday", "2199-01-01T00:00:00Z", "")):
        dated.append(tmp_path / f"dated{number}.json")
        text = write_record(tmp_path, result()).read_text(encoding="utf-8")
        dated[-1].write_text(text.replace("2026-11-20T10:00:00Z", created), encoding="utf-8")
    broken = write_record(tmp_path, result(hashrate_hs=RATE | {"median": -1}))
    for path in (broken, bad_csv, *dated, tmp_path / "missing.json", tmp_path / "missing.csv"):
        error = run(path).exception
        assert isinstance(error, UsageError)
        assert path.name in str(error)
    assert run("--class", "quantum").exit_code == 2
    assert run("--limit", "0").exit_code == 2


def test_rows_of_a_file_of_the_user(tmp_path: Path) -> None:
    """A CSV in the format of the data set adds its machines to the table."""
    header = (PACKAGE_DATA / "hardware.csv").read_text(encoding="utf-8").splitlines()[0]
    mine = tmp_path / "mine.csv"
    mine.write_text(
        f"{header}\nMiner X,,Maker,asic,2026-06,https://example.org,,3,,1e15,9000,wall,measured,hydro,,"
        "https://example.org,,2026-07,high,\n",
        encoding="utf-8",
    )
    (best,) = json.loads(run(mine, "--limit", "1", "--format", "json").output)
    assert (best["model"], best["ratio_to_best"]) == ("Miner X", 1.0)


def test_decimal_years() -> None:
    """A date is the middle of the day, month, quarter or year that it names."""
    assert decimal_year("2016") == 2016.5
    assert decimal_year("2016-Q1") == 2016.125
    assert decimal_year("2016-01") == pytest.approx(2016 + 0.5 / 12, abs=0.003)
    assert decimal_year("2016-12-31") == pytest.approx(2017, abs=0.003)
    assert decimal_year("2016-06") < decimal_year("2016-06-20") < decimal_year("2016-07")


def test_frontier_falls_in_time() -> None:
    """Each record is later and better than the one before; doubtful and undated machines set none."""
    records = frontier(load_table())
    years = [decimal_year(row.shipped or "") for row in records]
    levels = [row.j_per_th or math.nan for row in records]
    assert years == sorted(set(years))
    assert levels == sorted(set(levels), reverse=True)
    assert all(row.quality != "low" for row in records)
    assert "Antminer S9" in {row.model for row in records}


def row_at(year: float, j_per_th: float) -> TableRow:
    """A published row on that first of January plus the part of a year, at that J/TH."""
    template = next(row for row in load_table() if row.name == "Antminer S9 (11.5T)")
    month = 1 + int((year % 1) * 12)
    return TableRow(
        **{name: getattr(template, name) for name in TableRow.__struct_fields__}
        | {"shipped": f"{int(year)}-{month:02d}", "j_per_th": j_per_th}
    )


@given(st.floats(0.3, 6.0))
def test_halving_time_of_an_exact_line(halving: float) -> None:
    """Points on an exact exponential give its halving time, with an interval of no width."""
    years = [2012 + i for i in range(8)]
    fit = fit_halving([row_at(year, 1e4 * 2 ** (-(year - 2012) / halving)) for year in years])
    for value in (fit.halving_years, fit.low_years, fit.high_years):
        assert value == pytest.approx(halving, rel=1e-6)
    assert fit.j_per_th(fit.end) == pytest.approx(1e4 * 2 ** (-7 / halving), rel=1e-6)


def test_halving_time_against_textbook_least_squares() -> None:
    """Slope and interval of a scattered series equal those worked out by hand from the normal equations."""
    logs = [0.0, -0.8, -2.3, -2.7, -4.2]  # mean -2, slope -1.03 a year, residual sum 0.251, t(0.975, 3) = 3.182
    fit = fit_halving([row_at(2015 + i, 2**value) for i, value in enumerate(logs)])
    margin = 3.182 * math.sqrt(0.251 / 3 / 10)
    assert fit.halving_years == pytest.approx(1 / 1.03, rel=1e-3)
    assert fit.low_years == pytest.approx(1 / (1.03 + margin), rel=2e-3)
    assert fit.high_years == pytest.approx(1 / (1.03 - margin), rel=2e-3)


def test_neighbours_that_err_alike_widen_the_interval() -> None:
    """Residuals that stay on one side for years give Newey and West's error, worked out by hand; others do not."""
    x, together, apart = [-2.0, -1.0, 0.0, 1.0, 2.0], [-0.4, -0.2, 0.0, 0.4, 0.2], [0.4, -0.4, 0.0, 0.4, -0.4]
    # scores x * r: 0.8, 0.2, 0, 0.4, 0.4: squares 1, products of neighbours 0.32, of next but one 0.08; two lags
    by_hand = math.sqrt((1 + 2 * (2 / 3 * 0.32 + 1 / 3 * 0.08)) * 5 / 3) / 10
    assert robust_slope_error(x, together) == pytest.approx(by_hand)
    assert robust_slope_error(x, together) > plain_slope_error(x, together)
    assert robust_slope_error(x, apart) < plain_slope_error(x, apart)


def test_halving_time_refuses_what_says_nothing() -> None:
    """Too few points and a rising series are refused; a hardly falling one has no upper limit."""
    with pytest.raises(UsageError, match="5 record-setting"):
        fit_halving([row_at(2015 + i, 10.0 - i) for i in range(4)])
    with pytest.raises(UsageError, match="do not become"):
        fit_halving([row_at(2015 + i, 10.0 + i) for i in range(6)])
    flat = fit_halving([row_at(2015 + i, value) for i, value in enumerate((10, 12, 9, 13, 8, 11))])
    assert flat.high_years == math.inf
    assert set(asdict(flat)) >= {"points", "start", "end"}


def test_published_halving_times() -> None:
    """Half a year until the S9 of 2016, close to three years since: the figures that the picture states."""
    records = frontier(row for row in load_table() if row.machine_class == "asic")
    early = fit_halving([row for row in records if (row.shipped or "") <= "2016-06"])
    late = fit_halving([row for row in records if (row.shipped or "") >= "2016-06"])
    assert 0.4 < early.low_years < early.halving_years < early.high_years < 0.75
    assert 2.4 < late.low_years < late.halving_years < late.high_years < 3.4


def test_the_table_loads_no_heavy_library() -> None:
    """The command that should answer at once imports neither numpy, matplotlib, rich nor the record's machinery."""
    code = (
        "import sys; from hashjoule.cli.table import table_command as command; "
        "command(['--limit', '1'], standalone_mode=False); "
        "print(sorted({'numpy', 'matplotlib', 'rich', 'hashjoule.records', 'hashjoule.backends'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
