"""A card's first screen: what changes, what speaks for it and against it, what it may cost, what each answer does.

The same content as Markdown for Airflow and as plain text for the terminal. Every value comes from outside (a recipe's
summary, a reason, a file's name), so it is escaped: no HTML, no Markdown, no Jinja of theirs acts here. What is wrong
stands first, as a warning in words (`warnings`), because an approver reads the first screen.
"""

from __future__ import annotations

import html
import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

Shown = Mapping[str, Any]
MIN_SESSIONS = 20
ACTIVE = re.compile(r"([\\`*_{}\[\]()#+!|~>])")


def escaped(value: object) -> str:
    """Text in which nothing is Markdown, HTML or a template."""
    plain = " ".join(str(value).split())
    no_template = plain.replace("{{", "{ {").replace("{%", "{ %").replace("{#", "{ #")
    return ACTIVE.sub(r"\\\1", html.escape(no_template, quote=False))


def _number(shown: Shown, *path: str) -> float:
    found: Any = shown
    for name in path:
        found = found.get(name) if isinstance(found, Mapping) else None
    return float(found) if isinstance(found, int | float) else math.nan


def _gate(shown: Shown) -> str | None:
    verdict = (shown.get("gate") or {}).get("verdict")
    return None if verdict == "pass" else f"the gate says {verdict or 'nothing'}"


def _sessions(shown: Shown) -> str | None:
    found = _number(shown, "backtest", "sessions")
    return None if found >= MIN_SESSIONS else f"evidence of {found:.0f} sessions, fewer than {MIN_SESSIONS}"


def _better(shown: Shown) -> str | None:
    high = _number(shown, "backtest", "high_bps")
    return None if high < 0.0 else "not shown to be cheaper under the pessimistic fill bound"


def _report(shown: Shown) -> str | None:
    report = shown.get("report")
    if not report:
        return "no independent validation report"
    if report["person"] in shown.get("authors", ()):
        return f"the validation report is by an author, {report['person']}"
    if report["expires_on"] < shown.get("session", ""):
        return f"the validation report expired on {report['expires_on']}"
    return None


def _limits(shown: Shown) -> str | None:
    limits = shown.get("limits") or {}
    missing = [name for name in LIMIT_NAMES if limits.get(name) is None]
    return f"limits are missing: {', '.join(missing)}" if missing else None


LIMIT_NAMES = (
    "symbols", "venues", "price_collar_bps", "order_notional", "session_notional", "session_orders",
    "position_notional", "participation", "repeats", "stop_notional",
)  # fmt: skip


def _check(name: str, words: str) -> Callable[[Shown], str | None]:
    def judge(shown: Shown) -> str | None:
        verdict = (shown.get("checks") or {}).get(name)
        return None if verdict == "pass" else f"{words}: {verdict or 'nobody looked'}"

    return judge


def _dirty(shown: Shown) -> str | None:
    return None if shown.get("is_dirty") is False else "made from code that is not committed, or nobody knows"


def _authors(shown: Shown) -> str | None:
    unknown = shown.get("unknown_authors") or ()
    if not shown.get("authors") or unknown:
        return f"unknown authors: {', '.join(map(str, unknown)) or 'all of them'}"
    return None


def _approvers(shown: Shown) -> str | None:
    able, wanted = len(shown.get("approvers") or ()), _number(shown, "approvals")
    return None if able >= wanted else f"{able} persons may approve who are not authors, {wanted:.0f} are needed"


def _plan(shown: Shown) -> str | None:
    faults = shown.get("plan_faults")
    return None if faults == [] else f"plan: {'; '.join(faults) if faults else 'nobody checked it'}"


def _cost(shown: Shown) -> str | None:
    known = math.isfinite(_number(shown, "cost", "expected_notional")) and math.isfinite(
        _number(shown, "cost", "worst_notional")
    )
    return None if known else "nobody knows what it may cost clients before it would be rolled back"


