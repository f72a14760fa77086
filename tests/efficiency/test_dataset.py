"""The published hardware: the shipped file, and the reader that refuses what cannot be true."""

from __future__ import annotations

import contextlib
import csv
import datetime
import re
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hashjoule.data.hardware import PublishedMachine, catalogue_figures, machines, read_machines
from hashjoule.data.reading import read_csv
from hashjoule.errors import UsageError
from tests.support import PACKAGE_DATA

DATA = PACKAGE_DATA / "hardware.csv"
HEADER = (
    "model,mode,maker,class,shipped,shipped_source,status,node_nm,chip,hashrate_hs,power_w,power_boundary,power_basis,"
    "cooling,published_j_per_th,source_url,via,source_date,quality,note"
)
GOOD = {
    "model": "Miner X", "mode": "", "maker": "Maker", "class": "asic", "shipped": "2024-02",
    "shipped_source": "https://example.org/x", "status": "", "node_nm": "5", "chip": "C1", "hashrate_hs": "200e12",
    "power_w": "3500", "power_boundary": "wall", "power_basis": "rated", "cooling": "air",
    "published_j_per_th": "17.5", "source_url": "https://example.org/x", "via": "", "source_date": "2024-05-01",
    "quality": "high", "note": "",
}  # fmt: skip


def write(folder: Path, *rows: dict[str, str]) -> Path:
    """A file of rows, each GOOD with some cells changed."""
    path = folder / "rows.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, HEADER.split(","), lineterminator="\n")
        writer.writeheader()
        writer.writerows(GOOD | row for row in rows)
    return path


def find(name: str, mode: str = "") -> PublishedMachine:
    """The one shipped machine of that name and mode."""
    (machine,) = (m for m in machines() if m.model == name and m.mode == mode)
    return machine


def test_shipped_file_holds_what_is_promised() -> None:
    """250 machines and more in all four classes, 30 CPUs and GPUs with a power, home miners; no future date."""
    rows = read_csv(DATA, PublishedMachine, today=datetime.date(2026, 11, 21))
    assert len(rows) >= 250
    assert set(Counter(row.machine_class for row in rows)) == {"cpu", "gpu", "fpga", "asic"}
    assert sum(row.machine_class in ("cpu", "gpu") and row.power_w is not None for row in rows) >= 30
    assert sum("home miner" in row.note for row in rows) >= 20
    dated = [row.shipped for row in rows if row.shipped]
    assert min(dated)[:4] == "2008"
    assert max(dated)[:4] == "2026"
    assert DATA.read_text(encoding="utf-8").splitlines()[0] == HEADER


def test_every_shipped_row_names_its_source() -> None:
    """An address and a date stand in every row, and another address beside every shipping date."""
    for row in machines():
        assert re.match(r"https?://[^\s()]+$", row.source_url), row
        assert row.source_date >= "2010", row
        assert row.shipped is None or re.match(r"https?://[^\s()]+$", row.shipped_source), row


def test_notes_are_short() -> None:
    """A note is a remark for readers of a table, not a record of how the row came about."""
    for row in machines():
        assert len(row.note) <= 120, row
        assert "same figures in" not in row.note, row


def test_known_machines() -> None:
    """The best machine, the S9 of 2016 and others have the figures of their sources."""
    best = min((row for row in machines() if row.j_per_th), key=lambda row: row.j_per_th or 0)
    assert (best.model, best.shipped, best.cooling) == ("SEALMINER A4 Ultra Hydro", "2026-05", "hydro")
    assert best.j_per_th == pytest.approx(9.45, abs=0.001)
    air = min((row for row in machines() if row.j_per_th and row.cooling == "air"), key=lambda row: row.j_per_th or 0)
    assert air.j_per_th == pytest.approx(10.9, abs=0.01)
    s9 = find("Antminer S9", "11.5T")
    assert (s9.shipped, s9.node_nm) == ("2016-06", 16)
    assert s9.j_per_th == pytest.approx(98.0)
    assert find("Antminer S21").j_per_th == pytest.approx(17.5)
    assert find("Antminer S1").j_per_th == pytest.approx(2000)
    assert find("Raspberry Pi").j_per_th is None


def test_doubtful_rows_are_marked() -> None:
    """Formula estimates, TDP-only CPUs and rows whose own figures disagree are of low quality."""
    for row in machines():
        if row.mode == "formula estimate" or row.deviates or (row.machine_class == "cpu" and row.power_w):
            assert row.quality == "low", row
    assert sum(row.mode == "formula estimate" for row in machines()) == 17


