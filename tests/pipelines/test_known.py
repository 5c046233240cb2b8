"""What was known of a day at a time, and the same answer whenever it is asked."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from infra.errors import UsageError
from pipelines import ingest
from pipelines.known import content_hash, print_known, read_known
from pipelines.runner import Run
from tests.builders import FRIDAY
from tests.pipelines.made_books import KNOWN_AT
from tests.pipelines.made_drops import a_context, drop, good_day
from tests.pipelines.test_ingest import CORRECTION, OTHER, deliver


def a_run(home: Path) -> Run:
    context = a_context(home)
    return Run(context.settings, context.market, context.days)


def test_a_correction_changes_what_is_known_now_and_not_what_was_known_then(tmp_path: Path) -> None:
    drop(tmp_path, good_day())
    ingest.run(a_context(tmp_path))
    lake = a_context(tmp_path).lake
    then = content_hash(read_known(lake, "book_snapshots", "sample", FRIDAY, KNOWN_AT))
    deliver(tmp_path, OTHER)
    ingest.run(replace(a_context(tmp_path), terms=CORRECTION))
    lake = a_context(tmp_path).lake
    asked_again = KNOWN_AT + timedelta(days=2, hours=23)
    assert content_hash(read_known(lake, "book_snapshots", "sample", FRIDAY, asked_again)) == then
    assert content_hash(read_known(lake, "book_snapshots", "sample", FRIDAY, None)) != then


def test_the_command_prints_each_noun_and_writes_the_rows_of_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    drop(tmp_path, good_day())
    ingest.run(a_context(tmp_path))
    assert print_known(a_run(tmp_path), "2026-11-20T21:15:00+00:00", "trades", str(tmp_path / "out.parquet")) == 0
    said = capsys.readouterr().out
    assert "as known at 2026-11-20 21:15:00+00:00" in said
    assert "2026-11-20 trades" in said
    assert pq.read_table(tmp_path / "out.parquet").num_rows == 2
    print_known(a_run(tmp_path), "2026-11-20T21:14:59+00:00", "trades", None)
    assert "0 rows of 0 files" in capsys.readouterr().out


def test_an_unknown_noun_or_a_time_without_a_zone_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="unknown noun: --noun; found quotes; allowed: book_snapshots"):
        print_known(a_run(tmp_path), None, "quotes", None)
    with pytest.raises(UsageError, match="cannot read a time: --at"):
        print_known(a_run(tmp_path), "2026-11-20", None, None)
