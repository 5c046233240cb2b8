"""The paper desk on a recorded market: synthetic client orders worked on real books by the policy in force.

Nothing that we do changes the recording, so fills follow a stated model, the pessimistic bound `trade_through` of
`models/replay.py`, and the planted alpha of the orders and our own stated impact are overlaid on the prices that an
order sees (`is_alpha_in_path` is False). Say "synthetic orders on recorded books" wherever results are shown.

The volume that a client expects is that of the recorded session before; for a symbol that was missing there, and on the
first recorded session, that of the session itself. No leak into a policy: it sizes the client's order only.

    >>> BUCKET_SECONDS
    600
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from features.market_day import SymbolDay, symbol_day
from features.outside import SESSIONS_BACK
from infra import calendar
from infra.errors import SourceError
from infra.markets import Market
from infra.tables import BRONZE, SILVER
from models.impact import row_volume
from models.production import Production
from models.replay_tape import SessionClock
from pipelines.arrow_rows import of_symbol
from pipelines.bronze import bronze_rows
from pipelines.check_rows import check_rows
from pipelines.desk.assigned import ArrivalFacts, assigned
from pipelines.desk.client_orders import Expectation, client_orders
from pipelines.desk.recorded_log import log_rows
from pipelines.desk.recorded_work import worked_symbols
from pipelines.desk.shadow import shadow_rows
from pipelines.policy_in_force import production_of
from pipelines.sources.catalog import Folders, delivered_days, read_delivered
from pipelines.sources.file import SourceFile
from pipelines.step import StepContext
from pipelines.symbol_days import desk_knowledge

Float = npt.NDArray[np.float64]
BOOKS = "book_snapshots"
NOTHING_HEARD = (
    SILVER["signals"]
    .arrow_schema.empty_table()
    .select(["symbol", "event_at_ns", "received_at", "known_at", "signal", "value"])
)
IN_TIME = [("event_at_ns", "ascending"), ("sequence", "ascending")]
BUCKET_SECONDS = 600
"""Ten minutes: twenty buckets of a recorded session, enough for the shape of the day, few enough not to be noise."""


@dataclass(frozen=True)
class RecordedBook:
    """One symbol's session and the previous close."""

    day: SymbolDay
    previous_close: float


def _book(symbol: str, rows: Mapping[str, pa.Table], levels: int) -> RecordedBook:
    mine = {noun: of_symbol(table, symbol) for noun, table in rows.items()}
    day = symbol_day(symbol, mine[BOOKS], mine["trades"], levels, mine["signals"])
    close = pc.drop_null(mine[BOOKS].column("previous_close_price"))
    reference = float(close[0].as_py()) if len(close) else float(day.mid[np.isfinite(day.mid)][0])
    return RecordedBook(day, reference)


def _arrived(files: Sequence[SourceFile], noun: str) -> pa.Table:
    of_noun = [file for file in files if file.noun == noun]
    return bronze_rows(of_noun) if of_noun else BRONZE[noun].arrow_schema.empty_table()


def _good_rows(files: Sequence[SourceFile], noun: str, market: Market, day: date) -> pa.Table:
    """Rows of a noun that `validate` will keep too."""
    return check_rows(noun, _arrived(files, noun), market, day).good


def _usable_rows(files: Sequence[SourceFile], market: Market, day: date) -> pa.Table:
    """Book rows that `validate` will keep too. Raises SourceError when there are none."""
    books, arrived = [file for file in files if file.noun == BOOKS], _arrived(files, BOOKS)
    good = _good_rows(files, BOOKS, market, day)
    if good.num_rows == 0:
        raise SourceError(
            "empty day",
            which=f"{', '.join(file.name for file in books) or 'book_snapshots'} {market.name} {day}",
            found=f"{arrived.num_rows:,} rows, of which the checks keep none",
            allowed="1 good book row or more",
            next_step="have the file delivered again, or leave the day out",
        )
    return good.sort_by([("symbol", "ascending"), *IN_TIME])


