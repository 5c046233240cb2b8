"""Does each recorded LOBSTER book follow from the one before and the message? And how far would messages alone lead?

A message changes one price level of one side: a limit order adds its size, a cancellation, deletion or visible
execution takes it off, a hidden execution and a halt change nothing. The books show ten levels a side, so

    known(t) = first ten levels of [ book(t-1) changed by message t ]

must stand at the top of book(t), level by level. Levels of book(t) behind them came into view: no message told of them
before, they are taken from the recording, and are unknown until that row (trap 16 of this field).

`rows_to_first_difference` is another question: the book of the first row and messages alone, nothing read from the
recording again. Depth k agrees until the first row whose best k levels differ; -1 where it never does. It ends soon at
depth ten, since orders behind the tenth level were never told of.

What it is not: a matching engine; it does not ask why an order was executed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numba import njit

Long = npt.NDArray[np.int64]
BID, ASK = 0, 1
ADD, REDUCE, DELETE, EXECUTE = 1, 2, 3, 4
ABSENT = 9_999_999_999
MOST_LEVELS = 4_096


@dataclass(frozen=True)
class BookCheck:
    """Counts over all transitions of a file.

    levels_equal + levels_different: levels known before the row and held against it. levels_revealed: levels that came
    into view, in rows_revealing rows. first_difference: row number of the first difference, -1 for none.
    rows_to_first_difference (depth): rows that messages alone get right, at each depth.
    """

    transitions: int
    levels_equal: int
    levels_different: int
    levels_revealed: int
    rows_revealing: int
    first_difference: int
    rows_to_first_difference: tuple[int, ...]


@njit(cache=True)
def _apply(price: Long, size: Long, count: int, sign: int, kind: int, at: int, shares: int) -> int:
    """Change one side, best level first, by one message; the number of levels afterwards."""
    place = 0
    while place < count and sign * price[place] > sign * at:
        place += 1
    is_there = place < count and price[place] == at
    if is_there:
        size[place] += shares if kind == ADD else -shares
        if size[place] > 0:
            return count
        for level in range(place, count - 1):
            price[level], size[level] = price[level + 1], size[level + 1]
        return count - 1
    if kind != ADD or count >= len(price):
        return count
    for level in range(count, place, -1):
        price[level], size[level] = price[level - 1], size[level - 1]
    price[place], size[place] = at, shares
    return count + 1


@njit(cache=True)
def _copy(levels: Long, price: Long, size: Long) -> int:
    """One recorded side (depth, 2) into two columns; the number of levels that are there."""
    count = 0
    for level in range(levels.shape[0]):
        if abs(levels[level, 0]) != ABSENT:
            price[count], size[count] = levels[level, 0], levels[level, 1]
            count += 1
    return count


@njit(cache=True)
def _follow(kinds: Long, sides: Long, prices: Long, shares: Long, books: Long) -> Long:
    """(5): levels equal, different, revealed, rows revealing, first row that differs."""
    found = np.array([0, 0, 0, 0, -1])
    depth = books.shape[2]
    price, size = np.zeros(depth + 1, np.int64), np.zeros(depth + 1, np.int64)
    shown_price, shown_size = np.zeros(depth, np.int64), np.zeros(depth, np.int64)
    for row in range(1, len(kinds)):
        is_revealing = False
        for side in range(2):
            count = _copy(books[row - 1, side], price, size)
            if sides[row] == side and ADD <= kinds[row] <= EXECUTE:
                is_behind = count == depth and (1 - 2 * side) * (prices[row] - price[depth - 1]) < 0
                if not is_behind:
                    count = _apply(price, size, count, 1 - 2 * side, kinds[row], prices[row], shares[row])
            shown = _copy(books[row, side], shown_price, shown_size)
            known = min(count, depth)
            for level in range(known):
                is_equal = level < shown and price[level] == shown_price[level] and size[level] == shown_size[level]
                found[0 if is_equal else 1] += 1
                if not is_equal and found[4] < 0:
                    found[4] = row
            found[2] += max(0, shown - known)
            is_revealing = is_revealing or shown > known
        found[3] += is_revealing
    return found


@njit(cache=True)
def _equal_levels(levels: Long, price: Long, size: Long, count: int) -> int:
    """Levels from the best on that are the same in both; all of them (depth) when nothing differs."""
    depth = levels.shape[0]
    for level in range(depth):
        is_absent = abs(levels[level, 0]) == ABSENT
        if is_absent and level >= count:
            return depth
        if is_absent or level >= count or price[level] != levels[level, 0] or size[level] != levels[level, 1]:
            return level
    return depth


@njit(cache=True)
def _run_free(kinds: Long, sides: Long, prices: Long, shares: Long, books: Long) -> Long:
    """(depth): first row at which messages alone are wrong in the best k levels, -1 for never."""
    depth = books.shape[2]
    first = np.full(depth, -1)
    price, size = np.zeros((2, MOST_LEVELS), np.int64), np.zeros((2, MOST_LEVELS), np.int64)
    count = np.zeros(2, np.int64)
    for side in range(2):
        count[side] = _copy(books[0, side], price[side], size[side])
    for row in range(1, len(kinds)):
        side = sides[row]
        if ADD <= kinds[row] <= EXECUTE:
            sign = 1 - 2 * side
            count[side] = _apply(price[side], size[side], count[side], sign, kinds[row], prices[row], shares[row])
        right = depth
        for one in range(2):
            right = min(right, _equal_levels(books[row, one], price[one], size[one], count[one]))
        for level in range(right, depth):
            if first[level] < 0:
                first[level] = row
        if first[0] >= 0:
            break
    return first


def check_books(kinds: Long, sides: Long, prices: Long, shares: Long, books: Long) -> BookCheck:
    """Hold every recorded book against the one before and its message.

    kinds, sides, prices, shares (n): LOBSTER's type, 0 bid or 1 ask, price in 1/10,000, size. books (n, 2, depth, 2):
    side, level, price and size; a price of ±9,999,999,999 is no level.
    """
    equal, different, revealed, rows, first = _follow(kinds, sides, prices, shares, books).tolist()
    free = _run_free(kinds, sides, prices, shares, books).tolist()
    return BookCheck(max(0, len(kinds) - 1), equal, different, revealed, rows, first, tuple(free))
