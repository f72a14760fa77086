"""The data tables: every row bears a source, and a row that cannot be true is refused with file, line and field."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from pathlib import Path

import pytest

from hashjoule.data import chips, network
from hashjoule.data.hardware import catalogue_figures
from hashjoule.data.network import CountryShare
from hashjoule.data.reading import Sourced, read_csv
from hashjoule.errors import UsageError

TABLES: tuple[Callable[[], tuple[Sourced, ...]], ...] = (
    chips.chips,
    chips.chip_voltages,
    chips.cmos_nodes,
    chips.processors,
    chips.architectures,
    network.network,
    network.country_shares,
    network.electricity_prices,
    network.subsidy_eras,
    catalogue_figures,
)
HEADER = "date,country,share_percent,kind,source_url,source_date"
GOOD = "2025-07,China,13.84,measured,https://example.org,2025-08"
TODAY = datetime.date(2026, 11, 21)


def read(tmp_path: Path, *lines: str) -> tuple[CountryShare, ...]:
    """A table of country shares with these lines."""
    path = tmp_path / "shares.csv"
    path.write_text("\n".join((HEADER, *lines)) + "\n", encoding="utf-8")
    return read_csv(path, CountryShare, today=TODAY)


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.__name__)
def test_every_row_names_its_source(table: Callable[[], tuple[Sourced, ...]]) -> None:
    """Each shipped table holds rows, and every row names a source and its date."""
    rows = table()
    assert rows
    assert all(row.source_url and row.source_date for row in rows)


@pytest.mark.parametrize(
    ("table", "least"), [(chips.chips, 63), (network.network, 300), (network.electricity_prices, 90)]
)
def test_nothing_was_dropped(table: Callable[[], tuple[Sourced, ...]], least: int) -> None:
    """The tables hold at least as many rows as were collected for them."""
    assert len(table()) >= least


def test_a_good_row_is_read(tmp_path: Path) -> None:
    """Numbers become numbers, an empty cell is absent."""
    (row,) = read(tmp_path, GOOD)
    assert (row.country, row.share_percent, row.hashrate_ths) == ("China", 13.84, None)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("2025-07,China,lots,measured,https://example.org,2025-08", "field share_percent"),
        ("2025-07,China,-1,measured,https://example.org,2025-08", "field share_percent"),
        ("2025-07,China,101,measured,https://example.org,2025-08", "field share_percent"),
        ("2025-07,,13.84,measured,https://example.org,2025-08", "field country"),
        ("2025-07,China,13.84,guessed,https://example.org,2025-08", "field kind"),
        ("July 2025,China,13.84,measured,https://example.org,2025-08", "field date"),
        ("2027-01,China,13.84,measured,https://example.org,2025-08", "field date: the date 2027-01 is in the future"),
        ("2025-07,China,13.84,measured,,2025-08", "field source_url"),
        ("2025-07,China,13.84,measured,https://example.org,2026-11-22", "field source_date"),
        ("2025-07,China,13.84,measured,https://example.org", "number of cells"),
        ("2025-07,China,13.84,measured,https://example.org,2025-08,more", "number of cells"),
        ('2025-07,China,13.84,measured,"https://example.org,2025-08', "line 3"),
    ],
)
def test_a_bad_row_is_refused(tmp_path: Path, line: str, said: str) -> None:
    """The sentence names the file, the line and the field."""
    with pytest.raises(UsageError) as error:
        read(tmp_path, GOOD, line)
    assert str(error.value).startswith("shares.csv, line 3")
    assert said in str(error.value)


def test_an_unknown_column_is_refused(tmp_path: Path) -> None:
    """A column that the schema does not have is no silent extra."""
    path = tmp_path / "shares.csv"
    path.write_text(f"{HEADER},colour\n{GOOD},red\n", encoding="utf-8")
    with pytest.raises(UsageError, match=r"shares\.csv, line 2, field colour"):
        read_csv(path, CountryShare, today=TODAY)


def test_the_newest_figure_is_found() -> None:
    """`latest` gives the newest month of a series, and says when there is none."""
    newest = network.latest("network_hashrate_monthly_mean")
    months = [point.date for point in network.network() if point.metric == newest.metric]
    assert newest.date == max(months)
    with pytest.raises(UsageError, match="no moon_phase"):
        network.latest("moon_phase")


def test_subsidies_halve() -> None:
    """The eras follow consensus: 50 BTC halved every 210,000 blocks."""
    for number, era in enumerate(network.subsidy_eras()):
        assert (era.first_height, era.subsidy_btc) == (210_000 * number, 50 / 2**number)
