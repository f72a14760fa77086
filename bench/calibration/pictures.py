"""The pictures of the calibration report."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.calibration.baselines import shipping_years
from bench.calibration.study import Study
from hashjoule.efficiency.calibration import Prediction
from hashjoule.report import palette

PREDICTED, RESIDUALS = "calibration-predicted.svg", "calibration-residuals.svg"

_INK, _MUTED, _RULE = palette.INK.light, palette.MUTED.light, palette.RULE.light
_POINT, _BAND = palette.STEP.light, "#e6edf3"
_STYLE: Any = {
    "font.family": "sans-serif", "font.size": 11, "svg.fonttype": "path", "svg.hashsalt": "hashjoule",
    "axes.spines.top": False, "axes.spines.right": False, "axes.edgecolor": _MUTED, "axes.labelcolor": _MUTED,
    "xtick.color": _MUTED, "ytick.color": _MUTED,
}  # fmt: skip


def draw(found: Study, folder: Path) -> None:
    """Write both pictures into a folder."""
    with mpl.rc_context(_STYLE):
        for name, figure in ((PREDICTED, predicted_figure(found)), (RESIDUALS, residuals_figure(found))):
            picture = io.BytesIO()
            figure.savefig(picture, format="svg", metadata={"Date": None})
            (folder / name).write_bytes(picture.getvalue())


def predicted_figure(found: Study) -> Figure:
    """Return predicted against published energy; bars are 95% intervals of a prediction, hollow marks low quality."""
    figure = Figure(figsize=(8.2, 7.4), facecolor="white")
    axes = figure.add_axes((0.105, 0.095, 0.865, 0.765))
    reach = found.model.t95 * found.model.scatter_decades * math.sqrt(1 + 1 / found.model.chips)
    ends = (6.0, 12_000.0)
    axes.plot(ends, ends, color=_RULE, linewidth=1.4, zorder=1)
    for p in found.left_out:
        low, high = (p.predicted_j_per_th * 10**offset for offset in (-reach, reach))
        axes.plot([p.published_j_per_th] * 2, [low, high], color=_POINT, alpha=0.35, linewidth=1.3, zorder=2)
        _mark(axes, p.published_j_per_th, p.predicted_j_per_th, p)
    _name_chips(axes, found.left_out)
    axes.set(xscale="log", yscale="log", xlim=ends, ylim=ends, aspect="equal")
    axes.set_xlabel("published, J/TH")
    axes.set_ylabel("predicted without the chip itself, J/TH")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(lambda value, _: f"{value:,.0f}")
        axis.set_tick_params(which="minor", length=0)
    _title(figure, f"{len(found.left_out)} chips of 110 to 5 nm, each predicted by the others",
           "Bars: 95% interval of a prediction. Hollow: low quality. Line: both alike.")  # fmt: skip
    return figure


def residuals_figure(found: Study) -> Figure:
    """Return the errors by shipping year, node and maker."""
    figure = Figure(figsize=(10.5, 4.6), facecolor="white")
    years = shipping_years()
    own = [p.maker for p in found.left_out]
    makers = sorted(set(own), key=lambda maker: (-own.count(maker), maker))
    panels: tuple[tuple[str, list[float | None]], ...] = (
        ("year of first shipping", [years.get(p.chip) for p in found.left_out]),
        ("process node, nm", [*(p.process_nm for p in found.left_out)]),
        ("maker", [*(makers.index(maker) for maker in own)]),
    )
    for place, (label, positions) in enumerate(panels):
        axes = figure.add_axes((0.07 + 0.312 * place, 0.2, 0.285, 0.58))
        axes.axhspan(-found.model.scatter_decades, found.model.scatter_decades, color=_BAND, zorder=0)
        axes.axhline(0, color=_MUTED, linewidth=0.9, zorder=1)
        for prediction, x in zip(found.left_out, positions, strict=True):
            if x is not None:
                _mark(axes, x, prediction.error_decades, prediction)
        axes.set_ylim(-0.45, 0.45)
        axes.set_xlabel(label)
        if place:
            axes.set_yticklabels([])
        else:
            axes.set_ylabel("log10(predicted / published)")
        if label.startswith("year"):
            axes.set_xticks(range(2013, 2026, 3))
        if label.startswith("process"):
            axes.set_xscale("log")
            axes.set_xlim(140, 4)
            axes.set_xticks([110, 55, 28, 16, 7, 5], ["110", "55", "28", "16", "7", "5"])
            axes.tick_params(which="minor", length=0, labelbottom=False)
        if label == "maker":
            axes.set_xticks(range(len(makers)), makers, rotation=35, ha="right", rotation_mode="anchor")
            axes.set_xlim(-0.6, len(makers) - 0.4)
    _title(figure, "What the model does not know: errors by year, node and maker",
           f"Band: standard deviation of a chip about the model, {found.model.scatter_decades:.2f} decades. "
           "Hollow: low quality.")  # fmt: skip
    return figure


def _mark(axes: Axes, x: float, y: float, prediction: Prediction) -> None:
    face = "white" if prediction.quality == "low" else _POINT
    axes.scatter([x], [y], s=46, facecolors=face, edgecolors=_POINT, linewidths=1.4, zorder=3)


_LABELS = {
    "BM1384": (8, -9), "BM1385": (-8, 4), "BM1380": (-8, 4), "HashFast": (8, -8), "CoinCraft A1": (-6, 11),
    "Clarke": (7, 9), "BM1391": (9, -1), "BMZ1": (8, -9), "BM1397": (-8, 6), "BM1398": (-8, 6), "BM1362": (-7, 8),
    "BM1366": (9, -4), "BM1368": (-7, 8), "BM1370": (-8, -3),
}  # fmt: skip
"""Where a chip's name stands, in points from its mark; to the right of it where nothing is said."""


def _name_chips(axes: Axes, predictions: Sequence[Prediction]) -> None:
    for p in predictions:
        offset = _LABELS.get(p.chip, (8, -4))
        axes.annotate(
            p.chip,
            (p.published_j_per_th, p.predicted_j_per_th),
            offset,
            textcoords="offset points",
            ha="right" if offset[0] < 0 else "left",
            va="center",
            size=8.5,
            color=_INK,
        )


def _title(figure: Figure, title: str, subtitle: str) -> None:
    height = figure.get_figheight()
    figure.text(0.03, 1 - 0.36 / height, title, fontsize=15, fontweight="bold", color=_INK, va="center")
    figure.text(0.03, 1 - 0.70 / height, subtitle, fontsize=9.5, color=_MUTED, va="center")
