"""Still pictures of the J/TH table as SVG and PNG, drawn by matplotlib, which is imported on use."""

from __future__ import annotations

import io
import math
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hashjoule.efficiency.table import TableRow
from hashjoule.errors import UnavailableError, UsageError
from hashjoule.files import written
from hashjoule.report import palette
from hashjoule.report.chart import chart_page
from hashjoule.report.labels import Layout, Place
from hashjoule.report.numbers import tick
from hashjoule.report.views import (
    CLASS_NAMES,
    Axis,
    Line,
    View,
    ViewName,
    is_hollow,
    label_of,
    source_note,
    view_of,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH_IN, HEIGHT_IN, DPI = 9.6, 6.4, 150
CAPTION_LETTERS = 150
LONG_LABEL = 33
"""A label of more letters has two lines."""
_WHITE = "white"
_INK, _GREY, _RULE = palette.INK.light, palette.MUTED.light, palette.RULE.light
_COLOURS = {name: colour.light for name, colour in palette.CLASSES.items()}
_YOURS = palette.YOURS.light
_MARKERS = {"cpu": "^", "gpu": "s", "fpga": "D", "asic": "o"}
_SIZES = {"cpu": 26, "gpu": 19, "fpga": 20, "asic": 20}

_CLASS_PLACES: dict[ViewName, dict[str, Place]] = {
    "frontier": {"gpu": (2012.9, 1.7e6), "fpga": (2012.3, 1.05e5), "asic": (2014.6, 5.5e3)},
    "node": {"gpu": (22, 6e5), "fpga": (105, 9.6e4), "asic": (90, 1.9e4), "cpu": (42, 2.9e7)},
    "power": {"gpu": (420, 7e7), "fpga": (7, 7.5e8), "asic": (60, 5e13), "cpu": (26, 1.7e6)},
}
"""Where each class has its name, clear of the published marks."""
_TREND_PLACES: tuple[Place, ...] = ((2015.1, 1500.0), (2020.2, 190.0), (2018.3, 2.2e5))
"""Where each trend line of the frontier says how fast it falls."""


def save(rows: Sequence[TableRow], name: ViewName, path: Path) -> None:
    """Write a view as SVG, PNG or a self-contained interactive HTML page, as the suffix of the file says.

    Raises:
        UsageError: For another suffix, or a path that cannot be written.
        UnavailableError: For SVG and PNG without matplotlib.
    """
    form = path.suffix.lower().removeprefix(".")
    if form not in ("svg", "png", "html"):
        raise UsageError(f"{path} should end in .svg, .png or .html")
    data = chart_page(rows, name).encode() if form == "html" else _image(draw(rows, name), form)
    try:
        with written(data, path.parent) as new:
            new.chmod(0o644)
            new.replace(path)
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}") from None


def _image(figure: Figure, form: str) -> bytes:
    import matplotlib as mpl

    out = io.BytesIO()
    with mpl.rc_context({"svg.hashsalt": "hashjoule"}):  # the same rows give the same file
        figure.savefig(out, format=form, metadata={"Date": None} if form == "svg" else None)
    return out.getvalue()


