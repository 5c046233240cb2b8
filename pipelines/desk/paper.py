"""The paper desk on the built-in market: one session of all symbols, worked by the policy in force.

Client orders are drawn, each symbol's market is opened with them, and the policy decides for every active order each
half-minute (`models.policy.decide`, the same compiled rule as in replay and on the live desk). A policy that reads no
signal lets a symbol's whole day run in one compiled call. One that does is run half a minute at a time, all
symbols together: features of the published books so far, one prediction for all symbols, then the decisions.

Orders are drawn into arms when they arrive (`assigned.py`), and each is worked by its arm's policy, side by side in one
book; arms never trade with each other, because own orders never cross own orders. Limits of a version hold over all
symbols, so where there are any the symbols are run together too, and are asked in their order at each half-minute.

The market behind it has hidden parameters (`hidden.py`). What comes out are the eight nouns; the books and trades
among them are what the desk's recorder keeps, without our own orders and prints.

A day depends on seed, symbol, session and the production alone: not on other days, nor, unless a limit over all symbols
is hit, on how many symbols trade.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from features.market_day import SymbolDay, symbol_day
from infra import calendar
from infra.errors import SessionError
from infra.markets import Market
from infra.settings import Settings
from models.market import MarketOrders, OpenMarket, open_market, run_together
from models.market_desk import STEP_SECONDS
from models.market_parameters import FULL_SESSION_SECONDS, SAMPLE_SYMBOLS, TICK, shifted
from models.market_path import MarketSession, expected_shares
from models.market_state import P_END, P_LEFT, P_LIMIT, P_LOTS, P_POLICY, P_SIDE, P_START, P_URGENCY, PARENT_FIELDS
from models.production import Production, guards_of
from pipelines.arrow_rows import of_symbol
from pipelines.desk.assigned import ArrivalFacts, assigned, policy_places
from pipelines.desk.client_orders import ORDERS_PER_SYMBOL, Expectation, client_orders
from pipelines.desk.hidden import hidden_parameters
from pipelines.desk.paper_log import VENUE, desk_rows
from pipelines.desk.paper_market import market_rows
from pipelines.desk.served import NO_KNOWLEDGE, DeskKnowledge, Served, serve, served_rows
from pipelines.desk.shadow import DECISIONS, shadow_rows

NS = 1_000_000_000
VOLUME_BUCKETS = 78
"""Five minutes each on a full day: fine enough for the U shape."""


def symbol_sessions(settings: Settings, market: Market, day: date) -> tuple[MarketSession, ...]:
    """The symbols that trade on a day. Raises SessionError for a session that the built-in market cannot hold."""
    seconds = int((calendar.close_at(market, day) - calendar.open_at(market, day)).total_seconds())
    if seconds > FULL_SESSION_SECONDS or seconds % STEP_SECONDS:
        raise SessionError(
            "session has a length that the built-in market cannot hold",
            which=f"{market.name} {day}",
            found=f"{seconds} s",
            allowed=f"a multiple of {STEP_SECONDS} s up to {FULL_SESSION_SECONDS} s",
            next_step="run another day",
        )
    previous = calendar.sessions_until(market, day - timedelta(days=1), 1)[-1]
    symbols = SAMPLE_SYMBOLS[: settings.sample_symbols]
    if settings.sample_shift_from and day >= date.fromisoformat(settings.sample_shift_from):
        symbols = tuple(shifted(one) for one in symbols)
    return tuple(MarketSession(parameters, settings.sample_seed, day, previous, seconds) for parameters in symbols)


def session_orders(
    market: Market, sessions: Sequence[MarketSession], orders_per_symbol: int = ORDERS_PER_SYMBOL
) -> pa.Table:
    """The day's `parent_orders` of these symbols; the market's price will carry their planted alpha."""
    day, known = sessions[0].day, []
    for one in sessions:
        volume = expected_shares(one.parameters, one.seconds, VOLUME_BUCKETS)
        known.append(Expectation(one.parameters.symbol, volume, one.previous_close))
    intervals = calendar.session_intervals_ns(market, day)
    seed = sessions[0].seed
    return client_orders(
        market, day, intervals, known, seed, is_alpha_in_path=True, orders_per_symbol=orders_per_symbol
    )


def market_orders(
    orders: pa.Table, open_ns: int, lot_shares: int, policies: npt.NDArray[np.int64] | None = None
) -> MarketOrders:
    """Rows of `parent_orders` of one symbol, as the market model takes them. policies (n): who works each."""
    fields = np.zeros((orders.num_rows, PARENT_FIELDS), np.int64)
    fields[:, P_SIDE] = [1 if side == "buy" else -1 for side in orders.column("side").to_pylist()]
    fields[:, P_LOTS] = fields[:, P_LEFT] = np.rint(orders.column("order_shares").to_numpy() / lot_shares)
    for field, name in ((P_START, "instructed_start_at"), (P_END, "instructed_end_at")):
        microseconds = orders.column(name).cast(pa.int64()).to_numpy()
        fields[:, field] = (microseconds * 1_000 - open_ns) // NS
    limits = orders.column("limit_price").to_numpy()
    fields[:, P_LIMIT] = np.rint(np.where(np.isnan(limits), 0.0, limits) / TICK)
    fields[:, P_URGENCY] = orders.column("urgency").to_numpy()
    fields[:, P_POLICY] = 0 if policies is None else policies
    return MarketOrders(
        fields,
        np.array(orders.column("planted_alpha_bps").to_numpy()),
        np.array(orders.column("planted_alpha_seconds").to_numpy()),
    )


def _by_symbol(orders: pa.Table, symbols: Sequence[str]) -> tuple[pa.Table, ...]:
    column = np.array(orders.column("symbol").to_pylist())
    return tuple(orders.take(pa.array(np.flatnonzero(column == symbol))) for symbol in symbols)


def _run(
    market: Market, markets: Sequence[OpenMarket], production: Production, open_ns: int, knowledge: DeskKnowledge
) -> dict[str, Served] | None:
    """Works the day; the vectors that signals were given by symbol, None where no policy reads one."""
    policies, symbols = production.policies, [one.session.parameters.symbol for one in markets]
    guards = guards_of(production, symbols, VENUE, market.fees)
    if any(policy.parameters.reads_signal and policy.signal is not None for policy in policies):
        from pipelines.desk.paper_signal import run_with_signals

        return dict(zip(symbols, run_with_signals(markets, policies, open_ns, guards, knowledge.before), strict=True))
    parameters, seconds = np.stack([policy.parameters.to_array() for policy in policies]), markets[0].session.seconds
    for until in range(STEP_SECONDS, seconds + 1, STEP_SECONDS) if production.is_limited else (seconds,):
        run_together(markets, guards, parameters, until)
    return None


def _books(market: Market, rows: Mapping[str, pa.Table], symbols: Sequence[str]) -> dict[str, SymbolDay]:
    """The published session of each symbol."""
    books, trades = rows["book_snapshots"], rows["trades"]
    return {
        symbol: symbol_day(symbol, of_symbol(books, symbol), of_symbol(trades, symbol), market.book_levels)
        for symbol in symbols
    }


def _served(
    market: Market,
    day: date,
    given: Mapping[str, Served] | None,
    rows: Mapping[str, pa.Table],
    books: Mapping[str, SymbolDay],
    knowledge: DeskKnowledge,
) -> pa.Table:
    """`served_features` at every instant of a decision: what was given, else what the feed makes of the day's rows."""
    decided = sorted(set(rows["decisions"]["symbol"].to_pylist()))
    at = {symbol: _instants(rows, symbol) for symbol in decided}
    if given is not None:
        found = [one.as_of(at[symbol]) for symbol, one in given.items() if symbol in at]
        return served_rows(market, day, found, knowledge)
    intervals = calendar.session_intervals_ns(market, day)
    found = [serve(books[symbol], intervals, knowledge.before(symbol), at[symbol]) for symbol in decided]
    return served_rows(market, day, found, knowledge)


