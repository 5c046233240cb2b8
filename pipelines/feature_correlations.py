"""How each feature and each label moved together, session by session, into `gold.feature_correlations`.

Called at the end of step `build_training_set`, when the days' labels are there. The features page reads these figures,
so it touches no row. A day names the files of features and labels that it was made from, and one whose files did not
change is left alone.

    >>> commit_correlations(context)                                                          # doctest: +SKIP
    Commit(table='gold.feature_correlations', version=1, rows=114, is_unchanged=False)
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa

from features.catalog import FEATURE_NAMES, FEATURE_VERSIONS, FEATURES_TABLE
from features.correlations import CORRELATIONS_FORMAT, rank_correlations
from features.engine import catalog_digest
from features.labels import LABEL_NAMES, LABELS_TABLE
from infra.errors import ContractError
from infra.lake import Commit
from infra.lake_files import DayFile, input_digest, read_day_file, write_day_file
from infra.tables import FEATURE_CORRELATIONS, Table
from models.dataset import matrix
from pipelines.batches import day_batches, merged
from pipelines.step import StepContext

KEYS = ("symbol", "event_at_ns", "sequence")


def _read(table: Table, paths: tuple[Path, ...], names: tuple[str, ...]) -> pa.Table:
    return pa.concat_tables([read_day_file(path, table, [*KEYS, *names]) for path in paths]).combine_chunks()


def correlation_rows(features: pa.Table, labels: pa.Table, which: str) -> pa.Table:
    """Rows of `gold.feature_correlations`. Raises ContractError when features and labels are not of the same rows."""
    if not all(features[name].equals(labels[name]) for name in KEYS):
        raise ContractError(
            "features and labels are of different rows",
            which=which,
            found=f"{features.num_rows:,} rows of features, {labels.num_rows:,} of labels",
            allowed="one row of each for every book row",
            next_step="run build_features, then build_training_set, of that day again",
        )
    symbols = features["symbol"].combine_chunks().dictionary_encode().indices.to_numpy()
    starts = np.flatnonzero(np.diff(symbols, prepend=-1, append=-1)).astype(np.int64)
    found = rank_correlations(matrix(features, FEATURE_NAMES), matrix(labels, LABEL_NAMES), starts)
    versions = [FEATURE_VERSIONS[name] for name in FEATURE_NAMES]
    return pa.table(
        {
            "feature": np.repeat(FEATURE_NAMES, len(LABEL_NAMES)),
            "version": np.repeat(versions, len(LABEL_NAMES)),
            "label": np.tile(LABEL_NAMES, len(FEATURE_NAMES)),
            "rows": found.rows.ravel(),
            "rank_correlation": pa.array(found.correlation.ravel(), from_pandas=True),
        }
    )


def _correlate_day(context: StepContext, day: date, paths: tuple[tuple[Path, ...], ...], inputs: str) -> DayFile:
    features, labels = _read(FEATURES_TABLE, paths[0], FEATURE_NAMES), _read(LABELS_TABLE, paths[1], LABEL_NAMES)
    rows = correlation_rows(features, labels, f"{context.market.name} {day}")
    return write_day_file(context.lake.root, FEATURE_CORRELATIONS, context.market.name, day, rows, inputs=inputs)


def _inputs(paths: tuple[tuple[Path, ...], ...]) -> str:
    stems = (path.stem for files in paths for path in files)
    return input_digest(*stems, catalog_digest(), CORRELATIONS_FORMAT)


def commit_correlations(context: StepContext) -> Commit:
    """Correlate those of `context.days` whose features or labels changed since; a day without labels waits for them."""
    name, lake = context.market.name, context.lake
    features, labels = (lake.day_files(table, name, context.days) for table in (FEATURES_TABLE, LABELS_TABLE))
    known = lake.inputs(FEATURE_CORRELATIONS, name, context.days)
    both = {day: (features[day], labels[day]) for day in features if day in labels}
    stale = [(day, paths) for day, paths in both.items() if known.get(day) != _inputs(paths)]
    commits = [] if stale else [lake.commit_days(FEATURE_CORRELATIONS, name, {})]
    for batch in context.progress(list(day_batches(stale)), "correlations"):
        made = {day: _correlate_day(context, day, paths, _inputs(paths)) for day, paths in batch}
        commits.append(lake.commit_days(FEATURE_CORRELATIONS, name, made))
    (commit,) = merged(commits)
    return commit
