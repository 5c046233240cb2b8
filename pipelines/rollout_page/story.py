"""The market's stream in words: what happened, who did it, why. One function of an entry's payload a kind. Pure.

A kind without a function says its name, so that a new event is told, if plainly.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from infra.ledger import Entry
from pipelines.page_template import percent
from pipelines.rollout_page.view import ApprovalLine, RefitLine, StoryLine

Told = Mapping[str, Any]


def _because(told: Told) -> str:
    reasons = told.get("reasons") or ([told["reason"]] if told.get("reason") else [])
    return f": {'; '.join(map(str, reasons))}" if reasons else ""


def _judged(told: Told) -> str:
    return f"session {told['session']} in {told['phase']}: {told['verdict'].replace('_', ' ')}{_because(told)}"


def _entered(told: Told) -> str:
    return f"{told['phase']} from session {told['session']} on, {percent(told['share'], 0)} of eligible units"


def _step(told: Told) -> str:
    return f"{told['from_phase'] or 'start'} to {told['to_phase']}"


def _completed(told: Told) -> str:
    return f"{told['version']} is champion from session {told['session']} on; every desk runs it"


def _refit(told: Told) -> str:
    where = "inside its envelope" if told["is_inside"] else "OUTSIDE its envelope, the last good one stays"
    return f"{told['arm']} {told['version']} of night {told['night']} is {where}{_because(told)}"


def _rolled_back(told: Told) -> str:
    last = f"last child {told['last_child_at'] or 'none'}, last cancel {told['last_cancel_at'] or 'none'}"
    return f"nothing is left of {told['version']}: {last}"


WORDS: dict[str, Callable[[Told], str]] = {
    "market_opened": lambda told: f"opened with {told['version']} as champion",
    "accounts_changed": lambda told: f"{len(told['accounts'])} accounts opted in{_because(told)}",
    "recipe_proposed": lambda told: f"recipe {told['name']} by {', '.join(told['authors'])}{_because(told)}",
    "report_recorded": lambda told: f"validation report by {told['person']}, counts until {told['expires_on']}",
    "rollout_drafted": lambda told: f"{told['version']} of recipe {told['recipe_id']} is on trial",
    "gate_judged": lambda told: f"gate on {told['version']}: {told['verdict']}{_because(told)}",
    "overridden": lambda told: f"{told['what']} overridden by {' and '.join(told['persons'])}{_because(told)}",
    "approval_used": lambda told: f"{told['person']} said {told['decision']} to {_step(told)}{_because(told)}",
    "approval_refused": lambda told: f"an answer by {told['person']} was not used: {told['why']}",
    "card_opened": lambda told: f"card {told['card_id']} asks for {_step(told)}",
    "phase_entered": _entered,
    "session_judged": _judged,
    "held": lambda told: f"held after session {told['session']}{_because(told)}",
    "released": lambda told: f"goes on after session {told['session']}",
    "asked": lambda told: f"a person is asked{_because(told)}",
    "rollback_started": lambda told: f"{told['version']} is rolled back ({told['trigger']}){_because(told)}",
    "rolled_back": _rolled_back,
    "rejected": lambda told: f"rejected by {told['person']}{_because(told)}",
    "expired": lambda told: f"expired{_because(told)}",
    "superseded": lambda told: f"superseded by {told['by']}",
    "completed": _completed,
    "refit_judged": _refit,
    "refit_live": lambda told: f"{told['arm']} is {told['version']} from session {told['session']} on",
    "champion_judged": lambda told: f"champion after session {told['session']}{_because(told)}",
    "fell_back": lambda told: f"{told['from_version']} gives way to {told['version']}{_because(told)}",
    "killed": lambda told: f"kill of {told['subject'] or 'everything'} by {told['person']}{_because(told)}",
    "residual_listed": lambda told: f"{len(told['parents'])} parent orders handed to {told['person']}",
    "residual_acknowledged": lambda told: f"{told['person']} has the parent orders of {told['stop_id']}",
    "resumed": lambda told: f"{told['person']} lifts the stop of {told['subject'] or 'everything'}{_because(told)}",
    "throttle_released": lambda told: f"{told['person']} lets {told['version']} go on{_because(told)}",
    "alias_restored": lambda told: f"MLflow's {told['alias']} stood on {told['found']}, put back",
    "control_tested": lambda told: f"control {told['control']}: {told['result']}",
}


def words_of(kind: str, told: Told) -> str:
    """One entry in words."""
    say = WORDS.get(kind)
    return kind.replace("_", " ") if say is None else say(told)


def story_lines(entries: Iterable[Entry]) -> tuple[StoryLine, ...]:
    """Every entry in words, newest first."""
    found = [StoryLine(one.sequence, one.at, one.actor, one.kind, words_of(one.kind, one.payload)) for one in entries]
    return tuple(reversed(found))


def approval_lines(entries: Iterable[Entry], rollout_id: str) -> tuple[ApprovalLine, ...]:
    """Who approved or rejected what of a rollout, oldest first; overrides are among them."""
    found = []
    for one in entries:
        told = one.payload
        if told.get("rollout_id") != rollout_id:
            continue
        if one.kind == "approval_used":
            line = (_step(told), told["person"], told["decision"], told["reason"], told["card_id"])
            found.append(ApprovalLine(one.at, *map(str, line)))
        if one.kind == "overridden":
            line = (f"override of {told['what']}", " and ".join(told["persons"]), "approve", told["reason"], "")
            found.append(ApprovalLine(one.at, *map(str, line)))
    return tuple(found)


def refit_lines(entries: Iterable[Entry], recipes: frozenset[str]) -> tuple[RefitLine, ...]:
    """Refits of these recipes, newest first, and since when each has traded."""
    told = [one for one in entries if one.kind in ("refit_judged", "refit_live")]
    live = {str(one.payload["version"]): str(one.payload["session"]) for one in told if one.kind == "refit_live"}
    found = [
        RefitLine(
            str(one.payload["night"]), str(one.payload["arm"]), str(one.payload["version"]),
            bool(one.payload["is_inside"]), live.get(str(one.payload["version"]), ""),
            float(one.payload["change_from_approved"]), tuple(map(str, one.payload["reasons"])),
        )
        for one in told
        if one.kind == "refit_judged" and one.payload["recipe_id"] in recipes
    ]  # fmt: skip
    return tuple(reversed(found))
