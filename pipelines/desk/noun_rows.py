"""Columns that the desk made, as rows of a noun: declared order and types; market, day, times, currency added.

>>> from infra.markets import MARKETS
>>> from datetime import date
>>> noun_rows("trades", MARKETS["sample"], date(2026, 1, 5), {"symbol": [], "event_at_ns": []}).num_rows
0
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from infra.markets import Market
from infra.tables import NOUNS


def utc(nanoseconds: npt.NDArray[np.int64]) -> pa.Array:
    """UTC nanoseconds as timestamps; digits below a microsecond are cut, as everywhere."""
    return pa.array(nanoseconds // 1000).cast(pa.timestamp("us", tz="UTC"))


def _column(values: Any, kind: pa.DataType) -> pa.Array:
    found = values if isinstance(values, pa.Array) else pa.array(values, from_pandas=True)
    return found if found.type == kind else found.cast(kind)


def noun_rows(noun: str, market: Market, day: date, columns: Mapping[str, Any]) -> pa.Table:
    """Rows of `noun` from columns of one length, `symbol` among them; NaN and what is left out become null."""
    table = NOUNS[noun]
    unknown = set(columns) - {column.name for column in table.columns}
    if unknown:
        raise ValueError(f"{noun} has no columns {sorted(unknown)}")
    count = len(columns["symbol"])
    constants = {"market": market.name, "trade_date": day, "currency": market.currency}
    arrays = []
    for column in table.columns:
        if column.name in columns:
            arrays.append(_column(columns[column.name], column.arrow_type))
        elif column.name in constants:
            arrays.append(pa.repeat(pa.scalar(constants[column.name], column.arrow_type), count))
        elif column.name == "event_at":
            arrays.append(utc(np.asarray(columns["event_at_ns"], np.int64)))
        else:
            arrays.append(pa.nulls(count, column.arrow_type))
    return pa.table(arrays, schema=table.arrow_schema)
