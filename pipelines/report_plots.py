"""Plots as inline SVG that takes its colours from the page, so that one drawing is right in light and in dark.

Drawn by matplotlib without pyplot (no global state, no display). The same input gives the same bytes: no date, no
random names. `standalone` turns one into a file of its own, for MLflow.

Colours that matplotlib is given are stand-ins; each is replaced by a variable of the page's style sheet.
"""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from pipelines.report_tables import BOUNDS, GroupLine, SessionLine

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, MUTED, LINE, ACCENT, SECOND, BAND = "#010101", "#010102", "#010103", "#010104", "#010105", "#010106"
PAGE_COLOURS = {
    INK: ("--ink", "#1d2733"),
    MUTED: ("--muted", "#5d6b7a"),
    LINE: ("--line", "#dde3ea"),
    ACCENT: ("--accent", "#1f5fbf"),
    SECOND: ("--second", "#b3661a"),
    BAND: ("--band", "#dbe7f7"),
}
"""Stand-in, the page's variable, and the colour where there is no page."""
UNUSED_ID = re.compile(r' id="[A-Za-z0-9.]+_\d+"')
FONT = re.compile(r"font: (?:\w+ )*?([\d.]+px) [^;\"]*")
WIDTH, HEIGHT = 5.6, 2.9
TOP_FEATURES = 12


def new_figure(width: float = WIDTH, height: float = HEIGHT, columns: int = 1) -> tuple[Figure, list[Axes]]:
    """A figure of `columns` drawings side by side, in the page\'s manner; sizes in inches."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    axes = list(figure.subplots(1, columns, squeeze=False)[0])
    for ax in axes:
        ax.patch.set_visible(False)
        for side in ("top", "right"):
            ax.spines[side].set_visible(False)
        for side in ("bottom", "left"):
            ax.spines[side].set_color(LINE)
        ax.tick_params(colors=MUTED, labelsize=8.5, length=0)
        ax.grid(axis="y", color=LINE, linewidth=0.7)
        ax.set_axisbelow(True)
    return figure, axes


def name_axes(ax: Axes, x: str, y: str) -> None:
    """What the axes show, with units."""
    ax.set_xlabel(x, color=MUTED, fontsize=8.5)
    ax.set_ylabel(y, color=MUTED, fontsize=8.5)


def add_legend(ax: Axes) -> None:
    """The legend, above the drawing."""
    place = {"loc": "lower right", "bbox_to_anchor": (1.0, 1.0), "ncols": 3, "borderaxespad": 0.2}
    ax.legend(frameon=False, fontsize=8.5, labelcolor=INK, **place)


def as_svg(figure: Figure, title: str) -> str:
    """The figure as SVG whose colours are the page\'s. title: what is read out for it."""
    import matplotlib as mpl

    out = io.StringIO()
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "fillwise"}):
        metadata = {"Date": None, "Creator": None, "Format": None, "Type": None}
        figure.savefig(out, format="svg", transparent=True, metadata=metadata)
    text = out.getvalue()
    text = UNUSED_ID.sub("", text[text.index("<svg") :])
    text = FONT.sub(r"font: \1 inherit-family", text).replace("inherit-family", "system-ui, sans-serif")
    for stand_in, (variable, _) in PAGE_COLOURS.items():
        text = text.replace(stand_in, f"var({variable})")
    return re.sub(r"<svg ([^>]*)>", rf'<svg role="img" aria-label="{title}" \1>', text, count=1)


def standalone(svg: str) -> str:
    """The same drawing as a file of its own, on white."""
    for variable, colour in PAGE_COLOURS.values():
        svg = svg.replace(f"var({variable})", colour)
    head, _, rest = svg.partition(">")
    return f'<?xml version="1.0" encoding="utf-8"?>\n{head}><rect width="100%" height="100%" fill="#ffffff"/>{rest}'


