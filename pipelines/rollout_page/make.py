"""The view of a market at one instant, made from its folded state, the ledger's entries and what tables and files add.

Pure: who reads what is in `page.py`. A rollout that has ended is shown until another one begins, so that why it left
stands there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from infra.ledger import Entry, Head
from models.rollout.routing import routed
from models.rollout.state import MarketState, RolloutState
from pipelines.rollout_page.evidence_lines import e_lines, guardrail_lines, score_points, unit_points
from pipelines.rollout_page.next_step import standing_of
from pipelines.rollout_page.story import approval_lines, refit_lines, story_lines
from pipelines.rollout_page.view import AlertLine, ArmLine, CardLine, CostLine, PhaseLine, RolloutView, StopLine

LEFT_STATES = ("ROLLING_BACK", "ROLLED_BACK", "REJECTED", "EXPIRED", "SUPERSEDED", "KILLED")


@dataclass(frozen=True)
class Beside:
    """What does not stand in the market's stream: cards, alerts, costs of a month, the name of the recipe on trial."""

    cards: tuple[CardLine, ...] = ()
    alerts: tuple[AlertLine, ...] = ()
    costs: tuple[CostLine, ...] = ()
    costs_of: str = ""
    orders: str = ""
    recipes: tuple[tuple[str, str], ...] = ()


def shown_rollout(state: MarketState) -> RolloutState | None:
    """The rollout that is shown: the present one, or the last one that ended."""
    if state.rollout is not None:
        return state.rollout
    return state.ended[-1] if state.ended else None


def phase_lines(rollout: RolloutState, entries: Sequence[Entry]) -> tuple[PhaseLine, ...]:
    """Every phase of the plan, and how far the rollout is in it."""
    told = [one.payload for one in entries if one.payload.get("rollout_id") == rollout.rollout_id]
    entered = {str(one["phase"]): str(one["session"]) for one in told if "limits_sha256" in one and "share" in one}
    names = [phase.name for phase in rollout.plan.phases]
    place = -1 if rollout.phase is None else names.index(rollout.phase)
    found = []
    for number, phase in enumerate(rollout.plan.phases):
        sessions = [one.evidence for one in rollout.sessions_of(phase.name)]
        persons = [one.person for one in rollout.approvals if one.to_phase == phase.name and one.decision == "approve"]
        found.append(
            PhaseLine(
                phase.name, phase.share, _phase_state(rollout, number, place), entered.get(phase.name, ""),
                len(sessions), phase.sessions, sum(one.units.get("challenger", 0) for one in sessions), phase.units,
                phase.approvals, tuple(persons), phase.binding.replace("_", " "), _because(phase.name),
            )
        )  # fmt: skip
    return tuple(found)


def _because(name: str) -> str:
    from models.rollout.plan import PHASES

    return next((shape.because for shape in PHASES if shape.name == name), "")


def _phase_state(rollout: RolloutState, number: int, place: int) -> str:
    if number < place or rollout.state == "COMPLETE":
        return "done"
    if number > place:
        return "ahead"
    return "left" if rollout.state in LEFT_STATES else "now"


def arm_lines(state: MarketState, rollout: RolloutState | None) -> tuple[ArmLine, ...]:
    """Arms as they are routed now, with units and mean unit cost over the rollout's sessions."""
    sessions = [] if rollout is None else [one.evidence for one in rollout.sessions]
    found = []
    for one in routed(state) if state.champions else ():
        units = sum(session.units.get(one.arm, 0) for session in sessions)
        known = [(session.cost_bps[one.arm], session.units.get(one.arm, 0)) for session in sessions
                 if session.cost_bps.get(one.arm) is not None]  # fmt: skip
        weight = sum(count for _, count in known)
        cost = sum(bps * count for bps, count in known) / weight if weight else None
        found.append(ArmLine(one.arm, one.what.version, one.share, units, cost))
    return tuple(found)


