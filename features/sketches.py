"""A small histogram of a 32-bit feature whose edges nobody chooses: the bins are the upper bits of the number itself.

A float32 is sign, exponent and mantissa; its sign, exponent and the first 4 bits of its mantissa name a bin:

    key(x) = sign(x) * (1 + (bits(|x|) >> 19)),      key(0) = 0

Keys are in the order of the values, exact zeros have a bin of their own, and the others are log-linear: 16 bins
between a power of two and the next, none wider than 1/16 of the values in it. Every day has the same bins, so two
histograms are merged by adding them, and quantiles and Kolmogorov distances of a year are read off sums. The idea is
that of HdrHistogram (Tene) and of Masson, Rim and Lee (2019) "DDSketch", section 2, with relative width in place of a
chosen accuracy. What it is not: exact inside a bin, and fine far from zero (1000.0 and 1001.0 share a bin).

Bins are written as a JSON array of whole numbers, pairs of (step from the last key, rows in the bin), keys ascending,
the first step from 0, so that any reader of the table can add them up:

    >>> made = sketch_column(np.array([2.0, 2.0, np.nan, 2.2, 0.0], np.float32), np.array([0, 5]))
    >>> made.bins.to_pylist(), made.nulls.tolist(), made.zeros.tolist()
    (['[0,1,2049,2,1,1]'], [1], [1])
    >>> [float(edge) for edge in bin_edges(np.array([0, 2049, 2050]))[0]]
    [0.0, 2.0, 2.125]
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from numba import njit

Float32 = npt.NDArray[np.float32]
Float = npt.NDArray[np.float64]
Long = npt.NDArray[np.int64]
Bytes = npt.NDArray[np.uint8]

SKETCH_FORMAT = "1"
"""Part of what a sketch is made from: raised when bins or their encoding change, so that every day is made anew."""
DROPPED_BITS = 19
"""Of the mantissa's 23 bits, because the 4 that stay tell values 6 % apart, as finely as 64 quantiles tell a day's."""
MAGNITUDE, INFINITE_BITS = 0x7FFFFFFF, 0x7F800000
REACH = 1 + (INFINITE_BITS >> DROPPED_BITS)
PLACES = 2 * REACH + 2
"""Places of a dense histogram: 0 holds the nulls, 1 + REACH + key the bin of that key."""
MOST_ENTRY_BYTES, FEWEST_ENTRY_BYTES = 28, 4
COMMA, MINUS, OPEN, CLOSE, ZERO, NINE = (ord(one) for one in ",-[]09")


@dataclass(frozen=True)
class ColumnSketch:
    """One feature over g groups of rows: (g) each. `low` and `high` are NaN where every row is null."""

    nulls: Long
    zeros: Long
    low: Float32
    high: Float32
    bins: pa.Array


@njit(cache=True)
def _put(buffer: Bytes, at: int, value: int) -> int:
    """Write a whole number as digits; answers the place behind it."""
    if value < 0:
        buffer[at] = MINUS
        at, value = at + 1, -value
    digits, rest = 1, value // 10
    while rest:
        digits, rest = digits + 1, rest // 10
    for place in range(digits):
        buffer[at + digits - 1 - place] = ZERO + value % 10
        value //= 10
    return at + digits


@njit(cache=True)
def _write_bins(counts: Long, first: int, last: int, buffer: Bytes, at: int) -> int:
    """Write and clear the bins `first` to `last` of the scratch `counts`; answers the place behind them."""
    buffer[at] = OPEN
    at, before = at + 1, 0
    for key in range(first, last + 1):
        rows = counts[key + REACH]
        if rows:
            if buffer[at - 1] != OPEN:
                buffer[at] = COMMA
                at += 1
            at = _put(buffer, at, key - before)
            buffer[at] = COMMA
            at = _put(buffer, at + 1, rows)
            before, counts[key + REACH] = key, 0
    buffer[at] = CLOSE
    return at + 1


@njit(cache=True)
def _sketch(bits: npt.NDArray[np.int32], starts: Long, figures: Long, offsets: Long, buffer: Bytes) -> int:
    counts, at = np.zeros(2 * REACH + 1, np.int64), 0
    for group in range(len(starts) - 1):
        first, last = REACH + 1, -REACH - 1
        for row in range(starts[group], starts[group + 1]):
            magnitude = bits[row] & MAGNITUDE
            if magnitude > INFINITE_BITS:
                figures[group, 0] += 1
                continue
            key = 0 if magnitude == 0 else 1 + (magnitude >> DROPPED_BITS)
            if bits[row] < 0:
                key = -key
            counts[key + REACH] += 1
            first, last = min(first, key), max(last, key)
        figures[group, 1] = counts[REACH]
        at = _write_bins(counts, first, last, buffer, at)
        offsets[group + 1] = at
    return at


def sketch_column(values: Float32, starts: Long) -> ColumnSketch:
    """Histograms of the groups `values[starts[i]:starts[i + 1]]` of one feature (n) float32, NaN for null."""
    groups = len(starts) - 1
    figures, offsets = np.zeros((groups, 2), np.int64), np.zeros(groups + 1, np.int64)
    filled = int(np.minimum(np.diff(starts), 2 * REACH + 1).sum())
    buffer = np.empty(2 * groups + MOST_ENTRY_BYTES * filled, np.uint8)
    solid = np.ascontiguousarray(values, np.float32)
    used = _sketch(solid.view(np.int32), np.ascontiguousarray(starts, np.int64), figures, offsets, buffer)
    text = pa.LargeStringArray.from_buffers(groups, pa.py_buffer(offsets), pa.py_buffer(buffer[:used].tobytes()))
    low, high = (fold.reduceat(solid, starts[:-1]) if groups else solid[:0] for fold in (np.fmin, np.fmax))
    return ColumnSketch(figures[:, 0], figures[:, 1], low, high, text.cast(pa.string()))


@njit(cache=True)
def _parse(text: Bytes, start: int, end: int, counts: Long) -> None:
    """Add one JSON array of bins to the scratch `counts` (PLACES)."""
    key, number, sign, is_step = 0, 0, 1, True
    for at in range(start + 1, end):
        letter = text[at]
        if letter == MINUS:
            sign = -1
        elif ZERO <= letter <= NINE:
            number = 10 * number + letter - ZERO
        elif is_step:
            key, number, sign, is_step = key + sign * number, 0, 1, False
        else:
            counts[1 + REACH + min(max(key, -REACH), REACH)] += number
            number, is_step = 0, True


@njit(cache=True)
def _add(text: Bytes, offsets: Long, nulls: Long, order: Long, cells: Long, out: Long) -> int:
    """Rows in `order` (n), those of a cell together; a scratch of one cell stays in the nearest cache."""
    counts, filled = np.zeros(PLACES, np.int64), 0
    for at in range(len(order)):
        row = order[at]
        counts[0] += nulls[row]
        _parse(text, offsets[row], offsets[row + 1], counts)
        if at + 1 == len(order) or cells[order[at + 1]] != cells[row]:
            for place in range(PLACES):
                if counts[place]:
                    out[0, filled], out[1, filled], out[2, filled] = cells[row], place, counts[place]
                    filled, counts[place] = filled + 1, 0
    return filled


@dataclass(frozen=True)
class Sums:
    """Merged histograms, sorted by `cells`, then `places` (m); `counts` (m) are the rows of that place, never 0."""

    cells: Long
    places: Long
    counts: Long


def added(bins: pa.ChunkedArray, nulls: Long, cells: Long) -> Sums:
    """Sketches (n) added up wherever their `cells` (n) are the same."""
    text = pa.concat_arrays([pa.array([], pa.large_string()), *bins.cast(pa.large_string()).chunks])
    if not len(text):
        return Sums(*np.zeros((3, 0), np.int64))
    _, ends, letters = text.buffers()
    offsets = np.frombuffer(ends, np.int64)[text.offset : text.offset + len(text) + 1]
    out = np.empty((3, int(offsets[-1] - offsets[0]) // FEWEST_ENTRY_BYTES + 2 * len(text)), np.int64)
    order = np.argsort(cells, kind="stable")
    columns = (np.ascontiguousarray(values, np.int64) for values in (nulls, order, cells))
    filled = _add(np.frombuffer(letters, np.uint8), offsets, *columns, out)
    return Sums(*out[:, :filled].copy())


def bin_edges(keys: Long) -> tuple[Float, Float]:
    """(n) lowest and highest value that bins of these keys may hold, up to the next number."""
    near, far = np.maximum(np.abs(keys) - 1, 0), np.minimum(np.abs(keys), REACH - 1)
    inner, outer = ((bits.astype(np.int32) << DROPPED_BITS).view(np.float32).astype(float) for bits in (near, far))
    return np.where(keys < 0, -outer, inner), np.where(keys < 0, -inner, outer)


def quantiles(places: Long, counts: Long, probabilities: Float) -> Float:
    """(p) values below which these shares of the rows that are not null lie, straight lines inside bins.

    `places` (b) ascending and `counts` (b) are places of a dense histogram. NaN where every row is null.
    """
    is_used = (places > 0) & (counts > 0)
    keys, rows = places[is_used] - 1 - REACH, counts[is_used]
    if not len(keys):
        return np.full(len(probabilities), np.nan)
    low, high = bin_edges(keys)
    above = np.cumsum(rows)
    wanted = np.clip(np.asarray(probabilities, float), 0.0, 1.0) * above[-1]
    place = np.minimum(np.searchsorted(above, wanted), len(keys) - 1)
    share = np.clip((wanted - above[place] + rows[place]) / rows[place], 0.0, 1.0)
    return np.asarray(low[place] + share * (high[place] - low[place]))


def shares_below(places: Long, counts: Long, values: Float, low: float, high: float) -> Float:
    """(v) share of the rows that are not null up to each of `values` (v), ascending; straight lines inside bins.

    `low` and `high` are the smallest and largest value: a bin reaches no further.
    """
    is_used = (places > 0) & (counts > 0)
    if not is_used.any():
        return np.zeros(len(values))
    edges = bin_edges(places[is_used] - 1 - REACH)
    above = np.cumsum(counts[is_used]) / counts[is_used].sum()
    corners = np.clip(np.column_stack(edges).ravel(), low, high)
    heights = np.column_stack([np.concatenate([[0.0], above[:-1]]), above]).ravel()
    return np.asarray(np.interp(values, corners, heights, left=0.0, right=1.0))


def evenly(places: Long, counts: Long, count: int) -> Float:
    """(count) values that stand for the histogram: its quantiles at even distances, NaN for its share of nulls."""
    total = int(counts.sum())
    nulls = round(count * int(counts[places == 0].sum()) / total) if total else count
    steps = (np.arange(count - nulls) + 0.5) / max(1, count - nulls)
    return np.concatenate([np.full(nulls, np.nan), quantiles(places, counts, steps)])
