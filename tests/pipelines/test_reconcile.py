"""The accounts of a day: every row of every file, counted in the tables."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pyarrow.compute as pc
import pytest

from infra.markets import MARKETS
from infra.settings import Settings
from infra.tables import BRONZE, DELIVERIES
from pipelines import ingest, validate
from pipelines.bootstrap import backfill
from pipelines.reconcile import print_reconciliation, reconcile_day
from pipelines.runner import Run, run_step
from pipelines.step import DeliveryTerms
from tests.builders import FRIDAY
from tests.pipelines.made_books import KNOWN_AT, books
from tests.pipelines.made_drops import a_context, drop, good_day
from tests.pipelines.sources.test_b3 import HEADER, SOLD

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


def correct(home: Path) -> None:
    """Friday's books once more: as many rows, one price other than before."""
    shutil.rmtree(home / "drops")
    drop(home, {**good_day(rows=50), "book_snapshots": books(50, last_price=[100.01, *[100.0] * 49])})
    correction = DeliveryTerms(KNOWN_AT + timedelta(days=3), True, "ann", "vendor resent the day")
    run_step("ingest", replace(a_run(home), terms=correction))


def test_a_day_that_was_corrected_does_not_pass_until_it_was_validated_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = a_run(tmp_path)
    drop(tmp_path, good_day(rows=50))
    for step in ("ingest", "validate"):
        run_step(step, run)
    assert print_reconciliation(run) == 0
    correct(tmp_path)
    capsys.readouterr()
    assert print_reconciliation(run) == 1
    said = capsys.readouterr().out
    assert "does not add up: book_snapshots: silver was made from rows that were corrected since" in said
    assert "next: fillwise backfill --market sample --from 2026-11-20 --to 2026-11-20" in said
    run_step("validate", run)
    assert print_reconciliation(run) == 0


def test_features_and_labels_of_earlier_rows_do_not_pass_until_the_day_was_worked_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = a_run(tmp_path)
    drop(tmp_path, good_day(rows=50))
    backfill(run)
    correct(tmp_path)
    run_step("validate", run)
    capsys.readouterr()
    assert print_reconciliation(run) == 1
    said = capsys.readouterr().out
    assert "does not add up: gold.features: made from earlier rows of silver, or by earlier definitions" in said
    assert "does not add up: gold.labels: made from earlier rows of silver" in said
    backfill(run)
    capsys.readouterr()
    assert print_reconciliation(run) == 0
    assert "every row is accounted for" in capsys.readouterr().out


def april(folder: Path, *days: int) -> Path:
    """B3 files of those days of April 2025: one trade each."""
    folder.mkdir(exist_ok=True)
    for day in days:
        line = SOLD.replace("2025-04-07", f"2025-04-{day:02}")
        (folder / f"PETR4_{day:02}042025.csv").write_text(f"{HEADER}\n{line}\n")
    return folder


def test_a_session_of_a_range_that_the_folder_does_not_have_is_named_and_does_not_fail_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings, data = Settings(home=tmp_path / "home"), april(tmp_path / "b3", 7, 9)
    days = tuple(date(2025, 4, day) for day in (7, 8, 9))
    for day in (days[0], days[2]):
        run_step("ingest", Run(settings, MARKETS["b3"], (day,), data))
    assert print_reconciliation(Run(settings, MARKETS["b3"], days, data)) == 0
    assert "nothing was delivered on 1 of 3 sessions: 2025-04-08" in capsys.readouterr().out
    assert print_reconciliation(Run(settings, MARKETS["b3"], days)) == 1
    april(data, 8)
    assert print_reconciliation(Run(settings, MARKETS["b3"], days, data)) == 1
