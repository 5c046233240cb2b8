"""Does each recorded order book follow from the one before and the message between them?

A recording shows L levels a side. A message changes the shares at one price of one side:

    shares(price) += size (add),  shares(price) -= size (reduce, delete, execute);  a level with 0 shares is gone

Level i of the next book is *known* when the book before and the message determine it: a level that went leaves L - 1
known ones, and the one that comes into view behind them was in no message. It is taken from the recording, counted as
revealed, and unknown until that row. A side that shows fewer than L levels is known as a whole, its absent levels too.
Every known level must agree with the recording.

Free-running: one book, built from the first recorded one and the messages alone, held against the recording. Its first
difference at depth k is at the row in `rows_to_first_difference[k - 1]`. It shows why a replay must not build books
from messages: what lies behind level L changes unseen.

It is not a matching engine: hidden executions, crosses and halts leave the book as it is, and queues inside a level are
not followed. Source of the format: LOBSTER, "Sample files readme" (2013), and design decision 16 in trading_traps.

    >>> book = np.array([[[101, 5, 99, 7]], [[101, 3, 99, 7]]])
    >>> execute = Messages(np.array([1, 4]), np.array([1, 2]), np.array([99, 101]), np.array([1, -1]))
    >>> check_books(execute, book).levels_equal
    2
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

Long = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

ADD, REDUCE, DELETE, EXECUTE = 1, 2, 3, 4
EMPTY_PRICE = 9_999_999_999
MAX_FREE_LEVELS = 4_096
ASK, BID = 0, 1


class Messages(NamedTuple):
    """Columns (n,) of a message file: kind, shares, price (1/10,000 of the currency), direction (+1 bid, -1 ask)."""

    kind: Long
    shares: Long
    price: Long
    direction: Long


@dataclass(frozen=True)
class BookCheck:
    """What the check counted. A transition is a pair of neighbouring rows that can both be read.

    levels_compared = levels_equal + levels_different: levels known before the row, both sides. levels_revealed: levels
    that came into view; rows_revealing: rows with any. first_different_row: None where every known level agrees.
    rows_to_first_difference: for each depth from 1, how many rows from the first the free-running book agrees.
    known_levels: (n, 2) ask and bid levels known before the row; deeper ones are unknown until it.
    """

    transitions: int
    levels_compared: int
    levels_equal: int
    levels_different: int
    levels_revealed: int
    rows_revealing: int
    first_different_row: int | None
    rows_to_first_difference: tuple[int, ...]
    known_levels: Long = field(compare=False, repr=False)


@njit(cache=True)
def _load(book: Long, side: int, price: Long, shares: Long) -> int:
    """Copy one side of a recorded book, bids with their sign turned so that lower is better; how many levels."""
    sign = 1 if side == ASK else -1
    for level in range(book.shape[0]):
        found = book[level, 2 * side]
        if abs(found) == EMPTY_PRICE:
            return level
        price[level], shares[level] = sign * found, book[level, 2 * side + 1]
    return int(book.shape[0])


@njit(cache=True)
def _take_off(price: Long, shares: Long, count: int, at: int, size: int) -> int:
    shares[at] -= size
    if shares[at] != 0:
        return count
    for level in range(at, count - 1):
        price[level], shares[level] = price[level + 1], shares[level + 1]
    return count - 1


@njit(cache=True)
def _put_in(price: Long, shares: Long, count: int, at: int, key: int, size: int) -> int:
    """Insert a level; the last one falls out of view when there is no room."""
    last = min(count, len(price) - 1)
    for level in range(last, at, -1):
        price[level], shares[level] = price[level - 1], shares[level - 1]
    price[at], shares[at] = key, size
    return last + 1


@njit(cache=True)
def _apply(price: Long, shares: Long, count: int, is_whole: bool, key: int, change: int) -> int:
    """Change the shares at a price; how many levels are known then, -1 when a level that must be there is not.

    is_whole: there is nothing behind the last level, so what is not in view is not there.
    """
    at = 0
    while at < count and price[at] < key:
        at += 1
    if at < count and price[at] == key:
        if change > 0:
            shares[at] += change
            return count
        return _take_off(price, shares, count, at, -change)
    if at == count and not is_whole:
        return count
    if change < 0:
        return -1
    return _put_in(price, shares, count, at, key, change)


@njit(cache=True)
def _change(kind: int, shares: int) -> int:
    if kind == ADD:
        return shares
    return -shares if kind in (REDUCE, DELETE, EXECUTE) else 0


@njit(cache=True)
def _count_side(book: Long, side: int, price: Long, shares: Long, known: int, is_whole: bool) -> tuple[int, int, int]:
    """Levels equal, different and revealed on one side of a recorded book, held against the known levels."""
    levels = book.shape[0]
    sign = 1 if side == ASK else -1
    equal = different = revealed = 0
    for level in range(levels):
        is_there = abs(book[level, 2 * side]) != EMPTY_PRICE
        if level < known:
            is_same = is_there and sign * book[level, 2 * side] == price[level]
            is_same = is_same and book[level, 2 * side + 1] == shares[level]
        elif is_whole:
            is_same = not is_there
        else:
            revealed += is_there
            continue
        equal += is_same
        different += not is_same
    return equal, different, revealed


@njit(cache=True)
def _transitions(messages: Messages, books: Long, is_read: Mask, counts: Long, known_levels: Long) -> int:
    """Fill in counts (transitions, equal, different, revealed, rows revealing); the first different row, -1: none."""
    rows, levels = books.shape[0], books.shape[1]
    price, shares = np.empty(levels, np.int64), np.empty(levels, np.int64)
    first = -1
    for row in range(1, rows):
        if not (is_read[row] and is_read[row - 1]):
            continue
        counts[0] += 1
        before = counts[2], counts[3]
        own = BID if messages.direction[row] > 0 else ASK
        change = _change(messages.kind[row], messages.shares[row])
        for side in range(2):
            known = _load(books[row - 1], side, price, shares)
            is_whole = known < levels
            if side == own and change != 0:
                key = messages.price[row] if side == ASK else -messages.price[row]
                known = _apply(price, shares, known, is_whole, key, change)
            if known < 0:
                counts[2] += 1
                continue
            equal, different, revealed = _count_side(books[row], side, price, shares, known, is_whole)
            counts[1] += equal
            counts[2] += different
            counts[3] += revealed
            known_levels[row, side] = known
        counts[4] += counts[3] > before[1]
        if first < 0 and counts[2] > before[0]:
            first = row
    return first


@njit(cache=True)
def _agreeing_depth(book: Long, side: int, price: Long, shares: Long, count: int) -> int:
    """How many of the best levels of one side are as recorded."""
    sign = 1 if side == ASK else -1
    for level in range(book.shape[0]):
        found = book[level, 2 * side]
        is_there = abs(found) != EMPTY_PRICE
        if is_there != (level < count):
            return level
        if is_there and (sign * found != price[level] or book[level, 2 * side + 1] != shares[level]):
            return level
    return int(book.shape[0])


@njit(cache=True)
def _run_free(messages: Messages, books: Long, is_read: Mask, first_difference: Long) -> None:
    """For each depth, the first row at which a book from messages alone differs; it ends at what cannot be read."""
    rows, levels = books.shape[0], books.shape[1]
    price, shares = np.empty((2, MAX_FREE_LEVELS), np.int64), np.empty((2, MAX_FREE_LEVELS), np.int64)
    counts = np.zeros(2, np.int64)
    for side in range(2):
        counts[side] = _load(books[0], side, price[side], shares[side])
    depth = levels
    for row in range(1, rows):
        if not is_read[row] or depth == 0:
            return
        side = BID if messages.direction[row] > 0 else ASK
        change = _change(messages.kind[row], messages.shares[row])
        key = messages.price[row] if side == ASK else -messages.price[row]
        if change != 0:
            found = _apply(price[side], shares[side], counts[side], True, key, change)
            counts[side] = counts[side] if found < 0 else found
        for other in range(2):
            agrees = _agreeing_depth(books[row], other, price[other], shares[other], counts[other])
            while depth > agrees:
                depth -= 1
                first_difference[depth] = row


def check_books(messages: Messages, books: Long, is_read: Mask | None = None) -> BookCheck:
    """Hold every recorded book against the one before and the message of its row.

    books: (n, L, 4) ask price, ask shares, bid price, bid shares, level 1 first; an empty level has a price of
    ±9999999999. is_read: (n) false for rows whose message or book cannot be read: nothing is concluded across them.
    """
    rows, levels = books.shape[0], books.shape[1]
    read = np.ones(rows, np.bool_) if is_read is None else is_read
    counts, known_levels = np.zeros(5, np.int64), np.zeros((rows, 2), np.int64)
    first = _transitions(messages, books, read, counts, known_levels)
    agrees = np.full(levels, rows, np.int64)
    if rows and read[0]:
        _run_free(messages, books, read, agrees)
    transitions, equal, different, revealed, revealing = (int(count) for count in counts)
    return BookCheck(
        transitions,
        equal + different,
        equal,
        different,
        revealed,
        revealing,
        None if first < 0 else first,
        tuple(int(found) for found in agrees),
        known_levels,
    )
