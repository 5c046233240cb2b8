"""What a session says about a rollout, read from tables once the night has worked it: `session_evidence`.

The session's production is what the ledger routed on that day. Every assignment is recomputed from salt and unit; one
that is not what it should be is missing evidence, not a rounding. Drift and skew are the night's own rows of
`gold.health`. Nothing here judges: what is not there is named in `missing`, and the evening holds.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd
import pyarrow.compute as pc

from infra import calendar
from infra.tables import HEALTH, SILVER
from models.assignment import assign
from models.desk_flow import TAU_BPS
from models.guardrail_counts import SessionCounts
from models.limits import Limits
from models.rollout.evidence import SessionEvidence
from models.rollout.routing import Routed, phase_limits, phase_name, routed, salt_of
from models.rollout.scores import Score, Spread, UnitCosts, excess_notional, score, unit_costs
from models.rollout.state import MarketState
from pipelines.rollout.arm_counts import CLOSING_NS, DeskLog, arm_counts, own_matches
from pipelines.rollout.order_costs import (
    HISTORY_SESSIONS,
    frame,
    history_spread,
    orders_with_costs,
    rows_of,
    tail_limit_bps,
)
from pipelines.step import StepContext

DRIFT, SKEW = "arm_drift", "skew"
NOTHING = Score(None, None, 0, 0)


@dataclass(frozen=True)
class _Session:
    """One session's frames: eligible orders with costs and arms, all assignments, and the desk's log."""

    orders: pd.DataFrame
    assignments: pd.DataFrame
    log: DeskLog
    earlier: pd.DataFrame


def _closing_volume(context: StepContext, day: date, close_ns: int) -> dict[str, float]:
    """Market volume of the closing minutes by symbol, own prints left out."""
    table, columns = SILVER["book_snapshots"], ["symbol", "event_at_ns", "traded_shares"]
    rows = context.lake.read(table, context.market.name, [day], columns)
    late = rows.filter(pc.greater_equal(rows["event_at_ns"], close_ns - CLOSING_NS))
    volume = late.group_by("symbol").aggregate([("traded_shares", "sum")]).to_pylist()
    return {row["symbol"]: float(row["traded_shares_sum"] or 0.0) for row in volume}


def limit_children(children: pd.DataFrame, arms: Mapping[str, str], limits: Limits | None) -> dict[str, int]:
    """Child orders of the challenger that went out beyond its limits. What a limit stopped went out nowhere."""
    if limits is None:
        return {}
    mine = children[children["parent_order_id"].map(arms) == "challenger"]
    value = mine["child_shares"] * mine["limit_price"].fillna(0.0)
    beyond = (value > limits.order_notional) | ~mine["venue"].isin(limits.venues)
    if limits.symbols:
        beyond |= ~mine["symbol"].isin(limits.symbols)
    over = max(0, len(mine) - limits.session_orders) + int(value.sum() > limits.session_notional)
    return {"challenger": int(beyond.sum()) + over}


def _read(context: StepContext, day: date, limits: Limits | None) -> _Session:
    assignments = frame(context, "assignments", [day])
    arms = dict(zip(assignments["parent_order_id"], assignments["arm"], strict=True))
    eligible = set(assignments.loc[assignments["is_eligible"], "parent_order_id"])
    orders = orders_with_costs(context, [day])
    orders = orders[orders["parent_order_id"].isin(eligible)]
    kept = {name: arm for name, arm in arms.items() if name in eligible}
    close_ns = int(calendar.close_at(context.market, day).timestamp()) * 1_000_000_000
    children = frame(context, "child_orders", [day])
    log = DeskLog(
        frame(context, "decisions", [day]),
        children,
        frame(context, "fills", [day]),
        kept,
        limit_children(children, kept, limits),
        _closing_volume(context, day, close_ns),
        close_ns,
    )
    sessions = [one for one in context.lake.days(SILVER["parent_orders"], context.market.name) if one < day]
    return _Session(orders, assignments, log, orders_with_costs(context, sessions[-HISTORY_SESSIONS:]))


def wrong_assignments(assignments: pd.DataFrame, salt: str, arms: Sequence[Routed]) -> int:
    """Assigned units that are not where salt and shares put them; ineligible ones belong to the champion."""
    shares = [(one.arm, one.share) for one in arms]
    wrong = 0
    for row in assignments[["unit", "is_eligible", "arm"]].drop_duplicates().to_dict("records"):
        wanted = assign(str(row["unit"]), salt, shares).arm if row["is_eligible"] else "champion"
        wrong += int(row["arm"] != wanted)
    return wrong


def _health(context: StepContext, day: date, step: str) -> list[dict[str, object]]:
    rows = context.lake.read_day(HEALTH, context.market.name, day)
    found: list[dict[str, object]] = rows.filter(pc.equal(rows["step"], step)).to_pylist()
    return found


def _skew(context: StepContext, day: date) -> tuple[float, float]:
    """Vectors looked at and vectors that differ; NaN where the night has no such row."""
    rows = [row for row in _health(context, day, SKEW) if row["check_name"] == SKEW]
    if not rows or rows[0]["figure"] is None:
        return math.nan, math.nan
    looked_at = context.lake.count(SILVER["served_features"], context.market.name, [day])
    return float(looked_at), float(str(rows[0]["figure"]))


def _drift(context: StepContext, day: date) -> tuple[str, str]:
    found = next((row for row in _health(context, day, "monitor") if row["check_name"] == DRIFT), None)
    return (
        ("note", "no verdict on the two arms' drift")
        if found is None
        else (str(found["verdict"]), str(found["reason"]))
    )


def _missing(context: StepContext, day: date, found: _Session, salt: str, arms: Sequence[Routed]) -> tuple[str, ...]:
    told = []
    if found.assignments.empty:
        told.append("assignments of the session")
    elif wrong := wrong_assignments(found.assignments, salt, arms):
        told.append(f"{wrong} units are not in the arm that salt and shares put them in")
    unscored = int((~np.isfinite(found.orders["arrival_cost_bps"].to_numpy(float))).sum())
    if unscored == len(found.orders) and unscored:
        told.append("costs of the session's orders")
    if any(row["verdict"] == "fail" for row in _health(context, day, "validate")):
        told.append("a session whose checks passed")
    return tuple(told)


def _score(units: UnitCosts, arm: str, other: str, spread: Spread | None) -> Score:
    return NOTHING if spread is None else score(units, arm, other, spread)


def _number(value: float | None) -> float:
    return math.nan if value is None else value


def _counts(
    context: StepContext, day: date, found: _Session, units: UnitCosts, spread: Spread | None, share: float
) -> SessionCounts:
    tail, main = tail_limit_bps(found.earlier), _score(units, "challenger", "champion", spread)
    looked_at, different = _skew(context, day)
    return SessionCounts(
        session=str(day),
        share=share,
        challenger=arm_counts(found.log, found.orders, "challenger", tail),
        champion=arm_counts(found.log, found.orders, "champion", tail),
        own_matches=own_matches(found.log),
        skew_checked=looked_at,
        skew_wrong=different,
        difference_bps=_number(main.difference_bps),
        variance=_number(main.variance),
        excess_notional=_number(excess_notional(units, main, "challenger")),
    )


def session_evidence(context: StepContext, state: MarketState, day: date) -> SessionEvidence:
    """Evidence of one session of `state`, the production that the ledger routed on that day."""
    found, arms, rollout = _read(context, day, phase_limits(state)), routed(state), state.rollout
    units = unit_costs(rows_of(found.orders, found.orders["parent_order_id"].map(found.log.arms)))
    spread = history_spread(found.earlier, TAU_BPS)
    shares = {one.arm: one.share for one in arms}
    challenger = shares.get("challenger", 0.0)
    of_two = challenger / (challenger + shares["champion"]) if challenger else 0.0
    holdout = _score(units, "champion", "benchmark", spread)
    names = sorted(set(units.arm.tolist()))
    return SessionEvidence(
        session=str(day),
        rollout_id="" if rollout is None else rollout.rollout_id,
        phase="" if rollout is None or rollout.phase is None else phase_name(state),
        version=state.champion.version if rollout is None else rollout.arm.version,
        epoch=state.epoch,
        units={name: units.count(name) for name in names},
        large_units=units.count("challenger", "large"),
        counts=None if rollout is None else _counts(context, day, found, units, spread, of_two),
        holdout_difference_bps=holdout.difference_bps,
        holdout_variance=holdout.variance,
        cost_bps={name: units.mean_bps(name) for name in names},
        drift=_drift(context, day)[0],
        drift_reason=_drift(context, day)[1],
        missing=_missing(context, day, found, salt_of(state), arms),
    )
