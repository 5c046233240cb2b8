"""Commands in, events out: `decide(state, command)`. Pure, no clock, and the only maker of a market's events.

An answer of no events means that the command was done before; RefusedError says why one may not be done. Evenings have
rules of their own (`evening.py`). What always works: a rollback and a kill, in every state, without gate or approval.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

from models.rollout import commands as wanted
from models.rollout.evening import decide_evening
from models.rollout.events import Event
from models.rollout.leave import confirm, forget, kill, present, refused, resume, roll_back
from models.rollout.plan import plan_faults
from models.rollout.state import MarketState

AUTOMATIC = "automatic"
ROLLBACKS_IN_ROW = 2
"""Two automatic rollbacks one after the other say that the way recipes are made is wrong: a person looks first."""
MOST_MARGIN_BPS = 5.0
"""Margins add up: after 5 bps spent, the champion must be shown against the hold-out before another one is spent."""


def _open(state: MarketState, command: wanted.OpenMarket) -> tuple[Event, ...]:
    if state.champions:
        return ()
    told = {
        "market": state.market, "currency": command.currency, "version": command.benchmark.version,
        "digest": command.benchmark.digest, "purpose": command.purpose,
    }  # fmt: skip
    return (Event("market_opened", told),)


def _opt_in(state: MarketState, command: wanted.OptIn) -> tuple[Event, ...]:
    if state.accounts == command.accounts:
        return ()
    told = {**asdict(command), "accounts": list(command.accounts), "epoch": state.epoch + 1}
    return (Event("accounts_changed", told),)


def _report(state: MarketState, command: wanted.RecordReport) -> tuple[Event, ...]:
    authors = state.recipes.get(command.recipe_id, {}).get("authors", ())
    if not authors or command.person in authors:
        found = f"{command.person}, authors {', '.join(authors) or 'nobody: the recipe was not proposed'}"
        raise refused("report is not independent", command.recipe_id, found, "a person who is no author", "ask another")
    told = asdict(command)
    if any(one.report_sha256 == command.report_sha256 and one.person == command.person for one in state.reports):
        return ()
    return (Event("report_recorded", told),)


def _draft_refusal(state: MarketState, command: wanted.Draft) -> tuple[str, object, object, str] | None:
    """What, found, allowed and next of why the draft may not be made."""
    if state.rollout is not None:
        found = f"{state.rollout.rollout_id} is {state.rollout.state}"
        return "another rollout is active", found, "one at a time in a market", "let it end, or roll it back"
    if command.arm.recipe_id == state.champion.recipe_id:
        return "recipe is the champion's", command.arm.recipe_id, "another recipe", "its refits go live by themselves"
    if faults := plan_faults(command.plan):
        return (
            "plan is refused",
            "; ".join(faults),
            "a plan that can see the harm it tolerates",
            "fillwise plan simulate",
        )
    if state.rollbacks_in_row >= ROLLBACKS_IN_ROW:
        found = f"{state.rollbacks_in_row} automatic rollbacks in a row"
        return "promotions are stopped", found, f"fewer than {ROLLBACKS_IN_ROW}", "fillwise rollout override"
    if state.margin_spent_bps + command.plan.margin_bps > MOST_MARGIN_BPS:
        found = f"{state.margin_spent_bps:g} bps spent, {command.plan.margin_bps:g} asked"
        return "margin is spent", found, f"{MOST_MARGIN_BPS:g} bps over promotions", "a plan with a smaller margin"
    return None


def _draft(state: MarketState, command: wanted.Draft) -> tuple[Event, ...]:
    refusal = _draft_refusal(state, command)
    if refusal is not None:
        what, found, allowed, next_step = refusal
        raise refused(what, f"{state.market} recipe {command.arm.recipe_id}", found, allowed, next_step)
    plan = command.plan.asking(int(command.proposal["approvals"]))
    attempts = sum(one.recipe_id == command.arm.recipe_id for one in state.ended)
    told = {
        "rollout_id": f"{state.market}.r{len(state.ended) + 1}", **asdict(command.arm),
        "authors": list(command.proposal["authors"]), "change_class": command.proposal["change_class"],
        "plan": asdict(plan), "plan_sha256": plan.digest(), "salt": command.salt,
        "attempt": attempts + 1, "probe_sha256": command.probe_sha256,
    }  # fmt: skip
    known = state.recipes.get(command.arm.recipe_id)
    proposed = () if known == dict(command.proposal) else (Event("recipe_proposed", dict(command.proposal)),)
    return (*proposed, Event("rollout_drafted", told))


def _gate(state: MarketState, command: wanted.RecordGate) -> tuple[Event, ...]:
    rollout = present(state)
    if rollout.gate is not None and rollout.gate.night == command.night:
        if rollout.gate.evidence_sha256 == command.evidence_sha256:
            return ()
        command = _without_spending(command)
    return (Event("gate_judged", {"rollout_id": rollout.rollout_id, **asdict(command)}),)


def _without_spending(command: wanted.RecordGate) -> wanted.RecordGate:
    """A night judged again on other evidence: the error of that night is spent already."""
    return wanted.RecordGate(**{**asdict(command), "error_spent": 0.0})


def _refit(state: MarketState, command: wanted.JudgeRefit) -> tuple[Event, ...]:
    refit, held = command.refit, state.rollout
    if any(one["version"] == refit.version and one["night"] == command.night for one in state.refits):
        return ()
    is_known = command.arm == "champion" or (held is not None and not held.failures)
    recipe = state.champion.recipe_id if command.arm == "champion" else (held.recipe_id if held else None)
    if not is_known or refit.recipe_id != recipe:
        raise refused("refit of another recipe", refit.version, refit.recipe_id, recipe, "judge refits of what trades")
    judged = {
        "recipe_id": refit.recipe_id, "version": refit.version, "digest": refit.digest, "arm": command.arm,
        "night": command.night, "is_inside": command.is_inside, "reasons": list(command.reasons),
        "change_from_approved": command.change_from_approved,
    }  # fmt: skip
    events = (Event("refit_judged", judged),)
    if not command.is_inside or state.is_stopped(refit.version):
        return events
    live = {**asdict(refit), "arm": command.arm, "session": command.session, "epoch": state.epoch + 1}
    return (*events, Event("refit_live", live))


def _end(state: MarketState, command: wanted.End) -> tuple[Event, ...]:
    rollout = present(state)
    if rollout.is_trading:
        raise refused("it trades", rollout.rollout_id, rollout.state, "one that does not trade", "fillwise rollback")
    payloads: Mapping[str, dict[str, Any]] = {
        "rejected": {"person": command.person, "reason": command.reason},
        "expired": {"reason": command.reason},
        "superseded": {"by": command.reason},
    }
    told = {"rollout_id": rollout.rollout_id, "epoch": state.epoch + 1, **payloads[command.how]}
    return (Event(command.how, told),)


def _override(state: MarketState, command: wanted.Override) -> tuple[Event, ...]:
    authors = () if state.rollout is None else state.rollout.authors
    if len(set(command.persons)) < 2 or set(command.persons) & set(authors):
        found = ", ".join(command.persons)
        raise refused(
            "an override needs two persons", command.what, found, "two, none of them an author", "ask another"
        )
    if set(command.approval_ids) & state.approvals_seen:
        raise refused("an approval was used before", command.what, "known", "each once", "ask for new ones")
    told = {**asdict(command), "persons": list(command.persons), "approval_ids": list(command.approval_ids)}
    rollout_id = "" if state.rollout is None else state.rollout.rollout_id
    return (Event("overridden", {"rollout_id": rollout_id, **told}),)


DECISIONS: dict[type, Callable[[MarketState, Any], tuple[Event, ...]]] = {
    wanted.OpenMarket: _open,
    wanted.OptIn: _opt_in,
    wanted.RecordReport: _report,
    wanted.Draft: _draft,
    wanted.RecordGate: _gate,
    wanted.Evening: decide_evening,
    wanted.RollBack: roll_back,
    wanted.ConfirmRollback: confirm,
    wanted.Kill: kill,
    wanted.Resume: resume,
    wanted.Forget: forget,
    wanted.JudgeRefit: _refit,
    wanted.End: _end,
    wanted.Override: _override,
}


def decide(state: MarketState, command: wanted.Command) -> tuple[Event, ...]:
    """Events that the command gives in this state, none when it was done before. Raises RefusedError."""
    return DECISIONS[type(command)](state, command)
