"""LOBSTER: every message that changed the book of one symbol on NASDAQ, and the book after each of them.

    TICKER_2012-06-21_34200000_57600000_message_10.csv      and …_orderbook_10.csv, both in a .zip or unpacked

The message file brings `book_events` (every line) and `trades` (executions, kinds 4 and 5: whoever met a resting sell
order bought, so the aggressor's sign is the opposite of the resting order's, for hidden orders too). The orderbook file
brings `book_snapshots`, up to ten levels a side. `sequence` is the line's number, so that rows of one nanosecond keep
their order. Prices are 1/10,000 of the currency; a level at ±9999999999 is not there and becomes null.

Before anything is taken in, each recorded book is held against the one before and the message between them
(`lobster_book.py`): a known level that differs stops the day and names the line. Lines that cannot be read are refused
by name, and nothing is concluded across them. A snapshot needs the time of its message, so its `sha256` is that of both
files' digests: a corrected message file makes another delivery of both.

What cannot be recovered: what lies behind the last level shown, the queue inside the levels of the first book, the id
of a hidden order, what crosses (kind 6: an event, not a trade here, for nobody was the aggressor), why trading halted.

    >>> import tempfile
    >>> from infra.markets import MARKETS
    >>> market_days(Path(tempfile.mkdtemp()), MARKETS["lobster"])
    ()
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from infra import calendar
from infra.errors import SourceError
from infra.markets import Market
from infra.tables import NOUNS
from infra.tables.book_rules import LEVELS
from pipelines.sources import lobster_lines as text
from pipelines.sources.archive import members, read_member
from pipelines.sources.file import SourceFile
from pipelines.sources.folder import plain_files
from pipelines.sources.lobster_book import EMPTY_PRICE, BookCheck, Long, Mask, check_books
from pipelines.sources.payload import read_payload

FILE_NAME = re.compile(r"([A-Z0-9.-]{1,12})_(\d{4}-\d{2}-\d{2})_\d{1,8}_\d{1,8}_(message|orderbook)_(\d{1,3})\.csv")
PRICE_SCALE = 10_000
Values = Mapping[str, pa.Array]


@dataclass(frozen=True)
class Recording:
    """One symbol's session: where its two files are (`archive` None: in the folder itself), and how many levels."""

    symbol: str
    day: date
    levels: int
    files: Mapping[str, tuple[Path, str | None]]

    def file_name(self, part: str) -> str:
        path, member = self.files[part]
        return member or path.name

    def read(self, part: str) -> tuple[bytes, str]:
        """Bytes and SHA-256 of `message` or `orderbook`, as unpacked."""
        path, member = self.files[part]
        if member is None:
            return read_payload(path)
        payload = read_member(path, member)
        return payload, hashlib.sha256(payload).hexdigest()


@dataclass(frozen=True)
class CheckedSession:
    """A recording as three files of nouns, and what the check of its books counted."""

    recording: Recording
    files: tuple[SourceFile, ...]
    check: BookCheck


def _wrong(which: object, found: object, allowed: str, next_step: str = "deliver the recording again") -> SourceError:
    return SourceError("recording is not whole", which=which, found=found, allowed=allowed, next_step=next_step)


def _named(data: Path) -> list[tuple[str, Path, str | None]]:
    found: list[tuple[str, Path, str | None]] = []
    for path in plain_files(data, (".zip", ".csv")):
        found += [(name, path, name) for name in members(path)] if path.suffix == ".zip" else [(path.name, path, None)]
    return found


