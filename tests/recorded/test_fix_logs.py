"""Two recorded FIX sessions: one without a fault, with orders that are all cancelled, and one that is garbled."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from infra.markets import MARKETS
from pipelines.bronze import bronze_rows
from pipelines.check_rows import check_rows
from pipelines.sources.file import SourceFile
from pipelines.sources.fix import read_day

pytestmark = pytest.mark.recorded

OWN = MARKETS["own"]
CANCELLED_DAY, GARBLED_DAY = date(2018, 2, 23), date(2019, 6, 27)
Files = dict[str, SourceFile]


def read(recorded_data: Path, day: date) -> Files:
    return {file.noun: file for file in read_day(recorded_data / "fix_logs", OWN, day)}


@pytest.fixture(scope="module")
def cancelled(recorded_data: Path) -> Files:
    return read(recorded_data, CANCELLED_DAY)


@pytest.fixture(scope="module")
def garbled(recorded_data: Path) -> Files:
    return read(recorded_data, GARBLED_DAY)


def test_every_message_of_the_first_log_is_sound(cancelled: Files) -> None:
    messages = cancelled["order_messages"]
    assert Counter(messages.rows["kind"].to_pylist()) == {
        "D": 602,
        "F": 602,
        "8": 1204,
        "0": 74,
        "A": 2,
        "2": 1,
        "4": 1,
    }
    assert (messages.rows_in, messages.refused, messages.duplicates) == (2486, (), ())
    assert messages.rows["is_possible_duplicate"].to_pylist().count(True) == 1
    assert messages.rows["received_at"].null_count == 0
    assert messages.known_at == datetime(2018, 2, 23, 19, 35, 29, 237417, UTC)


def test_its_reports_resolve_into_602_chains_each_of_which_ends_cancelled(cancelled: Files) -> None:
    children, changes = cancelled["child_orders"].rows, cancelled["order_changes"].rows
    assert Counter(children["end_reason"].to_pylist()) == {"cancelled": 602}
    assert Counter(changes["kind"].to_pylist()) == {"cancel": 602}
    assert set(changes["parent_order_id"].to_pylist()) == set(children["child_order_id"].to_pylist())
    assert set(children["filled_shares"].to_pylist()) == {0.0}
    assert "fills" not in cancelled
    assert all(not file.refused and not file.duplicates for file in cancelled.values())


def test_its_rows_pass_every_check(cancelled: Files) -> None:
    for noun, file in cancelled.items():
        checked = check_rows(noun, bronze_rows([file]), OWN, CANCELLED_DAY)
        assert (checked.good.num_rows, checked.by_rule) == (file.rows.num_rows, {})


def test_the_bad_lines_of_the_garbled_log_are_named(garbled: Files) -> None:
    messages = garbled["order_messages"]
    found = [(one.source_row, one.rule, one.text.split(":")[0]) for one in messages.refused]
    assert found == [
        (2, "fix_length_matches", "9=123, counted 241"),
        (17, "fix_length_matches", "9=143, counted 158"),
    ]
    assert (messages.rows.num_rows, messages.rows_in) == (92, 94)


def test_what_looks_garbled_in_it_and_is_legal_stays(garbled: Files) -> None:
    rows = {row["message_id"].rpartition(":")[2]: row for row in garbled["order_messages"].rows.to_pylist()}
    assert rows["3"]["execution_id"] == "17=1"
    assert "|48=||54=1" in rows["43"]["text"]
    assert "553=testUser|554=***" in rows["0"]["text"]


def test_its_orders_share_four_ids_and_its_reports_name_no_quantity(garbled: Files) -> None:
    children, fills = garbled["child_orders"], garbled["fills"]
    assert children.rows["child_order_id"].to_pylist() == ["1", "2", "3", "4"]
    assert Counter(children.rows["end_reason"].to_pylist()) == {"expired": 4}
    assert Counter(one.rule for one in children.refused) == {"fix_order_id_is_new": 37}
    assert Counter(one.rule for one in fills.refused) == {"fix_fill_has_price_and_quantity": 41}
    assert fills.rows.num_rows == 0
    assert garbled["order_messages"].known_at == datetime(2019, 6, 27, 20, 15, tzinfo=UTC)


def test_each_line_of_both_logs_belongs_to_one_day(recorded_data: Path, cancelled: Files, garbled: Files) -> None:
    logs = (recorded_data / "fix_logs").iterdir()
    lines = sum(1 for path in logs for line in path.read_bytes().split(b"\n") if line)
    assert cancelled["order_messages"].rows_in + garbled["order_messages"].rows_in == lines == 2580
    assert read(recorded_data, date(2018, 2, 24)) == {}
