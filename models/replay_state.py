"""What the replay's compiled loop carries: orders in canonical order, their resting children, and the log it writes.

Canonical order is (start, arrival, parent_order_id): where two of our own orders want the same shown shares, the
earlier client is served first, and the order in which rows were handed in changes nothing.

Rows are records (NumPy structured arrays), because compiled code reads a field of a record at the price of a load,
while each array that a function is handed costs it a reference count.

    >>> ORDER.names[:3], SLOTS
    (('side', 'shares', 'limit_price'), 4)
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from models.limits_guard import MOST_POLICIES
from models.policy import DECISION_SECONDS
from models.replay_orders import OrderArrays
from models.replay_tape import PRICE, Records, SessionClock, Tape, record

Float = npt.NDArray[np.float64]
Long = npt.NDArray[np.int64]

SLOTS, POLICY_NUMBERS = 4, 9
NEVER = np.iinfo(np.int64).max
STEP_NS = int(DECISION_SECONDS * 1e9)
MAX_BOOK_AGE_NS = int(60e9)
FILLED, CANCELLED, EXPIRED = 0, 1, 2


ORDER = record(
    "side shares limit_price alpha_bps alpha_seconds remaining pending_shares end_impact_bps resting_price "
    "shown_before arrival_mid",
    "urgency arrival_ns start_ns end_ns arrival_row first_row end_row is_eligible policy repeats "
    "next_decision_ns pending_at_ns pending_action pending_decision pending_row resting active",
)
SLOT = record("left ahead could_fill", "child")
DECISION = record("shares signal_bps figure allowed asked sent", "order at_ns action policy limit limit_row unsound")
CHILD = record("price shares filled", "order decision row end_row reason")
FILL = record("price shares", "order child row is_maker")
WORK = np.dtype(
    [
        ("policies", "f8", (MOST_POLICIES, POLICY_NUMBERS)),
        ("net", "f8", (MOST_POLICIES,)),
        ("impact_bps", "f8"),
        *((name, "i8") for name in ("row", "count", "waiting", "accounted", "costed")),
    ],
    align=True,
)
"""Who decides, and how far a replay came. net: value bought less sold by policy. row: next row; count: active orders
(their numbers stand in `active` of the first orders), waiting: the next that waits; accounted, costed: fills that are
in net and in what the policies used."""


class Log(NamedTuple):
    """Everything that happened, as records; written (3): how many decisions, child orders and fills.

    A decision carries what a limit made of its child: limit (-1: nothing), asked and sent shares, figure and allowed,
    limit_row: where; unsound: one bit for each policy that gave no number.
    """

    decisions: Records
    children: Records
    fills: Records
    written: Long


class Rules(NamedTuple):
    """Numbers of one replay. per_share_bps: own transient impact of one bought share, decaying over decay_ns."""

    tick: float
    lot_shares: float
    latency_ns: int
    is_touch: bool
    per_share_bps: float
    decay_ns: float


def canonical(orders: OrderArrays) -> Long:
    """(k) index that sorts the orders into canonical order."""
    return np.lexsort((orders.parent_order_id, orders.arrival_ns, orders.start_ns)).astype(np.int64)


def place(orders: OrderArrays, tape: Tape, clock: SessionClock, policies: Long | None = None) -> Records:
    """(k) ORDER records on the session clock, nothing done yet; policies (k): who works each, the first by default.

    arrival_row: last row at or before arrival, -1 for none; first_row: first row at or after start; end_row: last row
    at or before the instructed end. Eligible: the arrival book is two-sided and at most a minute old, because an older
    one is a halted or a broken feed.
    """
    placed = np.zeros(orders.count, ORDER)
    for name in ("side", "shares", "limit_price", "urgency", "alpha_bps", "alpha_seconds"):
        placed[name] = getattr(orders, name)
    for name in ("arrival_ns", "start_ns", "end_ns"):
        placed[name] = clock.to_clock(getattr(orders, name))
    placed["arrival_row"] = np.searchsorted(tape.clock_ns, placed["arrival_ns"], side="right") - 1
    placed["first_row"] = np.searchsorted(tape.clock_ns, placed["start_ns"], side="left")
    placed["end_row"] = np.searchsorted(tape.clock_ns, placed["end_ns"], side="right") - 1
    placed["is_eligible"] = _eligible(placed, tape)
    placed["remaining"] = placed["shares"]
    placed["next_decision_ns"] = placed["start_ns"]
    placed["pending_at_ns"] = NEVER
    placed["policy"] = 0 if policies is None else policies
    if len(tape.clock_ns):
        seen = tape.feed.levels[np.maximum(placed["arrival_row"], 0), :, 0, PRICE]
        placed["arrival_mid"] = (seen[:, 0] + seen[:, 1]) / 2.0
    return placed


def _eligible(placed: Records, tape: Tape) -> npt.NDArray[np.bool_]:
    if len(tape.clock_ns) == 0:
        return np.zeros(len(placed), bool)
    seen = np.maximum(placed["arrival_row"], 0)
    is_fresh = placed["arrival_ns"] - tape.clock_ns[seen] <= MAX_BOOK_AGE_NS
    is_two_sided = tape.feed.levels[seen, 1, 0, PRICE] > tape.feed.levels[seen, 0, 0, PRICE]
    return np.asarray((placed["arrival_row"] >= 0) & (placed["start_ns"] < placed["end_ns"]) & is_fresh & is_two_sided)


def make_slots(count: int) -> Records:
    """(k, SLOTS) SLOT records: nothing rests."""
    return np.zeros((count, SLOTS), SLOT)


def make_log(placed: Records, levels: int, lot_shares: float) -> Log:
    """Room for the most that can be logged; the pages of what stays empty are never touched.

    A decision sends at most one child order; a crossing fills once a level; a resting child fills at least a lot or its
    whole rest, and at most once a row.
    """
    decisions = int(np.sum((placed["end_ns"] - placed["start_ns"]) // STEP_NS + 2))
    rows = np.maximum(0, placed["end_row"] - placed["first_row"] + 1) * SLOTS
    resting = int(np.sum(np.minimum(rows, np.ceil(placed["shares"] / lot_shares)))) + decisions
    fills = decisions * levels + resting
    return Log(np.empty(decisions, DECISION), np.empty(decisions, CHILD), np.empty(fills, FILL), np.zeros(3, np.int64))


def make_work(policies: Float) -> Any:
    """A replay that has not begun. policies (p, 9)."""
    work = np.zeros(1, WORK).view(np.recarray)[0]
    work.policies[: len(policies)] = policies
    return work
