"""A training set is made again from the versions that it names, or refused; decisions see their own time."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from features.catalog import FEATURE_NAMES, FEATURES_TABLE
from infra.errors import EvidenceError
from infra.lake import Lake
from infra.markets import MARKETS
from infra.settings import Settings
from infra.tables import SILVER, TRAINING_SETS
from pipelines import build_features, build_training_set, fit_features
from pipelines.decision_rows import decision_rows
from pipelines.remake import print_training_set, remade, training_set_named
from pipelines.runner import Run
from pipelines.step import StepContext, StepReport
from tests.builders import FRIDAY, THURSDAY, plain_rows
from tests.pipelines.made_books import KNOWN_AT
from tests.pipelines.test_fit_features import lively

MARKET = MARKETS["sample"]
SECOND = 1_000_000_000


@pytest.fixture
def night(tmp_path: Path) -> StepContext:
    settings = Settings(home=tmp_path)
    given = StepContext(settings, MARKET, (THURSDAY, FRIDAY), Lake(settings.lake))
    write_books(given, {THURSDAY: 1, FRIDAY: 2})
    for step in (fit_features, build_features):
        one_by_one(step.run, given)
    build_training_set.run(given)
    return given


def one_by_one(run: Callable[[StepContext], StepReport], given: StepContext) -> None:
    """A session at a time, which needs no Spark."""
    for day in given.days:
        run(replace(given, days=(day,)))


def write_books(given: StepContext, seeds: dict[date, int]) -> None:
    rows = {day: lively(day, seed) for day, seed in seeds.items()}
    given.lake.replace_days(SILVER["book_snapshots"], MARKET.name, rows)


def the_set(given: StepContext) -> dict[str, object]:
    (row,) = given.lake.read(TRAINING_SETS, MARKET.name).to_pylist()
    return row


def test_a_set_is_made_again_after_its_days_were_restated(night: StepContext) -> None:
    row, before = the_set(night), remade(night, the_set(night))
    write_books(night, {THURSDAY: 7})
    for step in (fit_features, build_features):
        one_by_one(step.run, night)
    night.lake.replace_days(TRAINING_SETS, MARKET.name, {})
    after = remade(night, row)
    assert before.features.tobytes() == after.features.tobytes()
    assert before.targets.tobytes() == after.targets.tobytes()


def test_a_set_whose_content_is_another_is_refused(night: StepContext) -> None:
    with pytest.raises(EvidenceError, match=r"training set cannot be made again.*restore the lake"):
        remade(night, {**the_set(night), "content_hash": "0" * 64})


def test_an_unknown_set_is_refused_with_the_ones_there_are(night: StepContext) -> None:
    known = str(the_set(night)["training_set_id"])
    with pytest.raises(EvidenceError, match=f"no such training set: nothing of market sample.*{known}"):
        training_set_named(night, "nothing")
    assert training_set_named(night, known[:6])["training_set_id"] == known


def test_the_command_writes_the_rows_that_a_signal_learned_from(
    night: StepContext, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = Run(night.settings, MARKET, night.days)
    asked = argparse.Namespace(training_set=None, decisions=False, out=None)
    assert print_training_set(run, asked) == 0
    name = capsys.readouterr().out.splitlines()[-1].split()[0]
    out = tmp_path / "rows.parquet"
    print_training_set(run, argparse.Namespace(training_set=name, decisions=False, out=str(out)))
    assert "identical" in capsys.readouterr().out
    assert pq.read_table(out).num_rows == remade(night, the_set(night)).rows


def test_a_decision_reads_the_book_row_before_it_and_the_order_as_changed_by_then(night: StepContext) -> None:
    start = int(night.lake.read_day(FEATURES_TABLE, MARKET.name, FRIDAY)["event_at_ns"][0].as_py())
    at = [start + 62 * SECOND, start + 120 * SECOND]
    stamps = [time // 1000 for time in (start, start + 600 * SECOND)]
    known = {"known_at": KNOWN_AT, "symbol": "AAA"}
    order = {"parent_order_id": "p", "instructed_start_at": stamps[0], "instructed_end_at": stamps[1], "side": "sell"}
    tables = {
        "parent_orders": plain_rows(
            SILVER["parent_orders"], 1, **known, **order, order_shares=1_000.0, event_at_ns=start, event_at=stamps[0]
        ),
        "order_changes": plain_rows(
            SILVER["order_changes"], 1, **known, parent_order_id="p", kind="amend", order_shares=500.0,
            instructed_end_at=None, event_at_ns=start + 100 * SECOND, event_at=(start + 100 * SECOND) // 1000,
        ),
        "fills": plain_rows(
            SILVER["fills"], 1, **known, parent_order_id="p", shares=100.0, event_at_ns=start + 62 * SECOND,
            event_at=(start + 62 * SECOND) // 1000,
        ),
        "decisions": plain_rows(
            SILVER["decisions"], 2, **known, decision_id=["d0", "d1"], parent_order_id="p", event_at_ns=at,
            event_at=[time // 1000 for time in at],
        ),
    }  # fmt: skip
    for noun, rows in tables.items():
        night.lake.replace_days(SILVER[noun], MARKET.name, {FRIDAY: rows})
    found = decision_rows(night, FRIDAY, {}).sort_by("decision_id")
    features = night.lake.read_day(FEATURES_TABLE, MARKET.name, FRIDAY)
    assert found["book_event_at_ns"].to_pylist() == [start + 60 * SECOND, start + 120 * SECOND]
    assert found["remaining_fraction"].to_pylist() == pytest.approx([1.0, 0.8])
    for name in FEATURE_NAMES:
        expected = features[name].take(pa.array([12, 24])).to_numpy(zero_copy_only=False)
        assert np.array_equal(found[name].to_numpy(zero_copy_only=False), expected, equal_nan=True), name


def test_a_day_without_decisions_joins_to_no_rows(night: StepContext) -> None:
    assert decision_rows(replace(night, days=(FRIDAY,)), FRIDAY, {}).num_rows == 0
