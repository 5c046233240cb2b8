"""`fillwise rollout status [--watch]`: the rollout in the terminal, drawn anew whenever something changed.

The same view as the page's. With `--watch` at a terminal the screen is replaced; into a pipe or a file each change is
printed once, plainly, so that a log of a day can be read. What changed is seen by the ledger's head and the files of
routing and alerts; a ledger that does not answer is said, and asked again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from infra.errors import FillwiseError
from infra.ledger import open_ledger
from infra.settings import Settings
from pipelines.alerting.story import printable
from pipelines.page_template import percent, plain, signed
from pipelines.production_status import production_lines
from pipelines.rollout_page.page import rollout_view
from pipelines.rollout_page.view import ELine, PhaseLine, RolloutView, minute

LOOK_SECONDS = 1.0
"""A look at the ledger's head and a few files; a second is as soon as anybody sees it."""
COLOURS = {"pass": "green", "hold": "yellow", "fail": "red", "note": "cyan", "breach": "red"}
MARKS = {"done": "✓", "now": "▶", "ahead": "·", "left": "✗"}
STORY_LINES = 6
BAR, PIPE_WIDTH = 24, 160


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, show_edge=False, header_style="dim")
    for name in columns:
        is_number = name.startswith("#")
        table.add_column(name.lstrip("#"), justify="right" if is_number else "left", overflow="fold")
    return table


def _line(words: str, style: str = "") -> Text:
    """A line that moves no cursor, whoever wrote it."""
    return Text(printable(words), style)


def _bar(part: float) -> str:
    full = round(BAR * min(1.0, max(0.0, part)))
    return "█" * full + "░" * (BAR - full)


def _phase_part(line: PhaseLine) -> float:
    if line.state == "done":
        return 1.0
    parts = [line.sessions / line.sessions_needed if line.sessions_needed else 1.0]
    parts += [line.units / line.units_needed] if line.units_needed else []
    return min(parts)


def _phases(view: RolloutView) -> Table:
    table = _table("", "phase", "#share", "", "#sessions", "#units", "since", "allowed by")
    for line in view.phases:
        style = {"now": "bold", "left": "red", "ahead": "dim"}.get(line.state, "")
        who = ", ".join(line.approved_by) or (f"asks {line.approvals_needed}" if line.approvals_needed else "")
        table.add_row(
            MARKS[line.state], line.name, percent(line.share, 0), _bar(_phase_part(line)),
            f"{line.sessions}/{line.sessions_needed}", f"{line.units}/{line.units_needed}", line.entered_on, who,
            style=style,
        )  # fmt: skip
    return table


def _test(line: ELine) -> tuple[str, str, str]:
    reached = line.now >= line.limit
    bad = line.decides.startswith("rolls")
    colour = ("red" if bad else "green") if reached else ""
    return (
        line.name.replace("_", " "),
        f"[{colour}]{line.now:.3g}[/]" if colour else f"{line.now:.3g}",
        (f"{line.decides} {line.limit:g}"),
    )


def _evidence(view: RolloutView) -> Table:
    table = _table("test", "#e-value", "decides")
    for line in view.tests:
        table.add_row(*_test(line))
    scored = [point for point in view.scores if point.difference_bps is not None]
    if scored:
        last = scored[-1]
        band = "" if last.low_bps is None else f"mean within {signed(last.low_bps)} to {signed(last.high_bps)} bps"
        table.add_row(f"session {last.session}", signed(last.difference_bps), f"bps from the champion; {band}")
    return table


def _arms(view: RolloutView) -> Table:
    table = _table("arm", "version", "#share", "#units", "#cost, bps")
    for line in view.arms:
        table.add_row(line.arm, line.version, percent(line.share, 0), plain(line.units, 0), signed(line.cost_bps))
    return table


