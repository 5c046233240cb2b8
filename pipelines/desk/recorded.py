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

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from features.market_day import SymbolDay, symbol_day
from infra import calendar
from infra.errors import SourceError
from infra.markets import Market
from infra.tables import BRONZE
from models.impact import row_volume
from models.replay import FillBound, order_arrays, replay, replay_rules
from models.replay_tape import SessionClock
from models.version import PolicyInForce
from pipelines.bronze import bronze_rows
from pipelines.check_rows import check_rows
from pipelines.desk.client_orders import Expectation, client_orders
from pipelines.desk.recorded_log import WorkedSymbol, log_rows
from pipelines.policy_in_force import policy_in_force
from pipelines.sources.catalog import Folders, delivered_days, read_delivered
from pipelines.sources.file import SourceFile
from pipelines.step import StepContext

Float = npt.NDArray[np.float64]
BOOKS = "book_snapshots"
FILL_BOUND: FillBound = "trade_through"
BUCKET_SECONDS = 600
"""Ten minutes: twenty buckets of a recorded session, enough for the shape of the day, few enough not to be noise."""


@dataclass(frozen=True)
class RecordedBook:
    """One symbol's session and the previous close."""

    day: SymbolDay
    previous_close: float


def _book(symbol: str, rows: pa.Table, levels: int) -> RecordedBook:
    day = symbol_day(symbol, rows, None, levels)
    close = pc.drop_null(rows.column("previous_close_price"))
    reference = float(close[0].as_py()) if len(close) else float(day.mid[np.isfinite(day.mid)][0])
    return RecordedBook(day, reference)


def _usable_rows(files: Sequence[SourceFile], market: Market, day: date) -> pa.Table:
    """Rows that `validate` will keep too. Raises SourceError when there are none."""
    books = [file for file in files if file.noun == BOOKS]
    arrived = bronze_rows(books) if books else BRONZE[BOOKS].arrow_schema.empty_table()
    good = check_rows(BOOKS, arrived, market, day).good
    if good.num_rows == 0:
        raise SourceError(
            "empty day",
            which=f"{', '.join(file.name for file in books) or 'book_snapshots'} {market.name} {day}",
            found=f"{arrived.num_rows:,} rows, of which the checks keep none",
            allowed="1 good book row or more",
            next_step="have the file delivered again, or leave the day out",
        )
    return good.sort_by([(name, "ascending") for name in ("symbol", "event_at_ns", "sequence")])


def recorded_books(files: Sequence[SourceFile], market: Market, day: date) -> dict[str, RecordedBook]:
    """Books of one recorded session by symbol, ascending. Raises SourceError when the checks keep no row."""
    rows = _usable_rows(files, market, day)
    symbols = sorted(pc.unique(rows.column("symbol")).to_pylist())
    return {
        symbol: _book(symbol, rows.filter(pc.equal(rows.column("symbol"), symbol)).combine_chunks(), market.book_levels)
        for symbol in symbols
    }


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


def _worked(
    market: Market, day: date, books: Mapping[str, RecordedBook], orders: pa.Table, policy: PolicyInForce
) -> Iterator[WorkedSymbol]:
    intervals = calendar.session_intervals_ns(market, day)
    rules = replay_rules(market, FILL_BOUND, intervals)
    for symbol, book in books.items():
        mine = order_arrays(orders.filter(pc.equal(orders.column("symbol"), symbol)))
        signal = _signal(book.day, policy, intervals)
        yield WorkedSymbol(symbol, mine, replay(book.day, mine, policy.parameters, rules, signal).log, FILL_BOUND)


def _signal(day: SymbolDay, policy: PolicyInForce, intervals: Sequence[tuple[int, int]]) -> Float | None:
    if policy.signal is None or not policy.parameters.reads_signal:
        return None
    from features.engine import FEATURE_NAMES, compute_features

    columns = [FEATURE_NAMES.index(name) for name in policy.signal.feature_names]
    return policy.signal.decision_bps(compute_features(day, intervals)[:, columns])


def work_day(context: StepContext, day: date) -> Mapping[str, pa.Table]:
    """Noun -> rows: `parent_orders`, `decisions`, `child_orders`, `fills` of one recorded session.

    Nothing at all where parent orders were delivered: then the desk that we learn from is the user's own. Raises
    SourceError when the folder or the day is missing, SessionError when the exchange is closed.
    """
    market = context.market
    calendar.require_session(market, day)
    policy = policy_in_force(context.settings, market, day)
    files = read_delivered(Folders(context.data, context.drop_root), market, day)
    if any(file.noun == "parent_orders" for file in files):
        return {}
    books = recorded_books(files, market, day)
    orders = client_orders(
        market,
        day,
        calendar.session_intervals_ns(market, day),
        _expectations(context, day, books),
        context.settings.sample_seed,
        is_alpha_in_path=False,
    )
    return {"parent_orders": orders, **log_rows(market, day, _worked(market, day, books, orders, policy), policy)}
