"""A card's first screen: what is wrong, what changes, what speaks for it, what it may cost, what each answer does.

The same content as Markdown for Airflow and as plain text for the terminal. Values come from outside (a recipe's
summary, a commit's author, a file's name), so none of them acts: HTML, Markdown and Jinja are escaped, addresses are
broken so that no page makes them links (Airflow's page links bare ones), letters that do not print are left out. Only
`links`, and of these only plain http addresses, become links.

    >>> escaped("{{ x }} <b> see https://evil.example, a@b")
    '\\\\{\\\\{ x \\\\}\\\\} &lt;b&gt; see https: //evil.example, a \\\\(at\\\\) b'
"""

from __future__ import annotations

import html
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from models.approval import Card
from models.rollout.plan import PHASES
from pipelines.approval.card_warnings import Shown, listed, number, part, warnings
from pipelines.approval.cards import CardState

__all__ = ["as_markdown", "as_text", "card_markdown", "card_text", "escaped", "plain", "subject_of", "warnings"]
ACTIVE = re.compile(r"([\\`*_{}%\[\]()#+!|~>$^=-])")
NUMBERED = re.compile(r"^(\d+)\.")
LINKED = re.compile(r"(?i)(://|www\.|mailto:|@)")
BROKEN = {"://": ": //", "www.": "www .", "mailto:": "mailto :", "@": " (at) "}
NO_SUBJECT = re.compile(r"[^A-Za-z0-9 _.,:?-]")
PLAIN_LINK = re.compile(r"https?://[A-Za-z0-9.-]+(:\d{1,5})?(/[A-Za-z0-9/_.~?&=%#+-]*)?")
MOST_LETTERS = 500
"""A screen: what is longer is no summary, and may be there to hide what follows."""
MOST_CHANGES = 12
BECAUSE = {shape.name: shape.because for shape in PHASES}


def plain(value: object) -> str:
    """One line of letters that print, not too long."""
    line = "".join(char for char in " ".join(str(value).split()) if char.isprintable())
    return line if len(line) <= MOST_LETTERS else line[:MOST_LETTERS] + " …"


def escaped(value: object) -> str:
    """Text in which nothing is Markdown, HTML, a template or a link."""
    broken = LINKED.sub(lambda found: BROKEN[found[0].lower()], plain(value))
    unmarked = NUMBERED.sub(r"\1\\.", ACTIVE.sub(r"\\\1", broken))
    return html.escape(unmarked, quote=False).replace("\\&gt;", "&gt;")


@dataclass(frozen=True)
class Section:
    """A heading and its lines."""

    heading: str
    lines: tuple[str, ...]


def _money(value: float, currency: object) -> str:
    return f"{value:,.0f} {currency}" if math.isfinite(value) else "not known"


def _interval(name: str, found: Mapping[str, object]) -> str:
    mean, low, high = (number(found, key) for key in ("difference_bps", "low_bps", "high_bps"))
    if not all(math.isfinite(one) for one in (mean, low, high)):
        return f"{name} no interval"
    return f"{name} {mean:+.2f} bps [{low:+.2f}, {high:+.2f}]"


def _evidence(shown: Shown) -> tuple[str, ...]:
    found, live = part(shown, "backtest"), part(shown, "live")
    counted = f"backtest on {number(found, 'orders'):,.0f} orders of {number(found, 'sessions'):.0f} sessions: "
    bounds = f"{_interval('trade through', found)}, {_interval('touch', part(shown, 'backtest_touch'))}"
    sessions, units = number(live, "sessions"), number(live, "units")
    lived = (
        f"live: {sessions:.0f} sessions, {units:,.0f} units, {live.get('words', '')}" if live else "live: nothing yet"
    )
    return f"{counted}{bounds}", lived, f"of session {shown.get('evidence_session', 'unknown')}"


def _changes(shown: Shown) -> tuple[str, ...]:
    first = f"{shown.get('summary', '')} ({shown.get('change_class', 'nobody knows')})"
    told = listed(shown, "changes")
    more = (f"and {len(told) - MOST_CHANGES} more",) if len(told) > MOST_CHANGES else ()
    return (
        first,
        *(told[:MOST_CHANGES] or ("nobody says what changes",)),
        *more,
        f"code {shown.get('revision', 'unknown')}",
    )


def _step(shown: Shown) -> str:
    to_phase = str(shown.get("to_phase", ""))
    because = BECAUSE.get(to_phase)
    said = f"{shown.get('from_phase') or 'start'} to {to_phase}, {shown.get('share', '')} of units"
    return f"{said}; {because}" if because else said


def _cost(shown: Shown) -> str:
    cost, currency = part(shown, "cost"), shown.get("currency", "")
    expected, worst = (_money(number(cost, key), currency) for key in ("expected_notional", "worst_notional"))
    return f"{expected} expected, {worst} in the worst of a hundred cases, before it would be rolled back"