def test_no_other_algorithm() -> None:
    """Scrypt tables and single-SHA-256 rates stay out."""
    for row in machines():
        assert not re.search(r"scrypt|litecoin|titan|mode 1400|single SHA", f"{row.model} {row.note}", re.IGNORECASE), (
            row
        )


def test_good_row_is_read(tmp_path: Path) -> None:
    """A row of the documented form gives a machine; J/TH is computed; an added column is not needed."""
    (machine,) = read_machines(write(tmp_path, {}))
    assert machine.j_per_th == pytest.approx(17.5)
    assert not machine.deviates
    assert not machine.is_bound


def test_machine_without_power_has_no_j_per_th(tmp_path: Path) -> None:
    """Without a power nothing is computed or compared."""
    nothing = {"power_w": "", "power_boundary": "", "power_basis": "", "published_j_per_th": ""}
    (machine,) = read_machines(write(tmp_path, nothing))
    assert machine.j_per_th is None
    assert not machine.deviates


def test_published_figure_over_three_percent_off_is_flagged(tmp_path: Path) -> None:
    """17.5 J/TH computed: 17.0 published is within 3 %, 16.9 is not."""
    assert [m.deviates for m in read_machines(write(tmp_path, {"published_j_per_th": "17.0"}))] == [False]
    assert [m.deviates for m in read_machines(write(tmp_path, {"published_j_per_th": "16.9"}))] == [True]


@pytest.mark.parametrize(
    ("cells", "field", "why"),
    [
        ({"power_w": "-5"}, "power_w", "> 0"),
        ({"power_w": "0"}, "power_w", "> 0"),
        ({"power_w": "3.5 kW"}, "power_w", "float"),
        ({"power_w": "nan"}, "power_w", ""),
        ({"hashrate_hs": ""}, "hashrate_hs", "required"),
        ({"hashrate_hs": "200"}, "hashrate_hs", "mixed up"),
        ({"hashrate_hs": "200e6"}, "hashrate_hs", "cannot be"),
        ({"hashrate_hs": "200e9"}, "hashrate_hs or power_w", "mixed up"),
        ({"power_w": "3.5"}, "hashrate_hs or power_w", "mixed up"),
        ({"class": "quantum"}, "class", "quantum"),
        ({"class": "gpu"}, "hashrate_hs", "gpu"),
        ({"quality": "superb"}, "quality", "superb"),
        ({"cooling": "wind"}, "cooling", "wind"),
        ({"source_url": ""}, "source_url", "required"),
        ({"source_date": ""}, "source_date", "required"),
        ({"source_date": "2199-01"}, "source_date", "future"),
        ({"shipped": "2199"}, "shipped", "future"),
        ({"shipped": "May 2024"}, "shipped", ""),
        ({"shipped": ""}, "shipped_source", "only then"),
        ({"power_boundary": ""}, "power_boundary", "required"),
        ({"power_w": ""}, "power_boundary", "without power_w"),
        ({"maker": ""}, "maker", "required"),
    ],
)
def test_bad_row_names_file_line_and_field(tmp_path: Path, cells: dict[str, str], field: str, why: str) -> None:
    """Each wrong cell gives one sentence with the file, the line and the field."""
    with pytest.raises(UsageError) as caught:
        read_machines(write(tmp_path, {"model": "Fine"}, cells))
    message = str(caught.value)
    assert message.startswith("rows.csv, line 3, "), message
    assert f"field {field}" in message
    assert why in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", ""),
        ("model,maker\nA,B\n", "line 2"),
        (HEADER + "\nA,B\n", "line 2"),
        (HEADER + ",colour\n" + "x," * 18 + "y\n", "line 2"),
    ],
)
def test_malformed_file(tmp_path: Path, text: str, words: str) -> None:
    """A file of another shape is refused with its line; an empty one has no machines."""
    path = tmp_path / "rows.csv"
    path.write_text(text, encoding="utf-8")
    if text:
        with pytest.raises(UsageError, match=words):
            read_machines(path)
    else:
        assert read_machines(path) == ()


def test_unreadable_files(tmp_path: Path) -> None:
    """A missing file, a folder and a binary file each get one sentence."""
    (tmp_path / "binary.csv").write_bytes(b"\xff\xfe\x00model")
    for name in ("missing.csv", ".", "binary.csv"):
        with pytest.raises(UsageError):
            read_machines(tmp_path / name)


