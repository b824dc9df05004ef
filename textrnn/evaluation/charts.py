"""Numbers -> the geometry of a chart, which a template draws as SVG."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

WIDTH, HEIGHT = 360, 250  # of the drawing, in its own units: about the pixels of a phone
LEFT, RIGHT, TOP, BOTTOM = 48, 12, 18, 42
Point = tuple[float, float]


@dataclass(frozen=True)
class Axis:
    """low, high: the values at its ends. ticks: values that are labelled, by `label`."""

    title: str
    low: float
    high: float
    ticks: list[float]
    label: Callable[[float], str]


@dataclass(frozen=True)
class Line:
    """look: a class of the style sheet. path: its points in the drawing, as SVG writes them. name: in the legend, empty
    for none."""

    look: str
    path: str
    name: str = ""


@dataclass(frozen=True)
class Dot:
    """x, y, top, bottom: in the drawing; the whisker reaches from top to bottom. tip: what a pointer is told."""

    x: float
    y: float
    radius: float
    look: str
    tip: str = ""
    top: float | None = None
    bottom: float | None = None


@dataclass
class Chart:
    """title: what the chart shows, for those who cannot see it. bars: (x, width, height) on the lower edge."""

    title: str
    x: Axis
    y: Axis
    lines: list[Line] = field(default_factory=list)
    dots: list[Dot] = field(default_factory=list)
    bars: list[tuple[float, float, float]] = field(default_factory=list)
    marks: list[tuple[float, str]] = field(default_factory=list)  # (x, text) of upright lines

    def at_x(self, value: float) -> float:
        return round(LEFT + (WIDTH - LEFT - RIGHT) * _share(self.x, value), 1)

    def at_y(self, value: float) -> float:
        return round(HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * _share(self.y, value), 1)

    def add_line(self, points: Sequence[Point], look: str, name: str = "") -> None:
        path = " ".join(f"{self.at_x(x):g},{self.at_y(y):g}" for x, y in points)
        self.lines.append(Line(look, path, name))

    def add_dot(
        self, point: Point, look: str, *, radius: float = 3, tip: str = "", whisker: Sequence[float] | None = None
    ) -> None:
        """whisker: (low, high) values of y."""
        bottom, top = (None, None) if whisker is None else (self.at_y(whisker[0]), self.at_y(whisker[1]))
        self.dots.append(Dot(self.at_x(point[0]), self.at_y(point[1]), radius, look, tip, top, bottom))

    def add_bar(self, low: float, high: float, share: float) -> None:
        """Between two values of x, with a share (0 to 1) of the height."""
        begin, end = self.at_x(low), self.at_x(high)
        self.bars.append((begin + 0.5, round(max(end - begin - 1, 0.5), 1), round((HEIGHT - TOP - BOTTOM) * share, 1)))

    def add_mark(self, value: float, text: str) -> None:
        self.marks.append((self.at_x(value), text))


def _share(axis: Axis, value: float) -> float:
    return min(max((value - axis.low) / (axis.high - axis.low), 0.0), 1.0)


def axis(
    title: str, values: Sequence[float], *, percent: bool = False, whole: bool = False, bounds: Point | None = None
) -> Axis:
    """An axis on which all values fit, with at most six round ticks. whole: only whole numbers are labelled.
    bounds: the ends, where they are given."""
    low, high = bounds or (min(values), max(values))
    if high - low <= 1e-9 * max(abs(low), abs(high), 1e-9):
        margin = 0.5 if whole else 0.1 * abs(high) or 0.1
        low, high = low - margin, high + margin
    step = round_step((high - low) / 5, whole=whole)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    if bounds is None and not whole:
        first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
        low, high = first * step, last * step
    ticks = [number * step for number in range(first, last + 1)]
    return Axis(title, low, high, ticks, _percent if percent else lambda value: f"{value:.6g}")


def _percent(value: float) -> str:
    return f"{100 * value:.4g} %"


def round_step(least: float, *, whole: bool = False) -> float:
    """The smallest of 1, 2, 5, 10, 20, ... (and, unless whole, 0.5, 0.2, ...) that is at least `least`."""
    power = 10.0 ** math.floor(math.log10(least))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= least * (1 - 1e-9))
    return max(step, 1.0) if whole else step
