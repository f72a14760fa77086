"""Pictures of the J/TH table: the frontier over time, J/TH against process node, hash rate against power.

Needs matplotlib, which is imported on use. Colours are those of Okabe and Ito (2008), told apart by readers of every
colour vision; every class is also named beside its points.
"""

from __future__ import annotations

import html
import io
import math
import textwrap
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from hashjoule.efficiency.table import TableRow
from hashjoule.efficiency.trend import HalvingFit, decimal_year, fit_halving, frontier
from hashjoule.errors import UsageError
from hashjoule.report.table import rate
from hashjoule.report.text import significant

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.backends.backend_agg import RendererAgg
    from matplotlib.figure import Figure
    from matplotlib.text import Text
    from matplotlib.transforms import Bbox

View = Literal["frontier", "node", "power"]

COLOURS = {"cpu": "#CC79A7", "gpu": "#E69F00", "fpga": "#009E73", "asic": "#0072B2"}
NAMES = {"cpu": "CPUs", "gpu": "GPUs", "fpga": "FPGAs", "asic": "ASICs"}
YOURS = "#D55E00"
INK, GREY, RULE = "#1a1a1a", "#6b6b6b", "#dedede"
WIDTH_IN, HEIGHT_IN, DPI = 9.6, 6.4, 150
CAPTION_LETTERS = 150
LONG_LABEL = 33
ERA_TURN = "2016-06"
"""The Antminer S9 of June 2016, first at 16 nm in numbers, ends the steep early fall; two lines fit the records."""

NOTABLE: dict[View, tuple[str, ...]] = {
    "frontier": (
        "SEALMINER A4 Ultra Hydro", "Antminer S9 (11.5T)", "Avalon Batch 1", "X6500", "Radeon HD 5770",
        "GeForce RTX 4090", "Antminer S5", "Antminer S19 Pro (110T)", "Antminer S1",
    ),
    "node": (
        "Avalon Batch 1", "Antminer S9 (11.5T)", "Antminer S19 Pro (110T)", "Antminer S23 Hydro", "GeForce RTX 4090",
        "Radeon HD 5770", "Antminer S5", "Radeon HD 4870", "BitForce SHA256 Single",
    ),
    "power": (
        "Antminer U1", "Antminer S1", "Antminer S9 (14T)", "SEALMINER A4 Ultra Hydro", "GeForce RTX 4090", "X6500",
        "Bitaxe Gamma 601", "Avalon Batch 1", "Radeon HD 5770", "Maxeler MAIA", "Intel Pentium Dual-Core E5400",
        "Avalon Q",
    ),
}  # fmt: skip


@dataclass(slots=True)
class _Canvas:
    """Axes under construction: what is drawn where, and the boxes that labels already take."""

    renderer: RendererAgg
    axes: Axes
    caption: str = ""
    taken: list[Bbox] = field(default_factory=list)
    points: list[tuple[float, float]] = field(default_factory=list)


