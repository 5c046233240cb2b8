"""Compute `gold.labels` and name the rows that tonight's refit may learn from.

A training set is not a copy: one row of `gold.training_sets` holds the sessions, the Delta versions read and a hash
over the content-addressed files of every day, so that it can be made again exactly. The same set named again keeps
its first row: later commits to other days raise a table's version, not the set's content.
"""

from __future__ import annotations

import json
from datetime import date

import pyarrow as pa
import pyarrow.compute as pc

from features.labels import LABEL_NAMES, LABELS_TABLE, compute_labels
from features.market_day import symbol_day
from infra import calendar
from infra.lake_files import DayFile, input_digest, write_day_file
from infra.revision import source_digest
from infra.tables import SILVER, TRAINING_SETS
from pipelines.current_recipe import candidate_recipe
from pipelines.feature_correlations import commit_correlations
from pipelines.recipes.active import active_on
from pipelines.step import StepContext, StepReport
from pipelines.training_rows import SOURCES, content_hash

ROW_KEYS = ("symbol", "event_at", "event_at_ns", "sequence", "known_at")
BOOK = SILVER["book_snapshots"]
JOINED = ("decisions", "parent_orders", "fills", "order_changes", "book_snapshots", "trades")
"""Nouns that `fillwise training_set --decisions` joins to the set's sessions, as of the versions named with it."""


def label_rows(books: pa.Table, context: StepContext, day: date) -> pa.Table:
    """Rows of `gold.labels` for every silver book row of one session."""
    intervals = calendar.session_intervals_ns(context.market, day)
    parts = []
    for symbol in pc.unique(books.column("symbol")).to_pylist():
        rows = books.filter(pc.equal(books.column("symbol"), symbol))
        moves = compute_labels(symbol_day(symbol, rows, None, context.market.book_levels), intervals)
        columns = [pa.array(moves[:, place].copy(), from_pandas=True) for place in range(moves.shape[1])]
        keys = [rows.column(name).combine_chunks() for name in ROW_KEYS]
        parts.append(pa.table([*keys, *columns], names=[*ROW_KEYS, *LABEL_NAMES]))
    return pa.concat_tables(parts)


def _build_labels(context: StepContext) -> dict[date, DayFile]:
    code = source_digest(("features",))
    known = context.lake.inputs(LABELS_TABLE, context.market.name, context.days)
    made: dict[date, DayFile] = {}
    found = context.lake.day_files(BOOK, context.market.name, context.days)
    for day, paths in context.progress(list(found.items()), "labels"):
        digest = input_digest(*(path.stem for path in paths), code)
        if known.get(day) != digest:
            books = context.lake.read_day(BOOK, context.market.name, day)
            rows = label_rows(books, context, day)
            made[day] = write_day_file(context.lake.root, LABELS_TABLE, context.market.name, day, rows, inputs=digest)
    return made


def training_set_row(context: StepContext, days: tuple[date, ...]) -> pa.Table:
    """One row that names the sessions, the versions and the content of the rows to learn from."""
    market, lake = context.market.name, context.lake
    content = content_hash(context, days)
    versions = {table.name: lake.version(table) for table in (*SOURCES, *(SILVER[noun] for noun in JOINED))}
    recipe = candidate_recipe(context.settings).recipe_id
    row = {
        "training_set_id": input_digest(market, str(context.night), recipe, content)[:16],
        "first_day": days[0],
        "last_day": days[-1],
        "sessions": len(days),
        "rows": lake.count(LABELS_TABLE, market, days),
        "recipe_id": recipe,
        "delta_versions": json.dumps(versions, sort_keys=True),
        "content_hash": content,
    }
    return pa.Table.from_pylist([row], schema=pa.schema([TRAINING_SETS.column(name).arrow_field for name in row]))


def run(context: StepContext) -> StepReport:
    """Label the days whose books changed, then name tonight's training set."""
    market, lake = context.market.name, context.lake
    labels = lake.commit_days(LABELS_TABLE, market, _build_labels(context))
    correlated = commit_correlations(context)
    days = tuple(day for day in lake.days(LABELS_TABLE, market) if day <= context.night)
    active = active_on(context.settings, context.market, context.night)
    days = days[-max(one.recipe.window_sessions for one in active.recipes) :]
    rows = training_set_row(context, days)
    known = lake.read_day(TRAINING_SETS, market, context.night, rows.column_names)
    is_known = known.column("training_set_id").equals(rows.column("training_set_id"))
    sets = lake.replace_days(TRAINING_SETS, market, {context.night: known if is_known else rows})
    found = rows.to_pylist()[0]
    span = f"{len(days)} sessions, {days[0]} to {days[-1]}, {found['rows']:,} rows"
    note = f"training set {found['training_set_id']}: {span}"
    return StepReport(
        rows_in=labels.rows,
        rows_out=labels.rows + 1,
        tables=(labels, sets, correlated),
        is_unchanged=labels.is_unchanged and sets.is_unchanged and correlated.is_unchanged,
        notes=(note,),
    )
