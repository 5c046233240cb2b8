"""A feed that repeats itself: a block of a minute or more that comes again, and books that never move.

A block of one symbol is refused where it comes again if it has the same content and the same gaps between its rows,
spans a minute or more, and somewhere in it ten rows in a row hold five contents that the symbol's day hardly shows
elsewhere:

    content[i] == content[i - lag]   and   t[i] - t[i - lag] = constant > 0

Content is every column but times, numbers and provenance, hashed to 64 bits. Rare contents in the same order are what
a recording that is played twice has; a book that bounces between a few states, that stands still (`stuck_feed`), or
that holds prices without sizes has not. What is not found: a piece that was stamped anew with gaps of its own, a minute
of a book that hardly moved, and a piece that is played more often than four times.

    >>> block = np.arange(30)
    >>> blocks_again(np.concatenate([block, block]) + 7, np.arange(60) * 5 * NS, np.zeros(60, int)).sum()
    np.int64(30)
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.rules.catalog import FEEDS
from pipelines.rules.ordering import Long, codes, row_order
from pipelines.rules.releases import Mask

Hash = npt.NDArray[np.uint64]

NS = 1_000_000_000
WINDOW_ROWS = 10
RARE = 4
"""Because books of prices alone come back to where they were: in 200 made days 51 held such a block by chance, and none
when each content had to be one that the day shows four times or less, as a piece played up to four times does."""
DIFFERENT = 5
"""Because five leave room for quiet books; 2,148,925 recorded books and 359,232 trades hold no such block by chance."""
REACH_ROWS = 500
"""Because a piece goes on past its liveliest ten rows, by some minutes at most where the book hardly moves."""
REPEATED_NS = 60 * NS
"""Because recorders cut their files by the minute, so a piece that is written twice is a minute or more."""
STANDING_NS = 600 * NS
"""Because ten minutes are what `stuck_feed` calls stuck; fewer rows say nothing of a day."""
NO_CONTENT = ("market", "trade_date", "event_at", "event_at_ns", "received_at", "sequence", "currency")
PROVENANCE = ("known_at", "source_file", "source_row", "source_sha256")
BEST = ("bid_price_1", "bid_shares_1", "ask_price_1", "ask_shares_1")
ODD = np.uint64(0x9E3779B97F4A7C15)


def _mixed(state: Hash, values: Hash) -> Hash:
    state = state * ODD + values
    return state ^ (state >> np.uint64(29))


def _bits(values: pa.ChunkedArray) -> Hash:
    if pa.types.is_string(values.type):
        values = values.combine_chunks().dictionary_encode().indices
    filled = pc.fill_null(values.cast(pa.float64()), -1.0)
    return np.ascontiguousarray(filled.to_numpy()).view(np.uint64)


def content_hash(rows: pa.Table) -> Hash:
    """(n,) equal where two rows of this table have the same content; columns that are null throughout are skipped."""
    state = np.zeros(rows.num_rows, np.uint64)
    for name in rows.column_names:
        if name not in NO_CONTENT and name not in PROVENANCE and rows[name].null_count < rows.num_rows:
            state = _mixed(state, _bits(rows[name]))
    return state


def _rare_contents(content: Long, starts: Long) -> Long:
    """(k,) how many different rare contents each window holds."""
    _, place, count = np.unique(content, return_inverse=True, return_counts=True)
    windows = np.sort(place[starts[:, None] + np.arange(WINDOW_ROWS)], axis=1)
    is_first = np.diff(windows, axis=1, prepend=-1) != 0
    return np.asarray((is_first & (count[windows] <= RARE)).sum(axis=1))


def _seeds(content: Long, times_ns: Long, symbols: Long) -> tuple[Long, Long]:
    """Starts of windows that came before in the same symbol with the same gaps, and how many rows before."""
    count = len(content) - WINDOW_ROWS + 1
    state = symbols[:count].astype(np.uint64)
    for row in range(WINDOW_ROWS):
        gap = times_ns[row : row + count] - times_ns[max(row - 1, 0) :][:count]
        state = _mixed(_mixed(state, content[row : row + count].view(np.uint64)), gap.view(np.uint64))
    whole = np.flatnonzero(symbols[:count] == symbols[WINDOW_ROWS - 1 :])
    _, first, place = np.unique(state[whole], return_index=True, return_inverse=True)
    earlier = whole[first][place]
    again = whole > earlier
    starts, lags = whole[again], (whole - earlier)[again]
    rich = _rare_contents(content, starts) >= DIFFERENT
    return starts[rich], lags[rich]


def _grown(content: Long, times_ns: Long, starts: Long, lag: int) -> Long:
    """Rows of the blocks, a minute or longer, that hold one of the seeds `starts` of this lag and time shift."""
    rows = np.arange(max(starts[0] - REACH_ROWS, lag), min(starts[-1] + REACH_ROWS, len(content)))
    shift = times_ns[starts[0]] - times_ns[starts[0] - lag]
    same = (content[rows] == content[rows - lag]) & (times_ns[rows] - times_ns[rows - lag] == shift)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], same, [False]]).astype(np.int8)))
    found = [
        rows[low:high]
        for low, high in edges.reshape(-1, 2)
        if times_ns[rows[high - 1]] - times_ns[rows[low]] >= REPEATED_NS and np.isin(rows[low:high], starts).any()
    ]
    return np.concatenate(found) if found else np.empty(0, np.int64)


def blocks_again(content: Long, times_ns: Long, symbols: Long) -> Mask:
    """(n,) true for rows of a block that came before; rows sorted by symbol and time."""
    again = np.zeros(len(content), dtype=bool)
    if len(content) < WINDOW_ROWS:
        return again
    starts, lags = _seeds(content, times_ns, symbols)
    shifts = times_ns[starts] - times_ns[starts - lags]
    order = np.lexsort((starts, shifts, lags, symbols[starts]))
    keys = np.column_stack([symbols[starts], lags, shifts])[order]
    cuts = np.flatnonzero((np.diff(keys, axis=0) != 0).any(axis=1)) + 1
    for group in np.split(order, cuts):
        if len(group) and shifts[group[0]] > 0:
            again[_grown(content, times_ns, starts[group], int(lags[group[0]]))] = True
    return again


def repeated_mask(noun: str, rows: pa.Table) -> Mask:
    """(n,) true for the rows of a block that repeats an earlier one of its symbol."""
    mask = np.zeros(rows.num_rows, dtype=bool)
    if noun in FEEDS and rows.num_rows:
        order = row_order(rows)
        hashes = content_hash(rows).view(np.int64)
        mask[order] = blocks_again(
            hashes[order], rows["event_at_ns"].to_numpy()[order], codes(rows, "symbol")[1][order]
        )
    return mask


def standing_symbols(books: pa.Table) -> tuple[list[str], int]:
    """Symbols whose best book never moved in ten minutes or more of rows, and how many symbols there are."""
    asked = [(name, how) for name in (*BEST, "event_at_ns") for how in ("min", "max")]
    filled = books.select(["symbol", "event_at_ns"])
    for name in BEST:
        filled = filled.append_column(name, pc.fill_null(books[name], -1.0))
    found = filled.group_by("symbol").aggregate(asked)
    span = pc.subtract(found["event_at_ns_max"], found["event_at_ns_min"])
    stands = pc.greater_equal(span, STANDING_NS)
    for name in BEST:
        stands = pc.and_(stands, pc.equal(found[f"{name}_min"], found[f"{name}_max"]))
    return sorted(found.filter(stands)["symbol"].to_pylist()), found.num_rows