def draw(rows: Sequence[TableRow], view: View) -> Figure:
    """The picture of a view: title with its finding, labelled machines, caption with the source.

    Raises:
        UsageError: if matplotlib is not installed.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        raise UsageError("pictures need matplotlib: pip install 'hashjoule[plot]'") from None
    figure = Figure(figsize=(WIDTH_IN, HEIGHT_IN), dpi=DPI, facecolor="white")
    axes = figure.add_axes((0.092, 0.150, 0.883, 0.715))
    canvas = _Canvas(FigureCanvasAgg(figure).get_renderer(), axes)  # type: ignore[no-untyped-call]
    title, subtitle = _VIEWS[view](canvas, rows)
    left = 0.012
    figure.text(left, 0.965, title, size=14.5, weight="bold", color=INK, va="top")
    figure.text(left, 0.908, subtitle, size=10.5, color=GREY, va="top")
    stars = (
        "Stars: your measurements. " if any(row.origin == "measured" and drawable(row, view) for row in rows) else ""
    )
    caption = textwrap.fill(f"{stars}{canvas.caption} {source(rows)}", CAPTION_LETTERS)
    figure.text(left, 0.015, caption, size=8, color=GREY, va="bottom", linespacing=1.4)
    return figure


def drawable(row: TableRow, view: View) -> bool:
    """Whether a row has what the view shows: a J/TH, and a date or a node. A measured row stands at its date."""
    if row.j_per_th is None:
        return False
    return row.node_nm is not None if view == "node" else view == "power" or date_of(row) is not None


def save(rows: Sequence[TableRow], view: View, path: Path) -> None:
    """Writes the picture as SVG, PNG or a self-contained HTML page, as the file's suffix says.

    Raises:
        UsageError: for another suffix, a path that cannot be written, or without matplotlib.
    """
    form = path.suffix.lower().removeprefix(".")
    if form not in ("svg", "png", "html"):
        raise UsageError(f"{path} should end in .svg, .png or .html")
    figure = draw(rows, view)
    data = _html_page(figure).encode() if form == "html" else _image(figure, form)
    try:
        path.write_bytes(data)
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}") from None


def _image(figure: Figure, form: str) -> bytes:
    import matplotlib as mpl

    out = io.BytesIO()
    with mpl.rc_context({"svg.hashsalt": "hashjoule"}):  # the same rows give the same file
        figure.savefig(out, format=form, metadata={"Date": None} if form == "svg" else None)
    return out.getvalue()


def _html_page(figure: Figure) -> str:
    svg = _image(figure, "svg").decode()
    title, subtitle, caption = (html.escape(text.get_text()) for text in figure.texts)
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
body {{ margin: 2rem auto; max-width: 64rem; padding: 0 1rem; font-family: sans-serif; color: {INK}; }}
figure {{ margin: 0; }} svg {{ width: 100%; height: auto; }} figcaption {{ color: {GREY}; line-height: 1.5; }}
</style>
</head>
<body>
<figure role="img" aria-label="{title}. {subtitle}">
{svg[svg.index("<svg") :]}
<figcaption>{caption}</figcaption>
</figure>
</body>
</html>
"""


def _draw_frontier(canvas: _Canvas, rows: Sequence[TableRow]) -> tuple[str, str]:
    axes = canvas.axes
    shown = [row for row in rows if drawable(row, "frontier")]
    axes.set_yscale("log")
    axes.set_xlim(2008, max(2027.6, 0.6 + max(map(_year, shown))))
    axes.set_ylim(*_around(map(_jth, shown), 4, 3e7))
    _style(axes)
    axes.set_xticks(range(2008, math.ceil(axes.get_xlim()[1]), 2))
    axes.yaxis.set_major_formatter(lambda value, _: _plain(value))
    _step_line(canvas, frontier(rows), decimal_year(newest(rows)))
    _scatter(canvas, shown, _year, _jth)
    fits = halving_fits(rows)
    for name, at in (("early", (2015.1, 1500.0)), ("late", (2020.2, 190.0)), ("gpu", (2018.3, 2.2e5))):
        _trend(canvas, fits[name], COLOURS["gpu" if name == "gpu" else "asic"], at)
    _label_classes(canvas, {"gpu": (2012.9, 1.7e6), "fpga": (2012.3, 1.05e5), "asic": (2014.6, 5.5e3)})
    _label(canvas, shown, "frontier", _year, _jth)
    undated = sum(row.origin == "published" and row.j_per_th is not None and row.shipped is None for row in rows)
    canvas.caption = (
        "Step line: machines that set a record at their first shipping. Dashed: least-squares lines through the record "
        "ASICs before and since the Antminer S9, and through the record GPUs. Hollow: doubtful, or an upper bound "
        f"(TDP, power limit). {undated} machines whose first shipping is not known are left out."
    )
    return frontier_title(fits), "Energy per terahash of SHA-256d in joules, by the date of first shipping; log scale"


def _step_line(canvas: _Canvas, records: Sequence[TableRow], until: float) -> None:
    years, levels = [*map(_year, records), until], [*map(_jth, records), _jth(records[-1])]
    canvas.axes.step(years, levels, where="post", color=INK, lw=1.1, alpha=0.75, zorder=2)
    for x0, x1, y0, y1 in zip(years, years[1:], levels, levels[1:], strict=False):
        _avoid(canvas, (x0, y0), (x1, y0))
        _avoid(canvas, (x1, y0), (x1, y1))


