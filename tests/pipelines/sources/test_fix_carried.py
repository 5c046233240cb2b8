"""An order that is good till cancel goes on the next day with what was left of it, under the same ids."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from pipelines.sources.file import SourceFile
from pipelines.sources.fix import read_day
from tests.pipelines.made_fix import DAY, OWN, at, columns, fix, log_of, new, read, refusals, report

YESTERDAY = "20180222-15:00:"
THURSDAY = date(2018, 2, 22)
OPEN = datetime(2018, 2, 23, 14, 30, tzinfo=UTC)
RESTING = new("A", 100, more="59=1", at=YESTERDAY)
PARTLY = report("11=A|17=E1|150=F|32=40|31=10.4", 1, at=YESTERDAY)
EVENING = report("11=A|17=E2|150=3", 2, at=YESTERDAY)
FILLED = report("11=A|17=E3|150=F|32=60|31=10.3", 5)


def told(files: dict[str, SourceFile], noun: str) -> list[tuple[int, str]]:
    return refusals(files[noun])


def test_what_was_left_is_the_order_of_the_day_and_its_parent_is_the_same(tmp_path: Path) -> None:
    files = read(tmp_path, RESTING, PARTLY, EVENING, FILLED)
    names = ("child_order_id", "parent_order_id", "child_shares", "filled_shares", "end_reason", "event_at")
    assert columns(files["child_orders"], *names) == [("A", "A", 60.0, 60.0, "filled", OPEN)]
    assert columns(files["parent_orders"], "parent_order_id", "order_shares", "event_at") == [("A", 60.0, OPEN)]
    assert columns(files["fills"], "fill_id", "shares", "event_at") == [("A/E3", 60.0, at(5))]
    assert all(file.refused == () for file in files.values())
    assert files["child_orders"].source_rows is not None
    assert files["child_orders"].source_rows.tolist() == [3]


def test_the_day_before_is_what_it_was(tmp_path: Path) -> None:
    files = read(tmp_path, RESTING, PARTLY, EVENING, FILLED, day=THURSDAY)
    names = ("child_order_id", "child_shares", "filled_shares", "end_reason")
    assert columns(files["child_orders"], *names) == [("A", 100.0, 40.0, "expired")]


def test_the_earlier_part_may_be_another_log_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "20180222.log").write_bytes(log_of(RESTING, PARTLY))
    (tmp_path / "20180223.log").write_bytes(log_of(FILLED))
    files = read_day(tmp_path, OWN, DAY)
    assert {file.name for file in files} == {"20180223.log", "20180223.log#chains"}
    (child,) = (file for file in files if file.noun == "child_orders")
    assert columns(child, "child_order_id", "child_shares", "filled_shares") == [("A", 60.0, 60.0)]


@pytest.mark.parametrize(
    "earlier",
    [
        (),
        (new("A", 100, at=YESTERDAY), PARTLY),
        (RESTING, report("11=A|17=E9|150=4", 3, at=YESTERDAY)),
    ],
    ids=["no earlier part", "for that day only", "ended on that day"],
)
def test_a_fill_of_an_order_that_did_not_go_on_is_refused(tmp_path: Path, earlier: tuple[bytes, ...]) -> None:
    files = read(tmp_path, *earlier, FILLED)
    assert told(files, "fills") == [(len(earlier), "fix_chain_is_known")]
    assert "child_orders" not in files


def test_a_bust_of_yesterday_s_fill_changes_nothing_today_and_is_refused(tmp_path: Path) -> None:
    files = read(tmp_path, RESTING, PARTLY, report("11=A|17=E4|19=E1|150=H", 1), FILLED)
    assert told(files, "fills") == [(2, "fix_execution_is_known")]
    assert columns(files["child_orders"], "child_shares", "filled_shares") == [(60.0, 60.0)]


def test_an_order_that_was_replaced_yesterday_is_found_under_its_later_id(tmp_path: Path) -> None:
    asked = fix("G", "11=B|41=A|55=AAA|54=1|38=150|40=2|44=10.6", second=2, at=YESTERDAY)
    accepted = report("11=B|41=A|17=E5|150=5|38=150|44=10.6", 3, at=YESTERDAY)
    files = read(tmp_path, RESTING, PARTLY, asked, accepted, report("11=B|17=E6|150=F|32=10|31=10.5", 4))
    names = ("child_order_id", "child_shares", "filled_shares", "limit_price")
    assert columns(files["child_orders"], *names) == [("A", 110.0, 10.0, 10.6)]
    assert columns(files["parent_orders"], "order_shares", "limit_price") == [(110.0, 10.6)]
    assert "order_changes" not in files


def test_an_amendment_of_today_has_the_quantity_without_what_was_filled_before(tmp_path: Path) -> None:
    asked = fix("G", "11=B|41=A|55=AAA|54=1|38=150|40=2|44=10.5", second=2)
    files = read(tmp_path, RESTING, PARTLY, asked, report("11=B|41=A|17=E5|150=5|38=150", 3))
    assert columns(files["parent_orders"], "order_shares") == [(60.0,)]
    assert columns(files["order_changes"], "parent_order_id", "kind", "order_shares") == [("A", "amend", 110.0)]
    assert columns(files["child_orders"], "child_shares") == [(110.0,)]


def test_an_order_of_which_the_day_says_nothing_has_no_row(tmp_path: Path) -> None:
    files = read(tmp_path, RESTING, PARTLY, new("C", 10, 1))
    assert columns(files["child_orders"], "child_order_id") == [("C",)]


def test_a_new_order_under_the_id_of_one_carried_over_takes_its_place(tmp_path: Path) -> None:
    files = read(tmp_path, RESTING, PARTLY, new("A", 70, 1), report("11=A|17=E7|150=F|32=70|31=10.4", 2))
    assert columns(files["child_orders"], "child_shares", "filled_shares", "event_at") == [(70.0, 70.0, at(1))]
    assert all(file.refused == () for file in files.values())


def test_children_of_a_parent_of_yesterday_keep_its_id(tmp_path: Path) -> None:
    client = new("P", 1000, more="59=1", at=YESTERDAY)
    files = read(tmp_path, client, new("C1", 200, 1, more="526=P"), report("11=C1|17=E8|150=F|32=200|31=10.4", 2))
    assert columns(files["parent_orders"], "parent_order_id") == [("P",)]
    assert columns(files["fills"], "parent_order_id", "shares") == [("P", 200.0)]
