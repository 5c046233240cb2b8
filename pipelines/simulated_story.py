"""What a period came to, told from the ledger alone: each rollout's phases with their dates, refits, units and cost."""

from __future__ import annotations

from collections.abc import Sequence

from infra.ledger import Entry
from models.rollout.fold import fold
from models.rollout.state import RolloutState


def _mine(entries: Sequence[Entry], rollout: RolloutState) -> list[Entry]:
    """Entries of a rollout, and refits of its arm while it was on trial."""
    places = [one.stream_sequence for one in entries if one.payload.get("rollout_id") == rollout.rollout_id]
    span = range(min(places), max(places) + 1)
    return [
        one
        for one in entries
        if one.payload.get("rollout_id") == rollout.rollout_id
        or (one.kind in ("refit_live", "refit_judged") and one.payload["arm"] == "challenger"
            and one.stream_sequence in span)
    ]  # fmt: skip


def _phases(mine: Sequence[Entry]) -> list[str]:
    return [f"{one.payload['phase']} from {one.payload['session']}" for one in mine if one.kind == "phase_entered"]


def _refits(mine: Sequence[Entry]) -> str:
    live = [f"{one.payload['version']} on {one.payload['session']}" for one in mine if one.kind == "refit_live"]
    outside = [one for one in mine if one.kind == "refit_judged" and not one.payload["is_inside"]]
    return f"{', '.join(live) or 'none'} went live, {len(outside)} stayed outside the envelope"


def _cost(rollout: RolloutState, currency: str) -> str:
    sessions = [one.evidence for one in rollout.sessions]
    units = sum(one.units.get("challenger", 0) for one in sessions)
    counts = [one.counts for one in sessions if one.counts is not None and one.phase != "shadow"]
    extra = sum(one.excess_notional for one in counts if one.excess_notional == one.excess_notional)
    return f"{len(sessions)} sessions, {units:,} units, clients paid {extra:+,.0f} {currency} against the champion"


def _end(mine: Sequence[Entry], rollout: RolloutState) -> str:
    ends = ("completed", "rolled_back", "rejected", "expired", "superseded", "killed", "rollback_started")
    last = next((one for one in reversed(mine) if one.kind in ends), None)
    why = "; ".join(rollout.failures or rollout.reasons)
    on = f" on {last.at[:10]}" if last is not None else f", in {rollout.phase or 'no phase'}"
    return f"{rollout.state}{on}" + (f": {why}" if why else "")


def story_lines(entries: Sequence[Entry], market: str) -> list[str]:
    """A few lines a rollout."""
    state = fold(market, entries)
    lines = [f"champion {state.champion.version} (recipe {state.champion.recipe_id})"] if state.champions else []
    for rollout in state.rollouts:
        mine, told = _mine(entries, rollout), state.recipes.get(rollout.recipe_id, {})
        lines += [
            f"{rollout.rollout_id}, recipe {told.get('name', rollout.recipe_id)}: {_end(mine, rollout)}",
            f"  phases: {', '.join(_phases(mine)) or 'none'}",
            f"  refits: {_refits(mine)}",
            f"  {_cost(rollout, state.currency)}",
        ]
    return lines
