"""The accounts of a day: every row of every file, counted in the tables."""

from __future__ import annotations

from pathlib import Path

import pyarrow.compute as pc
import pytest

from infra.tables import BRONZE, DELIVERIES
from pipelines import ingest, validate
from pipelines.reconcile import print_reconciliation, reconcile_day
from pipelines.runner import Run
from tests.builders import FRIDAY
from tests.pipelines.made_books import books
from tests.pipelines.made_drops import a_context, drop, good_day

pytestmark = pytest.mark.filterwarnings("ignore")


def a_run(home: Path) -> Run:
    context = a_context(home)
    return Run(context.settings, context.market, context.days)


def test_every_row_of_a_checked_day_is_accounted_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    crossed = books(50, bid_price_1=[100.02, *[100.0] * 49])
    drop(tmp_path, {**good_day(rows=50), "book_snapshots": crossed})
    ingest.run(a_context(tmp_path))
    validate.run(a_context(tmp_path))
    assert print_reconciliation(a_run(tmp_path)) == 0
    said = capsys.readouterr().out
    assert "every row is accounted for" in said
    (line,) = [line for line in said.splitlines() if line.startswith("book_snapshots   ") and "parquet" not in line]
    assert line.split() == ["book_snapshots", "50", "49", "1", "0"]


def test_rows_that_vanish_from_bronze_are_found(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    drop(tmp_path, good_day())
    context = a_context(tmp_path)
    ingest.run(context)
    rows = context.lake.read_day(BRONZE["trades"], "sample", FRIDAY)
    context.lake.replace_days(BRONZE["trades"], "sample", {FRIDAY: rows.slice(1)})
    found = reconcile_day(context.lake, "sample", FRIDAY)
    assert any("bronze holds 1" in problem for problem in found.problems)
    assert print_reconciliation(a_run(tmp_path)) == 1
    assert "does not add up: trades" in capsys.readouterr().out


def test_rows_that_no_delivery_accounts_for_are_found(tmp_path: Path) -> None:
    drop(tmp_path, good_day())
    context = a_context(tmp_path)
    ingest.run(context)
    accounts = context.lake.read_day(DELIVERIES, "sample", FRIDAY)
    kept = accounts.filter(pc.not_equal(accounts["noun"], "fills"))
    context.lake.replace_days(DELIVERIES, "sample", {FRIDAY: kept})
    (problem,) = reconcile_day(context.lake, "sample", FRIDAY).problems
    assert problem.endswith("bronze holds rows that no delivery accounts for")


def test_a_day_on_which_nothing_came_does_not_pass(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert print_reconciliation(a_run(tmp_path)) == 1
    assert "nothing was delivered" in capsys.readouterr().out
