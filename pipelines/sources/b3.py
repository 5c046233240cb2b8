"""B3 (São Paulo): trades with their aggressor and best quotes, one CSV a symbol and day, `SYMBOL_DDMMYYYY.csv`.

A row is a trade or a change of the best quotes (`event_type` trade, book); each becomes a row of its noun. `aggressor`
is 3 for a seller, 4 for a buyer, anything else says nothing; `en_s_px_1` is the best offer, `en_b_px_1` the best bid.
The only time is the recorder's (`network_received_time`, UTC, nanoseconds): it is event and received time alike.
`rpt_seq` rises within a file and orders rows of one time; it counts other messages, too, so gaps mean nothing. A trade
repeats the quotes of the row before it (all 206,750 recorded ones do), so only `book` rows bring quotes.

What the feed does not have: sizes of quotes (null), the exchange's own time, levels behind the best. Crossed and locked
quotes (pre-open, thin names) come in as they are and are refused by the rule that says so. Prices carry dust of binary
fractions (34.800000000000004); within a millionth of a tick they are put on it.

    >>> on_tick(np.array([34.800000000000004, 34.8051]), 0.01).tolist()
    [34.8, 34.8051]
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from infra import calendar
from infra.errors import ContractError, SourceError
from infra.markets import Market
from infra.tables import NOUNS
from pipelines.sources.columns import first_line, suggestions
from pipelines.sources.file import SetAside, SourceFile
from pipelines.sources.folder import plain_files
from pipelines.sources.payload import read_payload

FILE_NAME = re.compile(r"(?P<symbol>[A-Z0-9]{4,12})_(?P<day>\d{2})(?P<month>\d{2})(?P<year>\d{4})\.csv")
COLUMNS = (
    "symbol", "rpt_seq", "network_received_time", "event_type", "md_entry_px", "md_entry_size", "aggressor",
    "en_s_px_1", "en_b_px_1",
)  # fmt: skip
NOUN_OF = {"trade": "trades", "book": "book_snapshots"}
SELLER, BUYER = 3.0, 4.0
DUST_TICKS = 1e-6
TIME = re.compile(r"\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}(\.\d{1,9})?\+00:00", re.ASCII)
Float = npt.NDArray[np.float64]
Long = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


def on_tick(price: Float, tick: float) -> Float:
    """Prices that are a tick but for binary dust, on the tick; others as they are."""
    ticks = price / tick
    whole = np.rint(ticks)
    return np.where(np.abs(ticks - whole) <= DUST_TICKS, np.round(whole * tick, 10), price)


def _files(data: Path) -> Iterator[tuple[date, Path]]:
    for path in plain_files(data, (".csv",)) if data.is_dir() else ():
        match = FILE_NAME.fullmatch(path.name)
        if match is not None:
            try:
                yield date(int(match["year"]), int(match["month"]), int(match["day"])), path
            except ValueError:
                continue


def market_days(data: Path, market: Market) -> tuple[date, ...]:
    """Recorded sessions, ascending. Raises SourceError when there is none, SessionError for a file of a closed day."""
    days = {day for day, _ in _files(data)}
    if not days:
        raise SourceError(
            "no recorded session",
            which=data,
            found="no file SYMBOL_DDMMYYYY.csv",
            allowed="files as PETR4_05032025.csv",
            next_step="name the folder with --data",
        )
    return tuple(sorted(calendar.require_session(market, day) for day in days))


@dataclass(frozen=True)
class _Lines:
    """Lines with as many cells as the header, every cell as text, at their `places`; and those with more or fewer."""

    rows: pa.Table
    places: Long
    refused: tuple[SetAside, ...]


def _lines(path: Path, payload: bytes) -> _Lines:
    header, *lines = (line.rstrip(b"\r") for line in payload.removesuffix(b"\n").split(b"\n"))
    is_whole = [line.count(b",") == header.count(b",") for line in lines]
    places = np.flatnonzero(is_whole)
    bad = [(place, lines[place][:200]) for place in np.flatnonzero(~np.array(is_whole, np.bool_)).tolist()]
    refused = tuple(SetAside(place, "b3_line_is_whole", ascii(line.decode("utf-8", "replace"))) for place, line in bad)
    whole = b"\n".join([header, *(lines[place] for place in places), b""])
    return _Lines(_parsed(path, whole), places, refused)


def _parsed(path: Path, payload: bytes) -> pa.Table:
    """Every cell as text, so that a bad one refuses its row and not the file."""
    kinds = dict.fromkeys(COLUMNS, pa.string())
    options = csv.ConvertOptions(column_types=kinds, null_values=[""], strings_can_be_null=True)
    try:
        rows = csv.read_csv(pa.BufferReader(payload), convert_options=options)
    except pa.ArrowInvalid as error:
        raise SourceError(
            "cannot read CSV",
            which=path,
            found=first_line(error),
            allowed="a complete CSV file",
            next_step="deliver the file again",
        ) from error
    missing = [name for name in COLUMNS if name not in rows.column_names]
    if missing:
        raise ContractError(
            "recorded columns are not the known ones",
            which=path,
            found=f"missing {', '.join(missing)}",
            allowed=", ".join(COLUMNS),
            next_step=suggestions(missing, [name for name in rows.column_names if name not in COLUMNS])
            or "deliver the recorded file again",
        )
    return rows.select(COLUMNS)


def _numbers(values: pa.ChunkedArray) -> Float:
    """Numbers, NaN for what is none or is absent."""
    is_number = pc.match_substring_regex(pc.fill_null(values, ""), r"^-?\d+(\.\d+)?([eE][-+]?\d+)?$")
    found = pc.if_else(is_number, values, pa.scalar(None, pa.string())).cast(pa.float64())
    return np.asarray(pc.fill_null(found, np.nan).to_numpy(), np.float64)


def _is_instant(text: str) -> bool:
    try:
        return bool(TIME.fullmatch(text)) and datetime.fromisoformat(text[:19]).year in range(1970, 2262)
    except ValueError:
        return False


def _times_ns(values: pa.ChunkedArray) -> tuple[Long, Mask]:
    """UTC nanoseconds, which end in 2262, and where there is one: `2025-04-07 13:59:59.999214880+00:00`."""
    is_time = np.array([_is_instant(text or "") for text in values.to_pylist()], np.bool_)
    clean = pc.replace_substring(pc.if_else(is_time, values, pa.scalar(None, pa.string())), "+00:00", "Z")
    stamps = clean.cast(pa.timestamp("ns", tz="UTC"))
    return np.asarray(pc.fill_null(stamps.cast(pa.int64()), 0).to_numpy(), np.int64), is_time


def _is_no_number(values: pa.ChunkedArray) -> Mask:
    """Where a cell says something, and that is no number."""
    return np.asarray(values.is_valid().to_numpy(), np.bool_) & ~np.isfinite(_numbers(values))


def _unreadable(kind: str, symbol: str, rows: pa.Table, is_time: Mask) -> Iterator[tuple[str, Mask]]:
    sequence = _numbers(rows["rpt_seq"])
    yield "b3_symbol_is_the_files", ~pc.fill_null(pc.equal(rows["symbol"], symbol), False).to_numpy()
    yield "b3_time_is_utc", ~is_time
    is_whole = (sequence >= 0.0) & (sequence <= 1e15) & (sequence == np.rint(sequence))
    yield "b3_sequence_is_a_number", ~is_whole
    if kind == "trade":
        has_numbers = np.isfinite(_numbers(rows["md_entry_px"])) & np.isfinite(_numbers(rows["md_entry_size"]))
        yield "b3_trade_has_price_and_size", ~has_numbers
    else:
        yield "b3_quote_is_a_number", _is_no_number(rows["en_s_px_1"]) | _is_no_number(rows["en_b_px_1"])


def _refused(kind: str, symbol: str, rows: pa.Table, numbers: Long, is_time: Mask) -> list[SetAside]:
    """Rows that cannot be read, each under the first rule that it breaks."""
    free, found = np.ones(rows.num_rows, dtype=bool), list[SetAside]()
    for rule, bad in _unreadable(kind, symbol, rows, is_time):
        for place in np.flatnonzero(bad & free):
            found.append(SetAside(int(numbers[place]), rule, ascii(str(rows.slice(place, 1).to_pylist()[0]))))
        free &= ~bad
    return found


def _values(kind: str, rows: pa.Table, market: Market) -> dict[str, pa.Array]:
    if kind == "trade":
        aggressor = _numbers(rows["aggressor"])
        sign = np.where(aggressor == BUYER, 1, np.where(aggressor == SELLER, -1, 0))
        price = on_tick(_numbers(rows["md_entry_px"]), market.tick)
        return {
            "price": pa.array(price),
            "shares": pa.array(_numbers(rows["md_entry_size"])),
            "aggressor_side": pa.array(sign.astype(np.int32)),
        }
    quotes = {"bid_price_1": "en_b_px_1", "ask_price_1": "en_s_px_1"}
    return {
        name: pa.array(on_tick(_numbers(rows[source]), market.tick), from_pandas=True)
        for name, source in quotes.items()
    }


def _noun_rows(kind: str, symbol: str, rows: pa.Table, times: Long, market: Market, day: date) -> pa.Table:
    stamps = pa.array(times // 1000).cast(pa.timestamp("us", tz="UTC"))
    known = {
        **_values(kind, rows, market),
        "event_at": stamps,
        "received_at": stamps,
        "event_at_ns": pa.array(times),
        "sequence": pa.array(_numbers(rows["rpt_seq"]).astype(np.int64)),
    }
    constant = {"market": market.name, "trade_date": day, "currency": market.currency, "symbol": symbol}
    schema = pa.schema([pa.field(column.name, column.arrow_type) for column in NOUNS[NOUN_OF[kind]].columns])
    arrays = [
        known.get(field.name, pa.repeat(pa.scalar(constant.get(field.name), field.type), rows.num_rows))
        for field in schema
    ]
    return pa.table(arrays, schema=schema)


def _read(path: Path, market: Market, day: date) -> Iterator[SourceFile]:
    payload, digest = read_payload(path)
    lines, known_at, symbol = _lines(path, payload), calendar.known_at(market, day), path.stem.split("_")[0]
    kinds = np.array(pc.fill_null(lines.rows["event_type"], "").to_pylist(), np.str_)
    for kind, noun in NOUN_OF.items():
        numbers = lines.places[kinds == kind]
        mine = lines.rows.filter(pa.array(kinds == kind))
        times, is_time = _times_ns(mine["network_received_time"])
        refused = _refused(kind, symbol, mine, numbers, is_time)
        if kind == "trade":
            strange = np.flatnonzero(~np.isin(kinds, list(NOUN_OF))).tolist()
            refused += [SetAside(int(lines.places[at]), "b3_event_is_known", ascii(kinds[at].item())) for at in strange]
            refused = sorted([*refused, *lines.refused], key=lambda one: one.source_row)
        kept = np.flatnonzero(~np.isin(numbers, [one.source_row for one in refused]))
        if len(kept) or refused:
            table = _noun_rows(kind, symbol, mine.take(kept), times[kept], market, day)
            yield SourceFile(noun, path.name, digest, known_at, table, numbers[kept], tuple(refused))


def read_day(data: Path, market: Market, day: date) -> list[SourceFile]:
    """The day's trades and best quotes of every symbol; a line that says neither is counted among the trades.

    Raises SourceError or ContractError.
    """
    paths = [path for found, path in _files(data) if found == day]
    if not paths:
        days = market_days(data, market)
        raise SourceError(
            "day was not recorded",
            which=f"{market.name} {day}",
            found=f"{len(days)} sessions in {data}",
            allowed=f"{days[0]} to {days[-1]}",
            next_step=f"run with --day {days[-1]}",
        )
    return [file for path in paths for file in _read(path, market, day)]