def _trend(canvas: _Canvas, fit: HalvingFit, colour: str, at: tuple[float, float]) -> None:
    ends = [(year, fit.j_per_th(year)) for year in (fit.start, fit.end)]
    canvas.axes.plot(*zip(*ends, strict=True), color=colour, lw=1.6, ls=(0, (4, 2)), zorder=4)
    _avoid(canvas, *ends)
    text = f"halves every {span(fit.halving_years)}\n(95 %: {interval(fit)})"
    _reserve(canvas, canvas.axes.text(*at, text, color=colour, size=9, va="center", linespacing=1.35))


def halving_fits(rows: Sequence[TableRow]) -> dict[str, HalvingFit]:
    """Trend lines through the record ASICs before and since the end of the steep early fall, and the record GPUs."""
    asics = frontier(row for row in rows if row.machine_class == "asic")
    series = {
        "early": [row for row in asics if (row.shipped or "") <= ERA_TURN],
        "late": [row for row in asics if (row.shipped or "") >= ERA_TURN],
        "gpu": frontier(row for row in rows if row.machine_class == "gpu"),
    }
    return {name: fit_halving(records) for name, records in series.items()}


def frontier_title(fits: dict[str, HalvingFit]) -> str:
    """What the frontier shows, as a headline."""
    early, late = (span(fits[name].halving_years) for name in ("early", "late"))
    return f"Mining chips halved their energy every {early} until 2016, every {late} since"


def _draw_node(canvas: _Canvas, rows: Sequence[TableRow]) -> tuple[str, str]:
    axes = canvas.axes
    shown = [row for row in rows if drawable(row, "node")]
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlim(170, 2.5)
    axes.set_ylim(*_around(map(_jth, shown), 5, 1.5e8))
    _style(axes)
    nodes = (130, 110, 90, 65, 55, 40, 28, 16, 10, 7, 5, 3)
    axes.set_xticks(nodes, [str(node) for node in nodes])
    axes.minorticks_off()
    axes.yaxis.set_major_formatter(lambda value, _: _plain(value))
    _scatter(canvas, shown, _node, _jth)
    for machine_class in ("asic", "gpu"):
        best = _best_by_node(shown, machine_class)
        axes.plot(list(best), list(best.values()), color=COLOURS[machine_class], lw=1.1, alpha=0.8, zorder=2)
        for ends in zip(best.items(), list(best.items())[1:], strict=False):
            _avoid(canvas, *ends)
    _label_classes(canvas, {"gpu": (22, 6e5), "fpga": (100, 9.6e4), "asic": (90, 1.9e4), "cpu": (42, 2.9e7)})
    _label(canvas, shown, "node", _node, _jth)
    without = sum(row.origin == "published" and row.j_per_th is not None and row.node_nm is None for row in rows)
    canvas.caption = (
        "Lines: the best machine of each node. Hollow: doubtful, or an upper bound (TDP, power limit). "
        f"{without} machines whose node is not known, or disputed, are left out."
    )
    return _node_title(shown), "Energy per terahash in joules against the process node in nanometres; log scales"


def _best_by_node(rows: Iterable[TableRow], machine_class: str) -> dict[float, float]:
    best: dict[float, float] = {}
    for row in rows:
        if row.machine_class == machine_class and row.quality != "low":
            best[_node(row)] = min(_jth(row), best.get(_node(row), math.inf))
    return dict(sorted(best.items(), reverse=True))


def _node_title(rows: Sequence[TableRow]) -> str:
    asic, gpu = _best_by_node(rows, "asic"), _best_by_node(rows, "gpu")
    node = min(set(asic) & set(gpu))
    ratio = gpu[node] / asic[node]
    return f"At {node:g} nm, the best GPU needs about {rounded(ratio)} times the energy of a mining chip"