def _instants(rows: Mapping[str, pa.Table], symbol: str) -> npt.NDArray[np.int64]:
    """Times of a symbol's decisions, those of a version in its shadow among them."""
    nouns = [rows[noun] for noun in ("decisions", DECISIONS) if noun in rows]
    return np.unique(np.concatenate([of_symbol(noun, symbol)["event_at_ns"].to_numpy() for noun in nouns]))


def work_day(
    settings: Settings, market: Market, day: date, production: Production, knowledge: DeskKnowledge = NO_KNOWLEDGE
) -> Mapping[str, pa.Table]:
    """Noun -> rows of one session of the built-in market, worked by the arms of `production`.

    Raises SessionError when the exchange is closed on `day`.
    """
    calendar.require_session(market, day)
    sessions = symbol_sessions(settings, market, day)
    orders = session_orders(market, sessions, settings.sample_orders)
    open_ns = int(calendar.open_at(market, day).timestamp()) * NS
    hidden = hidden_parameters(settings.sample_seed)
    symbols = [one.parameters.symbol for one in sessions]
    closes = {one.parameters.symbol: one.previous_close for one in sessions}
    drawn = assigned(production, market, day, orders, lambda order: ArrivalFacts(closes[order["symbol"]]))
    parts, drawn_parts = _by_symbol(orders, symbols), _by_symbol(drawn, symbols)
    markets = [
        open_market(one, market_orders(part, open_ns, market.lot_shares, policy_places(production, arms)), hidden)
        for one, part, arms in zip(sessions, parts, drawn_parts, strict=True)
    ]
    given = _run(market, markets, production, open_ns, knowledge)
    rows = {
        **market_rows(market, day, markets, open_ns),
        "parent_orders": orders,
        "assignments": drawn,
        **desk_rows(market, day, markets, parts, drawn_parts, production, open_ns),
    }
    books = _books(market, rows, symbols) if given is None or production.shadow else {}
    rows |= shadow_rows(market, day, production, books, rows, knowledge, given)
    return {**rows, "served_features": _served(market, day, given, rows, books, knowledge)}