def _champion_since(state: MarketState, entries: Sequence[Entry]) -> str:
    """The session, or the time, since when the present champion has been."""
    if not state.champions:
        return ""
    for one in reversed(entries):
        told = one.payload
        is_champion = one.kind in ("completed", "fell_back", "market_opened") or told.get("arm") == "champion"
        if is_champion and one.kind != "refit_judged" and told.get("version") == state.champion.version:
            return str(told.get("session") or one.at[:10])
    return ""


def _before(state: MarketState, rollout: RolloutState | None) -> tuple[str, ...]:
    ended = [one for one in state.ended if one is not rollout]
    return tuple(f"{one.rollout_id} ({one.arm.version}): {one.state.lower().replace('_', ' ')}" for one in ended)


NO_ROLLOUT: dict[str, Any] = {
    "rollout_id": "",
    "recipe": "",
    "version": "",
    "state": "",
    "phase": "",
    "share": 0.0,
    "attempt": 0,
    "authors": (),
    "change_class": "",
    "margin_bps": 0.0,
    "client_cost_expected_notional": None,
    "client_cost_worst_notional": None,
    "scores": (),
    "tests": (),
    "guardrails": (),
    "units": (),
    "approvals": (),
}


def _of_rollout(rollout: RolloutState | None, names: Mapping[str, str], entries: Sequence[Entry]) -> dict[str, Any]:
    """Fields of the view that tell of the rollout; empty ones without one."""
    if rollout is None:
        return NO_ROLLOUT
    return {
        "rollout_id": rollout.rollout_id,
        "recipe": names.get(rollout.recipe_id, rollout.recipe_id),
        "version": rollout.arm.version,
        "state": rollout.state,
        "phase": rollout.phase or "",
        "share": rollout.share,
        "attempt": rollout.attempt,
        "authors": rollout.authors,
        "change_class": rollout.change_class,
        "margin_bps": rollout.plan.margin_bps,
        "client_cost_expected_notional": rollout.plan.client_cost_expected_notional,
        "client_cost_worst_notional": rollout.plan.client_cost_worst_notional,
        "scores": score_points(rollout),
        "tests": e_lines(rollout),
        "guardrails": guardrail_lines(rollout),
        "units": unit_points(rollout.sessions),
        "approvals": approval_lines(entries, rollout.rollout_id),
    }


def view_from(state: MarketState, entries: Sequence[Entry], beside: Beside, head: Head, at: str) -> RolloutView:
    """Everything that page and terminal show. entries: of the market's stream, in order."""
    rollout, names = shown_rollout(state), dict(beside.recipes)
    phases = () if rollout is None else phase_lines(rollout, entries)
    standing = standing_of(state, phases, beside.cards)
    champion = state.champion if state.champions else None
    recipes = frozenset(one.recipe_id for one in (champion, None if rollout is None else rollout.arm) if one)
    stops = [StopLine(one.stop_id, one.kind, one.subject, one.person, one.reason) for one in state.stops]
    return RolloutView(
        market=state.market,
        currency=state.currency,
        orders=beside.orders,
        at=at,
        champion="" if champion is None else champion.version,
        champion_recipe="" if champion is None else names.get(champion.recipe_id, champion.recipe_id),
        champion_since=_champion_since(state, entries),
        tone=standing.tone,
        headline=standing.headline,
        next_step=standing.next_step,
        **_of_rollout(rollout, names, entries),
        epoch=state.epoch,
        margin_spent_bps=state.margin_spent_bps,
        phases=phases,
        arms=arm_lines(state, rollout),
        costs=beside.costs,
        costs_of=beside.costs_of,
        cards=beside.cards,
        refits=refit_lines(entries, recipes),
        stops=tuple(stops),
        alerts=beside.alerts,
        story=story_lines(entries),
        before=_before(state, rollout),
        head_sequence=head.sequence,
        head_hash=head.hash,
    )
