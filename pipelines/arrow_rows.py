"""Small readings of Arrow rows that steps and desk share.

>>> of_symbol(pa.table({"symbol": ["A", "B"], "price": [1.0, 2.0]}), "B")["price"].to_pylist()
[2.0]
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc


def of_symbol(rows: pa.Table, symbol: str) -> pa.Table:
    """The rows of one symbol, in one piece."""
    return rows.filter(pc.equal(rows.column("symbol"), symbol)).combine_chunks()


def nanoseconds(stamps: pa.ChunkedArray) -> npt.NDArray[np.int64]:
    """(n) int64 UTC nanoseconds of a column of microseconds without nulls."""
    return np.asarray(stamps.cast(pa.int64()).to_numpy() * 1_000, np.int64)