def recorded_books(
    files: Sequence[SourceFile], market: Market, day: date, heard: pa.Table = NOTHING_HEARD
) -> dict[str, RecordedBook]:
    """Books, with trades and outside series, of one recorded session by symbol, ascending.

    heard: outside rows of earlier sessions. Raises SourceError when the checks keep no book row.
    """
    signals = _good_rows(files, "signals", market, day).select(heard.column_names).cast(heard.schema)
    rows = {
        BOOKS: _usable_rows(files, market, day),
        "trades": _good_rows(files, "trades", market, day).sort_by(
            [("event_at_ns", "ascending"), ("sequence", "ascending")]
        ),
        "signals": pa.concat_tables([heard, signals]),
    }
    symbols = sorted(pc.unique(rows[BOOKS].column("symbol")).to_pylist())
    return {symbol: _book(symbol, rows, market.book_levels) for symbol in symbols}


def bucket_volume(day: SymbolDay, intervals_ns: Sequence[tuple[int, int]]) -> Float:
    """(b) shares traded in equal parts of the decision time, `BUCKET_SECONDS` each."""
    clock, seconds = SessionClock(tuple(intervals_ns)), sum(end - start for start, end in intervals_ns) / 1e9
    count = max(1, round(seconds / BUCKET_SECONDS))
    inside = clock.is_open(day.times_ns)
    bucket = np.minimum(clock.to_clock(day.times_ns[inside]) / 1e9 / seconds * count, count - 1).astype(np.int64)
    return np.bincount(bucket, np.nan_to_num(row_volume(day)[inside]), minlength=count).astype(np.float64)


def _books_before(context: StepContext, day: date) -> tuple[Mapping[str, RecordedBook], date]:
    """Books of the recorded session before, and its day; none, and the day itself, on the first one."""
    folders, market = Folders(context.data, context.drop_root), context.market
    earlier = [recorded for recorded in delivered_days(folders, market) if recorded < day]
    if not earlier:
        return {}, day
    return recorded_books(read_delivered(folders, market, earlier[-1]), market, earlier[-1]), earlier[-1]


def _expectations(context: StepContext, day: date, books: Mapping[str, RecordedBook]) -> list[Expectation]:
    market = context.market
    known, when = _books_before(context, day)
    before, today = (calendar.session_intervals_ns(market, session) for session in (when, day))
    return [
        Expectation(
            symbol,
            bucket_volume(known[symbol].day, before) if symbol in known else bucket_volume(book.day, today),
            book.previous_close,
        )
        for symbol, book in books.items()
    ]


def _at_arrival(book: RecordedBook, order: Mapping[str, Any]) -> ArrivalFacts:
    """Mid and both sides of the book as the order arrives; no mid, no two-sided book."""
    row = int(np.searchsorted(book.day.times_ns, order["event_at_ns"], side="right")) - 1
    mid = float(book.day.mid[row]) if row >= 0 else float("nan")
    is_known = bool(np.isfinite(mid))
    return ArrivalFacts(mid if is_known else book.previous_close, has_two_sided_book=is_known)


def _heard_before(context: StepContext, day: date) -> pa.Table:
    """Outside rows of the sessions before that still stand."""
    table, market = SILVER["signals"], context.market.name
    earlier = [one for one in context.lake.days(table, market) if one < day][-SESSIONS_BACK:]
    return context.lake.read(table, market, earlier, NOTHING_HEARD.column_names)


def work_day(context: StepContext, day: date, production: Production | None = None) -> Mapping[str, pa.Table]:
    """Noun -> rows of one recorded session: orders, assignments, decisions, served features, child orders, fills.

    production: what works the orders; what the ledger says of the day where it is not given.

    Nothing at all where parent orders were delivered: then the desk that we learn from is the user's own. Raises
    SourceError when the folder or the day is missing, SessionError when the exchange is closed.
    """
    market = context.market
    calendar.require_session(market, day)
    working = production or production_of(context.settings, market, day)
    files = read_delivered(Folders(context.data, context.drop_root), market, day)
    if any(file.noun == "parent_orders" for file in files):
        return {}
    books = recorded_books(files, market, day, _heard_before(context, day))
    orders = client_orders(
        market,
        day,
        calendar.session_intervals_ns(market, day),
        _expectations(context, day, books),
        context.settings.sample_seed,
        is_alpha_in_path=False,
    )
    knowledge = desk_knowledge(context.lake, market, day)
    drawn = assigned(working, market, day, orders, lambda order: _at_arrival(books[order["symbol"]], order))
    days = {symbol: book.day for symbol, book in books.items()}
    worked = worked_symbols(market, day, days, orders, drawn, working, knowledge)
    rows = {"parent_orders": orders, "assignments": drawn, **log_rows(market, day, worked, working, knowledge)}
    return {**rows, **shadow_rows(market, day, working, days, rows, knowledge)}
