"""The rollout's drawings as inline SVG: e-values with their limits, the confidence sequence, units by arm.

What decides is drawn with the line where it decides. E-values stand on a log scale, cut at `SHOWN_MOST`, because beyond
it nothing is told that matters. Small phases are shaded: they find faults and are no evidence on cost.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from models.rollout.verdict import CAUTION_E
from pipelines.report_plots import (
    ACCENT,
    BAND,
    INK,
    LINE,
    MUTED,
    SECOND,
    WIDTH,
    add_legend,
    as_svg,
    name_axes,
    new_figure,
)
from pipelines.rollout_page.evidence_lines import HARM, SHOWN
from pipelines.rollout_page.view import ELine, ScorePoint, UnitPoint

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SHOWN_MOST, SHOWN_LEAST = 1e5, 1e-3
MOST_TICKS = 8
DASHED = (0, (4, 3))


def _sessions_axis(ax: Axes, sessions: Sequence[str]) -> None:
    step = max(1, -(-len(sessions) // MOST_TICKS))
    places = list(range(len(sessions)))[::step]
    ax.set_xticks(places, [sessions[place][5:] for place in places])
    ax.set_xlim(-0.6, max(len(sessions) - 0.4, 0.6))


def _mark_phases(ax: Axes, phases: Sequence[str]) -> None:
    """A line where a phase begins, with its name."""
    for place, phase in enumerate(phases):
        if place and phase == phases[place - 1]:
            continue
        if place:
            ax.axvline(place - 0.5, color=LINE, linewidth=1.0)
        where = (place - 0.45, 0.985)
        ax.annotate(phase, where, xycoords=("data", "axes fraction"), color=MUTED, fontsize=7.5, va="top")


def _cut(value: float) -> float:
    return min(SHOWN_MOST, max(SHOWN_LEAST, value))


def _log_axis(ax: Axes, highest: float) -> None:
    ax.set_yscale("log")
    ax.set_ylim(SHOWN_LEAST * 3, max(300.0, highest * 4))
    ax.minorticks_off()


def _one_test(ax: Axes, test: ELine, colour: str, caution: float | None) -> None:
    places = range(len(test.points))
    values = [_cut(value) for _, value in test.points]
    _log_axis(ax, max([test.limit, *values]))
    ax.axhline(test.limit, color=INK, linewidth=1.1, linestyle=DASHED, label=f"{test.decides} {test.limit:g}")
    if caution is not None:
        ax.axhline(
            caution, color=MUTED, linewidth=0.9, linestyle=(0, (1, 2)), label=f"keeps it from growing at {caution:g}"
        )
    ax.plot(places, values, "-o", color=colour, linewidth=1.5, markersize=3.8)
    _sessions_axis(ax, [session for session, _ in test.points])
    ax.set_title(test.name, color=INK, fontsize=9.5, loc="left", pad=18)
    add_legend(ax)


def e_values(tests: Sequence[ELine]) -> str:
    """The two tests on cost, each with the line where it decides."""
    main = [test for test in tests if test.name in (HARM, SHOWN)]
    figure, axes = new_figure(width=2 * WIDTH, height=3.1, columns=max(1, len(main)))
    for ax, test in zip(axes, main, strict=False):
        _one_test(ax, test, SECOND if test.name == HARM else ACCENT, CAUTION_E if test.name == HARM else None)
        name_axes(ax, "", "e-value, log scale" if ax is axes[0] else "")
    return as_svg(figure, "E-values of the tests on cost, by session")


def guardrail_e_values(tests: Sequence[ELine]) -> str:
    """Guardrails whose evidence adds up, each as a part of its own limit; '' without any."""
    rails = [test for test in tests if test.name not in (HARM, SHOWN)]
    if not rails:
        return ""
    sessions = sorted({session for test in rails for session, _ in test.points})
    figure, (ax,) = new_figure(width=2 * WIDTH, height=2.5)
    ax.set_yscale("log")
    ax.axhline(1.0, color=INK, linewidth=1.1, linestyle=DASHED, label="decides at 1")
    for number, test in enumerate(rails):
        places = [sessions.index(session) for session, _ in test.points]
        values = [max(1e-4, min(20.0, value / test.limit)) for _, value in test.points]
        style = ("-", "--", ":", "-.")[number // 3 % 4]
        colour = (ACCENT, SECOND, MUTED)[number % 3]
        ax.plot(places, values, style, color=colour, linewidth=1.4, label=test.name.replace("_", " "))
    ax.minorticks_off()
    _sessions_axis(ax, sessions)
    name_axes(ax, "", "e-value / limit")
    add_legend(ax)
    return as_svg(figure, "E-values of the guardrails as parts of their limits, by session")


def confidence(points: Sequence[ScorePoint], margin_bps: float) -> str:
    """Scores by session and the confidence sequence of their mean; '' without a score."""
    scored = [point for point in points if point.difference_bps is not None]
    if not scored:
        return ""
    figure, (ax,) = new_figure(width=2 * WIDTH, height=3.1)
    places = {point.session: place for place, point in enumerate(points)}
    banded = [point for point in scored if point.low_bps is not None and point.high_bps is not None]
    where = [places[point.session] for point in banded]
    reach = _reach(scored)
    low = [max(-reach, point.low_bps or 0.0) for point in banded]
    high = [min(reach, point.high_bps or 0.0) for point in banded]
    ax.fill_between(where, low, high, color=BAND, linewidth=0, label="confidence sequence of the mean")
    ax.axhline(0.0, color=MUTED, linewidth=0.9)
    ax.axhline(margin_bps, color=INK, linewidth=1.0, linestyle=DASHED, label=f"margin {margin_bps:g} bps")
    dots = [place for place in (places[point.session] for point in scored)]
    ax.plot(dots, [_within(point, reach) for point in scored], "o", color=ACCENT, markersize=4.5, label="one session")
    ax.set_ylim(-reach, reach)
    _sessions_axis(ax, [point.session for point in points])
    _mark_phases(ax, [point.phase for point in points])
    name_axes(ax, "", "challenger − champion, bps")
    add_legend(ax)
    return as_svg(figure, "Cost difference by session with its confidence sequence")


def _within(point: ScorePoint, reach: float) -> float:
    value = point.difference_bps or 0.0
    return min(reach, max(-reach, value))


def _reach(scored: Sequence[ScorePoint]) -> float:
    """Half the height of the drawing: the scores and the last interval are seen whole, an early wide one is cut."""
    last = [abs(value) for value in (scored[-1].low_bps, scored[-1].high_bps) if value is not None]
    scores = sorted(abs(point.difference_bps or 0.0) for point in scored)
    return 1.25 * max(4.0, *last, scores[-1])


def units_by_arm(points: Sequence[UnitPoint]) -> str:
    """Units of each session, by arm, as they were drawn; '' without sessions."""
    if not points:
        return ""
    figure, (ax,) = new_figure(width=2 * WIDTH, height=2.5)
    places = list(range(len(points)))
    champion, challenger = [point.champion for point in points], [point.challenger for point in points]
    held = [point.benchmark for point in points]
    below = [one + other for one, other in zip(champion, challenger, strict=True)]
    ax.bar(places, champion, color=BAND, width=0.72, label="champion")
    ax.bar(places, challenger, bottom=champion, color=ACCENT, width=0.72, label="challenger")
    if any(held):
        ax.bar(places, held, bottom=below, color=SECOND, width=0.72, label="benchmark hold-out")
    ax.set_ylim(0, 1.15 * max(1, *(one + other for one, other in zip(below, held, strict=True))))
    _sessions_axis(ax, [point.session for point in points])
    _mark_phases(ax, [point.phase for point in points])
    name_axes(ax, "", "units")
    add_legend(ax)
    return as_svg(figure, "Units by arm and session")
