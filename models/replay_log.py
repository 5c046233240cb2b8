"""What happened in a replay, as arrays in UTC and with the numbers of orders as they were given.

>>> ReplayLog.__dataclass_fields__["child_price"].type
'Float'
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.limits_check import NO_LIMIT, OUTPUT
from models.limits_guard import MOST_POLICIES
from models.replay_state import Log
from models.replay_tape import Records, SessionClock, Tape, record

Float = npt.NDArray[np.float64]
Long = npt.NDArray[np.int64]
EVENT = record("figure allowed asked sent", "order policy decision limit at_ns")


@dataclass(frozen=True)
class ReplayLog:
    """What happened, in time order. `*_order`: number of the parent order as given; times in UTC ns.

    decision_* (d): action 0 wait, 1 join, 2 improve, 3 cross, number of the policy. child_* (c): decision it came
    from, price NaN for a market order, reason 0 filled, 1 cancelled, 2 expired. fill_* (f): child it filled.
    event_* (e): what a limit made smaller, numbers of policy, decision and limit (`models/limits_check.py`).
    """

    decision_order: Long
    decision_ns: Long
    decision_action: Long
    decision_shares: Float
    decision_signal_bps: Float
    decision_policy: Long
    child_order: Long
    child_decision: Long
    child_sent_ns: Long
    child_ended_ns: Long
    child_price: Float
    child_shares: Float
    child_filled_shares: Float
    child_reason: Long
    fill_order: Long
    fill_child: Long
    fill_ns: Long
    fill_price: Float
    fill_shares: Float
    fill_is_maker: npt.NDArray[np.bool_]
    event_order: Long
    event_policy: Long
    event_decision: Long
    event_limit: Long
    event_ns: Long
    event_asked_shares: Float
    event_sent_shares: Float
    event_figure: Float
    event_allowed: Float


def _events(decisions: Records, tape: Tape) -> Records:
    """What limits made of each decision's child, and outputs that were no numbers, in time order of decisions."""
    held = np.flatnonzero(decisions["limit"] != NO_LIMIT)
    of_limits = np.zeros(len(held), EVENT)
    of_limits["decision"] = held
    for name in ("order", "policy", "limit", "asked", "sent", "figure", "allowed"):
        of_limits[name] = decisions[name][held]
    of_limits["at_ns"] = tape.utc_ns[decisions["limit_row"][held]]
    found = [of_limits]
    for policy in range(MOST_POLICIES) if decisions["unsound"].any() else ():
        unsound = np.flatnonzero(decisions["unsound"] >> policy & 1)
        of_output = np.zeros(len(unsound), EVENT)
        of_output["decision"], of_output["policy"], of_output["limit"] = unsound, policy, OUTPUT
        of_output["order"], of_output["figure"], of_output["allowed"] = decisions["order"][unsound], np.nan, np.nan
        found.append(of_output)
    events = np.concatenate(found)
    return events[np.argsort(events["decision"], kind="stable")]


def public_log(log: Log, tape: Tape, clock: SessionClock, order: Long, start_ns: Long) -> ReplayLog:
    """In UTC. Where one interval ends and the next begins the clock shows the same; an order's start tells which."""
    decisions, children = log.decisions[: log.written[0]], log.children[: log.written[1]]
    fills, events = log.fills[: log.written[2]], _events(decisions, tape)
    decided_ns = np.maximum(clock.to_utc(decisions["at_ns"]), start_ns[order[decisions["order"]]])
    return ReplayLog(
        decision_order=order[decisions["order"]],
        decision_ns=decided_ns,
        decision_action=decisions["action"].copy(),
        decision_shares=decisions["shares"].copy(),
        decision_signal_bps=decisions["signal_bps"].copy(),
        decision_policy=decisions["policy"].copy(),
        child_order=order[children["order"]],
        child_decision=children["decision"].copy(),
        child_sent_ns=tape.utc_ns[children["row"]],
        child_ended_ns=tape.utc_ns[children["end_row"]],
        child_price=children["price"].copy(),
        child_shares=children["shares"].copy(),
        child_filled_shares=children["filled"].copy(),
        child_reason=children["reason"].copy(),
        fill_order=order[fills["order"]],
        fill_child=fills["child"].copy(),
        fill_ns=tape.utc_ns[fills["row"]],
        fill_price=fills["price"].copy(),
        fill_shares=fills["shares"].copy(),
        fill_is_maker=fills["is_maker"] == 1,
        event_order=order[events["order"]],
        event_policy=events["policy"],
        event_decision=events["decision"],
        event_limit=events["limit"],
        event_ns=np.where(events["limit"] == OUTPUT, decided_ns[events["decision"]], events["at_ns"]),
        event_asked_shares=events["asked"],
        event_sent_shares=events["sent"],
        event_figure=events["figure"],
        event_allowed=events["allowed"],
    )
