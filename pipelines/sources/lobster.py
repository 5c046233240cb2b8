"""LOBSTER (NASDAQ): every order-book event of a symbol and day, and the book after each.

A day is two CSV files without a header, as the archive's own read-me describes them, side by side or in one zip:
`TICKER_YYYY-MM-DD_START_END_message_LEVEL.csv` and `…_orderbook_LEVEL.csv`, row for row. They end in three nouns:

    book_events      one row a message; `sequence` is its place in the file, so equal times keep their order
    book_snapshots   the book after each message; an empty level (±9999999999) is null
    trades           executions: the resting side's opposite was the aggressor, of hidden orders, too

Prices are in 1/10,000 of a dollar; times are seconds after midnight in New York, read digit by digit, because a float
of seconds loses nanoseconds. Every recorded book is held against the one before and its message
(`lobster_book.py`); one that does not follow is an error that names the row. Levels that come into view were not in any
message: replay must not use them before that row.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from io import BytesIO
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from infra import calendar
from infra.markets import Market
from infra.tables import NOUNS
from pipelines.sources.columns import first_line
from pipelines.sources.file import SourceFile
from pipelines.sources.lobster_book import ABSENT, BookCheck, check_books
from pipelines.sources.lobster_files import Member, members_of, refused

KINDS = {1: "add", 2: "reduce", 3: "delete", 4: "execute", 5: "execute_hidden", 6: "cross"}
HALTS = {-1: "halt", 0: "resume_quotes", 1: "resume"}
HALT, EXECUTIONS = 7, (4, 5)
PRICE_UNIT, NS = 10_000.0, 1_000_000_000
Long = npt.NDArray[np.int64]
Float = npt.NDArray[np.float64]


def market_days(data: Path, market: Market) -> tuple[date, ...]:
    """Recorded sessions, ascending. Raises SourceError when there is none, SessionError for a file of a closed day."""
    return tuple(sorted({calendar.require_session(market, one.day) for one in members_of(data)}))


def _columns(member: Member, kinds: list[pa.DataType]) -> list[pa.ChunkedArray]:
    names = [f"c{number}" for number in range(len(kinds))]
    options = csv.ConvertOptions(column_types=dict(zip(names, kinds, strict=True)))
    try:
        rows = csv.read_csv(BytesIO(member.payload), csv.ReadOptions(column_names=names), convert_options=options)
    except pa.ArrowInvalid as error:
        raise refused(member.name, "cannot read CSV", first_line(error), f"{len(kinds)} columns of numbers") from error
    return [rows.column(name) for name in names]


def _times_ns(member: Member, text: pa.ChunkedArray, market: Market) -> Long:
    """UTC nanoseconds from `34200.004241176`, digit by digit."""
    is_time = pc.match_substring_regex(text, r"^\d{1,5}(\.\d{1,9})?$")
    if not pc.all(is_time).as_py():
        bad = pc.index(is_time, False).as_py()
        found = f"row {bad + 1}: {text[bad].as_py()!r}"
        raise refused(member.name, "time cannot be read", found, "seconds after midnight, nine digits at most")
    parts = pc.split_pattern(text, ".", max_splits=1)
    seconds = pc.list_element(parts, 0).cast(pa.int64()).to_numpy()
    digits = pc.replace_substring_regex(text, r"^\d+\.?", "")
    nanos = pc.utf8_rpad(digits, 9, "0").cast(pa.int64()).to_numpy()
    midnight = int(datetime.combine(member.day, time(), ZoneInfo(market.zone)).timestamp())
    return np.asarray((midnight + seconds) * NS + nanos, np.int64)


@dataclass(frozen=True)
class _Day:
    """Both files of a day as arrays: messages (n) and books (n, 2, depth, 2), side 0 the bid."""

    messages: Member
    orderbook: Member
    times: Long
    kinds: Long
    orders: Long
    shares: Long
    prices: Long
    directions: Long
    books: Long
    told: str


def _books(member: Member) -> Long:
    columns = _columns(member, [pa.int64()] * (4 * member.depth))
    flat = np.column_stack([column.to_numpy() for column in columns]).reshape(-1, member.depth, 2, 2)
    return np.ascontiguousarray(flat[:, :, ::-1, :].transpose(0, 2, 1, 3))


def _told(check: BookCheck) -> str:
    free = ", ".join(f"{depth} {row:,}" for depth, row in enumerate(check.rows_to_first_difference, 1))
    return (
        f"{check.transitions:,} books follow from the one before and their message: {check.levels_equal:,} levels "
        f"known and equal, {check.levels_different:,} different; {check.levels_revealed:,} came into view in "
        f"{check.rows_revealing:,} rows and are unknown until then; messages alone first differ at depth and row {free}"
    )


def _day(messages: Member, orderbook: Member, market: Market) -> _Day:
    text, *numbers = _columns(messages, [pa.string(), *[pa.int64()] * 5])
    kinds, orders, shares, prices, directions = (column.to_numpy() for column in numbers)
    books = _books(orderbook)
    if len(books) != len(kinds):
        found = f"{len(books):,} books, {len(kinds):,} messages"
        raise refused(orderbook.name, "books and messages differ in rows", found, "one book a message")
    strange = set(np.unique(kinds).tolist()) - {*KINDS, HALT}
    if strange or not np.isin(directions, (-1, 1)).all():
        raise refused(
            messages.name, "message of an unknown kind", sorted(strange) or "direction", "types 1 to 7, -1 and 1"
        )
    check = check_books(kinds, np.where(directions == 1, 0, 1), prices, shares, books)
    if check.levels_different:
        found = f"row {check.first_difference + 1}, {check.levels_different:,} levels"
        raise refused(
            orderbook.name, "book does not follow from the one before and its message", found, "0 differences"
        )
    times = _times_ns(messages, text, market)
    return _Day(messages, orderbook, times, kinds, orders, shares, prices, directions, books, _told(check))


def _table(noun: str, day: _Day, market: Market, known: dict[str, pa.Array], places: Long) -> pa.Table:
    times = day.times[places]
    known |= {
        "event_at": pa.array(times // 1000).cast(pa.timestamp("us", tz="UTC")),
        "event_at_ns": pa.array(times),
        "sequence": pa.array(places),
    }
    constant = {
        "market": market.name, "trade_date": day.messages.day, "currency": market.currency,
        "symbol": day.messages.symbol,
    }  # fmt: skip
    schema = pa.schema([pa.field(column.name, column.arrow_type) for column in NOUNS[noun].columns])
    arrays = [
        known.get(field.name, pa.repeat(pa.scalar(constant.get(field.name), field.type), len(places)))
        for field in schema
    ]
    return pa.table(arrays, schema=schema)


def _event_rows(day: _Day, market: Market, places: Long) -> pa.Table:
    is_halt = day.kinds == HALT
    words = [HALTS.get(int(price), "halt") if kind == HALT else KINDS[int(kind)] for kind, price in zip(
        day.kinds, day.prices, strict=True)]  # fmt: skip
    known = {
        "kind": pa.array(words),
        "order_id": pa.array([str(order) for order in day.orders], mask=is_halt | (day.orders == 0)),
        "side": pa.array(np.where(day.directions == 1, "bid", "ask").tolist(), mask=is_halt),
        "price": pa.array(day.prices / PRICE_UNIT, mask=is_halt),
        "shares": pa.array(day.shares.astype(np.float64), mask=is_halt),
    }
    return _table("book_events", day, market, known, places)


def _trade_rows(day: _Day, market: Market, places: Long) -> pa.Table:
    known = {
        "price": pa.array(day.prices[places] / PRICE_UNIT),
        "shares": pa.array(day.shares[places].astype(np.float64)),
        "aggressor_side": pa.array((-day.directions[places]).astype(np.int32)),
    }
    return _table("trades", day, market, known, places)


def _book_rows(day: _Day, market: Market, places: Long) -> pa.Table:
    known: dict[str, pa.Array] = {}
    for side, name in enumerate(("bid", "ask")):
        for level in range(min(day.books.shape[2], market.book_levels)):
            price, shares = day.books[:, side, level, 0], day.books[:, side, level, 1]
            is_absent = np.abs(price) == ABSENT
            known[f"{name}_price_{level + 1}"] = pa.array(price / PRICE_UNIT, mask=is_absent)
            known[f"{name}_shares_{level + 1}"] = pa.array(shares.astype(np.float64), mask=is_absent)
    return _table("book_snapshots", day, market, known, places)


def _source(noun: str, member: Member, rows: pa.Table, market: Market, places: Long, part: str = "") -> SourceFile:
    digest, known_at = hashlib.sha256(member.payload).hexdigest(), calendar.known_at(market, member.day)
    return SourceFile(noun, f"{member.name}{part}", digest, known_at, rows, places)


def read_day(data: Path, market: Market, day: date) -> list[SourceFile]:
    """Events, books and trades of every symbol recorded on the day.

    Raises SourceError: a file missing, damaged or refused, or a book that does not follow from the one before.
    """
    members = [one for one in members_of(data) if one.day == day]
    if not members:
        days = market_days(data, market)
        raise refused(
            f"{market.name} {day}", "day was not recorded", f"{len(days)} sessions", f"{days[0]} to {days[-1]}"
        )
    found: list[SourceFile] = []
    for symbol in sorted({one.symbol for one in members}):
        pair = {one.what: one for one in members if one.symbol == symbol}
        if len(pair) != 2:
            raise refused(f"{symbol} {day}", "file is missing", f"only {', '.join(pair)}", "message and orderbook")
        read = _day(pair["message"], pair["orderbook"], market)
        every, trades = np.arange(len(read.kinds)), np.flatnonzero(np.isin(read.kinds, EXECUTIONS))
        found += [
            _source("book_events", read.messages, _event_rows(read, market, every), market, every),
            _source("trades", read.messages, _trade_rows(read, market, trades), market, trades, "#executions"),
            replace(
                _source("book_snapshots", read.orderbook, _book_rows(read, market, every), market, every),
                notes=(read.told,),
            ),
        ]
    return found
