"""Where the labels of a still picture go: beside their mark, over no other text, and over as few marks as possible."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.backends.backend_agg import RendererAgg
    from matplotlib.text import Text
    from matplotlib.transforms import Bbox

Place = tuple[float, float]

_DIRECTIONS = (
    (8, 0, "left"), (-8, 0, "right"), (6, 5, "left"), (6, -5, "left"),
    (-6, -5, "right"), (-6, 5, "right"), (0, 8, "center"), (0, -8, "center"),
)  # fmt: skip
_OFFSETS = [(dx * step, dy * step, align) for step in (1, 2, 3, 4.5, 6, 8, 11) for dx, dy, align in _DIRECTIONS]
"""Places of a label about its mark, in typographic points, the preferred first."""
_LEADER_PT = 9
"""A label further from its mark than that is joined to it by a line."""

_OUTSIDE, _ON_TEXT, _ON_MARK, _ON_LINE, _NEARER_MARK, _LATER = 1000.0, 500.0, 8.0, 0.7, 1.5, 0.15
"""What each fault of a place costs: leaving the picture, covering a text, a mark or a piece of a line, standing nearer
to another mark than to its own without a line to it, and each step down the list of places."""


@dataclass(slots=True)
class Layout:
    """Axes under construction: the boxes that texts take, and the pixels of marks and lines."""

    renderer: RendererAgg
    axes: Axes
    halo: str
    taken: list[Bbox] = field(default_factory=list)
    marks: list[Place] = field(default_factory=list)
    lines: list[Place] = field(default_factory=list)

    def pixel(self, at: Place) -> Place:
        """Return where a place in the quantities of the axes lies in pixels."""
        x, y = self.axes.transData.transform(at)
        return float(x), float(y)

    def avoid_mark(self, at: Place) -> None:
        """Keep labels off a mark."""
        self.marks.append(self.pixel(at))

    def avoid_line(self, start: Place, end: Place) -> None:
        """Keep labels off a straight line where they can: it counts as a mark every few pixels."""
        (x0, y0), (x1, y1) = self.pixel(start), self.pixel(end)
        steps = int(math.hypot(x1 - x0, y1 - y0) // 12) + 1
        self.lines += [(x0 + (x1 - x0) * i / steps, y0 + (y1 - y0) * i / steps) for i in range(steps + 1)]

    def reserve(self, text: Text) -> None:
        """Give a text a halo, and keep labels off it."""
        from matplotlib.patheffects import withStroke

        text.set_path_effects([withStroke(linewidth=2.5, foreground=self.halo)])
        self.taken.append(box_of(text, self.renderer).padded(4))

    def annotate(self, words: str, at: Place, leader: str, **style: Any) -> None:
        """Write a label at its best place, joined to its mark by a line of that colour if it is far."""
        probe = self.axes.text(*at, words, **style)
        size = box_of(probe, self.renderer).size
        probe.remove()
        own = self.pixel(at)
        costs = [
            self._cost(own, self._box(own, offset, (size[0], size[1])), _is_led(offset)) + _LATER * order
            for order, offset in enumerate(_OFFSETS)
        ]
        best = _OFFSETS[costs.index(min(costs))]
        dx, dy, align = best
        led = _is_led(best) or self._nearer(own, self._box(own, best, (size[0], size[1]))) > 0
        line = {"arrowstyle": "-", "color": leader, "lw": 0.7, "shrinkA": 1, "shrinkB": 3}
        label = self.axes.annotate(
            words,
            at,
            (dx, dy),
            textcoords="offset points",
            ha=align,
            va=_upright(dy),
            zorder=7,
            annotation_clip=False,
            arrowprops=line if led else None,
            **style,
        )
        self.reserve(label)

    def _box(self, own: Place, offset: tuple[float, float, str], size: tuple[float, float]) -> Bbox:
        """Return the box of a label of that size in pixels at an offset in typographic points."""
        from matplotlib.transforms import Bbox

        dx, dy, align = offset
        per_point = self.axes.figure.dpi / 72
        x = own[0] + dx * per_point - size[0] * {"left": 0.0, "center": 0.5, "right": 1.0}[align]
        y = own[1] + dy * per_point - size[1] * {"bottom": 0.0, "center": 0.5, "top": 1.0}[_upright(dy)]
        return Bbox.from_bounds(x, y, *size)

    def _cost(self, own: Place, box: Bbox, led: bool) -> float:
        frame = self.axes.get_window_extent()
        outside = box.x0 < frame.x0 or box.x1 > frame.x1 + 20 or box.y0 < frame.y0 or box.y1 > frame.y1
        return float(
            _OUTSIDE * outside
            + _ON_TEXT * box.count_overlaps(self.taken)
            + _ON_MARK * box.padded(3).count_contains(self.marks)
            + _ON_LINE * box.padded(3).count_contains(self.lines or [(-1, -1)])
            + _NEARER_MARK * (0 if led else self._nearer(own, box))
        )

    def _nearer(self, own: Place, box: Bbox) -> int:
        """Return how many marks are nearer to a label than its own."""
        reach = _distance(box, own) - 1
        return sum(_distance(box, mark) < reach for mark in self.marks)


def box_of(text: Text, renderer: RendererAgg) -> Bbox:
    """Return where the letters of a text are drawn, in pixels, without the line to its mark."""
    from matplotlib.text import Annotation, Text

    if isinstance(text, Annotation):
        text.update_positions(renderer)
    return Text.get_window_extent(text, renderer)


def _distance(box: Bbox, place: Place) -> float:
    """Return the distance of a place from the nearest edge of a box; 0 inside it."""
    dx = max(box.x0 - place[0], 0.0, place[0] - box.x1)
    dy = max(box.y0 - place[1], 0.0, place[1] - box.y1)
    return math.hypot(dx, dy)


def _is_led(offset: tuple[float, float, str]) -> bool:
    """Return whether a label at an offset is so far from its mark that a line joins them."""
    return math.hypot(offset[0], offset[1]) > _LEADER_PT


def _upright(dy: float) -> Literal["bottom", "top", "center"]:
    return "bottom" if dy > 0 else "top" if dy < 0 else "center"
