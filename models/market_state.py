"""What the market model's compiled loop carries: the book, our own orders in it, and the log that it writes.

All of it is one NumPy record, so every compiled function takes one pointer, and there is one signature for every
symbol and day. The shapes are therefore fixed, sized for the most that a session can need, and memory that a
day does not touch is never paged in.

Sides are 0 (bid) and 1 (ask); `1 - 2 * side` signs every comparison of prices, so that both sides are one rule. A
price is a place on the ladder, `origin` ticks below its price. The ladder `lots` holds the market's orders alone and
`own_lots` ours, so that what is published without our orders needs no subtraction.

    >>> new_state().lots.shape
    (2, 16384)
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from models.limits_guard import MOST_POLICIES
from models.market_parameters import FULL_SESSION_SECONDS, LEVELS, ROW_SECONDS

Float = npt.NDArray[np.float64]
Long = npt.NDArray[np.int64]
State = Any

BID, ASK = 0, 1
LADDER, DEPTH_LEVELS = 16_384, 20
KINDS = 4 * DEPTH_LEVELS + 1
NOWHERE = 1 << 40
OWN_BEST = 2
MOST_PARENTS, MOST_DECISIONS, MOST_FILLS, MOST_TRADES = 256, 16_384, 32_768, 49_152
MOST_ROWS = FULL_SESSION_SECONDS // ROW_SECONDS
STEP_SECONDS = 30
MOST_STEPS, MOST_EVENTS = FULL_SESSION_SECONDS // STEP_SECONDS + 1, 3 * MOST_DECISIONS
P_SIDE, P_LOTS, P_LEFT, P_START, P_END, P_LIMIT, P_URGENCY, P_POLICY, PARENT_FIELDS = 0, 1, 2, 3, 4, 5, 6, 7, 8
C_PARENT, C_DECISION, C_TICK, C_LOTS, C_FILLED, C_AHEAD, C_REASON, CHILD_FIELDS = 0, 1, 2, 3, 4, 5, 6, 7
N_ACTION, N_TICK, N_LOTS, N_DECISION, PENDING_FIELDS = 0, 1, 2, 3, 4
E_PARENT, E_POLICY, E_DECISION, E_LIMIT, E_ASKED, E_SENT, EVENT_FIELDS = 0, 1, 2, 3, 4, 5, 6
FILLED, CANCELLED, EXPIRED = 0, 1, 2

_RATES = (
    "half_spread", "stale", "pick_share", "aggressive_share", "flow_sign", "flow_tilt", "pull", "order_lots",
    "trade_lots", "total_rate", "kick", "bend", "impact_per_lot", "impact_decay", "permanent_per_lot", "passive_impact",
    "latency", "hidden_liquidity", "queue_decay", "lot_shares",
)  # fmt: skip
_FIGURES = ("efficient", "kicks", "displacement", "permanent", "traded_lots", "traded_ticks")
_COUNTS = (
    "second", "seconds", "parents", "actives", "trades", "children", "fills", "decisions", "last_place", "origin",
    "events", "accounted", "costed",
)  # fmt: skip

STATE = np.dtype(
    [
        *((name, "f8") for name in (*_RATES, *_FIGURES)),
        *((name, "i8") for name in _COUNTS),
        ("stream", "u8", (1,)),
        ("hash_seed", "u8"),
        ("path", "f8", (4, FULL_SESSION_SECONDS + 1)),
        ("target", "f8", (DEPTH_LEVELS,)),
        ("alias_share", "f8", (KINDS,)),
        ("alias_other", "i8", (KINDS,)),
        ("lots", "i8", (2, LADDER)),
        ("own_lots", "i8", (2, LADDER)),
        ("best", "i8", (4,)),
        ("edge", "i8", (2,)),
        ("parent", "i8", (MOST_PARENTS, PARENT_FIELDS)),
        ("pending", "i8", (MOST_PARENTS, PENDING_FIELDS)),
        ("pending_at", "f8", (MOST_PARENTS,)),
        ("active", "i8", (MOST_DECISIONS,)),
        ("child", "i8", (MOST_DECISIONS, CHILD_FIELDS)),
        ("child_at", "f8", (MOST_DECISIONS, 2)),
        ("execution", "i8", (MOST_FILLS, 4)),
        ("execution_at", "f8", (MOST_FILLS,)),
        ("decision", "i8", (MOST_DECISIONS, 5)),
        ("decision_signal", "f8", (MOST_DECISIONS,)),
        ("arrival", "f8", (MOST_PARENTS,)),
        ("beyond_bps", "f8", (MOST_PARENTS,)),
        ("repeats", "i8", (MOST_PARENTS,)),
        ("net", "f8", (MOST_POLICIES,)),
        ("volume", "f8", (MOST_STEPS,)),
        ("event", "i8", (MOST_EVENTS, EVENT_FIELDS)),
        ("event_figure", "f8", (MOST_EVENTS, 2)),
        ("event_at", "f8", (MOST_EVENTS,)),
        ("trade", "i8", (MOST_TRADES, 3)),
        ("trade_at", "f8", (MOST_TRADES,)),
        ("row_place", "i8", (MOST_ROWS, 2, LEVELS)),
        ("row_lots", "i8", (MOST_ROWS, 2, LEVELS)),
        ("row_traded", "f8", (MOST_ROWS, 3)),
    ],
    align=True,
)
"""Rates are flat numbers of one symbol (ticks, lots, seconds). path: see `models/market_path.py`. target: lots that
queues settle at. alias_*: table from which the next event is drawn. best: market's bid and ask, own bid and ask.
edge: last place kept of each side. The rest is orders and logs, columns named above; times are seconds from the
open. execution: child, place, lots, 1 for maker. decision: parent, second, action, lots, policy. trade: place, lots,
side taken (+1 buyer-initiated). row_place is -1 where a level is not there; row_traded: lots, lots * place, last
place. For limits: arrival, beyond_bps, repeats of each parent (mid in currency, limit of the pending child beyond the
far touch, children since its last fill); net: value bought less sold by policy; volume: lots that the market traded up
to each half-minute; event: what a limit forbade, columns named above, figures found and allowed. accounted, costed:
fills that are in net and in what the policies used."""


def new_state() -> State:
    """A record of zeros with no best price and nothing pending."""
    state = np.zeros(1, STATE).view(np.recarray)[0]
    state.best[:] = (-NOWHERE, NOWHERE, -NOWHERE, NOWHERE)
    state.pending_at[:] = np.inf
    return state
