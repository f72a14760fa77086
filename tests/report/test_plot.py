"""Still pictures: no text is clipped or covered, titles agree with the table, and every format is written."""

from __future__ import annotations

import math
import re
from itertools import combinations
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Annotation, Text
from matplotlib.transforms import Bbox

from hashjoule.cli.plot import plot_command
from hashjoule.efficiency.table import TableRow, load_table
from hashjoule.errors import UsageError
from hashjoule.report.plot import draw, save
from hashjoule.report.views import NOTABLE, VIEW_NAMES, ViewName, drawable, view_of
from tests.plain_records import ENERGY, UNMETERED, result, write_record


def rows_with_yours(folder: Path) -> tuple[TableRow, ...]:
    """Return the table with a metered CPU in two modes, a slow machine, a tiny machine and an unmetered GPU."""
    slow = {"value": 4e8, "low": 3.9e8, "high": 4.1e8}
    slower = {"value": 5e7, "low": 4.9e7, "high": 5.1e7}
    tiny = {"median": 1e3, "mad": 1, "ci95_low": 900, "ci95_high": 1100}
    path = write_record(
        folder,
        result(),
        result(backend="c:avx2", energy=ENERGY | {"joules": 2800.0}, j_per_th={"value": 4e5, "low": 3e5, "high": 5e5}),
        result(
            backend="opencl:0.0",
            device="Board",
            hashrate_hs={"median": 5e6, "mad": 1, "ci95_low": 4e6, "ci95_high": 6e6},
            j_per_th=slow,
        ),
        result(device="Tiny", hashrate_hs=tiny, energy=ENERGY | {"joules": 0.5}, j_per_th=slower),
        result(**UNMETERED),
    )
    return load_table([path])


def boxes(figure: Figure) -> dict[str, Bbox]:
    """Return the box of each text in the picture, in pixels."""
    renderer = FigureCanvasAgg(figure).get_renderer()  # type: ignore[no-untyped-call]
    figure.draw(renderer)
    (axes,) = figure.axes
    ticks = [*axes.get_xticklabels(), *axes.get_yticklabels()]
    frame = axes.get_window_extent().padded(2)
    found = {}
    for text in [*figure.texts, *axes.texts, *ticks]:
        if isinstance(text, Annotation):
            text.update_positions(renderer)
        if text in ticks and not frame.count_contains([text.get_transform().transform(text.get_position())]):
            continue  # a tick beyond the axes is not drawn
        if text.get_text():
            found[text.get_text()] = Text.get_window_extent(text, renderer)
    return found


@pytest.mark.parametrize("view", VIEW_NAMES)
@pytest.mark.parametrize("yours", [False, True])
def test_no_text_is_clipped_or_covered(tmp_path: Path, view: Any, yours: bool) -> None:
    """Every text lies within the picture, and no two overlap, with and without the user's machines."""
    figure = draw(rows_with_yours(tmp_path) if yours else load_table(), view)
    width, height = figure.get_size_inches() * figure.dpi
    found = boxes(figure)
    assert len(found) > 15
    for text, box in found.items():
        inside = box.x0 >= 0 and box.y0 >= 0 and box.x1 <= width and box.y1 <= height
        assert inside, f"{text!r} leaves the picture: {box}"
    for (one, first), (other, second) in combinations(found.items(), 2):
        turned = one.endswith("J/TH") and one[0].isdigit() and other.endswith("J/TH")  # boxes of slanted text are wide
        assert turned or not first.overlaps(second), f"{one!r} covers {other!r}"


def test_titles_state_findings_of_the_table(tmp_path: Path) -> None:
    """The numbers in each title follow from the published rows; measured machines do not change them."""
    plain, with_yours = load_table(), rows_with_yours(tmp_path)
    for view, finding in (
        ("frontier", r"every 6 months until 2016, every 2\.\d years since"),
        ("node", r"At 5 nm, the best GPU needs at most [\d,]+ times"),
        ("power", r"3 kW, the power of a kettle, machines compute [\d.]+ to \d+ TH/s"),
    ):
        title = draw(plain, view).texts[0].get_text()  # type: ignore[arg-type]
        assert re.search(finding, title), title
        assert draw(with_yours, view).texts[0].get_text() == title  # type: ignore[arg-type]
    best = {
        kind: min(
            row.j_per_th or 0
            for row in plain
            if row.machine_class == kind and row.node_nm == 5 and row.j_per_th and row.quality != "low"
        )
        for kind in ("gpu", "asic")
    }
    stated = re.search(r"about ([\d,]+) times", draw(plain, "node").texts[0].get_text())
    assert stated
    assert float(stated[1].replace(",", "")) == pytest.approx(best["gpu"] / best["asic"], rel=0.05)


