"""What an approver must not miss, in words: each planted defect has a line here. Pure, over what the card shows.

A fact that is missing, of another kind or not finite is a warning too: a card that knows nothing is no clean card.

    >>> warnings({})[-1].startswith("the card does not say: summary, change_class")
    True
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from models.limits import GROWING
from pipelines.approval.card_facts import KEYS

Shown = Mapping[str, Any]
Judge = Callable[[Shown], str | None]
MIN_SESSIONS = 20
"""A block bootstrap over fewer sessions covers far less than it says."""
LIMIT_NAMES = ("symbols", "venues", *GROWING)


def part(shown: Shown, name: str) -> Mapping[str, Any]:
    """A part of the card, empty when it is none."""
    found = shown.get(name)
    return found if isinstance(found, Mapping) else {}


def number(found: Mapping[str, Any], name: str) -> float:
    """A figure, NaN when it is none."""
    value = found.get(name)
    return float(value) if isinstance(value, int | float) else math.nan


def listed(shown: Shown, name: str) -> tuple[str, ...]:
    """A list of words, empty when it is none."""
    found = shown.get(name)
    return tuple(str(one) for one in found) if isinstance(found, list | tuple) else ()


def _silence(shown: Shown) -> str | None:
    missing = [name for name in KEYS if name not in shown]
    return f"the card does not say: {', '.join(missing)}" if missing else None


def _gate(shown: Shown) -> str | None:
    verdict = part(shown, "gate").get("verdict")
    return None if verdict == "pass" else f"the gate says {verdict or 'nothing'}"


def _overridden(shown: Shown) -> str | None:
    found = listed(shown, "overridden")
    return f"two persons let through what the rules hold: {', '.join(found)}" if found else None


def _sessions(shown: Shown) -> str | None:
    found = number(part(shown, "backtest"), "sessions")
    return None if found >= MIN_SESSIONS else f"evidence of {found:.0f} sessions, fewer than {MIN_SESSIONS}"


def _stale(shown: Shown) -> str | None:
    of, now = str(shown.get("evidence_session") or ""), str(shown.get("session") or "")
    return (
        None if of and of == now else f"the evidence is of {of or 'nobody knows when'}, tonight is {now or 'unknown'}"
    )


def _better(shown: Shown) -> str | None:
    high = number(part(shown, "backtest"), "high_bps")
    if high < 0.0:
        return None
    touch = number(part(shown, "backtest_touch"), "high_bps")
    only = ", only under the optimistic one" if touch < 0.0 else ""
    return f"not shown to be cheaper under the pessimistic fill bound{only}"


def _check(name: str, words: str) -> Judge:
    def judge(shown: Shown) -> str | None:
        verdict = part(shown, "checks").get(name)
        return None if verdict == "pass" else f"{words}: {verdict or 'nobody looked'}"

    return judge


def _drift(shown: Shown) -> str | None:
    verdict = shown.get("drift_verdict")
    words = "note, no threshold is calibrated yet" if verdict == "note" else verdict
    return None if verdict == "pass" else f"drift: {words or 'nobody looked'}"


def _report(shown: Shown) -> str | None:
    report = part(shown, "report")
    if not report:
        return "no independent validation report"
    if report.get("person") in listed(shown, "authors"):
        return f"the validation report is by an author, {report.get('person')}"
    expires = str(report.get("expires_on") or "")
    return None if expires and expires >= str(shown.get("session")) else f"the validation report expired on {expires}"


def _small_changes(shown: Shown) -> str | None:
    if shown.get("needs_new_report") is False:
        return None
    found = number(shown, "since_approval")
    return f"changes since the last independent approval add up to {found:.2f}: a new validation report is needed"


def _limits(shown: Shown) -> str | None:
    limits = part(shown, "limits")
    missing = [name for name in LIMIT_NAMES if limits.get(name) is None]
    return f"limits are missing: {', '.join(missing)}" if missing else None


def _dirty(shown: Shown) -> str | None:
    return None if shown.get("is_dirty") is False else "made from code that is not committed, or nobody knows"


def _authors(shown: Shown) -> str | None:
    unknown = listed(shown, "unknown_authors")
    if not listed(shown, "authors") or unknown:
        return f"unknown authors: {', '.join(unknown) or 'all of them'}"
    return None


def _approvers(shown: Shown) -> str | None:
    able = set(listed(shown, "approvers")) - set(listed(shown, "authors"))
    wanted = number(shown, "approvals")
    if len(able) >= wanted >= 1.0:
        return None
    return f"{len(able)} persons may approve who are not authors, {wanted:.0f} are needed"


def _plan(shown: Shown) -> str | None:
    faults = listed(shown, "plan_faults")
    return None if shown.get("plan_faults") == [] else f"plan: {'; '.join(faults) or 'nobody checked it'}"


def _cost(shown: Shown) -> str | None:
    cost = part(shown, "cost")
    is_known = math.isfinite(number(cost, "expected_notional")) and math.isfinite(number(cost, "worst_notional"))
    return None if is_known else "nobody knows what it may cost clients before it would be rolled back"


WARNINGS: tuple[Judge, ...] = (
    _gate,
    _overridden,
    _stale,
    _sessions,
    _better,
    _check("leak", "features may know the future"),
    _check("fill_calibration", "fills are predicted better than they come"),
    _check("skew", "the desk computes other features than the model learned from"),
    _check("data_quality", "data quality"),
    _drift,
    _plan,
    _limits,
    _cost,
    _report,
    _small_changes,
    _dirty,
    _authors,
    _approvers,
    _silence,
)


def warnings(shown: Shown) -> tuple[str, ...]:
    """Every warning, the gravest kinds first; empty when nothing speaks against."""
    return tuple(words for judge in WARNINGS if (words := judge(shown)) is not None)
