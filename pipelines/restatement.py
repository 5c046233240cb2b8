"""Restatement notices: a day changed after somebody may have learned from it, so say who.

A model saw the old rows when the training set that it was trained on holds the day. The notice stands in
`gold.restatements`, in the log and on the night's page; nothing is retrained or withdrawn by itself.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from datetime import date
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from infra.tables import RESTATEMENTS
from pipelines.deliveries import Delivery
from pipelines.next_command import backfill_command
from pipelines.stale import days_resting_on
from pipelines.step import StepContext
from pipelines.training_sets import training_sets_with

log = logging.getLogger("fillwise")


def models_trained_on(context: StepContext, training_sets: Sequence[str]) -> list[str]:
    """Names of the registered versions whose manifest names one of the training sets."""
    if not training_sets or not (context.settings.registry / "mlflow.db").exists():
        return []
    from infra.registry import Registry
    from infra.version_files import read_manifest

    versions = Registry(context.settings).versions(context.market.name)
    named = {
        version.name: read_manifest(context.settings.registry, version.market, version.digest) for version in versions
    }
    return sorted(name for name, manifest in named.items() if manifest["training_set_id"] in training_sets)


def _notice(context: StepContext, day: date, one: Delivery) -> dict[str, Any]:
    sets = list(dict.fromkeys(row["training_set_id"] for row in training_sets_with(context, day)))
    models = models_trained_on(context, sets)
    account = one.account(context.market.name, day, context.terms)
    kept = (
        "market",
        "trade_date",
        "noun",
        "source_file",
        "source_sha256",
        "restates_sha256",
        "known_at",
        "person",
        "reason",
    )
    return {**{name: account[name] for name in kept}, "training_sets": json.dumps(sets), "models": json.dumps(models)}


def sentence(context: StepContext, notice: dict[str, Any]) -> str:
    """The notice in words, with the command that works the day again, and those after it that learned from it."""
    sets, models = json.loads(notice["training_sets"]), json.loads(notice["models"])
    what = "was corrected" if notice["restates_sha256"] else "came late"
    seen = (
        f"training sets {', '.join(sets)} and versions {', '.join(models) or 'none'} saw the day as it was"
        if sets
        else "no training set had seen the day"
    )
    days = days_resting_on(context.lake, context.market, notice["trade_date"])
    command = backfill_command(context.market, days, context.data)
    return (
        f"restatement: {notice['noun']} {notice['trade_date']}, {notice['source_file']} {what} "
        f"({notice['reason'] or 'no reason given'}); {seen}; next: {command}"
    )


def _with_earlier(context: StepContext, day: date, notices: Sequence[dict[str, Any]]) -> pa.Table:
    present = context.lake.read_day(RESTATEMENTS, context.market.name, day).cast(RESTATEMENTS.arrow_schema)
    fresh = pa.Table.from_pylist(notices, schema=RESTATEMENTS.arrow_schema)
    is_told = pc.is_in(present["source_sha256"], fresh["source_sha256"])
    return pa.concat_tables([present.filter(pc.invert(is_told)), fresh])


def record_restatements(context: StepContext, restated: Sequence[tuple[date, Delivery]]) -> list[str]:
    """Write a notice for each, once; the notices in words."""
    days: dict[date, list[dict[str, Any]]] = {}
    for day, one in restated:
        days.setdefault(day, []).append(_notice(context, day, one))
    rows = {day: _with_earlier(context, day, found) for day, found in days.items()}
    if rows:
        context.lake.replace_days(RESTATEMENTS, context.market.name, rows)
    told = [sentence(context, notice) for found in days.values() for notice in found]
    for words in told:
        log.warning("%s", words)
    return told