def _limits(shown: Shown) -> str:
    return ", ".join(f"{name} {_amount(value)}" for name, value in sorted(part(shown, "limits").items())) or "none"


def _amount(value: object) -> str:
    if isinstance(value, list | tuple):
        return " ".join(map(str, value)) or "all"
    return f"{value:,.12g}" if isinstance(value, int | float) else str(value)


def sections(shown: Shown) -> tuple[Section, ...]:
    """The first screen, in the order in which it is read."""
    report, unknown = part(shown, "report"), listed(shown, "unknown_authors")
    checks = ", ".join(
        f"{name} {verdict or 'nobody looked'}" for name, verdict in sorted(part(shown, "checks").items())
    )
    told = (
        ("What changes", _changes(shown)),
        ("Step", (_step(shown),)),
        ("Evidence", _evidence(shown)),
        ("Gate", listed(part(shown, "gate"), "reasons") or (f"{part(shown, 'gate').get('verdict', 'nothing')}",)),
        ("Checks", (checks or "none",)),
        ("May cost clients", (_cost(shown),)),
        ("Limits", (_limits(shown),)),
        ("Drift", (str(shown.get("drift") or "nobody looked"),)),
        ("Validation", (f"by {report.get('person', 'nobody')}, until {report.get('expires_on', '-')}",)),
        ("Authors", (", ".join((*listed(shown, "authors"), *unknown)) or "unknown",)),
        ("May answer", (f"{', '.join(listed(shown, 'approvers')) or 'nobody'}; {shown.get('approvals')} must agree",)),
        ("Approve", ("the next phase begins with the next session, inside these limits",)),
        ("Reject", ("the rollout stays where it is, or ends if it never began; the reason is recorded",)),
    )
    return tuple(Section(heading, lines) for heading, lines in told)


def _link(name: str, where: str) -> str:
    return f"[{escaped(name)}](<{where}>)" if PLAIN_LINK.fullmatch(where) else f"{escaped(name)}: {escaped(where)}"


def _links(shown: Shown) -> list[tuple[str, str]]:
    return sorted((str(name), str(where)) for name, where in part(shown, "links").items())


def _block(section: Section) -> str:
    if len(section.lines) == 1:
        return f"**{section.heading}**: {escaped(section.lines[0])}"
    return "\n".join([f"**{section.heading}**", "", *(f"* {escaped(line)}" for line in section.lines)])


def as_markdown(title: str, shown: Shown) -> str:
    """The card for Airflow's Required Actions."""
    warned = [f"**⚠ {escaped(words)}**" for words in warnings(shown)]
    links = "; ".join(_link(name, where) for name, where in _links(shown)) or "nothing"
    return "\n\n".join([f"### {escaped(title)}", *warned, *map(_block, sections(shown)), f"**Look at**: {links}"])


def as_text(title: str, shown: Shown) -> str:
    """The card for the terminal."""
    told = [title, *(f"  ⚠ {plain(words)}" for words in warnings(shown))]
    links = Section("Look at", tuple(f"{name}: {where}" for name, where in _links(shown)) or ("nothing",))
    for section in (*sections(shown), links):
        told += [f"  {section.heading:18}{plain(section.lines[0])}"]
        told += [f"  {'':18}{plain(line)}" for line in section.lines[1:]]
    return "\n".join([plain(told[0]), *told[1:]])


def subject_of(card: Card) -> str:
    """One line, for the subject of the required action: a template there, but no Markdown, so nothing is escaped."""
    return NO_SUBJECT.sub("", f"{card.market}: {card.rollout_id} from {card.from_phase or 'start'} to {card.to_phase}?")


def _how(card: Card) -> str:
    code = f"fillwise approve code {card.card_id} --person NAME --decision approve"
    return f"card {card.card_id}, until {card.expires_at}; your code: {code} (or reject)"


def card_markdown(card: Card) -> str:
    """The whole card for Airflow, with how to answer it."""
    title = f"{card.rollout_id}: {card.from_phase or 'start'} to {card.to_phase}"
    return f"{as_markdown(title, card.shown)}\n\n**Answer**: {escaped(_how(card))}"


def card_text(state: CardState, at: datetime) -> str:
    """The whole card for the terminal, with what became of it and how to answer it."""
    card = state.card
    title = f"{card.rollout_id}: {card.from_phase or 'start'} to {card.to_phase} ({state.words(at)})"
    given = [f"  {one.decision}d by {one.person}: {plain(one.reason)}" for one in state.answers]
    return "\n".join([as_text(title, card.shown), *given, f"  {'Answer':18}{plain(_how(card))}"])
