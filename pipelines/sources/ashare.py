"""Recorded A-shares: 56 days of five-level books of ten anonymous symbols, `date=00.parquet` to `date=55.parquet`.

The recorder hid prices and sizes behind one factor each; both come back exactly and are checked in every
file (`pipelines/sources/ashare_scale.py`).

A level with value 0 and size 0 is not there (locked limit-up has no ask side) and becomes null; value 0 with a size
is a real price equal to the previous close.

What cannot be recovered: calendar dates (ordinals only: see `session_of`), names, opening and closing auctions and
the first ten minutes, anything between two snapshots, shares and side of the trades (`amount_delta` is unsigned
money, so `traded_shares` stays null). The recorder's `label_*` columns are answers and are never read.

    >>> from infra.markets import MARKETS
    >>> session_of(MARKETS["ashare"], 0), session_of(MARKETS["ashare"], 55)
    (datetime.date(2024, 1, 2), datetime.date(2024, 3, 27))
"""

from __future__ import annotations

import re
from datetime import date, datetime, time
from functools import lru_cache
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from infra import calendar
from infra.errors import ContractError, SourceError
from infra.markets import Market
from infra.tables import NOUNS
from infra.tables.columns import Kind
from pipelines.sources.ashare_scale import SHARE_COUNTS, previous_close_ticks, whole_shares
from pipelines.sources.columns import accepts, first_line, suggestions
from pipelines.sources.file import SourceFile, parse_parquet
from pipelines.sources.payload import read_payload

Float = npt.NDArray[np.float64]
Long = npt.NDArray[np.int64]

FIRST_SESSION = date(2024, 1, 2)
FILE_NAME = re.compile(r"date=(\d+)\.parquet")
_SIDED = [(side, level) for side in ("bid", "ask") for level in range(1, 6)]
PRICES = {"last_price": "n_close", **{f"{side}_price_{level}": f"n_{side}{level}" for side, level in _SIDED}}
SIZES = {f"{side}_shares_{level}": f"n_{side[0]}size{level}" for side, level in _SIDED}
KINDS: dict[str, Kind] = {"date": "long", "sym": "long", "time": "string"}
COLUMNS = ["date", "time", "sym", "amount_delta", *PRICES.values(), *SIZES.values()]


@lru_cache(maxsize=4)
def _sessions(market: Market) -> tuple[date, ...]:
    return calendar.sessions(market, FIRST_SESSION, calendar.horizon(market))


def session_of(market: Market, ordinal: int) -> date:
    """The business day that stands for an ordinal: 2024-01-02 for 0, then the exchange's next sessions.

    This is the one place that says so. The true dates are unknown, so weekdays, month ends and holidays of these
    days are evidence of nothing; only their order is real.
    """
    return _sessions(market)[ordinal]


def _recorded(data: Path, market: Market) -> dict[date, Path]:
    found = [(FILE_NAME.fullmatch(path.name), path) for path in sorted(data.glob("date=*.parquet"))]
    days = {session_of(market, int(match[1])): path for match, path in found if match}
    if not days:
        raise SourceError(
            "no recorded session",
            which=data,
            found="no file date=NN.parquet" if data.is_dir() else "no such folder",
            allowed="a folder with date=00.parquet and so on",
            next_step="name the folder with --data",
        )
    return days


def market_days(data: Path, market: Market) -> tuple[date, ...]:
    """Recorded sessions, ascending. Raises SourceError when the folder is missing or holds none."""
    return tuple(sorted(_recorded(data, market)))


def _read_columns(path: Path, ordinal: int) -> tuple[pa.Table, str]:
    payload, digest = read_payload(path)
    rows = parse_parquet(path, payload)
    present = {field.name: field.type for field in rows.schema}
    missing = [name for name in COLUMNS if name not in present]
    retyped = [name for name in COLUMNS if name in present and not accepts(KINDS.get(name, "double"), present[name])]
    if missing or retyped:
        extra = [name for name in present if name not in COLUMNS]
        raise ContractError(
            "recorded columns are not the known ones",
            which=path,
            found=f"missing {', '.join(missing)}" if missing else f"{retyped[0]!r} of type {present[retyped[0]]}",
            allowed=f"numbers in {', '.join(COLUMNS[3:6])} and the others; text in time",
            next_step=suggestions(missing, extra) or "deliver the recorded file again",
        )
    strange = set(pc.unique(rows["date"]).to_pylist()) - {ordinal}
    strange |= set(pc.unique(rows["sym"]).to_pylist()) - set(SHARE_COUNTS)
    if strange:
        raise ContractError(
            "file holds another day or an unknown symbol",
            which=path,
            found=sorted(map(str, strange))[:3],
            allowed=f"date {ordinal}, symbols {min(SHARE_COUNTS)} to {max(SHARE_COUNTS)}",
            next_step="deliver the recorded file again",
        )
    return rows.select(COLUMNS), digest


