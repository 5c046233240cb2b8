"""The one order in which a day's rows are judged, whatever order they arrived in.

    symbol, event_at_ns, sequence, source_file, source_row

is total: no two rows of bronze agree in all five, so equal timestamps and shuffled files give the same answer every
time. A noun without `sequence` leaves it out. How many rows needed it is noted: rows that came after a later one of
their file and symbol, and rows that share time and symbol with another.

    >>> rows = pa.table({"symbol": ["A", "A"], "event_at_ns": [2, 1]})
    >>> row_order(rows).tolist()
    [1, 0]
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipelines.rules.catalog import Finding

Float = npt.NDArray[np.float64]
Long = npt.NDArray[np.int64]


def codes(rows: pa.Table, name: str) -> tuple[list[str], Long]:
    """Distinct texts of a column, ascending, and for each row the place of its own among them."""
    encoded = rows[name].combine_chunks().dictionary_encode()
    texts = encoded.dictionary.to_pylist()
    order = sorted(range(len(texts)), key=lambda place: texts[place])
    rank = np.empty(len(texts), np.int64)
    rank[order] = np.arange(len(texts))
    return [texts[place] for place in order], rank[encoded.indices.to_numpy()]


def numbers(rows: pa.Table, name: str) -> Float:
    """(n,) the column in float64, NaN where it is null."""
    return np.asarray(rows[name].cast(pa.float64()).combine_chunks().to_numpy(zero_copy_only=False), dtype=np.float64)


def row_order(rows: pa.Table) -> Long:
    """(n,) row numbers in the order above, each symbol in one piece."""
    present = set(rows.column_names)
    keys = [rows["source_row"].to_numpy(), codes(rows, "source_file")[1]] if "source_row" in present else []
    keys += [rows["sequence"].to_numpy()] if "sequence" in present else []
    return np.lexsort((*keys, rows["event_at_ns"].to_numpy(), codes(rows, "symbol")[1]))


def by_symbol(rows: pa.Table) -> dict[str, Long]:
    """Symbol to its row numbers, in the order above."""
    names, symbols = codes(rows, "symbol")
    order = row_order(rows)
    cuts = np.searchsorted(symbols[order], np.arange(1, len(names)))
    return dict(zip(names, np.split(order, cuts), strict=True)) if names else {}


def order_findings(noun: str, rows: pa.Table) -> list[Finding]:
    """How many rows of a feed stand out of order in their file, and how many share a time with another."""
    symbols, times_ns = codes(rows, "symbol")[1], rows["event_at_ns"].to_numpy()
    arrival = np.lexsort((rows["source_row"].to_numpy(), codes(rows, "source_file")[1], symbols))
    files = codes(rows, "source_file")[1][arrival]
    follows = (np.diff(symbols[arrival]) == 0) & (np.diff(files) == 0)
    late = int((follows & (np.diff(times_ns[arrival]) < 0)).sum())
    order = np.lexsort((times_ns, symbols))
    equal = int(((np.diff(symbols[order]) == 0) & (np.diff(times_ns[order]) == 0)).sum())
    of = f"of {rows.num_rows:,} rows"
    found = [
        Finding(
            "out_of_order", noun, float(late), 0.0, f"{late:,} {of} came after a later one of their file and symbol"
        ),
        Finding("equal_times", noun, float(equal), 0.0, f"{equal:,} {of} share time and symbol with an earlier one"),
    ]
    return [one for one in found if one.figure]
