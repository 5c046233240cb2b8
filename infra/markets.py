"""Markets, declared once: calendar, zone, currency, hours, tick, lot, fees.

    >>> MARKETS["sample"].currency
    'USD'

Fees are in bps of notional; `sell_tax_bps` is paid by the seller only (stamp duty on A-shares). A maker fee
below zero is a rebate.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import time


@dataclass(frozen=True)
class Fees:
    """What a fill costs beside its price, in bps of its notional."""

    maker_bps: float
    taker_bps: float
    sell_tax_bps: float = 0.0


@dataclass(frozen=True)
class Market:
    """One market. `sessions` are local opening intervals in which decisions are taken.

    `sources`: files of `pipelines/sources/` that bring its nouns, all of them together.
    `night_deadline`: local time of the next morning by which the night must be done.
    `close_lag_minutes`: a day's files are known this long after the close when the source says nothing better.
    `closing_auction_seconds`: the closing auction begins so long before the close (0: a cross at it; None: none).
    `books_show_own_orders`: the recorder keeps our own orders and prints, so features are computed without them.
    `is_traded_by_desk`: the paper desk works the day's orders in step `trade`.
    `orders`: what its parent orders and books are, as every page and printout says beside a result.
    """

    name: str
    calendar: str
    zone: str
    currency: str
    sessions: tuple[tuple[time, time], ...]
    tick: float
    lot_shares: int
    fees: Fees
    book_levels: int
    snapshot_seconds: float
    close_lag_minutes: int
    night_cron: str
    night_deadline: time
    closing_auction_seconds: int | None
    books_show_own_orders: bool
    is_traded_by_desk: bool
    orders: str
    sources: tuple[str, ...]


MARKETS: dict[str, Market] = {
    "sample": Market(
        name="sample",
        calendar="XNYS",
        zone="America/New_York",
        currency="USD",
        sessions=((time(9, 30), time(16, 0)),),
        tick=0.01,
        lot_shares=100,
        fees=Fees(maker_bps=-0.2, taker_bps=0.3),
        book_levels=10,
        snapshot_seconds=5.0,
        close_lag_minutes=15,
        night_cron="30 17 * * *",
        night_deadline=time(7, 0),
        closing_auction_seconds=None,
        books_show_own_orders=False,
        is_traded_by_desk=True,
        orders="synthetic orders on the built-in market",
        sources=("sample",),
    ),
    "ashare": Market(
        name="ashare",
        calendar="XSHG",
        zone="Asia/Shanghai",
        currency="CNY",
        sessions=((time(9, 40), time(11, 20)), (time(13, 10), time(14, 50))),
        tick=0.01,
        lot_shares=100,
        fees=Fees(maker_bps=0.7, taker_bps=0.7, sell_tax_bps=5.0),
        book_levels=5,
        snapshot_seconds=3.0,
        close_lag_minutes=15,
        night_cron="30 16 * * *",
        night_deadline=time(7, 0),
        closing_auction_seconds=180,
        books_show_own_orders=False,
        is_traded_by_desk=True,
        orders="synthetic orders on recorded books",
        sources=("ashare", "drop"),
    ),
    "b3": Market(
        name="b3",
        calendar="BVMF",
        zone="America/Sao_Paulo",
        currency="BRL",
        sessions=((time(10, 5), time(16, 50)),),
        tick=0.01,
        lot_shares=100,
        fees=Fees(maker_bps=0.5, taker_bps=0.5),
        book_levels=1,
        snapshot_seconds=60.0,
        close_lag_minutes=15,
        night_cron="30 18 * * *",
        night_deadline=time(7, 0),
        closing_auction_seconds=300,
        books_show_own_orders=False,
        is_traded_by_desk=False,
        orders="recorded trades and best quotes",
        sources=("b3",),
    ),
    "lobster": Market(
        name="lobster",
        calendar="XNYS",
        zone="America/New_York",
        currency="USD",
        sessions=((time(9, 30), time(16, 0)),),
        tick=0.01,
        lot_shares=100,
        fees=Fees(maker_bps=-0.2, taker_bps=0.3),
        book_levels=10,
        snapshot_seconds=60.0,
        close_lag_minutes=15,
        night_cron="30 17 * * *",
        night_deadline=time(7, 0),
        closing_auction_seconds=0,
        books_show_own_orders=False,
        is_traded_by_desk=False,
        orders="recorded order-book events",
        sources=("lobster",),
    ),
    "own": Market(
        name="own",
        calendar="XNYS",
        zone="America/New_York",
        currency="USD",
        sessions=((time(9, 30), time(16, 0)),),
        tick=0.01,
        lot_shares=1,
        fees=Fees(maker_bps=-0.2, taker_bps=0.3),
        book_levels=10,
        snapshot_seconds=60.0,
        close_lag_minutes=15,
        night_cron="30 17 * * *",
        night_deadline=time(7, 0),
        closing_auction_seconds=0,
        books_show_own_orders=True,
        is_traded_by_desk=True,
        orders="your own files; synthetic orders where you bring none",
        sources=("files", "fix", "drop"),
    ),
}
