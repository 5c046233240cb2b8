"""What a card shows, as data: the keys of its first screen, JSON's own types. `card_text.py` draws it.

Whoever opens a card fills all of them; a key that is missing is a warning on the card, never an empty line. A figure
that nobody knows is None.
"""

from __future__ import annotations

from typing import TypedDict


class Evidence(TypedDict):
    """A backtest under one fill bound: candidate less benchmark, bps, with its interval."""

    sessions: int | None
    orders: int | None
    difference_bps: float | None
    low_bps: float | None
    high_bps: float | None


class Live(TypedDict):
    """What the phases so far showed. words: the sequential test in words."""

    sessions: int
    units: int
    words: str


class Judged(TypedDict):
    """A verdict and why."""

    verdict: str
    reasons: list[str]


class Report(TypedDict):
    """Independent validation. expires_on: last session on which it counts."""

    person: str
    expires_on: str


class Cost(TypedDict):
    """What the next phase may cost clients, in `currency`, before it would be rolled back: mean and 99 %."""

    expected_notional: float | None
    worst_notional: float | None


class CardFacts(TypedDict):
    """Everything on a card's first screen.

    summary: what the recipe does, without code. changes: in what it differs from the champion's, one line each
    (`models/change_class.py`). revision: of its code.
    session: tonight. evidence_session: the session that the evidence is of. backtest: orders filled only by a trade
    through their price; backtest_touch: filled when touched. live: None before a phase has run.
    checks: name -> verdict of skew, data_quality, fill_calibration and leak; '' where nobody looked.
    limits: of the next phase by name, None for one that is missing. plan_faults: [] when the plan was checked and has
    none. approvers: who may answer. approvals: how many must agree. drift: in words; drift_verdict: pass, hold, ask,
    note. since_approval: distance of all changes since the last independent approval; needs_new_report: whether they
    add up to too much. overridden: what two persons let through. links: name -> address.
    """

    summary: str
    change_class: str
    changes: list[str]
    revision: str
    is_dirty: bool | None
    authors: list[str]
    unknown_authors: list[str]
    from_phase: str
    to_phase: str
    share: str
    session: str
    evidence_session: str
    evidence_sha256: str
    backtest: Evidence | None
    backtest_touch: Evidence | None
    live: Live | None
    gate: Judged | None
    checks: dict[str, str]
    drift: str
    drift_verdict: str
    report: Report | None
    since_approval: float | None
    needs_new_report: bool | None
    overridden: list[str]
    limits: dict[str, object] | None
    cost: Cost | None
    currency: str
    plan_faults: list[str] | None
    approvers: list[str]
    approvals: int
    links: dict[str, str]


KEYS = tuple(CardFacts.__annotations__)
"""Every key, in the order in which they are told."""
