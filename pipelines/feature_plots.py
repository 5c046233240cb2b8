"""Small drawings of the features page as inline SVG: written by hand, because 50 features have 250 of them.

A drawing is a few hundred bytes where matplotlib's is twenty thousand; only its tick locator is asked. Colours are
classes of the page's style sheet, so that one drawing is right in light and in dark.

    >>> scale_for([1.0, 5.0]).at(2.0)
    0.25
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
import numpy.typing as npt

from features.sketches import shares_below

Float = npt.NDArray[np.float64]
Long = npt.NDArray[np.int64]

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 330, 150, 46, 8, 8, 20
TWO_WIDE, THREE_WIDE = 2 * WIDTH + 30, 3 * WIDTH + 60
ROW_HEIGHT, NAME_WIDTH = 16, 78
SPARK_WIDTH, SPARK_HEIGHT = 96, 22
COLUMNS = 60
LOG_FROM = 300.0
"""Highest over lowest from which a positive feature is drawn on a log scale, because a pixel is no longer seen."""
HUGE, TINY = 1e12, 1e-9
"""What is larger prints with its power of ten; what is nearer to zero prints as ≈ 0, because it is only rounding."""


@dataclass(frozen=True)
class Scale:
    """Values between `low` and `high` onto 0 to 1, in a straight line or by their logarithm."""

    low: float
    high: float
    is_log: bool = False

    def at(self, value: float) -> float:
        low, high, value = (self._seen(one) for one in (self.low, self.high, value))
        return min(1.0, max(0.0, (value - low) / (high - low)))

    def _seen(self, value: float) -> float:
        return math.log10(max(value, self.low)) if self.is_log else value

    def edges(self, count: int) -> Float:
        """`count` + 1 values, evenly on the drawing."""
        make = np.geomspace if self.is_log else np.linspace
        return np.asarray(make(self.low, self.high, count + 1))

    def ticks(self, most: int = 4) -> list[float]:
        """Round values on the scale."""
        from matplotlib.ticker import LogLocator, MaxNLocator

        locator = LogLocator(numticks=most + 1) if self.is_log else MaxNLocator(most, steps=[1, 2, 2.5, 5, 10])
        found = locator.tick_values(self.low, self.high)
        return [float(one) for one in found if self.low <= one <= self.high]


def scale_for(values: Sequence[float] | Float) -> Scale:
    """The scale on which these values are seen; widened where they are all the same."""
    known = [float(one) for one in values if math.isfinite(one)]
    low, high = (min(known), max(known)) if known else (0.0, 1.0)
    if high <= low:
        reach = abs(low) * 0.1 or 1.0
        return Scale(low - reach, high + reach)
    return Scale(low, high, is_log=low > 0.0 and high / low > LOG_FROM)


def short(value: float | None) -> str:
    """Three digits and a unit: `12.3M`, `0.00042`, `−7`, or a dash where there is no figure."""
    if value is None or not math.isfinite(value):
        return "–"
    size = abs(value)
    if 0.0 < size < TINY:
        return "≈ 0"
    if size >= HUGE:
        return f"{value:.3g}".replace("e+", "e").replace("-", "−")
    for limit, letter in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if size >= limit:
            return _plain(value / (1e3 if letter == "k" else limit)) + letter
    return _plain(value)


def _plain(value: float) -> str:
    text = f"{value:.3g}"
    if "e" in text and abs(value) >= 1e-5:
        text = f"{value:.0f}" if abs(value) >= 1.0 else f"{value:.7f}".rstrip("0")
    return text.replace("-", "−")


def _svg(width: float, height: float, title: str, parts: Sequence[str]) -> str:
    head = f'<svg viewBox="0 0 {width:g} {height:g}" role="img" aria-label="{escape(title)}">'
    return head + "".join(parts) + "</svg>"


def _text(x: float, y: float, words: str, where: str = "middle") -> str:
    return f'<text x="{x:.0f}" y="{y:.0f}" text-anchor="{where}">{escape(words)}</text>'


def _line(kind: str, x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<path class="{kind}" d="M{x1:.1f} {y1:.1f}L{x2:.1f} {y2:.1f}"/>'


def _x(share: float, width: float = WIDTH) -> float:
    return LEFT + share * (width - LEFT - RIGHT)


def _y(share: float) -> float:
    return HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)


def _value_axis(scale: Scale, width: float = WIDTH) -> list[str]:
    parts = _log_note(scale, HEIGHT)
    for tick in scale.ticks():
        y = _y(scale.at(tick))
        parts += [_line("g", LEFT, y, width - RIGHT, y), _text(LEFT - 5, y + 3.5, short(tick), "end")]
    return parts


@dataclass(frozen=True)
class Histogram:
    """One feature's rows by place of its sketch (b), and the smallest and largest value seen."""

    places: Long
    counts: Long
    low: float
    high: float


def _log_note(scale: Scale, height: float) -> list[str]:
    return [_text(LEFT - 5, height - 5, "log", "end")] if scale.is_log else []