def _draw_power(canvas: _Canvas, rows: Sequence[TableRow]) -> tuple[str, str]:
    axes = canvas.axes
    shown = [row for row in rows if drawable(row, "power")]
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlim(*_around(map(_watts, shown), 1, 40_000))
    axes.set_ylim(*_around(map(_hashrate, shown), 1e6, 6e15))
    _style(axes)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g} W" if value < 1000 else f"{value / 1000:g} kW")
    axes.yaxis.set_major_formatter(lambda value, _: rate(value).replace(".00", "").replace(".0", ""))
    axes.minorticks_off()
    _scatter(canvas, shown, _watts, _hashrate)
    for j_per_th in (10.0, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7):
        _diagonal(canvas, j_per_th)
    _label_classes(canvas, {"gpu": (420, 7e7), "fpga": (7, 7.5e8), "asic": (60, 5e13), "cpu": (26, 1.7e6)})
    _label(canvas, shown, "power", _watts, _hashrate)
    axes.grid(visible=False)
    canvas.caption = (
        "Grey lines: equal energy per hash. Hollow: doubtful, or an upper bound (TDP, power limit). What the power "
        "covers differs (chip, board, whole machine, wall); for hydro-cooled machines pumps are left out."
    )
    return _power_title(shown), "Hash rate against power of every machine whose power is known; log scales"


def _power_title(rows: Sequence[TableRow]) -> str:
    kettle = [
        row.hashrate_hs / 1e12
        for row in rows
        if row.origin == "published" and row.quality != "low" and 2_500 <= _watts(row) <= 3_700
    ]
    return f"For the power of a kettle, 3 kW, machines compute {min(kettle):.2g} to {max(kettle):.0f} TH/s"


def _diagonal(canvas: _Canvas, j_per_th: float) -> None:
    axes = canvas.axes
    (x_low, x_high), (y_low, y_high) = axes.get_xlim(), axes.get_ylim()
    start = max(x_low, y_low * j_per_th / 1e12)
    end = min(x_high, y_high * j_per_th / 1e12)
    axes.plot((start, end), (start / j_per_th * 1e12, end / j_per_th * 1e12), color=RULE, lw=0.9, zorder=0)
    to_pixels = axes.transData.transform
    (x0, y0), (x1, y1) = to_pixels((start, start / j_per_th * 1e12)), to_pixels((end, end / j_per_th * 1e12))
    at_top = end < x_high
    label = axes.annotate(
        f"{_plain(j_per_th)} J/TH", (end, end / j_per_th * 1e12), (-4, -9) if at_top else (-2, -9),
        textcoords="offset points", size=8, color=GREY, ha="right", va="top", rotation_mode="anchor",
        rotation=math.degrees(math.atan2(y1 - y0, x1 - x0)),
    )  # fmt: skip
    _reserve(canvas, label)


_VIEWS: dict[View, Callable[[_Canvas, Sequence[TableRow]], tuple[str, str]]] = {
    "frontier": _draw_frontier,
    "node": _draw_node,
    "power": _draw_power,
}
VIEWS: tuple[View, ...] = tuple(_VIEWS)


def _style(axes: Axes) -> None:
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(GREY)
    axes.tick_params(which="both", length=0, labelsize=9.5, labelcolor=INK)
    axes.tick_params(axis="x", which="major", length=3, color=GREY)
    axes.grid(axis="y", color=RULE, lw=0.7)
    axes.set_axisbelow(True)


def _scatter(canvas: _Canvas, rows: Sequence[TableRow], x: Callable[[TableRow], float], y: Callable[[TableRow], float]) -> None:
    for machine_class, colour in COLOURS.items():
        for hollow in (True, False):
            of_class = [
                row
                for row in rows
                if row.origin == "published"
                and row.machine_class == machine_class
                and (row.is_bound or row.quality == "low") == hollow
            ]
            canvas.axes.scatter(
                [x(row) for row in of_class], [y(row) for row in of_class], s=20, zorder=3, alpha=0.75,
                facecolors="none" if hollow else colour, edgecolors=colour if hollow else "white",
                linewidths=0.9 if hollow else 0.4,
            )  # fmt: skip
    yours = [row for row in rows if row.origin == "measured"]
    canvas.axes.scatter(
        [x(row) for row in yours], [y(row) for row in yours], s=150, marker="*", color=YOURS, edgecolors="white",
        linewidths=0.7, zorder=6,
    )  # fmt: skip
    transform = canvas.axes.transData.transform
    canvas.points += [tuple(transform((x(row), y(row)))) for row in rows]


