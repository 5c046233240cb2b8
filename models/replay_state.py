"""What the replay's compiled loop carries: orders in canonical order, their resting children, and the log it writes.

Canonical order is (start, arrival, parent_order_id): where two of our own orders want the same shown shares, the
earlier client is served first, and the order in which rows were handed in changes nothing.

Rows are records (NumPy structured arrays), because compiled code reads a field of a record at the price of a load,
while each array that a function is handed costs it a reference count.

    >>> ORDER.names[:3], SLOTS
    (('side', 'shares', 'limit_price'), 4)
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from models.policy import DECISION_SECONDS
from models.replay_orders import OrderArrays
from models.replay_tape import PRICE, Records, SessionClock, Tape, record

Float = npt.NDArray[np.float64]
Long = npt.NDArray[np.int64]

SLOTS = 4
NEVER = np.iinfo(np.int64).max
STEP_NS = int(DECISION_SECONDS * 1e9)
MAX_BOOK_AGE_NS = int(60e9)
FILLED, CANCELLED, EXPIRED = 0, 1, 2


ORDER = record(
    "side shares limit_price alpha_bps alpha_seconds remaining pending_shares end_impact_bps resting_price "
    "shown_before",
    "urgency arrival_ns start_ns end_ns arrival_row first_row end_row is_eligible "
    "next_decision_ns pending_at_ns pending_action pending_decision resting",
)
SLOT = record("left ahead could_fill", "child")
DECISION = record("shares signal_bps", "order at_ns action")
CHILD = record("price shares filled", "order decision row end_row reason")
FILL = record("price shares", "order child row is_maker")


class Log(NamedTuple):
    """Everything that happened, as records; written (3): how many decisions, child orders and fills."""

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


def place(orders: OrderArrays, tape: Tape, clock: SessionClock) -> Records:
    """(k) ORDER records on the session clock, nothing done yet.

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
