"""The state as a pure fold over the events of a market: `fold(market, events)`. Nothing else makes a state.

Each kind of event has one function here or in `fold_rollout.py` that says what it changes. A kind without one changes
nothing: it is there to be told later.

    >>> from models.rollout.events import Event
    >>> opened = Event("market_opened", {"market": "sample", "currency": "USD", "version": "sample.execution/0",
    ...                                  "digest": "d0", "purpose": "desk"})
    >>> fold("sample", [opened]).champion.version
    'sample.execution/0'
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Protocol

from models.rollout.fold_rollout import ROLLOUT_CHANGES, Change, Told, arm_of, epoch_of, judged_session, with_rollout
from models.rollout.state import MarketState, Report, StopInForce


class Recorded(Protocol):
    """What is folded: an `Event`, or an entry of the ledger."""

    @property
    def kind(self) -> str: ...

    @property
    def payload(self) -> Mapping[str, Any]: ...


def _opened(state: MarketState, told: Told) -> MarketState:
    arm = arm_of(told)
    return replace(state, currency=told["currency"], purpose=told["purpose"], benchmark=arm, champions=(arm,))


def _proposed(state: MarketState, told: Told) -> MarketState:
    return replace(state, recipes={**state.recipes, told["recipe_id"]: dict(told)})


def _accounts(state: MarketState, told: Told) -> MarketState:
    return replace(state, accounts=tuple(told["accounts"]), epoch=epoch_of(state, told))


def _report(state: MarketState, told: Told) -> MarketState:
    report = Report(told["recipe_id"], told["person"], told["report_sha256"], told["expires_on"])
    return replace(state, reports=(*state.reports, report))


def _champion_judged(state: MarketState, told: Told) -> MarketState:
    return replace(state, champion_sessions=(*state.champion_sessions, judged_session(told)))


def _fell_back(state: MarketState, told: Told) -> MarketState:
    arm = arm_of(told)
    known = next((one for one in reversed(state.champions) if one.version == arm.version), arm)
    left = state.left_recipes | {state.champion.recipe_id}
    return replace(
        state, champions=(*state.champions, known), epoch=told["epoch"], champion_sessions=(), left_recipes=left
    )


def _killed(state: MarketState, told: Told) -> MarketState:
    stop = StopInForce(told["stop_id"], "kill", told["scope"], told["subject"], told["person"], told["reason"])
    rollout = state.rollout
    is_hit = told["scope"] == "version" and rollout is not None and told["subject"] == rollout.arm.version
    if rollout is None or not is_hit:
        return replace(state, stops=(*state.stops, stop), epoch=epoch_of(state, told))
    others = tuple(one for one in state.stops if one.stop_id != rollout.stop_id)
    failures = (*rollout.failures, told["reason"])
    killed = replace(rollout, state="KILLED", failures=failures, stop_id=told["stop_id"])
    return with_rollout(state, killed, stops=(*others, stop), epoch=epoch_of(state, told))


def _resumed(state: MarketState, told: Told) -> MarketState:
    stops = tuple(stop for stop in state.stops if stop.stop_id != told["stop_id"])
    return replace(state, stops=stops, epoch=told["epoch"])


def _residuals(is_acknowledged: bool) -> Change:
    def change(state: MarketState, told: Told) -> MarketState:
        return replace(state, residuals={**state.residuals, told["stop_id"]: is_acknowledged})

    return change


CHANGES: dict[str, Change] = {
    **ROLLOUT_CHANGES,
    "market_opened": _opened,
    "accounts_changed": _accounts,
    "recipe_proposed": _proposed,
    "report_recorded": _report,
    "champion_judged": _champion_judged,
    "fell_back": _fell_back,
    "killed": _killed,
    "resumed": _resumed,
    "residual_listed": _residuals(False),
    "residual_acknowledged": _residuals(True),
}


def apply(state: MarketState, event: Recorded) -> MarketState:
    """The state after one more event. Raises ValueError for an event that cannot follow."""
    change = CHANGES.get(event.kind)
    changed = state if change is None else change(state, event.payload)
    return replace(changed, seen=state.seen + 1)


def fold(market: str, events: Iterable[Recorded]) -> MarketState:
    """The state after these events of the market's stream, in order."""
    state = MarketState(market)
    for event in events:
        state = apply(state, event)
    return state