def _label_classes(canvas: _Canvas, places: dict[str, tuple[float, float]]) -> None:
    """Names each class beside its points, in its colour, where the view has room for it."""
    (low, high) = canvas.axes.get_ylim()
    for machine_class, (x, y) in places.items():
        if low < y < high:
            text = canvas.axes.text(
                x, y, NAMES[machine_class], color=COLOURS[machine_class], size=12, weight="bold", va="center"
            )
            _reserve(canvas, text)


def _label(
    canvas: _Canvas, rows: Sequence[TableRow], view: View, x: Callable[[TableRow], float], y: Callable[[TableRow], float]
) -> None:
    """Names the user's best result of each device, then the notable machines, each where it covers least."""
    for row in _best_of_each_device(rows):
        _annotate(canvas, f"{row.model}\n{bare_j_per_th(row)}", (x(row), y(row)), YOURS, "bold")
    by_name = {row.name: row for row in rows if row.origin == "published"}
    for name in NOTABLE[view]:
        if name in by_name:
            row = by_name[name]
            detail = rate(row.hashrate_hs) if view == "power" else bare_j_per_th(row)
            between = ",\n" if len(row.model) + len(detail) > LONG_LABEL else ", "
            _annotate(canvas, f"{row.model}{between}{detail}", (x(row), y(row)), INK, "normal")


def _best_of_each_device(rows: Iterable[TableRow]) -> list[TableRow]:
    best: dict[str, TableRow] = {}
    for row in rows:
        if row.origin == "measured" and (row.model not in best or _jth(row) < _jth(best[row.model])):
            best[row.model] = row
    return list(best.values())


_DIRECTIONS = (
    (6, 3, "left"), (-6, -3, "right"), (6, -3, "left"), (-6, 3, "right"),
    (8, 0, "left"), (-8, 0, "right"), (0, 6, "center"), (0, -6, "center"),
)  # fmt: skip
_OFFSETS = [(dx * step, dy * step, align) for step in (1, 2.5, 4, 6, 8) for dx, dy, align in _DIRECTIONS]
"""Places of a label about its point, in typographic points, the preferred first."""


def _annotate(canvas: _Canvas, text: str, at: tuple[float, float], colour: str, weight: str) -> None:
    """Puts a label near its point where it covers no other label, stays inside, and hides the fewest points."""
    style: dict[str, Any] = {"size": 8.5, "color": colour, "weight": weight, "linespacing": 1.25}
    probe = canvas.axes.text(*at, text, **style)
    width, height = _box(canvas, probe).size
    probe.remove()
    x, y = canvas.axes.transData.transform(at)
    costs = [
        _cost(canvas, _label_box((x, y), offset, (width, height))) + 0.15 * order  # prefer near and usual places
        for order, offset in enumerate(_OFFSETS)
    ]
    dx, dy, align = _OFFSETS[costs.index(min(costs))]
    line = {"arrowstyle": "-", "color": GREY, "lw": 0.6, "shrinkA": 1, "shrinkB": 3}
    label = canvas.axes.annotate(
        text, at, (dx, dy), textcoords="offset points", ha=align, va=_upright(dy), zorder=7, annotation_clip=False,
        arrowprops=line if math.hypot(dx, dy) > 10 else None, **style,
    )  # fmt: skip
    _reserve(canvas, label)


def _upright(dy: float) -> Literal["bottom", "top", "center"]:
    return "bottom" if dy > 0 else "top" if dy < 0 else "center"


def _label_box(point: tuple[float, float], offset: tuple[float, float, str], size: tuple[float, float]) -> Bbox:
    """Where a label of that size in pixels lies at an offset in typographic points."""
    from matplotlib.transforms import Bbox

    dx, dy, align = offset
    x, y = point[0] + dx * DPI / 72, point[1] + dy * DPI / 72
    x -= size[0] * {"left": 0.0, "center": 0.5, "right": 1.0}[align]
    y -= size[1] * {"bottom": 0.0, "center": 0.5, "top": 1.0}[_upright(dy)]
    return Bbox.from_bounds(x, y, *size)


