"""Questions to the ledger, as pure functions over a market's entries: champion at a time, history, change log,
inventory.

The change log has the columns of RTS 6 Article 5 (when, who made it, who approved it, nature, reason); the inventory
those of the PRA's SS5/18 (unique id, overview, status, approved and retired dates, scope, restrictions, owner,
documentation) with tier, purpose, limits of use and the date and expiry of validation. Risk controls with their kinds
and their last test are in `controls.py`.

    >>> champion_at((), "2026-11-20T00:00:00Z") is None
    True
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

BECOMES = ("market_opened", "completed", "refit_live", "fell_back")


class Told(Protocol):
    """An entry of the ledger."""

    @property
    def kind(self) -> str: ...

    @property
    def at(self) -> str: ...

    @property
    def actor(self) -> str: ...

    @property
    def payload(self) -> Mapping[str, Any]: ...


@dataclass(frozen=True)
class ChampionAt:
    """Who was champion. decided_at: when the ledger says so. from_at: since when every desk ran it, by read-back."""

    version: str
    digest: str
    how: str
    decided_at: str
    from_at: str


def _became(entry: Told) -> ChampionAt | None:
    told = entry.payload
    if entry.kind not in BECOMES or (entry.kind == "refit_live" and told["arm"] != "champion"):
        return None
    since = str(told.get("read_back_at") or entry.at)
    return ChampionAt(str(told["version"]), str(told["digest"]), entry.kind, entry.at, max(since, entry.at))


def champion_at(entries: Sequence[Told], at: str) -> ChampionAt | None:
    """The champion at an instant (ISO 8601 in UTC), by read-back; None before the market was opened."""
    found = [one for entry in entries if (one := _became(entry)) is not None and one.from_at <= at]
    return found[-1] if found else None


def _names(payload: Mapping[str, Any]) -> set[str]:
    """Versions that an event is about."""
    keys = ("version", "from_version", "subject")
    return {str(payload[key]) for key in keys if payload.get(key)}


def history_of(entries: Sequence[Told], version: str) -> tuple[Told, ...]:
    """Every entry about a version, and those of the rollouts that it was part of, in order."""
    rollouts = {
        str(one.payload["rollout_id"])
        for one in entries
        if version in _names(one.payload) and "rollout_id" in one.payload
    }
    return tuple(
        one for one in entries if version in _names(one.payload) or str(one.payload.get("rollout_id", "")) in rollouts
    )


@dataclass(frozen=True)
class Change:
    """One line of the change log."""

    at: str
    nature: str
    subject: str
    made_by: str
    approved_by: str
    reason: str


NATURE = {
    "recipe_proposed": "recipe proposed",
    "phase_entered": "phase entered",
    "completed": "became champion",
    "refit_live": "refit went live",
    "rollback_started": "rolled back",
    "fell_back": "champion fell back",
    "killed": "killed",
    "resumed": "resumed",
    "overridden": "gate overridden",
    "rejected": "rejected",
    "accounts_changed": "clients opted in",
}


BY_AUTHORS = ("phase_entered", "completed", "overridden")
"""What leads a recipe on is its authors' change; who takes it back, or stops it, does so in their own name."""


def _subject(told: Mapping[str, Any]) -> str:
    names = ("rollout_id", "version", "phase", "scope", "subject", "name", "what")
    return " ".join(str(told[name]) for name in names if told.get(name))


def _reason(told: Mapping[str, Any]) -> str:
    reasons = told.get("reasons") or ()
    return "; ".join(map(str, reasons)) if reasons else str(told.get("reason", ""))


def change_log(entries: Sequence[Told], first: str, last: str) -> tuple[Change, ...]:
    """Changes between two instants: when, nature, who made them, who approved them, why."""
    authors: dict[str, str] = {}
    approved: dict[str, list[str]] = {}
    found = []
    for entry in entries:
        told = entry.payload
        rollout = str(told.get("rollout_id", ""))
        if entry.kind == "rollout_drafted":
            authors[rollout] = ", ".join(told["authors"])
        if entry.kind == "approval_used" and told["decision"] == "approve":
            approved.setdefault(rollout, []).append(str(told["person"]))
        if entry.kind not in NATURE:
            continue
        by = (
            approved.pop(rollout, []) if entry.kind in ("phase_entered", "completed") else list(told.get("persons", ()))
        )
        author = authors.get(rollout, "") if entry.kind in BY_AUTHORS else ""
        made = ", ".join(told.get("authors", ())) or author or str(told.get("person") or entry.actor)
        change = Change(entry.at, NATURE[entry.kind], _subject(told), made, ", ".join(by), _reason(told))
        if first <= entry.at <= last:
            found.append(change)
    return tuple(found)