WARNINGS: tuple[Callable[[Shown], str | None], ...] = (
    _gate,
    _sessions,
    _better,
    _check("skew", "the desk computes other features than the model learned from"),
    _check("data_quality", "data quality"),
    _check("fill_calibration", "fills are predicted better than they come"),
    _check("leak", "features may know the future"),
    _report,
    _limits,
    _cost,
    _plan,
    _dirty,
    _authors,
    _approvers,
)


def warnings(shown: Shown) -> tuple[str, ...]:
    """What an approver must not miss, in words; empty when nothing speaks against."""
    return tuple(words for judge in WARNINGS if (words := judge(shown)) is not None)


def _money(value: float, currency: object) -> str:
    return f"{value:,.0f} {currency}" if math.isfinite(value) else "not known"


def _evidence(shown: Shown) -> str:
    found = shown.get("backtest") or {}
    touch, live = shown.get("backtest_touch") or {}, shown.get("live") or {}
    told = [
        f"{name} {one['difference_bps']:+.2f} bps [{one['low_bps']:+.2f}, {one['high_bps']:+.2f}]"
        for name, one in (("trade through", found), ("touch", touch))
        if all(isinstance(one.get(key), int | float) for key in ("difference_bps", "low_bps", "high_bps"))
    ]
    backtest = f"backtest on {_number(found, 'orders'):,.0f} orders of {_number(found, 'sessions'):.0f} sessions: "
    said = backtest + (", ".join(told) or "no interval")
    if live:
        said += f"; live: {live['sessions']} sessions, {live['units']} units, {live['words']}"
    return said


def sections(shown: Shown) -> tuple[tuple[str, str], ...]:
    """(heading, text) of the first screen, in the order in which they are read."""
    cost, currency = shown.get("cost") or {}, shown.get("currency", "")
    report = shown.get("report") or {}
    limits = ", ".join(f"{name} {value}" for name, value in sorted((shown.get("limits") or {}).items()))
    worst = f"{_money(_number(cost, 'expected_notional'), currency)} expected, "
    worst += f"{_money(_number(cost, 'worst_notional'), currency)} in the worst of a hundred cases"
    return (
        ("What changes", f"{shown.get('summary', '')} ({shown.get('change_class', '')}): {shown.get('changes', '')}"),
        ("Step", f"{shown.get('from_phase') or 'start'} to {shown.get('to_phase')}, {shown.get('share', '')} of units"),
        ("Evidence", _evidence(shown)),
        ("Gate", "; ".join((shown.get("gate") or {}).get("reasons", ()))),
        ("May cost clients", f"{worst}, before it would be rolled back"),
        ("Limits", limits),
        ("Drift", str(shown.get("drift", ""))),
        ("Validation", f"by {report.get('person', 'nobody')}, until {report.get('expires_on', '-')}"),
        ("Authors", ", ".join(shown.get("authors", ()))),
        ("Look at", "; ".join(f"{name}: {where}" for name, where in sorted((shown.get("links") or {}).items()))),
        ("Approve", "the next phase begins with the next session, inside these limits"),
        ("Reject", "the rollout stays where it is, or ends if it never began; the reason is recorded"),
    )


def as_markdown(title: str, shown: Shown) -> str:
    """The card for Airflow's Required Actions."""
    warned = [f"**⚠ {escaped(words)}**" for words in warnings(shown)]
    told = [f"**{escaped(heading)}**: {escaped(text)}" for heading, text in sections(shown)]
    return "\n\n".join([f"### {escaped(title)}", *warned, *told])


def _plain(lines: Sequence[str]) -> str:
    return "\n".join("".join(char for char in line if char.isprintable()) for line in lines)


def as_text(title: str, shown: Shown) -> str:
    """The card for the terminal; control characters are left out."""
    warned = [f"  ⚠ {words}" for words in warnings(shown)]
    return _plain([title, *warned, *(f"  {heading:17}{text}" for heading, text in sections(shown))])