def recordings(data: Path) -> tuple[Recording, ...]:
    """What the folder holds, by day and symbol. Raises SourceError for half a recording or one that is there twice."""
    parts: dict[tuple[date, str, int], dict[str, tuple[Path, str | None]]] = {}
    for name, path, member in _named(data):
        match = FILE_NAME.fullmatch(name)
        if match is None:
            continue
        try:
            key = date.fromisoformat(match[2]), match[1], int(match[4])
        except ValueError:
            raise _wrong(path, f"{match[2]}, which is no date", "TICKER_YYYY-MM-DD_…", "rename the file") from None
        own = parts.setdefault(key, {})
        if match[3] in own:
            raise _wrong(path, f"{name} a second time", "each file once", "keep the archive or the unpacked files")
        own[match[3]] = path, member
    for (day, symbol, levels), own in parts.items():
        if len(own) != 2 or levels < 1:
            raise _wrong(f"{data}, {symbol} {day}", f"{levels} levels, {' and '.join(own)}", "message and orderbook")
    return tuple(Recording(symbol, day, levels, own) for (day, symbol, levels), own in sorted(parts.items()))


def market_days(data: Path, market: Market) -> tuple[date, ...]:
    """Recorded sessions, ascending; dates without a session are left out. Raises SourceError as `recordings` does."""
    return tuple(sorted({one.day for one in recordings(data) if calendar.is_session(market, one.day)}))


def _table(noun: str, symbol: str, market: Market, day: date, known: Values) -> pa.Table:
    rows = len(known["event_at_ns"])
    constant = {"market": market.name, "trade_date": day, "symbol": symbol, "currency": market.currency}
    arrays = [
        known[column.name].cast(column.arrow_type)
        if column.name in known
        else pa.repeat(pa.scalar(constant.get(column.name), column.arrow_type), rows)
        for column in NOUNS[noun].columns
    ]
    return pa.table(arrays, schema=pa.schema([pa.field(one.name, one.arrow_type) for one in NOUNS[noun].columns]))