@dataclass(frozen=True)
class Inventory:
    """One model. scope: region, asset class, instruments, desk. restrictions: limits of its plan's last phase."""

    unique_id: str
    overview: str
    status: str
    approved_on: str
    retired_on: str
    scope: str
    restrictions: str
    owner: str
    documentation: str
    tier: str
    purpose: str
    limits_of_use: str
    validated_by: str
    validated_on: str
    validation_expires_on: str


OWN_STATUS = {
    "phase_entered": "on trial", "completed": "champion", "rollback_started": "rolled back", "rejected": "rejected",
    "expired": "expired", "superseded": "superseded",
}  # fmt: skip
"""What an event of a recipe's own rollout makes of it."""
OTHERS_STATUS = {"completed": "replaced", "fell_back": "fell back"}
"""What an event of another rollout, or of none, makes of the champion."""


def _status(entries: Sequence[Told], recipe_id: str) -> tuple[str, str, str]:
    """Status, first approval and retirement of a recipe."""
    status, approved, retired, mine = "proposed", "", "", set[str]()
    for entry in entries:
        told = entry.payload
        if entry.kind == "rollout_drafted" and told["recipe_id"] == recipe_id:
            mine.add(str(told["rollout_id"]))
        names = OWN_STATUS if str(told.get("rollout_id", "")) in mine else OTHERS_STATUS if status == "champion" else {}
        if entry.kind in names:
            status = names[entry.kind]
            retired = "" if status in ("on trial", "champion") else entry.at
        is_approval = entry.kind == "approval_used" and told["decision"] == "approve"
        if is_approval and not approved and str(told["rollout_id"]) in mine:
            approved = entry.at
    return status, approved, retired


def _plan_words(entries: Sequence[Told], recipe_id: str) -> tuple[str, str]:
    """Instruments, and what the limits of its last phase allow, by the last plan of a recipe."""
    plans = [
        one.payload["plan"]
        for one in entries
        if one.kind == "rollout_drafted" and one.payload["recipe_id"] == recipe_id and one.payload["plan"]["phases"]
    ]
    if not plans:
        return "no plan yet", ""
    limits = plans[-1]["phases"][-1]["limits"]
    words = (
        f"venues {', '.join(limits['venues'])}", f"participation {limits['participation']:g}",
        f"child order {limits['order_notional']:,.0f}", f"session {limits['session_notional']:,.0f}",
        f"position {limits['position_notional']:,.0f}", f"{limits['session_orders']} child orders a session",
    )  # fmt: skip
    return ", ".join(limits["symbols"]) or "every instrument of the market", f"at most {'; '.join(words)}"


def inventory(entries: Sequence[Told], catalog: Mapping[str, Mapping[str, str]], scope: str) -> tuple[Inventory, ...]:
    """Every recipe that was ever proposed. catalog: recipe name -> summary, purpose, limits_of_use, tier."""
    proposed = {str(one.payload["recipe_id"]): one.payload for one in entries if one.kind == "recipe_proposed"}
    reports = {str(one.payload["recipe_id"]): one for one in entries if one.kind == "report_recorded"}
    found = []
    for recipe_id, told in proposed.items():
        row, report = catalog.get(str(told["name"]), {}), reports.get(recipe_id)
        status, approved, retired = _status(entries, recipe_id)
        instruments, restrictions = _plan_words(entries, recipe_id)
        report_told = report.payload if report is not None else {}
        documents = f"revision {told['revision']}, validation report {report_told.get('report_sha256', 'missing')}"
        found.append(
            Inventory(
                recipe_id, row.get("summary", str(told["name"])), status, approved, retired,
                f"{scope}; {instruments}", restrictions, ", ".join(told["authors"]), documents, row.get("tier", ""),
                row.get("purpose", ""), row.get("limits_of_use", ""), str(report_told.get("person", "")),
                report.at if report is not None else "", str(report_told.get("expires_on", "")),
            )
        )  # fmt: skip
    return tuple(found)
