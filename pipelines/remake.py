"""`fillwise training_set`: list the training sets, or make one again exactly, to look at or to learn from.

A set names the Delta versions that it read and a hash of the content; it is made again from those versions, and what
comes out is compared with that hash. `--decisions` joins the same sessions to the desk's decisions instead: what each
could know of its order and its market then, and what came after.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from features.labels import LABEL_NAMES, LABELS_TABLE
from infra.errors import EvidenceError
from infra.lake import Lake
from infra.tables import TRAINING_SETS
from models.dataset import SignalDataset
from pipelines.decision_rows import decision_rows
from pipelines.restatement import models_trained_on
from pipelines.runner import Run
from pipelines.step import StepContext
from pipelines.training_rows import content_hash, training_dataset


def training_sets(context: StepContext) -> list[dict[str, Any]]:
    """Every training set of the market, by the night that made it."""
    return context.lake.read(TRAINING_SETS, context.market.name).sort_by("trade_date").to_pylist()


def training_set_named(context: StepContext, name: str) -> dict[str, Any]:
    """The set whose id begins with `name`. Raises EvidenceError when there is none, or more than one."""
    rows = training_sets(context)
    found = [row for row in rows if row["training_set_id"].startswith(name)]
    if len(found) != 1:
        raise EvidenceError(
            "no such training set" if not found else "more than one training set begins so",
            which=f"{name} of market {context.market.name}",
            found=", ".join(row["training_set_id"] for row in found) or f"{len(rows)} others",
            allowed=", ".join(row["training_set_id"] for row in rows[-3:]) or "none yet",
            next_step="run fillwise training_set to list them",
        )
    return found[0]


def sessions_of(context: StepContext, row: dict[str, Any]) -> list[date]:
    """The sessions that the set holds, ascending: those that the version of the labels that it read holds."""
    version = json.loads(row["delta_versions"])[LABELS_TABLE.name]
    held = context.lake.day_files(LABELS_TABLE, context.market.name, None, version)
    return [day for day in held if row["first_day"] <= day <= row["last_day"]]


def remade(context: StepContext, row: dict[str, Any]) -> SignalDataset:
    """The set once more. Raises EvidenceError when its versions no longer hold what it was made from."""
    days, versions = sessions_of(context, row), json.loads(row["delta_versions"])
    found = content_hash(context, days, versions)
    if found != row["content_hash"]:
        raise EvidenceError(
            "training set cannot be made again",
            which=row["training_set_id"],
            found=f"content {found[:12]} of {len(days)} sessions at {versions}",
            allowed=f"content {row['content_hash'][:12]} of {row['sessions']} sessions",
            next_step="restore the lake from a backup of that night",
        )
    return training_dataset(context, days, versions)


def signal_rows(dataset: SignalDataset) -> pa.Table:
    """The rows that a signal was fitted on: session, symbol, features, labels."""
    columns: dict[str, Any] = {
        "trade_date": pa.array([date.fromordinal(int(day)) for day in dataset.days]),
        "symbol": pa.array(dataset.symbols.tolist()),
    }
    for names, values in ((dataset.feature_names, dataset.features), (LABEL_NAMES, dataset.targets)):
        columns |= {name: pa.array(values[:, place], from_pandas=True) for place, name in enumerate(names)}
    return pa.table(columns)


def _print_list(context: StepContext) -> int:
    rows = training_sets(context)
    print(f"{'training set':18}{'night':12}{'sessions':>9}{'first':>12}{'last':>12}{'rows':>13}  models")
    for row in rows:
        span = f"{row['sessions']:>9}{row['first_day']!s:>12}{row['last_day']!s:>12}{row['rows']:>13,}"
        models = ", ".join(models_trained_on(context, [row["training_set_id"]])) or "none"
        print(f"{row['training_set_id']:18}{row['trade_date']!s:12}{span}  {models}")
    return 0 if rows else 1


def _joined(context: StepContext, days: Sequence[date], versions: dict[str, int]) -> pa.Table:
    parts = [decision_rows(context, day, versions) for day in context.progress(list(days), "decisions")]
    return pa.concat_tables([part for part in parts if part.num_rows] or parts[:1])


def print_training_set(run: Run, arguments: argparse.Namespace) -> int:
    """List the sets, or make one again and, with --out, write its rows."""
    context = StepContext(run.settings, run.market, run.days, Lake(run.settings.lake), run.data)
    if arguments.training_set is None:
        return _print_list(context)
    row = training_set_named(context, arguments.training_set)
    dataset, versions = remade(context, row), json.loads(row["delta_versions"])
    rows = _joined(context, sessions_of(context, row), versions) if arguments.decisions else signal_rows(dataset)
    told = ", ".join(f"{name} at version {version}" for name, version in sorted(versions.items()))
    print(f"training set {row['training_set_id']} of the night {row['trade_date']}, recipe {row['recipe_id']}")
    print(f"made again from {told}: content {row['content_hash'][:12]}, identical")
    print(f"{dataset.rows:,} rows that a signal learned from, of {row['rows']:,} in {row['sessions']} sessions")
    if arguments.decisions:
        stale = rows["book_event_at_ns"].null_count
        print(f"{rows.num_rows:,} decisions joined as of their own time, {stale:,} of them without a fresh book")
    if arguments.out:
        pq.write_table(rows, Path(arguments.out))
        print(f"written to {arguments.out}")
    return 0