def draw(rows: Sequence[TableRow], name: ViewName) -> Figure:
    """Return the picture of a view: its finding as the title, machines with names, a caption with the source.

    Raises:
        UnavailableError: Without matplotlib.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        raise UnavailableError("pictures need matplotlib: pip install 'hashjoule[plot]'") from None
    view = view_of(rows, name)
    figure = Figure(figsize=(WIDTH_IN, HEIGHT_IN), dpi=DPI, facecolor=_WHITE)
    axes = figure.add_axes((0.092, 0.185, 0.883, 0.645))
    layout = Layout(FigureCanvasAgg(figure).get_renderer(), axes, _WHITE)  # type: ignore[no-untyped-call]
    _frame(axes, view)
    for line in view.lines:
        _line(layout, view, line)
    _marks(layout, view)
    if name == "frontier":
        _name_trends(layout, view)
    _name_classes(layout, view)
    _name_machines(layout, view)
    _words(figure, view, source_note(rows))
    return figure


def _words(figure: Figure, view: View, source: str) -> None:
    """Write title and subtitle above the axes, the caption below."""
    left = 0.012
    figure.text(left, 0.965, view.title, size=14.5, weight="bold", color=_INK, va="top")
    figure.text(left, 0.908, view.subtitle, size=10.5, color=_GREY, va="top")
    caption = textwrap.fill(f"{view.caption} {source}", CAPTION_LETTERS)
    figure.text(left, 0.015, caption, size=8, color=_GREY, va="bottom", linespacing=1.4)


def _frame(axes: Axes, view: View) -> None:
    """Set scales, grid, ticks and the titles of the axes."""
    _scale(axes, "x", view.x)
    _scale(axes, "y", view.y)
    axes.minorticks_off()
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(_GREY)
    axes.tick_params(which="both", length=0, labelsize=9.5, labelcolor=_INK)
    axes.tick_params(axis="x", which="major", length=3, color=_GREY)
    if view.name != "power":  # the lines of equal energy are its grid
        axes.grid(axis="y", color=_RULE, lw=0.7)
    axes.set_axisbelow(True)
    axes.set_xlabel(view.x.title, size=9.5, color=_GREY, loc="right", labelpad=3)
    axes.text(-0.09, 1.012, view.y.title, size=9.5, color=_GREY, transform=axes.transAxes, va="bottom")


def _scale(axes: Axes, name: str, axis: Axis) -> None:
    set_scale, set_limits, set_ticks = (getattr(axes, f"set_{name}{part}") for part in ("scale", "lim", "ticks"))
    set_scale("log" if axis.log else "linear")
    set_limits(*((axis.high, axis.low) if axis.reversed else (axis.low, axis.high)))
    if axis.ticks:
        set_ticks(axis.ticks)
    elif not axis.log:
        set_ticks(range(math.ceil(axis.low), math.ceil(axis.high), 2))
    form = getattr(axes, f"{name}axis").set_major_formatter
    form(lambda value, _: tick(value, axis.unit) if axis.log else f"{value:g}")


_STYLES: dict[str, dict[str, Any]] = {
    "records": {"lw": 1.1, "alpha": 0.75, "zorder": 2},
    "trend": {"lw": 1.6, "ls": (0, (4, 2)), "zorder": 4},
    "best": {"lw": 1.1, "alpha": 0.8, "zorder": 2},
    "equal": {"lw": 0.9, "zorder": 0},
}


def _line(layout: Layout, view: View, line: Line) -> None:
    colour = _COLOURS[line.machine_class] if line.machine_class else _RULE if line.kind == "equal" else _INK
    layout.axes.plot(*zip(*line.points, strict=True), color=colour, **_STYLES[line.kind])
    if line.kind == "equal":
        _name_diagonal(layout, view, line)
        return
    for start, end in zip(line.points, line.points[1:], strict=False):
        layout.avoid_line(start, end)


def _name_diagonal(layout: Layout, view: View, line: Line) -> None:
    """Write the energy of a grey line at its upper end, along the line."""
    (x0, y0), (x1, y1) = (layout.pixel(end) for end in line.points)
    at_top = line.points[-1][0] < view.x.high
    label = layout.axes.annotate(
        line.text,
        line.points[-1],
        (-4, -9) if at_top else (-2, -9),
        textcoords="offset points",
        size=8,
        color=_GREY,
        ha="right",
        va="top",
        rotation_mode="anchor",
        rotation=math.degrees(math.atan2(y1 - y0, x1 - x0)),
    )
    layout.reserve(label)


def _marks(layout: Layout, view: View) -> None:
    """Draw published machines by class, hollow where the energy is no plain figure, and the user's own as stars."""
    for machine_class, colour in _COLOURS.items():
        for hollow in (True, False):
            rows = [row for row in view.rows if row.origin == "published" and row.machine_class == machine_class]
            places = [view.place(row) for row in rows if is_hollow(row) == hollow]
            if places:
                layout.axes.scatter(
                    [x for x, _ in places],
                    [y for _, y in places],
                    s=_SIZES[machine_class],
                    marker=_MARKERS[machine_class],
                    zorder=3,
                    alpha=0.8,
                    facecolors="none" if hollow else colour,
                    edgecolors=colour if hollow else _WHITE,
                    linewidths=0.9 if hollow else 0.4,
                )
    for row in view.rows:
        if row.origin == "measured":
            (x, y), (face, edge) = view.place(row), (_WHITE, _YOURS) if is_hollow(row) else (_YOURS, _WHITE)
            layout.axes.scatter(x, y, s=150, marker="*", facecolors=face, edgecolors=edge, linewidths=0.9, zorder=6)
        layout.avoid_mark(view.place(row))


def _name_trends(layout: Layout, view: View) -> None:
    """Write how fast each trend line falls, with its interval, in the colour of its class."""
    trends = [line for line in view.lines if line.kind == "trend" and line.machine_class]
    for line, place in zip(trends, _TREND_PLACES, strict=True):
        style: dict[str, Any] = {"size": 9, "va": "center", "linespacing": 1.35}
        words = f"{line.text}\n({line.detail})"
        layout.reserve(layout.axes.text(*place, words, color=_COLOURS[line.machine_class or "asic"], **style))


def _name_classes(layout: Layout, view: View) -> None:
    """Write the name of each class beside its marks, in its colour, where the view has room for it."""
    for machine_class, (x, y) in _CLASS_PLACES[view.name].items():
        if view.y.low < y < view.y.high and view.x.low < x < view.x.high:
            style: dict[str, Any] = {"size": 12, "weight": "bold", "va": "center"}
            layout.reserve(layout.axes.text(x, y, CLASS_NAMES[machine_class], color=_COLOURS[machine_class], **style))


def _name_machines(layout: Layout, view: View) -> None:
    """Name the user's machines and the notable ones, with a ring about the mark that a name belongs to."""
    for row in view.labelled:
        yours = row.origin == "measured"
        machine, figure = label_of(row, view.name)
        between = "\n" if yours else ",\n" if len(machine) + len(figure) > LONG_LABEL else ", "
        if not yours:
            layout.axes.scatter(*view.place(row), s=38, facecolors="none", edgecolors=_INK, linewidths=0.8, zorder=5)
        layout.annotate(
            f"{machine}{between}{figure}",
            view.place(row),
            _GREY,
            size=8.5,
            color=palette.ACCENT.light if yours else _INK,
            weight="bold" if yours else "normal",
            linespacing=1.25,
        )
