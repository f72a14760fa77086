"""The golden record as text, Markdown and CSV."""

from __future__ import annotations

import csv
import io

import pytest
from msgspec.structs import replace

from hashjoule import cli
from hashjoule.records.files import load_record
from hashjoule.report.record import comma_separated, markdown, record_text
from tests.support import GOLDEN_RECORD

RECORD = load_record(GOLDEN_RECORD)


def test_text_shows_gross_and_net() -> None:
    """The text shows power with its method, J/TH with and without idle power, the sum, and the sustained rate."""
    shown = record_text(RECORD)
    for words in (
        "65.0 W  counter  4.19 million",
        "3.39 million",
        "12.0 W before, 13.0 W after (RAPL package-0)",
        "1.02 GH/s",
        "15.5 MH/s in the first tenth, 14.5 MH/s in the last (-6.5%), 4.00 to 3.75 GHz, 60 to 88 °C",
    ):
        assert words in " ".join(shown.split("\n")), words
    assert "No J/TH" not in shown


def test_text_fits_80_columns() -> None:
    """No line is longer, whatever the record holds."""
    for record in (RECORD, replace(RECORD, results=RECORD.results[1:]), replace(RECORD, results=())):
        assert [line for line in record_text(record).splitlines() if len(line) > 80] == []


def test_rates_are_sorted() -> None:
    """The fastest row comes first; each row shows its rate relative to that one."""
    lines = [line.split() for line in record_text(RECORD).splitlines() if line.startswith(("c:", "opencl"))]
    rates = lines[: len(RECORD.results)]
    assert [line[0] for line in rates] == ["opencl:0.0", "c:avx2"]
    assert "100%" in rates[0]


def test_text_says_what_is_missing() -> None:
    """The text says that there was no meter, and that the run was interrupted."""
    bare = replace(RECORD, results=RECORD.results[1:], complete=False)
    assert "No J/TH: no power was measured" in record_text(bare)
    assert "above idle" not in record_text(bare)
    assert "No backend could be measured." in record_text(replace(RECORD, results=()))
    assert "was interrupted" in record_text(bare)


def test_markdown_is_a_table() -> None:
    """Markdown has a line for each result, and says where there was no meter."""
    lines = markdown(RECORD).splitlines()
    assert sum(line.startswith("| `") for line in lines) == 2
    assert "4,193,548 (counter)" in markdown(RECORD)
    assert "| no meter |" in markdown(RECORD)


def test_csv_is_unrounded() -> None:
    """CSV holds every figure unrounded; unknown figures are empty."""
    metered, unmetered = csv.DictReader(io.StringIO(comma_separated(RECORD)))
    assert float(metered["j_per_th"]) == RECORD.results[0].j_per_th.value  # type: ignore[union-attr]
    assert float(metered["hashrate_hs"]) == RECORD.results[0].hashrate_hs.median
    assert (unmetered["watts"], unmetered["cycles_per_hash"]) == ("", "")
    assert comma_separated(replace(RECORD, results=())) == "backend"


@pytest.mark.parametrize(("form", "starts"), [("text", "Example CPU"), ("md", "Example CPU"), ("csv", "backend,mode")])
def test_show(form: str, starts: str, capsys: pytest.CaptureFixture[str]) -> None:
    """`hashjoule show` prints a saved record in each format."""
    assert cli.run(["show", str(GOLDEN_RECORD), "--format", form]) == 0
    assert capsys.readouterr().out.startswith(starts)