@pytest.mark.parametrize("view", VIEW_NAMES)
def test_labels_hide_no_mark_and_belong_to_one(view: ViewName) -> None:
    """No label covers a mark. Each label is beside its own mark, or a line joins it to the mark."""
    rows = load_table()
    figure = draw(rows, view)
    renderer = FigureCanvasAgg(figure).get_renderer()  # type: ignore[no-untyped-call]
    figure.draw(renderer)
    (axes,) = figure.axes
    shown = view_of(rows, view)
    marks = [axes.transData.transform(shown.place(row)) for row in shown.rows]
    names = [text for text in axes.texts if isinstance(text, Annotation) and not text.get_rotation()]
    assert len(names) == len(NOTABLE[view])
    for name in names:
        box, own = Text.get_window_extent(name, renderer), axes.transData.transform(name.xy)
        assert not box.count_contains(marks), name.get_text()
        nearer = [mark for mark in marks if distance(box, mark) < distance(box, own) - 1]
        assert not nearer or name.arrow_patch is not None, name.get_text()


def distance(box: Bbox, place: Any) -> float:
    """Return the distance from a place to the nearest edge of a box."""
    dx = max(box.x0 - place[0], 0, place[0] - box.x1)
    dy = max(box.y0 - place[1], 0, place[1] - box.y1)
    return math.hypot(dx, dy)


@pytest.mark.parametrize("view", VIEW_NAMES)
def test_axes_have_titles(view: ViewName) -> None:
    """Both axes of every view have a title."""
    shown = view_of(load_table(), view)
    (axes,) = draw(load_table(), view).axes
    assert axes.get_xlabel() == shown.x.title != ""
    assert shown.y.title in [text.get_text() for text in axes.texts]


@pytest.mark.parametrize("view", VIEW_NAMES)
def test_notable_machines_exist_and_are_named(view: Any) -> None:
    """Every machine on the list of notable ones is in the data set and has a label in the picture."""
    rows = [row for row in load_table() if drawable(row, view)]
    labels = " ".join(text.get_text() for text in draw(rows, view).axes[0].texts)
    for name in NOTABLE[view]:
        (row,) = (row for row in rows if row.name == name)
        assert row.model in labels


def test_the_users_machine_is_drawn_and_named(tmp_path: Path) -> None:
    """A measured machine has a label with its J/TH, and its mark is explained; without a power it is not drawn."""
    figure = draw(rows_with_yours(tmp_path), "frontier")
    labels = [text.get_text() for text in figure.axes[0].texts]
    assert "AMD Ryzen 9 7950X\n200,000 J/TH" in labels
    assert "Board\n400 million J/TH" in labels
    assert not any("H100" in label for label in labels)
    assert "Stars: your measurements." in figure.texts[2].get_text()


def test_every_format_is_written(tmp_path: Path) -> None:
    """SVG parses and is the same each time, PNG has the right size, and HTML is one file that loads nothing."""
    rows = load_table()
    for suffix in ("svg", "png", "html"):
        save(rows, "power", tmp_path / f"picture.{suffix}")
    assert ElementTree.parse(tmp_path / "picture.svg").getroot().tag.endswith("svg")
    assert (tmp_path / "picture.png").read_bytes().startswith(b"\x89PNG")
    page = (tmp_path / "picture.html").read_text(encoding="utf-8")
    assert "default-src 'none'" in page
    assert not re.search(r"<link|src=|@import|url\(http", page)
    save(rows, "power", tmp_path / "again.svg")
    assert (tmp_path / "again.svg").read_bytes() == (tmp_path / "picture.svg").read_bytes()


def test_command(tmp_path: Path) -> None:
    """`plot` writes the file, prints finding and path, and names machines without a power on stderr."""
    record = write_record(tmp_path, result(), result(**UNMETERED))
    done = CliRunner().invoke(plot_command, [str(record), "-o", str(tmp_path / "out.png")])
    assert done.exit_code == 0
    title = view_of(load_table([record]), "frontier").title
    assert done.stdout.splitlines() == [title, str(tmp_path / "out.png")]
    assert "NVIDIA H100 (opencl:0.0, plain) has no known power" in done.stderr
    assert (tmp_path / "out.png").stat().st_size > 10_000
    for path in (tmp_path / "out.gif", tmp_path / "missing" / "out.png"):
        error = CliRunner().invoke(plot_command, ["-o", str(path)]).exception
        assert isinstance(error, UsageError)
        assert str(path) in str(error)
