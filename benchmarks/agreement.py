"""Whether a peer computes the same features: the share of a day's rows on which its column equals ours."""

from collections.abc import Mapping
from datetime import date
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from features.catalog import FEATURE_NAMES, FEATURES_TABLE
from infra.lake import Lake
from infra.markets import Market
from infra.settings import Settings

TOLERANCE = 1e-4
SMALLEST = 1e-6
"""Because a mid that stands still leaves a trend of 1e-7 bps of rounding on one side and none on the other."""
ENOUGH_ROWS = 0.999
ORDER = [("symbol", "ascending"), ("event_at_ns", "ascending"), ("sequence", "ascending")]


def _equal(ours: npt.NDArray[np.float64], theirs: npt.NDArray[np.float64]) -> float:
    both_null = np.isnan(ours) & np.isnan(theirs)
    near = np.abs(ours - theirs) <= np.maximum(TOLERANCE * np.maximum(np.abs(ours), np.abs(theirs)), SMALLEST)
    return float((both_null | near).mean())


def _doubles(table: pa.Table, name: str) -> npt.NDArray[np.float64]:
    return np.asarray(table.column(name).to_numpy(), np.float64)


def equal_rows(ours: pa.Table, theirs: pa.Table) -> dict[str, float]:
    """Share of rows on which they agree, for every feature of ours that they have; rows matched by key."""
    ours, theirs = ours.sort_by(ORDER), theirs.sort_by(ORDER)
    for key, _ in ORDER:
        if ours.column(key).to_pylist() != theirs.column(key).to_pylist():
            raise ValueError(f"rows differ in {key}: {ours.num_rows} of ours, {theirs.num_rows} of theirs")
    shared = [name for name in FEATURE_NAMES if name in theirs.column_names]
    return {name: _equal(_doubles(ours, name), _doubles(theirs, name)) for name in shared}


def _told(peer: str, found: Mapping[str, float]) -> str:
    other = [name for name, share in found.items() if share < ENOUGH_ROWS]
    tail = f"; not {', '.join(other)}" if other else ""
    return f"{peer} has {len(found)} features, {len(found) - len(other)} equal ours on {ENOUGH_ROWS:.1%} of rows{tail}"


def agreement(home: Path, market: Market, word: str) -> None:
    """Print how the peers' last outputs of the day compare with ours, and which of ours they lack."""
    lake = Lake(Settings(home=home).lake)
    ours = lake.read_day(FEATURES_TABLE, market.name, date.fromisoformat(word))
    spark = home / "peers" / "spark" / f"market={market.name}" / f"trade_date={word}"
    found = {
        "Polars": equal_rows(ours, pq.read_table(home / "peers" / "polars" / f"{word}.parquet")),
        "Spark SQL": equal_rows(ours, pq.read_table(spark, partitioning=None)),
    }
    for peer, shares in found.items():
        print(_told(peer, shares))
    print(f"ours only: {', '.join(name for name in FEATURE_NAMES if name not in found['Polars'])}")
