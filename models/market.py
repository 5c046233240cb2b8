"""The built-in market: a queue-reactive limit-order book in which our own orders stand in the queue and move the price.

After Huang, Lehalle and Rosenbaum (2015), "Simulating and analyzing order book data: the queue-reactive model",
Journal of the American Statistical Association 110: limit orders, cancellations and market orders arrive with
intensities that depend on the size of the queue and its distance from a reference price. Three things differ:

* the reference is a continuous efficient price that moves by itself (`models/market_path.py`), by what market orders
  tell (order flow persists, so the book and the flow know a little about the next minutes), and by our own fills;
* our fills push a displacement E, in ticks, that decays exponentially and moves the price by a concave function of it,
      f(E) = bend * (sqrt(1 + 2 E / bend) - 1)
  (a resilient book of general shape: Alfonsi, Fruth, Schied 2010, Quantitative Finance 10, sections 2 and 3), and a
  small linear part that stays (Huberman and Stanzl 2004). Resting orders of ours lengthen a queue, and the others react
  to the queue: fewer limit orders join it and fewer market orders hit it;
* quotes that the efficient price has left behind are picked off, ours first of all, since we look every 30 seconds.

Rates are flat numbers of one symbol (`models/market_parameters.py`), not a calibration to a real name. Integer ticks
and lots, own generators, one compiled loop a day: the same inputs give the same bytes.

    >>> from datetime import date
    >>> from models.market_parameters import SAMPLE_SYMBOLS
    >>> from models.policy import TWAP
    >>> session = MarketSession(SAMPLE_SYMBOLS[7], 7, date(2026, 1, 6), date(2026, 1, 5), seconds=60)
    >>> market = open_market(session, no_orders(), HiddenParameters())
    >>> market.run(TWAP.to_array())
    >>> bid, ask = market.state.row_place[11, :, 0].tolist()
    >>> int(market.state.second), bid < ask
    (60, True)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numba import njit

from models.limits_guard import Guard, no_guard
from models.market_desk import STEP_SECONDS, apply_decision, decide_all, expire, next_arrival
from models.market_flow import begin_second, extend, inner_place, one_event, waiting_time, write_row
from models.market_limits import begin_step
from models.market_parameters import ROW_SECONDS, TICK, HiddenParameters, MarketParameters
from models.market_path import PRICE, Alphas, MarketSession, draw_path, open_price
from models.market_random import stream_seed
from models.market_rates import set_rates
from models.market_state import (
    DEPTH_LEVELS,
    LADDER,
    MOST_DECISIONS,
    MOST_FILLS,
    MOST_PARENTS,
    MOST_TRADES,
    NOWHERE,
    P_END,
    P_LIMIT,
    P_LOTS,
    P_POLICY,
    P_SIDE,
    P_START,
    PARENT_FIELDS,
    Float,
    Long,
    State,
    new_state,
)

__all__ = [
    "HiddenParameters",
    "MarketOrders",
    "MarketParameters",
    "MarketSession",
    "OpenMarket",
    "no_orders",
    "open_market",
    "run_together",
]
POLICY_NUMBERS = 9


@dataclass(frozen=True)
class MarketOrders:
    """Parent orders of one symbol, as whole numbers of seconds, ticks and lots.

    fields (k, PARENT_FIELDS) int64: side +1 or -1, lots, lots left, start and end in seconds from the open (multiples
    of 30), limit in ticks (0: none), urgency, number of the policy that works it; alpha_bps, alpha_seconds (k): planted
    move in the order's direction.
    """

    fields: Long
    alpha_bps: Float
    alpha_seconds: Float


def no_orders() -> MarketOrders:
    """A day on which the desk does not trade."""
    return MarketOrders(np.zeros((0, PARENT_FIELDS), np.int64), np.zeros(0), np.zeros(0))


@njit(cache=True, nogil=True)
def _run_second(s: State, guard: Guard) -> None:
    """Everything between two seconds: the market's events and our orders as they arrive, in time order."""
    at, parent = s.second + waiting_time(s), next_arrival(s)
    while True:
        if parent >= 0 and s.pending_at[parent] <= min(at, s.second + 1.0):
            apply_decision(s, guard, parent)
            parent = next_arrival(s)
        elif at < s.second + 1.0:
            one_event(s, at)
            at += waiting_time(s)
        else:
            break


@njit(cache=True, nogil=True)
def _open(s: State) -> None:
    """The first book: every queue at its settled size."""
    s.efficient = s.path[PRICE, 0]
    for side in range(2):
        sign = 1 - 2 * side
        s.best[side] = inner_place(s, side)
        s.edge[side] = s.best[side] + sign
        extend(s, side)
        for level in range(DEPTH_LEVELS):
            place = s.best[side] - sign * level
            s.lots[side, place] = max(1, int(s.lots[side, place] * s.target[level] / s.target[DEPTH_LEVELS - 1]))


