"""Lines of LOBSTER's two files: messages and books, each line read exactly or refused by name.

    message:    34200.015105074,4,15818974,4,5794000,1      seconds, kind, order, shares, price, direction
    orderbook:  5802300,100,5794000,496,…                   ask price, ask shares, bid price, bid shares, level by level

Seconds count from midnight in the exchange's zone and become whole nanoseconds digit by digit: as a float,
34200.015105074 would lose its last digits. Prices stay in 1/10,000 of the currency here.

Row i of one file belongs to row i of the other, so a line that cannot be read takes no other line's place: it keeps its
number, and holds zeros.

    >>> lines_of(b"34200.5,1,7,100,5794000,1\\r\\nrubbish\\n")
    [b'34200.5,1,7,100,5794000,1', b'rubbish']
    >>> messages_of(lines_of(b"34200.000000001,1,7,100,5794000,1\\nrubbish\\n")).rules.tolist()
    ['', 'lobster_message_is_readable']
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from pipelines.sources.file import SetAside
from pipelines.sources.lobster_book import Long, Mask, Messages

Text = npt.NDArray[np.str_]

ADD, EXECUTE, EXECUTE_HIDDEN, CROSS, HALT = 1, 4, 5, 6, 7
KINDS = {1: "add", 2: "reduce", 3: "delete", 4: "execute", 5: "execute_hidden", 6: "cross"}
HALTS = {-1: "halt", 0: "resume_quotes", 1: "resume"}
MESSAGE = re.compile(rb"\d{1,5}(?:\.\d{1,9})?,\d{1,2},-?\d{1,18},\d{1,10},-?\d{1,10},-?1")
UNREADABLE, UNKNOWN, NO_HALT = "lobster_message_is_readable", "lobster_kind_is_known", "lobster_halt_is_known"
NO_BOOK, NO_MESSAGE = "lobster_book_is_readable", "lobster_book_has_its_message"
SHOWN_CHARACTERS = 200
COLUMNS = ("seconds", "kind", "order", "shares", "price", "direction")


@dataclass(frozen=True)
class MessageLines:
    """Columns (n,) of a message file. rules: (n) which rule a line breaks, '' for none. time_ns: since midnight."""

    time_ns: Long
    order: Long
    columns: Messages
    rules: Text

    @property
    def is_read(self) -> Mask:
        return np.asarray(self.rules == "", np.bool_)


def lines_of(payload: bytes) -> list[bytes]:
    """Lines of a file, without their ends; an end of line at the end of the file begins no further one."""
    lines = [line.rstrip(b"\r") for line in payload.split(b"\n")]
    return lines[:-1] if lines and not lines[-1] else lines


def refused_lines(lines: Sequence[bytes], rules: Text) -> tuple[SetAside, ...]:
    """Lines that break a rule, with what they say."""
    return tuple(
        SetAside(row, str(rules[row]), lines[row][:SHOWN_CHARACTERS].decode("ascii", "backslashreplace"))
        for row in np.flatnonzero(rules != "").tolist()
    )


def _numbers(lines: Sequence[bytes], names: Sequence[str]) -> pa.Table:
    kinds = {name: pa.string() if name == "seconds" else pa.int64() for name in names}
    if not lines:
        return pa.table({name: pa.array([], kind) for name, kind in kinds.items()})
    return csv.read_csv(
        pa.BufferReader(b"\n".join(lines)),
        read_options=csv.ReadOptions(column_names=list(names)),
        convert_options=csv.ConvertOptions(column_types=kinds),
    )


def _nanoseconds(seconds: pa.ChunkedArray) -> Long:
    whole = pc.cast(pc.replace_substring_regex(seconds, r"\..*", ""), pa.int64()).to_numpy()
    digits = pc.utf8_rpad(pc.replace_substring_regex(seconds, r"^\d+\.?", ""), 9, "0")
    found: Long = whole * 1_000_000_000 + pc.cast(digits, pa.int64()).to_numpy()
    return found


def _spread(values: Long, is_whole: Mask) -> Long:
    """Values of the lines that are whole at their own line numbers, 0 elsewhere."""
    found = np.zeros((len(is_whole), *values.shape[1:]), np.int64)
    found[is_whole] = values
    return found


def _rules(is_whole: Mask, columns: Messages) -> Text:
    is_halt = columns.kind == HALT
    is_known = np.isin(columns.kind, [*KINDS, HALT])
    return np.select(
        [~is_whole, ~is_known, is_halt & ~np.isin(columns.price, list(HALTS))], [UNREADABLE, UNKNOWN, NO_HALT], ""
    )


def messages_of(lines: Sequence[bytes]) -> MessageLines:
    """Every line of a message file as numbers, and which rule it breaks."""
    is_whole = np.array([MESSAGE.fullmatch(line) is not None for line in lines], np.bool_)
    rows = _numbers([line for line, whole in zip(lines, is_whole, strict=True) if whole], COLUMNS)
    found = {name: _spread(rows[name].to_numpy(), is_whole) for name in COLUMNS[1:]}
    columns = Messages(found["kind"], found["shares"], found["price"], found["direction"])
    return MessageLines(
        _spread(_nanoseconds(rows["seconds"]), is_whole), found["order"], columns, _rules(is_whole, columns)
    )


def books_of(lines: Sequence[bytes], levels: int, has_message: Mask) -> tuple[Long, Text]:
    """Every line of an orderbook file as (n, levels, 4) numbers, and which rule it breaks.

    has_message: (n) false where the message of the same line cannot be read, so that the book has no time.
    """
    line_of_book = re.compile(rb"-?\d{1,10}(?:,-?\d{1,10}){%d}" % (4 * levels - 1))
    is_whole = np.array([line_of_book.fullmatch(line) is not None for line in lines], np.bool_)
    names = [str(number) for number in range(4 * levels)]
    rows = _numbers([line for line, whole in zip(lines, is_whole, strict=True) if whole], names)
    found = np.column_stack([rows[name].to_numpy() for name in names]) if len(lines) else np.zeros((0, 4 * levels))
    books = _spread(found.astype(np.int64, copy=False), is_whole).reshape(len(lines), levels, 4)
    return books, np.select([~is_whole, ~has_message], [NO_BOOK, NO_MESSAGE], "")