def difference_by_session(
    lines: Sequence[SessionLine], mean_bps: float | None, low_bps: float | None, high_bps: float | None
) -> str:
    """A dot a session, the mean over all as a line and its interval as a band; below zero is cheaper than TWAP."""
    figure, (ax,) = new_figure(width=2 * WIDTH)
    if low_bps is not None and high_bps is not None:
        ax.axhspan(low_bps, high_bps, color=BAND, linewidth=0, label="interval of the mean")
    if mean_bps is not None:
        ax.axhline(mean_bps, color=ACCENT, linewidth=1.4, label="mean over sessions")
    ax.axhline(0.0, color=MUTED, linewidth=0.9, linestyle=(0, (3, 3)))
    places = range(len(lines))
    values = [line.difference_bps for line in lines]
    ax.vlines(places, 0.0, values, color=ACCENT, linewidth=1.0, alpha=0.45)
    ax.plot(places, values, "o", color=ACCENT, markersize=5, label="one session")
    step = max(1, len(lines) // 10)
    ax.set_xticks(list(places)[::step], [f"{line.session:%d %b}" for line in lines][::step])
    name_axes(ax, "", "candidate − TWAP, bps")
    add_legend(ax)
    return as_svg(figure, "Cost difference by session")


def difference_by_group(lines: Sequence[GroupLine], title: str) -> str:
    """A row a group, a dot a fill bound: how far the answer depends on who would have filled us."""
    figure, (ax,) = new_figure(height=max(1.5, 0.75 + 0.3 * len(lines)))
    ax.grid(visible=False, axis="y")
    ax.grid(axis="x", color=LINE, linewidth=0.7)
    ax.axvline(0.0, color=MUTED, linewidth=0.9, linestyle=(0, (3, 3)))
    for place, line in enumerate(lines):
        found = list(line.difference_bps.values())
        ax.hlines(place, min(found), max(found), color=LINE, linewidth=2.5)
    for bound, colour in zip(BOUNDS, (ACCENT, SECOND), strict=True):
        shown = [(place, line.difference_bps) for place, line in enumerate(lines) if bound in line.difference_bps]
        values, places = [by_bound[bound] for _, by_bound in shown], [place for place, _ in shown]
        ax.plot(values, places, "o", color=colour, markersize=5.5, label=bound.replace("_", "-"))
    ax.set_yticks(range(len(lines)), [line.name for line in lines])
    ax.set_ylim(len(lines) - 0.5, -0.5)
    name_axes(ax, "candidate − TWAP, bps", "")
    add_legend(ax)
    return as_svg(figure, title)


def cost_by_hour(lines: Sequence[GroupLine]) -> str:
    """Slippage of candidate and TWAP by the local hour in which orders arrived, under the pessimistic bound."""
    figure, (ax,) = new_figure()
    places = range(len(lines))
    series = (
        ("TWAP", [line.benchmark_bps for line in lines], SECOND),
        ("candidate", [line.candidate_bps for line in lines], ACCENT),
    )
    for label, values, colour in series:
        ax.plot(places, values, "-o", color=colour, linewidth=1.6, markersize=4.5, label=label)
    ax.set_xticks(list(places), [line.name for line in lines])
    name_axes(ax, "local hour of arrival", "arrival cost, bps")
    add_legend(ax)
    return as_svg(figure, "Slippage by hour")


def calibration(horizons: Mapping[int, Sequence[tuple[float, float]]]) -> str:
    """Predicted against realised move by bin, a panel a horizon (seconds); on the diagonal is calibrated."""
    figure, axes = new_figure(width=2 * WIDTH, columns=max(1, len(horizons)))
    for ax, (seconds, bins) in zip(axes, sorted(horizons.items()), strict=False):
        predicted = [one for one, _ in bins]
        realised = [one for _, one in bins]
        reach = 1.08 * max([abs(one) for one in (*predicted, *realised)], default=1.0)
        ax.plot([-reach, reach], [-reach, reach], color=MUTED, linewidth=0.9, linestyle=(0, (3, 3)))
        ax.plot(predicted, realised, "-o", color=ACCENT, linewidth=1.2, markersize=4.5)
        ax.set_title(f"{seconds} s ahead", color=INK, fontsize=9.5)
        name_axes(ax, "predicted move, bps", "realised move, bps" if ax is axes[0] else "")
    return as_svg(figure, "Calibration of the signal")


def importance(gains: Sequence[tuple[str, float]]) -> str:
    """The features that the trees gain most from, as shares of the total gain, largest first."""
    total = sum(gain for _, gain in gains) or 1.0
    shown = list(gains)[:TOP_FEATURES]
    figure, (ax,) = new_figure(height=0.7 + 0.26 * max(3, len(shown)))
    ax.grid(visible=False, axis="y")
    ax.grid(axis="x", color=LINE, linewidth=0.7)
    ax.barh(range(len(shown)), [100 * gain / total for _, gain in shown], color=ACCENT, height=0.62)
    ax.set_yticks(range(len(shown)), [name for name, _ in shown])
    ax.set_ylim(len(shown) - 0.4, -0.6)
    name_axes(ax, "share of gain, %", "")
    return as_svg(figure, "Feature importance")