def _when(lines: text.MessageLines, rows: Long, market: Market, day: date) -> dict[str, pa.Array]:
    midnight = int(datetime.combine(day, time(), ZoneInfo(market.zone)).timestamp()) * 1_000_000_000
    times_ns = midnight + lines.time_ns[rows]
    return {"event_at": pa.array(times_ns // 1000), "event_at_ns": pa.array(times_ns), "sequence": pa.array(rows)}


def _words(codes: Long, words: Mapping[int, str]) -> npt.NDArray[np.str_]:
    return np.select([codes == code for code in words], list(words.values()), "")


def _event_values(lines: text.MessageLines, rows: Long) -> Values:
    kind, shares, price, direction = (column[rows] for column in lines.columns)
    is_halt, order = kind == text.HALT, lines.order[rows]
    has_no_order = is_halt | (kind == text.CROSS) | (kind == text.EXECUTE_HIDDEN) | (order <= 0)
    return {
        "kind": pa.array(np.where(is_halt, _words(price, text.HALTS), _words(kind, text.KINDS))),
        "order_id": pa.array(order.astype(str), mask=has_no_order),
        "side": pa.array(np.where(direction > 0, "bid", "ask"), mask=is_halt | (kind == text.CROSS)),
        "price": pa.array(price / PRICE_SCALE, mask=is_halt),
        "shares": pa.array(shares.astype(np.float64), mask=is_halt),
    }


def _trade_values(lines: text.MessageLines, rows: Long) -> Values:
    columns = lines.columns
    return {
        "price": pa.array(columns.price[rows] / PRICE_SCALE),
        "shares": pa.array(columns.shares[rows].astype(np.float64)),
        "aggressor_side": pa.array(-columns.direction[rows]),
    }


def _book_values(books: Long) -> Values:
    found = dict[str, pa.Array]()
    for level in range(min(books.shape[1], LEVELS)):
        for place, side in ((0, "ask"), (2, "bid")):
            price, shares = books[:, level, place], books[:, level, place + 1]
            is_absent: Mask = np.abs(price) == EMPTY_PRICE
            found[f"{side}_price_{level + 1}"] = pa.array(price / PRICE_SCALE, mask=is_absent)
            found[f"{side}_shares_{level + 1}"] = pa.array(shares.astype(np.float64), mask=is_absent)
    return found


def _require_same_books(recording: Recording, check: BookCheck) -> None:
    if check.levels_different:
        raise _wrong(
            f"{recording.file_name('orderbook')}, row {check.first_different_row}",
            f"{check.levels_different:,} of {check.levels_compared:,} known levels differ from what the messages say",
            "books that follow from the one before and the message of their row, 0 differences",
        )


def _told(check: BookCheck) -> str:
    free = ", ".join(f"{depth} {row:,}" for depth, row in enumerate(check.rows_to_first_difference, 1))
    return (
        f"{check.transitions:,} books follow from the one before and their message: {check.levels_equal:,} levels "
        f"known and equal, {check.levels_different:,} different; {check.levels_revealed:,} came into view in "
        f"{check.rows_revealing:,} rows and are unknown until then; messages alone first differ at depth and row {free}"
    )


def check_session(recording: Recording, market: Market) -> CheckedSession:
    """One recording as nouns, its books checked. Raises SourceError naming the first row whose book does not follow."""
    day, symbol = recording.day, recording.symbol
    (payload, digest), (book_payload, book_digest) = recording.read("message"), recording.read("orderbook")
    texts, book_texts = text.lines_of(payload), text.lines_of(book_payload)
    if len(texts) != len(book_texts):
        raise _wrong(
            f"{symbol} {day}", f"{len(texts):,} messages, {len(book_texts):,} books", "a book for each message"
        )
    lines = text.messages_of(texts)
    books, book_rules = text.books_of(book_texts, recording.levels, lines.is_read)
    is_shown = np.asarray(book_rules == "", np.bool_)
    if not is_shown.any():
        raise _wrong(
            f"{symbol} {day}", "no line that can be read", f"6 columns, and {4 * recording.levels} of the book"
        )
    check = check_books(lines.columns, books, is_shown)
    _require_same_books(recording, check)
    rows, shown = np.flatnonzero(lines.is_read), np.flatnonzero(is_shown)
    traded = rows[np.isin(lines.columns.kind[rows], (text.EXECUTE, text.EXECUTE_HIDDEN))]
    both = hashlib.sha256(f"{book_digest}\n{digest}".encode()).hexdigest()
    known_at = calendar.known_at(market, day)

    def file(noun: str, part: str, sha256: str, at: Long, values: Values) -> SourceFile:
        table = _table(noun, symbol, market, day, {**_when(lines, at, market, day), **values})
        refused = {"book_events": (texts, lines.rules), "book_snapshots": (book_texts, book_rules)}.get(noun)
        aside = text.refused_lines(*refused) if refused else ()
        notes = (_told(check),) if noun == "book_snapshots" else ()
        return SourceFile(noun, recording.file_name(part), sha256, known_at, table, at, aside, notes=notes)

    files = (
        file("book_events", "message", digest, rows, _event_values(lines, rows)),
        file("trades", "message", digest, traded, _trade_values(lines, traded)),
        file("book_snapshots", "orderbook", both, shown, _book_values(books[shown])),
    )
    return CheckedSession(recording, files, check)


def read_day(data: Path, market: Market, day: date) -> list[SourceFile]:
    """The day's events, trades and books of every symbol; `trades` accounts for the executions among the messages.

    Raises SourceError: folder, day or half a recording missing, an archive not taken, books that do not follow.
    """
    found = recordings(data)
    chosen = [one for one in found if one.day == day]
    if not chosen:
        days = sorted({one.day for one in found})
        raise SourceError(
            "day was not recorded",
            which=f"{market.name} {day}",
            found=f"{len(days)} sessions in {data}",
            allowed=f"{days[0]} to {days[-1]}" if days else "TICKER_YYYY-MM-DD_START_END_message_LEVEL.csv or a .zip",
            next_step=f"run with --day {days[-1]}" if days else "name the folder with --data",
        )
    return [file for one in chosen for file in check_session(one, market).files]