def _steps(scale: Scale, shown: Histogram, columns: int) -> Float:
    edges = scale.edges(columns)
    found = np.diff(shares_below(shown.places, shown.counts, edges, shown.low, shown.high))
    return found / found.max() if len(found) and found.max() > 0 else found


def _area(heights: Float, left: float, width: float, bottom: float, height: float) -> str:
    step = width / len(heights)
    tops = "".join(f"V{bottom - height * one:.1f}h{step:.2f}" for one in heights)
    return f'<path class="a" d="M{left:g} {bottom:g}{tops}V{bottom:g}Z"/>'


def histogram(scale: Scale, shown: Histogram) -> str:
    """Share of the rows by value, over the scale's span."""
    bottom, width = HEIGHT - BOTTOM, WIDTH - LEFT - RIGHT
    parts = [_area(_steps(scale, shown, COLUMNS), LEFT, width, bottom, HEIGHT - TOP - BOTTOM)]
    parts += [*_log_note(scale, HEIGHT), _line("x", LEFT, bottom, WIDTH - RIGHT, bottom)]
    parts += [_text(_x(scale.at(tick)), HEIGHT - 5, short(tick)) for tick in scale.ticks(5)]
    return _svg(WIDTH, HEIGHT, "Distribution", parts)


def spark(scale: Scale, shown: Histogram) -> str:
    """The same without words, for a line of the index."""
    heights = _steps(scale, shown, COLUMNS // 2)
    return _svg(
        SPARK_WIDTH, SPARK_HEIGHT, "Distribution", [_area(heights, 0, SPARK_WIDTH, SPARK_HEIGHT, SPARK_HEIGHT - 1)]
    )


def by_hour(scale: Scale, spans: Mapping[str, Float]) -> str:
    """A column an hour: 5 to 95 %, 25 to 75 %, median."""
    parts, step = _value_axis(scale), (WIDTH - LEFT - RIGHT) / max(1, len(spans))
    for number, (name, marks) in enumerate(spans.items()):
        x = LEFT + (number + 0.5) * step
        parts.append(_text(x, HEIGHT - 5, name))
        if np.isfinite(marks).all():
            ys = [_y(scale.at(one)) for one in marks]
            parts += [_line("w", x, ys[0], x, ys[4]), _line("b", x, ys[1], x, ys[3])]
            parts.append(f'<circle cx="{x:.1f}" cy="{ys[2]:.1f}" r="3"/>')
    return _svg(WIDTH, HEIGHT, "By local hour", parts)


def by_group(scale: Scale, spans: Mapping[str, Float]) -> str:
    """A line a symbol group: 5 to 95 %, 25 to 75 %, median."""
    height, width = ROW_HEIGHT * len(spans) + TOP + BOTTOM, WIDTH - NAME_WIDTH - RIGHT
    places = [(tick, NAME_WIDTH + width * scale.at(tick)) for tick in scale.ticks()]
    parts = [_line("g", x, TOP, x, height - BOTTOM) + _text(x, height - 5, short(tick)) for tick, x in places]
    parts += _log_note(scale, height)
    for number, (name, marks) in enumerate(spans.items()):
        y = TOP + (number + 0.5) * ROW_HEIGHT
        parts.append(_text(NAME_WIDTH - 8, y + 3.5, name, "end"))
        if np.isfinite(marks).all():
            xs = [NAME_WIDTH + width * scale.at(one) for one in marks]
            parts += [_line("w", xs[0], y, xs[4], y), _line("b", xs[1], y, xs[3], y)]
            parts.append(f'<circle cx="{xs[2]:.1f}" cy="{y:.1f}" r="3"/>')
    return _svg(WIDTH, height, "By symbol", parts)


def _curve(kind: str, values: Sequence[float], scale: Scale, width: float) -> str:
    places = [
        (_x((number + 0.5) / len(values), width), _y(scale.at(value)))
        for number, value in enumerate(values)
        if math.isfinite(value)
    ]
    dots = "".join(f'<circle class="{kind}" cx="{x:.1f}" cy="{y:.1f}" r="1.8"/>' for x, y in places)
    way = "L".join(f"{x:.1f} {y:.1f}" for x, y in places)
    return (f'<path class="{kind}" d="M{way}"/>' if way else "") + (dots if len(places) <= COLUMNS else "")


def over_sessions(
    title: str, names: Sequence[str], series: Sequence[Sequence[float]], scale: Scale, width: float = WIDTH
) -> str:
    """A curve a series (at most three), one value a session; `names` are the sessions'."""
    zero = _y(scale.at(0.0))
    parts = [*_value_axis(scale, width), _line("x", LEFT, zero, width - RIGHT, zero)]
    parts += [_curve(kind, values, scale, width) for kind, values in zip(("l1", "l2", "l3"), series, strict=False)]
    for number, where in ((0, "start"), (len(names) - 1, "end")) if names else ():
        parts.append(_text(LEFT if where == "start" else width - RIGHT, HEIGHT - 5, names[number], where))
    return _svg(width, HEIGHT, title, parts)