def _needs(view: RolloutView) -> list[Text]:
    """Stops, cards and alerts: what a person must look at."""
    stops = [f"STOP {one.kind} of {one.subject or 'everything'} by {one.person}: {one.reason}" for one in view.stops]
    cards = [
        f"card {one.card_id} asks for {one.to_phase}: {one.given} of {one.approvals}, until {minute(one.expires_at)}"
        for one in view.cards
    ]
    alerts = [f"{one.severity} {one.words}; answer: {one.command}" for one in view.alerts if one.is_open]
    return [
        *(_line(words, "bold red") for words in stops),
        *(_line(words, "yellow") for words in cards),
        *(_line(words, "red") for words in alerts),
    ]


def _rails(view: RolloutView) -> list[Text]:
    """Guardrails that do not pass, or that all do."""
    wrong = [line for line in view.guardrails if line.verdict != "pass"]
    passed = len(view.guardrails) - len(wrong)
    told = [_line(f"{line.verdict}: {line.name}: {line.reason}", COLOURS[line.verdict]) for line in wrong]
    return [*told, Text(f"{passed} guardrails pass", "dim")] if view.guardrails else []


def drawn(view: RolloutView, desk_lines: list[str]) -> RenderableType:
    """Everything on one screen."""
    head = Text.assemble((view.market, "bold"), f"  as of {minute(view.at)} UTC  ledger at {view.head_sequence}")
    champion = f"champion {view.champion or 'benchmark policy'} since {view.champion_since or 'ever'}"
    story = [_line(f"{minute(one.at)}  {one.words}", "dim") for one in view.story[:STORY_LINES]]
    parts: list[RenderableType] = [
        head, _line(view.headline, f"bold {COLOURS[view.tone]}"), _line(f"next: {view.next_step}"),
        Text(champion, "dim"), *_needs(view), *(Text(line, "dim") for line in desk_lines),
    ]  # fmt: skip
    if view.rollout_id:
        parts += [Text(), _phases(view), Text(), _evidence(view), Text(), *_rails(view)]
    parts += [Text(), _arms(view)] if view.arms else []
    return Group(*parts, Text(), *story)


def _screen(settings: Settings, market: str, at: datetime) -> RenderableType:
    desks = [line for line in production_lines(settings, market, at) if line.startswith(("desks:", "  "))]
    try:
        return drawn(rollout_view(settings, market, at), desks)
    except FillwiseError as error:
        return Group(
            Text(f"{market}: {error}", "red"), *(Text(line) for line in production_lines(settings, market, at))
        )


def _seen(settings: Settings, market: str) -> tuple[object, ...]:
    """What changes when something has happened: the ledger's head, and names and times of files that are replaced."""
    folders = (settings.home / "routing" / market, settings.home / "alerts" / market)
    files = sorted(path for folder in folders for path in folder.rglob("*.json") if "desks" not in path.parts)
    times = tuple((path.name, path.stat().st_mtime_ns) for path in files if path.exists())
    try:
        return open_ledger(settings, settings.ledger_purpose).head(), times
    except FillwiseError as error:
        return error.what, times


def changes(settings: Settings, market: str, pause: Callable[[], None]) -> Iterator[RenderableType]:
    """The screen now, and again after every change."""
    last: tuple[object, ...] | None = None
    while True:
        seen = _seen(settings, market)
        if seen != last:
            last = seen
            yield _screen(settings, market, datetime.now(UTC))
        pause()


@contextmanager
def _shown(console: Console) -> Iterator[Callable[[RenderableType], None]]:
    if not console.is_terminal:
        yield console.print
        return
    with Live(console=console, screen=False, auto_refresh=False, vertical_overflow="visible") as live:
        yield lambda screen: live.update(screen, refresh=True)


def print_rollout(settings: Settings, market: str, *, is_watched: bool = False, console: Console | None = None) -> int:
    """The command: the rollout once, or until it is interrupted."""
    where = console or Console(highlight=False)
    if not where.is_terminal:
        where.width = max(where.width, PIPE_WIDTH)
    if not is_watched:
        where.print(_screen(settings, market, datetime.now(UTC)))
        return 0
    with _shown(where) as show:
        try:
            for screen in changes(settings, market, lambda: time.sleep(LOOK_SECONDS)):
                show(screen)
        except KeyboardInterrupt:
            return 0
    return 0
