"""What each picture of the J/TH table shows, as data: axes, rows, lines, title and caption.

`plot` draws a view as a still picture, `chart` as an interactive one.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from hashjoule.data.hardware import MachineClass
from hashjoule.efficiency.table import TableRow
from hashjoule.efficiency.trend import HalvingFit, decimal_year, fit_halving, frontier
from hashjoule.power import UNMETERED
from hashjoule.report.numbers import count, hashrate, number, tick, times, years, years_between

ViewName = Literal["frontier", "node", "power"]
VIEW_NAMES: tuple[ViewName, ...] = get_args(ViewName)
Quantity = Literal["year", "node_nm", "power_w", "hashrate_hs", "j_per_th"]
LineKind = Literal["records", "trend", "best", "equal"]

CLASS_NAMES = {"cpu": "CPUs", "gpu": "GPUs", "fpga": "FPGAs", "asic": "ASICs"}

TURN = "2016-06"
"""The Antminer S9 of June 2016, the first at 16 nm in numbers, ends the steep early fall: one trend line leads to it,
another one on from it."""

KETTLE_W = (2_850.0, 3_150.0)
"""Powers that the title of the power view calls 3 kW: within five per cent."""

EQUAL_J_PER_TH = (10.0, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7)
"""The grey lines of the power view."""

NODES_NM = (130.0, 110.0, 90.0, 65.0, 55.0, 40.0, 28.0, 16.0, 10.0, 7.0, 5.0, 3.0)
"""The grid lines of the node view: nodes that mining chips and GPUs were made in."""

NOTABLE: dict[ViewName, tuple[str, ...]] = {
    "frontier": (
        "Antminer S23 Hydro", "Antminer S9 (11.5T)", "Avalon Batch 1", "X6500", "Radeon HD 5770",
        "GeForce RTX 4090", "Antminer S5", "Antminer S19 Pro (110T)", "Antminer S1",
    ),
    "node": (
        "Avalon Batch 1", "Antminer S9 (11.5T)", "Antminer S19 Pro (110T)", "Antminer S23 Hydro", "GeForce RTX 4090",
        "Radeon HD 5770", "Antminer S5", "Radeon HD 4870", "BitForce SHA256 Single",
    ),
    "power": (
        "Antminer U1", "Antminer S1", "Antminer S9 (14T)", "Antminer S23 Hydro", "GeForce RTX 4090", "X6500",
        "Bitaxe Gamma 601", "Avalon Batch 1", "Radeon HD 5770", "Maxeler MAIA", "Intel Pentium Dual-Core E5400",
        "Avalon Q",
    ),
}  # fmt: skip
"""Published machines with a name beside their mark, the most important first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """An axis: which quantity, from where to where, and how it is written."""

    quantity: Quantity
    title: str
    low: float
    high: float
    log: bool = True
    reversed: bool = False
    unit: str = ""
    ticks: tuple[float, ...] = ()
    """Where grid lines stand; chosen by the drawer if empty."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line through machines, or of equal energy, in the quantities of the axes."""

    kind: LineKind
    machine_class: MachineClass | None
    points: tuple[tuple[float, float], ...]
    text: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """A picture as data."""

    name: ViewName
    title: str
    subtitle: str
    caption: str
    x: Axis
    y: Axis
    rows: tuple[TableRow, ...]
    lines: tuple[Line, ...]
    labelled: tuple[TableRow, ...]
    """Rows with a name beside their mark: the best of each of the user's devices, then the notable ones."""

    def place(self, row: TableRow) -> tuple[float, float]:
        """Return where a row stands, in the quantities of the axes."""
        return quantity(row, self.x.quantity), quantity(row, self.y.quantity)


def view_of(rows: Sequence[TableRow], name: ViewName) -> View:
    """Return a view of the table.

    Raises:
        UsageError: If there are too few published machines for the trend lines.
    """
    return {"frontier": _frontier, "node": _node, "power": _power}[name](rows)


def drawable(row: TableRow, name: ViewName) -> bool:
    """Return whether a row has what the view shows: a J/TH, and a date or a node."""
    if row.j_per_th is None:
        return False
    return row.node_nm is not None if name == "node" else name == "power" or date_of(row) is not None


def quantity(row: TableRow, name: Quantity) -> float:
    """Return a quantity of a row; NaN if it is not known."""
    if name == "year":
        date = date_of(row)
        return decimal_year(date) if date else math.nan
    value: float | None = getattr(row, name)
    return math.nan if value is None else value


def date_of(row: TableRow) -> str | None:
    """Return the date of a row on the time axis: of first shipping, or of the measurement."""
    return row.source_date if row.origin == "measured" else row.shipped


def is_hollow(row: TableRow) -> bool:
    """Return whether a mark is hollow: its energy is doubtful, promised, a bound, or from a power nobody metered."""
    return row.is_bound or row.announced or row.quality == "low" or row.power_basis in UNMETERED


