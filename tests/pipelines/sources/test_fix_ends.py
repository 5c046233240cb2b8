"""How an order of a FIX log ends, on which terms, and which id leads to it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from pipelines.sources.drop_copy.family import peak
from tests.pipelines.made_fix import CLOSE, answer, at, columns, end_of, fix, new, read, report, request, trade


def test_an_order_that_nobody_ends_expires_at_the_close_and_is_its_own_parent(tmp_path: Path) -> None:
    files = read(tmp_path, new("A", more="1=FUND|15=EUR|100=XNAS"))
    assert end_of(files) == (100.0, 0.0, "expired", CLOSE)
    (child,), (parent,) = files["child_orders"].rows.to_pylist(), files["parent_orders"].rows.to_pylist()
    assert child["child_order_id"] == child["parent_order_id"] == child["decision_id"] == parent["parent_order_id"]
    assert (child["venue"], child["order_type"], child["limit_price"], child["currency"]) == (
        "XNAS",
        "limit",
        10.5,
        "EUR",
    )
    assert (parent["account"], parent["order_shares"], parent["limit_price"]) == ("FUND", 100.0, 10.5)
    assert (parent["instructed_start_at"], parent["instructed_end_at"]) == (at(0), CLOSE)
    assert (parent["urgency"], parent["urgency_propensity"], parent["participation_rate"]) == (1, 1.0, 0.0)
    assert files["child_orders"].name == files["parent_orders"].name == "a.log#chains"
    assert set(files) == {"order_messages", "parent_orders", "child_orders"}


def test_a_rejected_cancel_changes_nothing_and_an_accepted_one_ends_the_chain(tmp_path: Path) -> None:
    rejected = fix("9", "11=B|41=A|39=0|434=1", second=2, sent_by="VENUE", sent_to="DESK")
    messages = (new("A"), request("F", "B", "A", 1), rejected)
    assert "order_changes" not in read(tmp_path, *messages)
    accepted = (request("F", "C", "A", 3), answer("4", "C", "A", 4))
    files = read(tmp_path, *messages, *accepted)
    assert end_of(files) == (100.0, 0.0, "cancelled", at(4))
    assert columns(files["order_changes"], "change_id", "kind", "event_at") == [("C", "cancel", at(4))]


@pytest.mark.parametrize(
    ("kind", "reason"), [("3", "expired"), ("C", "expired"), ("4", "cancelled"), ("8", "cancelled")]
)
def test_done_for_day_expiry_cancel_and_reject_end_the_chain(tmp_path: Path, kind: str, reason: str) -> None:
    files = read(tmp_path, new("A"), trade("A", "E1", 40, 1), report(f"11=A|17=E9|150={kind}", 2))
    assert end_of(files) == (100.0, 40.0, reason, at(2))
    assert "order_changes" not in files


def test_the_first_end_stands(tmp_path: Path) -> None:
    files = read(tmp_path, new("A"), report("11=A|17=E1|150=4", 1), report("11=A|17=E2|150=3", 2))
    assert end_of(files) == (100.0, 0.0, "cancelled", at(1))


def test_a_restated_quantity_is_the_order_s_and_no_change_by_the_client(tmp_path: Path) -> None:
    replaced = (request("G", "B", "A", 1, "38=80|44=10.5"), answer("5", "B", "A", 2, "38=80|44=10.5"))
    files = read(tmp_path, new("A"), *replaced, report("11=B|17=E1|150=D|38=60", 3))
    assert end_of(files)[0] == 60.0
    assert columns(files["order_changes"], "change_id", "order_shares") == [("B", 80.0)]


def test_an_answer_without_terms_accepts_those_of_the_request(tmp_path: Path) -> None:
    ask = request("G", "B", "A", 1, "38=80|44=10.7|126=20180223-17:00:00")
    (change,) = read(tmp_path, new("A"), ask, answer("5", "B", "A", 2))["order_changes"].rows.to_pylist()
    assert (change["order_shares"], change["limit_price"]) == (80.0, 10.7)
    assert change["instructed_end_at"] == datetime(2018, 2, 23, 17, tzinfo=UTC)


def test_a_report_finds_its_order_by_the_original_id_or_the_venue_s(tmp_path: Path) -> None:
    by_original = report("41=A|17=E1|150=F|32=10|31=10.4", 2)
    by_venue = report("11=lost|37=V9|17=E2|150=F|32=20|31=10.4", 3)
    files = read(tmp_path, new("A"), report("11=A|37=V9|17=E0|150=0", 1), by_original, by_venue)
    assert columns(files["fills"], "fill_id", "shares") == [("A/E1", 10.0), ("A/E2", 20.0)]


def test_an_order_after_the_close_has_until_the_end_of_the_local_day(tmp_path: Path) -> None:
    files = read(tmp_path, new("A", at="20180223-22:00:"))
    assert columns(files["parent_orders"], "instructed_end_at") == [(datetime(2018, 2, 24, 5, tzinfo=UTC),)]


def test_effective_and_expire_time_are_the_client_s_window(tmp_path: Path) -> None:
    files = read(tmp_path, new("A", more="168=20180223-15:30:00|126=20180223-16:00:00|59=7"))
    window = [(datetime(2018, 2, 23, 15, 30, tzinfo=UTC), datetime(2018, 2, 23, 16, tzinfo=UTC), True)]
    names = ("instructed_start_at", "instructed_end_at", "may_use_auctions")
    assert columns(files["parent_orders"], *names) == window
    assert end_of(files)[2:] == ("expired", window[0][1])


def test_a_child_that_ends_as_it_starts_was_open_all_the_same() -> None:
    assert peak([(5, 5, 100.0, 0.0)]) == 100.0
