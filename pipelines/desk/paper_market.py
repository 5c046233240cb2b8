"""What the desk's recorder keeps of the built-in market: `book_snapshots` and `trades`, our own footprint taken out.

A row is the book as published, less our resting orders: the recorder knows them and nets them, because features that
contain our own size would grow with our share. Likewise trades and traded volume count executions between others only.
A side shows the ten best prices that hold lots of others; a price beyond the model's window is null.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from infra.markets import Market
from models.market import OpenMarket
from models.market_parameters import LEVELS, LOT_SHARES, ROW_SECONDS, TICK
from pipelines.desk.noun_rows import noun_rows

Float = npt.NDArray[np.float64]
TICKS_PER_UNIT = round(1 / TICK)


def repeated(values: Sequence[str], counts: Sequence[int]) -> pa.Array:
    """Each text as often as its count says."""
    places = np.repeat(np.arange(len(values), dtype=np.int32), counts)
    return pa.DictionaryArray.from_arrays(places, pa.array(values, pa.string())).cast(pa.string())


def to_ns(open_ns: int, seconds: npt.ArrayLike) -> npt.NDArray[np.int64]:
    """UTC nanoseconds of seconds from the open."""
    return open_ns + np.rint(np.asarray(seconds) * 1e9).astype(np.int64)


def book_money(lots: Float, lot_ticks: Float, origin: npt.ArrayLike) -> Float:
    """Currency traded, from lots and lots times place on the ladder; rounded, because it is whole cents."""
    money: Float = np.round((lot_ticks + lots * np.asarray(origin)) / TICKS_PER_UNIT * LOT_SHARES, 6)
    return money


def _shown(values: npt.NDArray[Any], is_missing: npt.NDArray[np.bool_]) -> pa.Array:
    return pa.array(values, mask=is_missing) if is_missing.any() else pa.array(values)


def _levels(markets: Sequence[OpenMarket], rows: int) -> dict[str, pa.Array]:
    place = np.concatenate([one.state.row_place[:rows] for one in markets]).transpose(1, 2, 0)
    origin = np.repeat([one.state.origin for one in markets], rows)
    shares = np.concatenate([one.state.row_lots[:rows] for one in markets]).transpose(1, 2, 0) * float(LOT_SHARES)
    columns = {}
    for side, name in enumerate(("bid", "ask")):
        for level in range(LEVELS):
            ticks = np.ascontiguousarray(place[side, level])
            is_missing = ticks < 0
            columns[f"{name}_price_{level + 1}"] = _shown((ticks + origin) / TICKS_PER_UNIT, is_missing)
            columns[f"{name}_shares_{level + 1}"] = _shown(np.ascontiguousarray(shares[side, level]), is_missing)
    return columns


def _book_rows(market: Market, day: date, markets: Sequence[OpenMarket], open_ns: int) -> pa.Table:
    rows, symbols = -(-markets[0].session.seconds // ROW_SECONDS), [one.session.parameters.symbol for one in markets]
    lots, ticks, last = np.concatenate([one.state.row_traded[:rows] for one in markets]).T
    origin = np.repeat([float(one.state.origin) for one in markets], rows)
    sequence = np.tile(np.arange(rows, dtype=np.int64), len(markets))
    return noun_rows("book_snapshots", market, day, {
        "symbol": repeated(symbols, [rows] * len(markets)),
        "event_at_ns": to_ns(open_ns, sequence * float(ROW_SECONDS)),
        "sequence": sequence,
        "previous_close_price": np.repeat([round(one.session.previous_close, 10) for one in markets], rows),
        "last_price": _shown((last + origin) / TICKS_PER_UNIT, last == 0.0),
        **_levels(markets, rows),
        "traded_shares": lots * LOT_SHARES,
        "traded_notional": book_money(lots, ticks, origin),
    })  # fmt: skip


def _trade_rows(market: Market, day: date, markets: Sequence[OpenMarket], open_ns: int) -> pa.Table:
    counts = [int(one.state.trades) for one in markets]
    rows = np.concatenate([one.state.trade[:count] for one, count in zip(markets, counts, strict=True)])
    at = np.concatenate([one.state.trade_at[:count] for one, count in zip(markets, counts, strict=True)])
    return noun_rows("trades", market, day, {
        "symbol": repeated([one.session.parameters.symbol for one in markets], counts),
        "event_at_ns": to_ns(open_ns, at),
        "sequence": np.concatenate([np.arange(count, dtype=np.int64) for count in counts]),
        "price": (rows[:, 0] + np.repeat([one.state.origin for one in markets], counts)) / TICKS_PER_UNIT,
        "shares": rows[:, 1] * float(LOT_SHARES),
        "aggressor_side": rows[:, 2].astype(np.int32),
    })  # fmt: skip


def market_rows(market: Market, day: date, markets: Sequence[OpenMarket], open_ns: int) -> Mapping[str, pa.Table]:
    """`book_snapshots` every five seconds from the open, the closing second left out, and `trades`."""
    return {
        "book_snapshots": _book_rows(market, day, markets, open_ns),
        "trades": _trade_rows(market, day, markets, open_ns),
    }
