"""Refused rows by rule, and the way back in for those that were right."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from infra.errors import UsageError
from infra.tables import QUARANTINE, RELEASES, SILVER
from pipelines import ingest, validate
from pipelines.quarantine import Selection, print_quarantine, release
from pipelines.runner import Run
from pipelines.step import DeliveryTerms
from tests.builders import FRIDAY
from tests.pipelines.made_books import books
from tests.pipelines.made_drops import a_context, drop, good_day

pytestmark = pytest.mark.filterwarnings("ignore")
LOOKED = DeliveryTerms(person="ann", reason="the exchange confirmed the print")
FAR = 7


def checked(home: Path, **values: object) -> Run:
    """A day of fifty books, row 7 with a last price at twice the others, ingested and validated."""
    prices = [100.0] * 50
    prices[FAR] = 250.0
    drop(home, {**good_day(), "book_snapshots": books(50, **{"last_price": prices, **values})})
    ingest.run(a_context(home))
    validate.run(a_context(home))
    context = a_context(home)
    return Run(context.settings, context.market, context.days)


def test_rows_are_listed_by_rule_with_the_first_examples(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert print_quarantine(checked(tmp_path), Selection()) == 0
    said = capsys.readouterr().out
    assert "sample 2026-11-20: 1 rows in quarantine" in said
    assert "book_snapshots: 1 rows refused by fat_finger (" in said
    assert "may be released after a look" in said
    assert '    book_snapshots.parquet row 7: {"' in said


def test_a_released_row_passes_the_next_check_and_the_release_is_recorded(tmp_path: Path) -> None:
    run = checked(tmp_path)
    context = a_context(tmp_path)
    assert context.lake.count(SILVER["book_snapshots"], "sample", [FRIDAY]) == 49
    assert release(run, Selection(rule="fat_finger"), LOOKED) == 0
    validate.run(a_context(tmp_path))
    lake = a_context(tmp_path).lake
    assert lake.count(SILVER["book_snapshots"], "sample", [FRIDAY]) == 50
    assert lake.read_day(QUARANTINE, "sample", FRIDAY).num_rows == 0
    (told,) = lake.read_day(RELEASES, "sample", FRIDAY).to_pylist()
    assert (told["rule"], told["source_row"], told["person"]) == ("fat_finger", FAR, "ann")
    assert told["reason"] == "the exchange confirmed the print"


def test_a_row_that_breaks_its_declaration_is_never_released(tmp_path: Path) -> None:
    run = checked(tmp_path, last_price=[100.0] * 49 + [-1.0])
    with pytest.raises(UsageError, match=r"rule is never wrong, so nothing is released: .*found last_price_in_bounds"):
        release(run, Selection(rule="last_price_in_bounds"), LOOKED)
    assert a_context(tmp_path).lake.read_day(RELEASES, "sample", FRIDAY).num_rows == 0


def test_a_selection_without_rows_is_refused_rather_than_recorded(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no row was chosen"):
        release(checked(tmp_path), Selection(rule="fat_finger", source_row=8), LOOKED)


def test_what_somebody_wrote_into_a_file_cannot_write_on_the_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = checked(tmp_path, symbol=["AAA"] * 7 + ["\x1b[2J=cmd()"] + ["AAA"] * 42)
    print_quarantine(replace(run), Selection())
    assert "\x1b" not in capsys.readouterr().out
