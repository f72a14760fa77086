"""A record as text, Markdown and CSV, by the golden record."""

from __future__ import annotations

import csv
import io

import pytest
from msgspec.structs import replace

from hashjoule import cli
from hashjoule.records.files import load_record
from hashjoule.report.record import comma_separated, markdown, text
from tests.support import GOLDEN_RECORD

RECORD = load_record(GOLDEN_RECORD)


def test_text_shows_gross_and_net() -> None:
    """Power with its method, J/TH with all power and above idle, idle power, the sum, the thermal drop."""
    shown = text(RECORD)
    for words in (
        "65.0 counter", "4,193,548", "3,387,097", "12.0 W before, 13.0 W after (RAPL package-0)", "1,016 MH/s",
        "15.5 MH/s in the first tenth, 14.5 in the last (-6.5%), 4.00 to 3.75 GHz, 60 to 88 °C",
    ):  # fmt: skip
        assert words in shown, words
    assert "No J/TH" not in shown


def test_text_says_what_is_missing() -> None:
    """No meter, an interrupted run: both are told."""
    bare = replace(RECORD, results=RECORD.results[1:], complete=False)
    assert "No J/TH: no power was measured" in text(bare)
    assert "above idle" not in text(bare)
    assert "was interrupted" in text(bare)


def test_markdown_is_a_table() -> None:
    """A line for each result; where no meter was, it says so."""
    lines = markdown(RECORD).splitlines()
    assert sum(line.startswith("| `") for line in lines) == 2
    assert "4,193,548 (counter)" in markdown(RECORD)
    assert "| no meter |" in markdown(RECORD)


def test_csv_is_unrounded() -> None:
    """Every figure reads back equal; unknown ones are empty."""
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
