"""What a live session of the built-in market starts from: the symbols of one desk, their client orders, their markets.

Symbols are dealt out over the desks of a session, one after the other; each desk and its venue have their own copy of
the symbols that they own, so N desks of one session share no book. A symbol has one owner, hence a unit of assignment
(account, symbol, side, session) never straddles two desks, and the parts of a session can be put together as one day.

    >>> [dealt(("AURA", "BOLT", "CEDR"), number, 2) for number in (1, 2)]
    [('AURA', 'CEDR'), ('BOLT',)]
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import pyarrow as pa

from infra import calendar
from infra.errors import UsageError
from infra.markets import MARKETS, Market
from infra.settings import Settings
from models.market_live import LiveMarket, open_live
from models.market_path import MarketSession, expected_shares
from pipelines.arrow_rows import of_symbol
from pipelines.desk.client_orders import ORDERS_PER_SYMBOL, Expectation, client_orders
from pipelines.desk.hidden import hidden_parameters
from pipelines.desk.paper import VOLUME_BUCKETS, market_orders, symbol_sessions

NS = 1_000_000_000
LIVE_MARKET = "sample"


@dataclass(frozen=True)
class Share:
    """Which part of which session a desk works. number: 1 to of. orders_per_symbol: client orders of the session."""

    market: str
    day: date
    number: int
    of: int
    orders_per_symbol: int = ORDERS_PER_SYMBOL

    @property
    def desk(self) -> str:
        """The desk's name: `desk-3`."""
        return f"desk-{self.number}"


@dataclass(frozen=True)
class LiveDay:
    """The desk's sessions and client orders, symbol by symbol. open_ns: UTC nanoseconds of the open."""

    share: Share
    market: Market
    sessions: tuple[MarketSession, ...]
    orders: tuple[pa.Table, ...]
    open_ns: int

    @property
    def symbols(self) -> tuple[str, ...]:
        return tuple(session.parameters.symbol for session in self.sessions)

    @property
    def seconds(self) -> int:
        """Length of the session."""
        return self.sessions[0].seconds


def dealt(symbols: Sequence[str], number: int, of: int) -> tuple[str, ...]:
    """The symbols of desk `number` of `of`."""
    return tuple(symbols[number - 1 :: of])


def require_share(share: Share, symbols: int) -> None:
    """Raises UsageError for a desk that would have nothing to trade, or another market."""
    if share.market == LIVE_MARKET and 1 <= share.number <= share.of <= symbols:
        return
    raise UsageError(
        "no such desk",
        which=f"--market {share.market} --number {share.number} --of {share.of}",
        found=f"{symbols} symbols, of which each desk owns one or more",
        allowed=f"market {LIVE_MARKET}, a number from 1 to N, and N up to the number of symbols",
        next_step="start fewer desks, or set FILLWISE_SAMPLE_SYMBOLS higher",
    )


def live_day(settings: Settings, share: Share) -> LiveDay:
    """Sessions and orders of a share. Raises UsageError, and SessionError when the exchange is closed."""
    require_share(share, settings.sample_symbols)
    market = MARKETS[share.market]
    calendar.require_session(market, share.day)
    everything = symbol_sessions(settings, market, share.day)
    owned = dealt([one.parameters.symbol for one in everything], share.number, share.of)
    sessions = tuple(one for one in everything if one.parameters.symbol in owned)
    known = [
        Expectation(
            one.parameters.symbol, expected_shares(one.parameters, one.seconds, VOLUME_BUCKETS), one.previous_close
        )
        for one in sessions
    ]
    rows = client_orders(
        market,
        share.day,
        calendar.session_intervals_ns(market, share.day),
        known,
        settings.sample_seed,
        is_alpha_in_path=True,
        orders_per_symbol=share.orders_per_symbol,
    )
    open_ns = int(calendar.open_at(market, share.day).timestamp()) * NS
    return LiveDay(share, market, sessions, tuple(of_symbol(rows, symbol) for symbol in owned), open_ns)


def live_markets(settings: Settings, day: LiveDay) -> dict[str, LiveMarket]:
    """The venue's side of it: each symbol's market, with its hidden parameters, at the opening second."""
    hidden = hidden_parameters(settings.sample_seed)
    return {
        session.parameters.symbol: open_live(session, market_orders(orders, day.open_ns, day.market.lot_shares), hidden)
        for session, orders in zip(day.sessions, day.orders, strict=True)
    }