@njit(cache=True, nogil=True)
def _run(s: State, policies: Float, guard: Guard, signals_bps: Float, until: int) -> None:
    """The only door to the compiled market: decide at every half-minute, live through it, publish the book."""
    while s.second < until:
        if s.second < 0:
            s.second = 0
            _open(s)
        else:
            if s.second % STEP_SECONDS == 0:
                decide_all(s, policies, guard, signals_bps)
            _run_second(s, guard)
            s.second += 1
        expire(s)
        begin_second(s)
        if s.second % ROW_SECONDS == 0:
            write_row(s)


@njit(cache=True, nogil=True)
def _book(s: State, guard: Guard) -> None:
    begin_step(s, guard)


@dataclass(frozen=True)
class OpenMarket:
    """One symbol's market, to be run through; `state` changes, and `state.second` says how far it has come."""

    session: MarketSession
    state: State

    def run(
        self,
        policies: Float,
        until: int | None = None,
        signals_bps: Float | None = None,
        guard: Guard | None = None,
    ) -> None:
        """Run to second `until` from the open (default: the close) and publish the book there.

        policies (9) or (p, 9): see `PolicyParameters.to_array`; each parent order is worked by the one that its field
        P_POLICY names. They decide at every half-minute, the present one included and `until` excluded; signals_bps (p)
        is what each reads there, so policies that read one are run half a minute at a time. guard: limits of the
        policies; where some hold over several symbols, these are run together, half a minute at a time.
        """
        end = self.session.seconds if until is None else min(until, self.session.seconds)
        rows = np.ascontiguousarray(np.atleast_2d(policies))
        signals = np.full(len(rows), np.nan) if signals_bps is None else np.asarray(signals_bps, np.float64)
        _run(self.state, rows, guard or no_guard(len(rows)), signals, end)
        self._check()

    def book(self, guard: Guard) -> None:
        """Tell the other symbols' checks what is filled and open here now."""
        _book(self.state, guard)

    def hand_over(self, policy: int, to: int) -> None:
        """Parent orders that one policy works are the other's from their next decision on."""
        fields = self.state.parent[: self.state.parents]
        fields[fields[:, P_POLICY] == policy, P_POLICY] = to

    def _check(self) -> None:
        if self.state.trades > MOST_TRADES:
            raise ValueError(f"{self.session.parameters.symbol}: {self.state.trades} prints, more than {MOST_TRADES}")


def run_together(
    markets: Sequence[OpenMarket],
    guards: Sequence[Guard],
    policies: Float,
    until: int,
    signals_bps: Sequence[Float] | None = None,
) -> None:
    """Run every symbol to `until`. Where a policy is limited, `until` is the next half-minute: limits hold over all."""
    for market, guard in zip(markets, guards, strict=True):
        if guard.held.is_limited:
            market.book(guard)
    for place, (market, guard) in enumerate(zip(markets, guards, strict=True)):
        market.run(policies, until, None if signals_bps is None else signals_bps[place], guard)


def _check_orders(session: MarketSession, fields: Long) -> None:
    """Raises ValueError for orders outside the session, or more of them than there is room for."""
    start, end = fields[:, P_START], fields[:, P_END]
    is_inside = (start >= 0) & (end <= session.seconds) & (start < end)
    decisions, lots = int((end - start).sum()) // STEP_SECONDS + len(fields), int(fields[:, P_LOTS].sum())
    is_roomy = len(fields) <= MOST_PARENTS and decisions <= MOST_DECISIONS and lots <= MOST_FILLS
    if not (is_inside.all() and is_roomy):
        raise ValueError(
            f"{session.parameters.symbol}: {len(fields)} orders with {decisions} decisions and {lots} lots; "
            f"allowed: inside the session, {MOST_PARENTS} orders, {MOST_DECISIONS} decisions, {MOST_FILLS} lots"
        )


def open_market(session: MarketSession, orders: MarketOrders, hidden: HiddenParameters) -> OpenMarket:
    """The market at the opening second, first book published. Raises ValueError for orders that it cannot hold."""
    fields, count = orders.fields, len(orders.fields)
    _check_orders(session, fields)
    keys, price = (session.seed, session.parameters.symbol, session.day.isoformat()), open_price(session)
    state = new_state()
    set_rates(state, session.parameters, hidden)
    size = fields[:, P_SIDE] * orders.alpha_bps * price / TICK / 1e4
    alphas = Alphas(np.ascontiguousarray(fields[:, P_START]), size, np.maximum(orders.alpha_seconds, 1.0))
    path, margin = draw_path(session, alphas), 3 * DEPTH_LEVELS
    state.origin = max(0, int(price / TICK) - LADDER // 2)
    path[PRICE] = np.clip(path[PRICE] - state.origin, margin, LADDER - margin)
    state.path[:, : session.seconds + 1] = path
    state.seconds, state.parents = session.seconds, count
    state.parent[:count] = fields
    no_limit = fields[:, P_SIDE] * NOWHERE
    state.parent[:count, P_LIMIT] = np.where(fields[:, P_LIMIT] > 0, fields[:, P_LIMIT] - state.origin, no_limit)
    state.stream[0], state.hash_seed = stream_seed(*keys, "events"), stream_seed(*keys, "hash")
    state.second = -1
    _run(state, np.zeros((1, POLICY_NUMBERS)), no_guard(1), np.full(1, np.nan), 0)
    return OpenMarket(session, state)