def test_machine_named_twice(tmp_path: Path) -> None:
    """The same maker, model and mode twice is a duplicate that should have been merged."""
    with pytest.raises(UsageError, match=r"rows\.csv, line 3, field model: .* line 2 already"):
        read_machines(write(tmp_path, {}, {"model": "miner x"}))


@given(
    hashrate=st.floats(1e8, 1e16),
    power=st.floats(1e-3, 1e9),
    year=st.integers(2009, 2025),
    wrong=st.sampled_from((1e3, 1e6)),
)
def test_unit_mix_ups_never_pass(hashrate: float, power: float, year: int, wrong: float) -> None:
    """Where a rate is plausible for an ASIC, the same rate in units 1,000 or 1,000,000 times off is not."""

    def accepted(rate: float) -> bool:
        try:
            PublishedMachine(
                model="X", maker="M", machine_class="asic", shipped=str(year), shipped_source="https://example.org",
                hashrate_hs=rate, power_w=power, power_boundary="wall", power_basis="rated", quality="high",
                source_url="https://example.org", source_date="2026",
            )  # fmt: skip
        except ValueError:
            return False
        return True

    assert not (accepted(hashrate) and accepted(hashrate / wrong))


@given(st.text(max_size=200))
def test_no_text_breaks_the_reader(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    """Whatever a file holds, the reader returns machines or raises UsageError."""
    path = tmp_path_factory.mktemp("fuzz") / "rows.csv"
    path.write_text(HEADER + "\n" + text, encoding="utf-8", errors="replace")
    with contextlib.suppress(UsageError):
        assert isinstance(read_machines(path), tuple)


@pytest.mark.parametrize(
    ("name", "mode", "hashrate_ghs"),
    [
        ("Blue Fury", "", 2.5), ("Twinfury", "", 4.5), ("NanoFury NF2", "", 3.7), ("TerraHash Klondike 16", "", 4.5),
        ("BPMC Red Fury USB", "", 2.6),
    ],
)  # fmt: skip
def test_rates_that_a_list_had_rounded(name: str, mode: str, hashrate_ghs: float) -> None:
    """Five rows bore the rounded rate of a list instead of the maker's."""
    assert find(name, mode).hashrate_hs == pytest.approx(hashrate_ghs * 1e9)


def test_contradictions_are_kept_and_marked() -> None:
    """Where sources disagree the row is doubtful and its note has both figures; what a source leaves open is said."""
    assert find("Whatsminer M10").j_per_th == pytest.approx(65)
    panther, hexagon, bonanza = find("SnowPanther A1"), find("Bitaxe Ultra Hex"), find("Intel Bonanza Mine")
    assert panther.quality == hexagon.quality == "low"
    assert "110.2" in panther.note
    assert "50 W" in hexagon.note
    assert "no operating mode" in bonanza.note


def test_rows_agree_with_independent_catalogues() -> None:
    """Most figures agree within 3%; a row that is off by more says in its note which figures there are.

    A row off by over 10% is doubtful, deviates from its own source, or agrees with another catalogue within 3%.
    """
    rows = {(m.maker, m.model, m.mode): m for m in machines()}
    off: dict[tuple[str, str, str], list[float]] = {}
    for figure in catalogue_figures():
        name = (figure.maker, figure.model, figure.mode)
        off.setdefault(name, []).append(abs((rows[name].j_per_th or 0) / figure.j_per_th - 1))
    every = [part for parts in off.values() for part in parts]
    assert len(every) >= 250
    assert sum(part <= 0.03 for part in every) / len(every) >= 0.93
    for name, parts in off.items():
        machine = rows[name]
        assert max(parts) <= 0.03 or machine.note, machine
        assert max(parts) <= 0.10 or machine.quality == "low" or machine.deviates or min(parts) <= 0.03, machine


def test_the_data_set_is_as_large_as_promised() -> None:
    """500 rows and more; a list is named as `via` beside the page that it read; some rows were metered."""
    rows = machines()
    assert len(rows) >= 500
    assert sum(bool(row.via) for row in rows) >= 180
    assert sum(row.power_basis == "measured" for row in rows) >= 16
    assert all(row.shipped is None or row.shipped >= "2025" for row in rows if row.status == "announced")
