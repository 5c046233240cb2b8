"""Histograms of each day's features into `gold.feature_sketches`, for drift and for the features page.

Called at the end of step `build_features`, on the days that it was given. A day's sketches name the file of
`gold.features` that they were made from, and a day whose file did not change is left alone. `read_sketches` is the
one way back: it hands out only sketches of the definitions that are in force, so that no reader can merge a feature
with what was called so before.

    >>> commit_sketches(context)                                                              # doctest: +SKIP
    Commit(table='gold.feature_sketches', version=1, rows=2128, is_unchanged=False)
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from features.catalog import FEATURE_NAMES, FEATURE_VERSIONS, FEATURES_TABLE
from features.engine import catalog_digest
from features.sketches import SKETCH_FORMAT, ColumnSketch, sketch_column
from features.symbol_groups import symbol_groups
from infra.lake import Commit
from infra.lake_files import DayFile, input_digest, read_day_file, write_day_file
from infra.tables import FEATURE_SKETCHES
from pipelines.batches import day_batches, merged
from pipelines.step import StepContext

HOURS = 24
LIQUIDITY = "depth_notional"
"""Feature by which symbols are grouped in a market of many: money at the best prices, comparable between symbols."""

Long = npt.NDArray[np.int64]


def _groups(rows: pa.Table) -> tuple[list[str], Long]:
    """Names of the symbol groups, ascending, and the place of each row's group among them."""
    symbols = rows["symbol"].combine_chunks().dictionary_encode()
    names, codes = symbols.dictionary.to_pylist(), symbols.indices.to_numpy()
    depth = pc.fill_null(rows[LIQUIDITY], np.nan).to_numpy()
    known, sums = ~np.isnan(depth), np.zeros((2, len(names)))
    np.add.at(sums[0], codes[known], depth[known])
    np.add.at(sums[1], codes[known], 1.0)
    means = np.divide(sums[0], sums[1], out=np.full(len(names), np.nan), where=sums[1] > 0)
    group_of = symbol_groups(dict(zip(names, means.tolist(), strict=True)))
    found = sorted(set(group_of.values()))
    places = np.array([found.index(group_of[name]) for name in names], np.int64)
    return found, places[codes]


def _feature_rows(name: str, made: ColumnSketch) -> dict[str, pa.Array]:
    groups = len(made.nulls)
    extremes = {"lowest": made.low, "highest": made.high}
    return {
        "feature": pa.repeat(name, groups),
        "version": pa.repeat(FEATURE_VERSIONS[name], groups),
        "nulls": pa.array(made.nulls),
        "zeros": pa.array(made.zeros),
        "bins": made.bins,
        **{column: pa.array(values, from_pandas=True) for column, values in extremes.items()},
    }


def sketch_rows(rows: pa.Table, zone: ZoneInfo) -> pa.Table:
    """Rows of `gold.feature_sketches` for one day of `gold.features`: every feature by symbol group and local hour."""
    if not rows.num_rows:
        return FEATURE_SKETCHES.arrow_schema.empty_table().drop_columns(list(FEATURE_SKETCHES.partition_by))
    names, group = _groups(rows)
    hour = pc.hour(rows["event_at"].cast(pa.timestamp("us", tz=str(zone)))).to_numpy()
    cell = group * HOURS + hour
    if np.any(np.diff(cell) < 0):
        order = np.argsort(cell, kind="stable")
        rows, cell = rows.take(pa.array(order)), cell[order]
    starts = np.flatnonzero(np.diff(cell, prepend=-1, append=-1)).astype(np.int64)
    first = cell[starts[:-1]]
    shared = {
        "symbol_group": pa.array(names).take(pa.array(first // HOURS)),
        "hour": pa.array(first % HOURS, pa.int32()),
        "rows": pa.array(np.diff(starts)),
        "definitions": pa.repeat(catalog_digest()[:16], len(first)),
    }
    parts = []
    for name in FEATURE_NAMES:
        made = sketch_column(pc.fill_null(rows[name], np.nan).to_numpy(), starts)
        parts.append(pa.table({**_feature_rows(name, made), **shared}))
    return pa.concat_tables(parts)


def _sketch_day(context: StepContext, day: date, paths: tuple[Path, ...], inputs: str) -> DayFile:
    names = ["symbol", "event_at", *FEATURE_NAMES]
    rows = pa.concat_tables([read_day_file(path, FEATURES_TABLE, names) for path in paths]).combine_chunks()
    made = sketch_rows(rows, ZoneInfo(context.market.zone))
    return write_day_file(context.lake.root, FEATURE_SKETCHES, context.market.name, day, made, inputs=inputs)


def _inputs(paths: tuple[Path, ...]) -> str:
    return input_digest(*(path.stem for path in paths), catalog_digest(), SKETCH_FORMAT)


def commit_sketches(context: StepContext) -> Commit:
    """Sketch those of `context.days` whose features changed since; the table is made when there is none."""
    name, lake = context.market.name, context.lake
    files = lake.day_files(FEATURES_TABLE, name, context.days)
    known = lake.inputs(FEATURE_SKETCHES, name, context.days)
    stale = [(day, paths) for day, paths in files.items() if known.get(day) != _inputs(paths)]
    commits = [] if stale else [lake.commit_days(FEATURE_SKETCHES, name, {})]
    for batch in context.progress(list(day_batches(stale)), "sketches"):
        made = {day: _sketch_day(context, day, paths, _inputs(paths)) for day, paths in batch}
        commits.append(lake.commit_days(FEATURE_SKETCHES, name, made))
    (commit,) = merged(commits)
    return commit


def read_sketches(context: StepContext, days: Sequence[date], columns: Sequence[str]) -> pa.Table:
    """`columns` of the days' sketches, each with `trade_date` and `place`, its feature's place in FEATURE_NAMES.

    Sketches of features that are gone, or of another version than the one in force, are left out.
    """
    wanted = ["trade_date", "feature", "version", *columns]
    rows = context.lake.read(FEATURE_SKETCHES, context.market.name, days, wanted)
    place = pc.index_in(rows["feature"], pa.array(FEATURE_NAMES))
    versions = pa.array([FEATURE_VERSIONS[name] for name in FEATURE_NAMES])
    is_in_force = pc.fill_null(pc.equal(versions.take(place.combine_chunks()), rows["version"].combine_chunks()), False)
    return rows.append_column("place", place).filter(is_in_force).select(["trade_date", "place", *columns])
