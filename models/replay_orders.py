"""`OrderArrays`: the parent orders of one symbol and session, as the replay works them.

>>> OrderArrays.of(side=[1.0], shares=[500.0], arrival_ns=[0], end_ns=[60_000_000_000]).count
1
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from infra.errors import ContractError

Float = npt.NDArray[np.float64]
Long = npt.NDArray[np.int64]


@dataclass(frozen=True)
class OrderArrays:
    """n parent orders of one symbol.

    parent_order_id (n) str; arrival_ns, start_ns, end_ns (n) int64 UTC, arrival <= start < end; side (n) +1 buy,
    -1 sell; shares (n) > 0; limit_price (n), NaN for none; urgency (n) 0, 1, 2; alpha_bps, alpha_seconds (n): planted
    move in the order's direction that the replay must overlay, 0 where there is none or the market's price carried it.
    """

    parent_order_id: npt.NDArray[np.str_]
    arrival_ns: Long
    start_ns: Long
    end_ns: Long
    side: Float
    shares: Float
    limit_price: Float
    urgency: Long
    alpha_bps: Float
    alpha_seconds: Float

    def __post_init__(self) -> None:
        is_timed = (self.arrival_ns <= self.start_ns) & (self.start_ns < self.end_ns)
        is_good = (
            is_timed & (self.shares > 0.0) & (np.abs(self.side) == 1.0) & (self.urgency >= 0) & (self.urgency <= 2)
        )
        if not is_good.all():
            raise ContractError(
                "cannot work parent orders",
                which=", ".join(self.parent_order_id[~is_good][:3]),
                found=f"{int((~is_good).sum())} orders with impossible times, side, shares or urgency",
                allowed="arrival <= start < end, side +1 or -1, shares > 0, urgency 0 to 2",
                next_step="correct the rows of parent_orders",
            )

    @property
    def count(self) -> int:
        return len(self.shares)

    def take(self, index: Long) -> OrderArrays:
        """The orders at `index`, in that order."""
        return OrderArrays(*(getattr(self, field.name)[index] for field in fields(self)))

    @classmethod
    def of(
        cls,
        *,
        side: npt.ArrayLike,
        shares: npt.ArrayLike,
        arrival_ns: npt.ArrayLike,
        end_ns: npt.ArrayLike,
        start_ns: npt.ArrayLike | None = None,
        limit_price: npt.ArrayLike | None = None,
        urgency: npt.ArrayLike | None = None,
        alpha_bps: npt.ArrayLike | None = None,
        alpha_seconds: npt.ArrayLike | None = None,
    ) -> OrderArrays:
        """Orders from plain sequences: start at arrival, no limit, normal urgency, no planted alpha unless given."""
        count = len(np.asarray(shares))
        return cls(
            parent_order_id=np.array([f"order-{number:06d}" for number in range(count)], dtype=np.str_),
            arrival_ns=np.asarray(arrival_ns, np.int64),
            start_ns=np.asarray(arrival_ns if start_ns is None else start_ns, np.int64),
            end_ns=np.asarray(end_ns, np.int64),
            side=np.asarray(side, np.float64),
            shares=np.asarray(shares, np.float64),
            limit_price=_filled(limit_price, count, np.nan),
            urgency=np.asarray(np.ones(count) if urgency is None else urgency, np.int64),
            alpha_bps=_filled(alpha_bps, count, 0.0),
            alpha_seconds=_filled(alpha_seconds, count, 0.0),
        )


def _filled(values: npt.ArrayLike | None, count: int, default: float) -> Float:
    return np.full(count, default) if values is None else np.asarray(values, np.float64)


def _nanoseconds(rows: pa.Table, name: str) -> Long:
    microseconds = rows.column(name).cast(pa.timestamp("us", tz="UTC")).cast(pa.int64())
    return np.asarray(microseconds.to_numpy(), np.int64) * 1000


def _overlaid(rows: pa.Table, name: str) -> Float:
    is_in_path = np.asarray(rows.column("is_alpha_in_path").to_numpy(zero_copy_only=False), bool)
    planted = np.asarray(pc.fill_null(rows.column(name), 0.0).to_numpy(), np.float64)
    return np.where(is_in_path, 0.0, planted)


def order_arrays(rows: pa.Table) -> OrderArrays:
    """Rows of `parent_orders` of ONE symbol and day, in their order; ContractError where they cannot be worked."""
    symbols = rows.column("symbol").unique()
    if len(symbols) > 1:
        raise ContractError(
            "orders of several symbols",
            which="parent_orders",
            found=symbols.to_pylist(),
            allowed="one symbol a call",
            next_step="filter the rows by symbol first",
        )
    return OrderArrays(
        parent_order_id=np.array(rows.column("parent_order_id").to_pylist(), dtype=np.str_),
        arrival_ns=np.asarray(rows.column("event_at_ns").to_numpy(), np.int64),
        start_ns=_nanoseconds(rows, "instructed_start_at"),
        end_ns=_nanoseconds(rows, "instructed_end_at"),
        side=np.where(pc.equal(rows.column("side"), "buy").to_numpy(zero_copy_only=False), 1.0, -1.0),
        shares=np.asarray(rows.column("order_shares").to_numpy(), np.float64),
        limit_price=np.asarray(pc.fill_null(rows.column("limit_price"), np.nan).to_numpy(), np.float64),
        urgency=np.asarray(rows.column("urgency").to_numpy(), np.int64),
        alpha_bps=_overlaid(rows, "planted_alpha_bps"),
        alpha_seconds=_overlaid(rows, "planted_alpha_seconds"),
    )