def _cost(canvas: _Canvas, box: Bbox) -> float:
    frame = canvas.axes.get_window_extent()
    outside = box.x0 < frame.x0 or box.x1 > frame.x1 + 20 or box.y0 < frame.y0 or box.y1 > frame.y1
    return float(1000 * outside + 500 * box.count_overlaps(canvas.taken) + box.padded(3).count_contains(canvas.points))


def _box(canvas: _Canvas, text: Text) -> Bbox:
    """Where the letters of a text are drawn, in pixels, without the line to its point."""
    from matplotlib.text import Annotation, Text

    if isinstance(text, Annotation):
        text.update_positions(canvas.renderer)
    return Text.get_window_extent(text, canvas.renderer)


def _reserve(canvas: _Canvas, text: Text) -> None:
    """Gives a text a white halo and keeps other labels off it."""
    from matplotlib.patheffects import withStroke

    text.set_path_effects([withStroke(linewidth=2.5, foreground="white")])
    canvas.taken.append(_box(canvas, text).padded(4))


def _avoid(canvas: _Canvas, start: tuple[float, float], end: tuple[float, float]) -> None:
    """Keeps labels off a straight line where they can: it counts as points every few pixels."""
    (x0, y0), (x1, y1) = canvas.axes.transData.transform([start, end])
    steps = int(math.hypot(x1 - x0, y1 - y0) // 12) + 1
    canvas.points += [(x0 + (x1 - x0) * i / steps, y0 + (y1 - y0) * i / steps) for i in range(steps + 1)]


def _year(row: TableRow) -> float:
    return decimal_year(date_of(row) or "")


def date_of(row: TableRow) -> str | None:
    """Where a row stands on the time axis: a measured one at its measurement, a published one at its shipping."""
    return row.source_date if row.origin == "measured" else row.shipped


def _node(row: TableRow) -> float:
    return row.node_nm or math.nan


def _jth(row: TableRow) -> float:
    return row.j_per_th or math.nan


def _watts(row: TableRow) -> float:
    return row.power_w or math.nan


def _hashrate(row: TableRow) -> float:
    return row.hashrate_hs


def _around(values: Iterable[float], low: float, high: float) -> tuple[float, float]:
    """The limits of a logarithmic axis: the given ones, or further out where values ask for it."""
    known = list(values)
    return min(low, *(value / 2 for value in known)), max(high, *(value * 2 for value in known))


def bare_j_per_th(row: TableRow) -> str:
    """J/TH as a label says it."""
    bound = "at most " if row.is_bound else ""
    return f"{bound}{rounded(_jth(row))} J/TH"


def rounded(value: float) -> str:
    """Three significant digits, two from a thousand up."""
    if value >= 1e6:
        return f"{float(f'{value / 1e6:.2g}'):,g} million"
    digits = 3 if value < 1000 else 2
    short = float(f"{value:.{digits}g}")
    return significant(short) if short < 1000 else f"{short:,.0f}"


def _plain(value: float) -> str:
    return f"{value / 1e6:,g} million" if value >= 1e6 else f"{value:,.0f}"


def span(years: float) -> str:
    """A halving time for readers."""
    return f"{years:.1f} years" if years >= 1.5 else f"{years * 12:.0f} months"


def interval(fit: HalvingFit) -> str:
    """The 95 % interval of a halving time for readers."""
    if fit.halving_years >= 1.5:
        return f"{fit.low_years:.1f} to {fit.high_years:.1f} years"
    return f"{fit.low_years * 12:.0f} to {fit.high_years * 12:.0f} months"


def source(rows: Sequence[TableRow]) -> str:
    """Where the published rows come from, as a caption."""
    published = [row for row in rows if row.origin == "published"]
    return f"Source: hashjoule data set, {len(published)} machines, each with its source, newest of {newest(rows)}."


def newest(rows: Iterable[TableRow]) -> str:
    """The date of the newest published figure."""
    return max(row.source_date for row in rows if row.origin == "published")