def short_name(name: str, length: int = 36) -> str:
    """Return a name that fits a headline or a label: what stands in brackets goes first."""
    if len(name) > length:
        name = name.partition(" (")[0]
    return name if len(name) <= length else name[: length - 1].rstrip() + "…"


def energy_text(row: TableRow) -> str:
    """Return the J/TH of a row with what limits it: "at most 40,700 J/TH"."""
    bound = "at most " if row.is_bound else ""
    basis = f" ({row.power_basis} power)" if row.power_basis in UNMETERED else ""
    promised = " (announced)" if row.announced else ""
    return f"{bound}{number(row.j_per_th)} J/TH{basis}{promised}"


def label_of(row: TableRow, name: ViewName) -> tuple[str, str]:
    """Return the two parts of the label of a row: the machine, and the figure that the view is about."""
    figure = hashrate(row.hashrate_hs) if name == "power" else energy_text(row)
    return short_name(row.model, 30), figure


def halving_fits(rows: Sequence[TableRow]) -> dict[str, HalvingFit]:
    """Return the trend lines through the record ASICs before and since `TURN`, and through the record GPUs."""
    asics = frontier(row for row in rows if row.machine_class == "asic")
    series = {
        "early": [row for row in asics if (row.shipped or "") <= TURN],
        "late": [row for row in asics if (row.shipped or "") >= TURN],
        "gpu": frontier(row for row in rows if row.machine_class == "gpu"),
    }
    return {name: fit_halving(records) for name, records in series.items()}


def newest(rows: Iterable[TableRow]) -> str:
    """Return the date of the newest published figure."""
    return max(row.source_date for row in rows if row.origin == "published")


def source_note(rows: Sequence[TableRow]) -> str:
    """Return a sentence that says where the published rows come from."""
    published = sum(row.origin == "published" for row in rows)
    return f"Source: hashjoule data set, {published} machines, each with its source, newest of {newest(rows)}."


def _frontier(rows: Sequence[TableRow]) -> View:
    shown = [row for row in rows if drawable(row, "frontier")]
    fits = halving_fits(rows)
    trends = [_trend(fit, "gpu" if name == "gpu" else "asic") for name, fit in fits.items()]
    early, late = (years(fits[name].halving_years) for name in ("early", "late"))
    stars = "; stars by the date of the measurement" if any(row.origin == "measured" for row in shown) else ""
    return View(
        name="frontier",
        title=f"Mining chips halved their energy every {early} until 2016, every {late} since",
        subtitle=f"Energy per terahash of SHA-256d by the date of first shipping{stars}; logarithmic scale",
        caption=(
            "Step line: machines that set a record when they first shipped. Dashed: least-squares lines through the "
            "record ASICs before and since the Antminer S9, and through the record GPUs. "
            f"{_marks_note(shown)} {_left_out(rows, 'frontier', 'first shipping date')}"
        ),
        x=Axis(
            quantity="year",
            title="first shipping" + (", or measurement" if stars else ""),
            low=2008,
            high=max(2027.6, 0.6 + max(quantity(row, "year") for row in shown)),
            log=False,
        ),
        y=_energy_axis(shown, 4, 3e7),
        rows=tuple(shown),
        lines=(_record_line(rows), *trends),
        labelled=_labelled(shown, "frontier"),
    )


def _record_line(rows: Sequence[TableRow]) -> Line:
    """Return the least energy of any machine shipped so far, as a line of steps."""
    records = [(quantity(row, "year"), quantity(row, "j_per_th")) for row in frontier(rows)]
    points = records[:1]
    for year, j_per_th in records[1:]:
        points += [(year, points[-1][1]), (year, j_per_th)]
    return Line("records", None, (*points, (decimal_year(newest(rows)), points[-1][1])))


def _trend(fit: HalvingFit, machine_class: MachineClass) -> Line:
    ends = tuple((year, fit.j_per_th(year)) for year in (fit.start, fit.end))
    interval = f"95% interval: {years_between(fit.low_years, fit.high_years)}"
    return Line("trend", machine_class, ends, f"halves every {years(fit.halving_years)}", interval)


def _node(rows: Sequence[TableRow]) -> View:
    shown = [row for row in rows if drawable(row, "node")]
    best: dict[MachineClass, dict[float, float]] = {name: _best_by_node(shown, name) for name in ("asic", "gpu")}
    finest = min(set(best["asic"]) & set(best["gpu"]))
    ratio = times(best["gpu"][finest] / best["asic"][finest], 2).removesuffix("x")
    bounded = any(row.is_bound for row in shown if row.machine_class == "gpu" and row.j_per_th == best["gpu"][finest])
    said = f"{'at most' if bounded else 'about'} {ratio}"
    return View(
        name="node",
        title=f"At {finest:g} nm, the best GPU needs {said} times the energy of a mining chip",
        subtitle="Energy per terahash of SHA-256d against the process node; logarithmic scales",
        caption=(
            f"Lines: the best machine of each node. {_marks_note(shown)} {_left_out(rows, 'node', 'process node')}"
        ),
        x=Axis(quantity="node_nm", title="process node in nm", low=2.5, high=170, reversed=True, ticks=NODES_NM),
        y=_energy_axis(shown, 3.5, 1.5e8),
        rows=tuple(shown),
        lines=tuple(Line("best", name, tuple(points.items())) for name, points in best.items()),
        labelled=_labelled(shown, "node"),
    )


