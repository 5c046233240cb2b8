"""How a feature and what came after it move together within one session: Spearman's rank correlation by symbol.

    correlation = sum over symbols of rows * r(rank(feature), rank(label)) / sum over symbols of rows

r is Pearson's, over the rows where both are there; ranks are each column's own within a symbol's session, ties sharing
their mean. Ranks, because one halt must not decide it (Spearman 1904, "The proof and measurement of association between
two things", American Journal of Psychology 15); by symbol, because levels that differ between symbols are no forecast.
What it is not: evidence. Labels of neighbouring rows overlap, so the error of one session's figure is far larger than
1/sqrt(rows); what counts is whether it keeps its sign over sessions.

    >>> values, moves = np.array([[1.0], [2.0], [4.0], [np.nan]]), np.array([[0.1], [0.3], [9.0], [0.0]])
    >>> found = rank_correlations(values, moves, np.array([0, 4]), fewest=2)
    >>> found.correlation.tolist(), found.rows.tolist()
    ([[1.0]], [[3]])
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

Float = npt.NDArray[np.float64]
Values = npt.NDArray[np.float32] | Float
Long = npt.NDArray[np.int64]
CORRELATIONS_FORMAT = "1"
"""Part of what a session's figures are made from: raised when the formula changes."""
FEWEST_ROWS = 30
"""Rows of a symbol, because ranks of fewer say nothing."""
MOST_ROWS = 1500
"""Rows of a symbol, evenly over its session, because labels of rows nearer together tell the same move again."""
SMALLEST = 1e-9
"""Spread as a share of the sum of squares, below which a side does not move: less is what rounding leaves of zero."""


@dataclass(frozen=True)
class Correlations:
    """(features, labels) each; NaN where no symbol has enough rows, or nothing moves. `rows`: those compared."""

    correlation: Float
    rows: Long


def _centred_ranks(values: Values) -> Float:
    """(n, k) rank of each value within its column less the column's mean rank; 0 for null."""
    ranks = np.zeros(values.shape)
    for place in range(values.shape[1]):
        present = ~np.isnan(values[:, place])
        found = rankdata(values[present, place])
        ranks[present, place] = found - (len(found) + 1) / 2
    return ranks


def rank_correlations(values: Values, labels: Values, starts: Long, fewest: int = FEWEST_ROWS) -> Correlations:
    """`values` (n, k) against `labels` (n, h), symbol by symbol: rows `starts[i]` to `starts[i + 1]` are one symbol's.

    Symbols with fewer than `fewest` common rows are left out.
    """
    shape = (values.shape[1], labels.shape[1])
    total, rows = np.zeros(shape), np.zeros(shape, np.int64)
    for start, end in pairwise(starts):
        step = max(1, -(-int(end - start) // MOST_ROWS))
        found, common = _one_symbol(values[start:end:step], labels[start:end:step])
        counted = np.where((common >= fewest) & np.isfinite(found), common, 0)
        total += np.where(counted > 0, np.nan_to_num(found), 0.0) * counted
        rows += counted
    return Correlations(np.where(rows > 0, total / np.maximum(rows, 1), np.nan), rows)


def _one_symbol(values: Values, labels: Values) -> tuple[Float, Long]:
    """Pearson's correlation of the ranks over common rows, from sums of products, and how many rows are common."""
    has_x, has_y = (~np.isnan(values)).astype(np.float64), (~np.isnan(labels)).astype(np.float64)
    x, y = _centred_ranks(values), _centred_ranks(labels)
    rows = has_x.T @ has_y
    count = np.maximum(rows, 1.0)
    sum_x, sum_y = x.T @ has_y, has_x.T @ y
    squares_x, squares_y = (x * x).T @ has_y, has_x.T @ (y * y)
    spread_x, spread_y = squares_x - sum_x * sum_x / count, squares_y - sum_y * sum_y / count
    moves = (spread_x > SMALLEST * squares_x) & (spread_y > SMALLEST * squares_y)
    scale = np.sqrt(np.where(moves, spread_x * spread_y, 1.0))
    found = np.where(moves, (x.T @ y - sum_x * sum_y / count) / scale, np.nan)
    return np.clip(found, -1.0, 1.0), rows.astype(np.int64)
