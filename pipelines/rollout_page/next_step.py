"""Where a rollout stands in one sentence, what happens next, and who must do what. Pure.

The words follow the state as the controller does: what only approvals keep out is said with the command that gives
them, what is missing is named, and what waits for sessions says how many.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from models.rollout.evening import entry_obstacles
from models.rollout.plan import Phase
from models.rollout.state import MarketState, RolloutState
from pipelines.page_template import percent
from pipelines.rollout_page.view import CardLine, PhaseLine, minute

Tone = Literal["pass", "hold", "fail", "note"]
MOST_REASONS = 3


@dataclass(frozen=True)
class Standing:
    """Headline, how it is coloured, and the next step in words."""

    headline: str
    tone: Tone
    next_step: str


def _named(rollout: RolloutState) -> str:
    return f"{rollout.rollout_id}, {rollout.arm.version}"


def _reasons(reasons: tuple[str, ...]) -> str:
    more = f" and {len(reasons) - MOST_REASONS} more" if len(reasons) > MOST_REASONS else ""
    return "; ".join(reasons[:MOST_REASONS]) + more


def _ended(rollout: RolloutState) -> Standing:
    told = {
        "COMPLETE": ("is champion", "pass", "the benchmark hold-out stays; every evening the champion is judged"),
        "ROLLED_BACK": ("was rolled back", "fail", "mend the recipe, then fillwise rollout propose: a new attempt"),
        "REJECTED": ("was rejected", "fail", "mend the recipe, then fillwise rollout propose: a new attempt"),
        "EXPIRED": ("expired", "hold", "fillwise rollout propose begins it anew"),
        "SUPERSEDED": ("was superseded", "hold", "the newer one goes on"),
        "KILLED": ("was killed", "fail", "fillwise resume lifts the kill, by a designated person"),
    }  # fmt: skip
    what, tone, following = told[rollout.state]
    why = _reasons(rollout.failures or rollout.reasons)
    return Standing(f"{_named(rollout)} {what}{f': {why}' if why else ''}", tone, following)  # type: ignore[arg-type]


def _persons(count: int) -> str:
    return "a person" if count == 1 else f"{count} persons"


def _asks(cards: tuple[CardLine, ...], phase: Phase) -> str:
    if not cards:
        who = _persons(phase.approvals)
        return f"{who} must approve {phase.name}: the evening opens the card (fillwise rollout judge)"
    card = cards[-1]
    who, until = _persons(card.approvals - card.given), minute(card.expires_at)
    return f"{who} must answer card {card.card_id} until {until}: fillwise card show {card.card_id}"


def _waiting(
    state: MarketState, rollout: RolloutState, lines: tuple[PhaseLine, ...], cards: tuple[CardLine, ...]
) -> str:
    """What a rollout that is in no trouble waits for."""
    phase = rollout.next_phase
    if phase is not None and rollout.phase is None and (found := entry_obstacles(state, rollout, phase, "")):
        return f"before {phase.name}: {_reasons(found)}"
    now = next((line for line in lines if line.state == "now"), None)
    shortfalls = () if now is None else tuple(
        f"{has} of {wanted} {what}"
        for has, wanted, what in (
            (now.sessions, now.sessions_needed, "sessions"), (now.units, now.units_needed, "units"),
        )
        if has < wanted
    )  # fmt: skip
    if shortfalls:
        return f"{rollout.phase} goes on: {', '.join(shortfalls)} so far"
    if cards or (
        phase is not None and phase.approvals and rollout.sessions_of(rollout.phase)[-1:] and _advances(rollout)
    ):
        return _asks(cards, phase) if phase is not None else "cards wait: fillwise card list"
    last = rollout.sessions[-1].reasons if rollout.sessions else ("the first evening has not been",)
    following = "completion" if phase is None else phase.name
    return f"{following} waits for the evidence: {_reasons(last)}"


def _advances(rollout: RolloutState) -> bool:
    return bool(rollout.sessions) and rollout.sessions[-1].verdict == "advance"


def _active(
    state: MarketState, rollout: RolloutState, lines: tuple[PhaseLine, ...], cards: tuple[CardLine, ...]
) -> Standing:
    where = f"{_named(rollout)} in {rollout.phase}, {percent(rollout.share, 0)} of eligible units"
    if rollout.state == "ROLLING_BACK":
        following = "desks give its orders to the champion; done when nothing is left: fillwise stops, fillwise desks"
        return Standing(f"{_named(rollout)} is being rolled back: {_reasons(rollout.failures)}", "fail", following)
    if rollout.state == "DRAFT":
        said = "no verdict yet" if rollout.gate is None else f"{rollout.gate.verdict}: {_reasons(rollout.gate.reasons)}"
        return Standing(f"{_named(rollout)} is a draft, the gate: {said}", "note", "the next night's gate judges it")
    if rollout.state == "HELD":
        left = rollout.plan.hold_sessions - rollout.held
        following = f"mend what is named; after {left} more sessions a person is asked" if left > 0 else (
            "a person must look: fillwise rollback, or mend what is named"
        )  # fmt: skip
        return Standing(f"{where}: held for {rollout.held} sessions: {_reasons(rollout.reasons)}", "hold", following)
    following = _waiting(state, rollout, lines, cards)
    if rollout.phase is None:
        return Standing(f"{_named(rollout)} has passed the gate, the shadow has not begun", "note", following)
    asked = bool(rollout.reasons) and not _advances(rollout)
    said = f"{where}: a person is asked: {_reasons(rollout.reasons)}" if asked else where
    return Standing(said, "hold" if asked else "pass", following)


def standing_of(state: MarketState, lines: tuple[PhaseLine, ...] = (), cards: tuple[CardLine, ...] = ()) -> Standing:
    """Headline and next step of a market; a kill of everything comes before anything else."""
    kill = next((stop for stop in state.stops if stop.kind == "kill" and stop.scope == "all"), None)
    if kill is not None:
        said = f"everything is stopped by {kill.person}: {kill.reason}"
        return Standing(said, "fail", f"a designated person: fillwise resume {kill.stop_id} --reason TEXT")
    if not state.champions:
        nothing = "nothing was ever on trial: the benchmark policy trades"
        return Standing(nothing, "note", "fillwise rollout propose RECIPE puts a recipe on trial")
    if state.rollout is not None:
        return _active(state, state.rollout, lines, cards)
    if state.ended:
        return _ended(state.ended[-1])
    return Standing(f"{state.champion.version} trades alone", "note", "fillwise rollout propose RECIPE")