def _event_ns(path: Path, rows: pa.Table, market: Market, day: date) -> Long:
    try:
        stamps = pc.strptime(rows["time"].cast(pa.string()), "%H:%M:%S", "s", error_is_null=False)
        if stamps.null_count:
            raise pa.ArrowInvalid(f"{stamps.null_count} rows without a time")
    except pa.ArrowInvalid as error:
        raise ContractError(
            "time cannot be read",
            which=f"{path}, column 'time'",
            found=first_line(error),
            allowed="local times as 09:40:03",
            next_step="deliver the recorded file again",
        ) from error
    seconds: Long = pc.cast(stamps, pa.int64()).to_numpy() % 86_400
    midnight = datetime.combine(day, time(), ZoneInfo(market.zone)).timestamp()
    return (int(midnight) + seconds) * 1_000_000_000


def _sequence(symbols: Long, times_ns: Long) -> Long:
    """(n) 0, 1, … for rows of one symbol that carry the same time, in the file's order."""
    order = np.lexsort((np.arange(len(symbols)), times_ns, symbols))
    is_first = np.ones(len(order), dtype=bool)
    is_first[1:] = (np.diff(symbols[order]) != 0) | (np.diff(times_ns[order]) != 0)
    starts = np.maximum.accumulate(np.where(is_first, np.arange(len(order)), 0))
    sequence = np.empty(len(order), np.int64)
    sequence[order] = np.arange(len(order)) - starts
    return sequence


def _recovered(path: Path, rows: pa.Table, market: Market) -> dict[str, pa.Array]:
    """Prices in currency and sizes in shares by declared column name, null where a level is not there.

    What is no number in the file stays none, so that the checks refuse its row and not the whole day.
    """
    symbols = rows["sym"].to_numpy()
    raw = {name: rows[name].to_numpy() for name in (*PRICES.values(), *SIZES.values())}
    found = {name: np.empty(rows.num_rows) for name in (*PRICES, *SIZES, "previous_close_price")}
    ticks_per_unit = round(1 / market.tick)
    for number in np.unique(symbols):
        at, symbol = symbols == number, f"SYM{number:02d}"
        values = {name: raw[source][at] for name, source in PRICES.items()}
        prices = np.concatenate(list(values.values()))
        ticks = previous_close_ticks(path.name, symbol, np.unique(prices[np.isfinite(prices)]))
        found["previous_close_price"][at] = ticks / ticks_per_unit
        for name in PRICES:
            found[name][at] = np.rint((1.0 + values[name]) * ticks) / ticks_per_unit
        for name, source in SIZES.items():
            found[name][at] = whole_shares(path.name, symbol, raw[source][at], SHARE_COUNTS[int(number)])
    absent = dict[str, npt.NDArray[np.bool_]]()
    for side, level in _SIDED:
        price, size = f"{side}_price_{level}", f"{side}_shares_{level}"
        absent[price] = absent[size] = (raw[PRICES[price]] == 0.0) & (raw[SIZES[size]] == 0.0)
    return {name: pa.array(values, mask=absent.get(name)) for name, values in found.items()}


def _as_noun(path: Path, rows: pa.Table, market: Market, day: date) -> pa.Table:
    times_ns, symbols = _event_ns(path, rows, market, day), rows["sym"].to_numpy().astype(np.int64)
    known = {
        "symbol": pa.array([f"SYM{number:02d}" for number in range(10)]).take(pa.array(symbols)),
        "event_at": pa.array(times_ns // 1000, pa.timestamp("us", tz="UTC")),
        "event_at_ns": pa.array(times_ns),
        "sequence": pa.array(_sequence(symbols, times_ns)),
        "traded_notional": rows["amount_delta"],
        **_recovered(path, rows, market),
    }
    constant = {"market": market.name, "trade_date": day, "currency": market.currency}
    schema = pa.schema([pa.field(column.name, column.arrow_type) for column in NOUNS["book_snapshots"].columns])
    arrays = [
        known[field.name]
        if field.name in known
        else pa.repeat(pa.scalar(constant.get(field.name), field.type), rows.num_rows)
        for field in schema
    ]
    return pa.table(arrays, schema=schema)


def read_day(data: Path, market: Market, day: date) -> list[SourceFile]:
    """The day's books (noun `book_snapshots`), rows in the file's order.

    Raises SourceError (folder or day missing, file damaged, scale not recoverable) or ContractError (columns).
    """
    days = _recorded(data, market)
    if day not in days:
        raise SourceError(
            "day was not recorded",
            which=f"{market.name} {day}",
            found=f"{len(days)} sessions in {data}",
            allowed=f"{min(days)} to {max(days)}",
            next_step=f"run with --day {max(days)}",
        )
    path = days[day]
    ordinal = int(FILE_NAME.fullmatch(path.name)[1])  # type: ignore[index]
    rows, digest = _read_columns(path, ordinal)
    table = _as_noun(path, rows, market, day)
    return [SourceFile("book_snapshots", path.name, digest, calendar.known_at(market, day), table)]