def _best_by_node(rows: Iterable[TableRow], machine_class: MachineClass) -> dict[float, float]:
    best: dict[float, float] = {}
    for row in rows:
        if row.machine_class == machine_class and _counts(row):
            node = quantity(row, "node_nm")
            best[node] = min(quantity(row, "j_per_th"), best.get(node, math.inf))
    return dict(sorted(best.items(), reverse=True))


def _counts(row: TableRow) -> bool:
    """Whether a row counts for a finding: published, shipping and not doubtful."""
    return row.origin == "published" and not row.announced and row.quality != "low"


def _power(rows: Sequence[TableRow]) -> View:
    shown = [row for row in rows if drawable(row, "power")]
    rates_ths = [
        row.hashrate_hs / 1e12 for row in shown if _counts(row) and KETTLE_W[0] <= (row.power_w or 0) <= KETTLE_W[1]
    ]
    x_low, x_high = _around(shown, "power_w", 1, 40_000)
    y_low, y_high = _around(shown, "hashrate_hs", 1e6, 6e15)
    return View(
        name="power",
        title=f"With 3 kW, the power of a kettle, machines compute {number(min(rates_ths))} to "
        f"{number(max(rates_ths))} TH/s",
        subtitle="Hash rate against power of every machine whose power is known; logarithmic scales",
        caption=(
            f"Grey lines: equal energy per hash. {_marks_note(shown)} What the power covers differs (chip, board, "
            "whole machine, wall); the pumps of hydro-cooled machines are left out. The title counts machines within "
            f"5% of 3 kW. {_left_out(rows, 'power', '')}"
        ),
        x=Axis(quantity="power_w", title="power", low=x_low, high=x_high, unit="W"),
        y=Axis(quantity="hashrate_hs", title="hash rate", low=y_low, high=y_high, unit="H/s"),
        rows=tuple(shown),
        lines=tuple(_equal_line(j_per_th, (x_low, x_high), (y_low, y_high)) for j_per_th in EQUAL_J_PER_TH),
        labelled=_labelled(shown, "power"),
    )


def _equal_line(j_per_th: float, watts: tuple[float, float], rates_hs: tuple[float, float]) -> Line:
    """Return the hash rates of machines with the same J/TH, within the axes."""
    ends = (max(watts[0], rates_hs[0] * j_per_th / 1e12), min(watts[1], rates_hs[1] * j_per_th / 1e12))
    return Line("equal", None, tuple((w, w / j_per_th * 1e12) for w in ends), f"{tick(j_per_th)} J/TH")


def _energy_axis(rows: Sequence[TableRow], low: float, high: float) -> Axis:
    low, high = _around(rows, "j_per_th", low, high)
    return Axis(quantity="j_per_th", title="joules per terahash", low=low, high=high)


def _around(rows: Iterable[TableRow], name: Quantity, low: float, high: float) -> tuple[float, float]:
    """Return the limits of a logarithmic axis: the given ones, or further out where a row asks for it."""
    known = [quantity(row, name) for row in rows]
    return min(low, *(value / 2 for value in known)), max(high, *(value * 2 for value in known))


def _labelled(rows: Sequence[TableRow], name: ViewName) -> tuple[TableRow, ...]:
    best: dict[str, TableRow] = {}
    for row in sorted(rows, key=lambda row: quantity(row, "j_per_th")):
        if row.origin == "measured":
            best.setdefault(row.model, row)
    published = {row.name: row for row in rows if row.origin == "published"}
    return (*best.values(), *(published[machine] for machine in NOTABLE[name] if machine in published))


def _marks_note(rows: Sequence[TableRow]) -> str:
    """Say what hollow marks and stars mean, as far as there are any."""
    yours = [row for row in rows if row.origin == "measured"]
    bases = sorted({row.power_basis for row in yours if row.power_basis in UNMETERED})
    stars = "Stars: your measurements" + (f", hollow where the power is {' or '.join(bases)}" if bases else "") + ". "
    return f"{stars if yours else ''}Hollow: doubtful, only announced, or an upper bound (TDP, power limit)."


def _left_out(rows: Sequence[TableRow], name: ViewName, lacks: str) -> str:
    """Say how many published machines the view cannot show, and for want of what."""
    missing = [row for row in rows if row.origin == "published" and not drawable(row, name)]
    powerless = sum(row.j_per_th is None for row in missing)
    others = len(missing) - powerless
    parts = [f"{count(powerless, 'machine')} without a power"] * bool(powerless)
    parts += [f"{count(others, 'machine') if not parts else others} without a known {lacks}"] * bool(others)
    return f"Left out: {' and '.join(parts)}." if parts else ""
