"""Orders, replaces, cancels and executions of a FIX log become parent orders, child orders, fills and changes."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.tables import NOUNS
from pipelines.bronze import bronze_rows
from pipelines.check_rows import check_rows
from pipelines.sources.fix import read_day
from tests.pipelines.made_fix import (
    CLOSE,
    DAY,
    OWN,
    answer,
    at,
    columns,
    end_of,
    fix,
    log_of,
    new,
    read,
    refusals,
    report,
    request,
    trade,
)


def test_partial_fills_add_up_and_the_last_one_ends_the_order(tmp_path: Path) -> None:
    messages = (new("A"), trade("A", "E1", 40, 1, "851=1|12=0.01|13=1"), trade("A", "E2", 60, 2))
    files = read(tmp_path, *messages)
    assert end_of(files) == (100.0, 100.0, "filled", at(2))
    assert columns(files["fills"], "fill_id", "shares", "price", "liquidity", "fee_notional", "fill_model") == [
        ("A/E1", 40.0, 10.4, "maker", 0.4, "venue"),
        ("A/E2", 60.0, 10.4, "taker", 0.0, "venue"),
    ]
    assert files["fills"].source_rows is not None
    assert files["fills"].source_rows.tolist() == [1, 2]


@pytest.mark.parametrize("version", ["FIX.4.2", "FIX.4.4", "FIXT.1.1"])
@pytest.mark.parametrize("kind", ["150=F", "150=1|20=0", "150=2|20=0", "39=1"])
def test_a_trade_is_one_in_every_version(tmp_path: Path, version: str, kind: str) -> None:
    filled = report(f"11=A|17=E1|{kind}|32=40|31=10.4", 1, version=version)
    assert columns(read(tmp_path, new("A", version=version), filled)["fills"], "shares") == [(40.0,)]


@pytest.mark.parametrize("kind", ["150=0|39=0", "150=I|39=1", "20=3|150=1", "150=6|39=6"])
def test_an_acknowledgement_or_status_report_is_no_trade(tmp_path: Path, kind: str) -> None:
    files = read(tmp_path, new("A"), report(f"11=A|17=E1|{kind}|32=40|31=10.4", 1))
    assert "fills" not in files
    assert end_of(files)[1:3] == (0.0, "expired")


@pytest.mark.parametrize("bust", ["150=H", "20=1|150=1"])
def test_a_busted_fill_disappears(tmp_path: Path, bust: str) -> None:
    messages = (new("A"), trade("A", "E1", 40, 1), trade("A", "E2", 60, 2), report(f"11=A|17=E3|19=E1|{bust}", 3))
    files = read(tmp_path, *messages)
    assert columns(files["fills"], "fill_id") == [("A/E2",)]
    assert end_of(files) == (100.0, 60.0, "expired", CLOSE)


@pytest.mark.parametrize("correction", ["150=G", "20=2|150=1"])
def test_a_corrected_fill_is_replaced_and_keeps_its_time(tmp_path: Path, correction: str) -> None:
    corrected = report(f"11=A|17=E2|19=E1|{correction}|32=30|31=10.3", 5)
    files = read(tmp_path, new("A"), trade("A", "E1", 40, 1), corrected)
    assert columns(files["fills"], "fill_id", "shares", "price", "event_at") == [("A/E2", 30.0, 10.3, at(1))]


@pytest.mark.parametrize("reference", ["E1", "E2"])
def test_a_corrected_fill_can_be_busted_under_either_id(tmp_path: Path, reference: str) -> None:
    corrected = report("11=A|17=E2|19=E1|150=G|32=30|31=10.3", 5)
    bust = report(f"11=A|17=E3|19={reference}|150=H", 6)
    files = read(tmp_path, new("A"), trade("A", "E1", 40, 1), corrected, bust)
    assert "fills" not in files
    assert end_of(files)[1] == 0.0


def test_a_replace_in_the_middle_carries_the_chain_on(tmp_path: Path) -> None:
    messages = (
        new("A"),
        trade("A", "E1", 40, 1),
        request("G", "B", "A", 2, "38=150|40=2|44=10.6"),
        answer("5", "B", "A", 3, "38=150|40=2|44=10.6"),
        request("G", "C", "B", 4, "38=150|40=2|44=10.7"),
        answer("5", "C", "B", 5, "38=150|40=2|44=10.7"),
        trade("C", "E2", 110, 6),
    )
    files = read(tmp_path, *messages)
    assert end_of(files) == (150.0, 150.0, "filled", at(6))
    assert columns(files["child_orders"], "child_order_id", "limit_price") == [("A", 10.7)]
    assert {row[0] for row in columns(files["fills"], "child_order_id")} == {"A"}
    assert columns(files["order_changes"], "change_id", "kind", "order_shares", "limit_price", "event_at") == [
        ("B", "amend", 150.0, 10.6, at(3)),
        ("C", "amend", None, 10.7, at(5)),
    ]
    assert columns(files["parent_orders"], "order_shares", "limit_price") == [(100.0, 10.5)]


@pytest.mark.parametrize(
    ("message", "noun", "rule"),
    [
        (trade("X", "E1", 10, 1), "fills", "fix_chain_is_known"),
        (answer("4", "X", "Y", 1), "child_orders", "fix_chain_is_known"),
        (request("G", "B", "X", 1), "order_changes", "fix_chain_is_known"),
        (request("F", "X", "X", 1), "order_changes", "fix_chain_is_known"),
        (fix("9", "11=X|41=Y", second=1), "order_changes", "fix_chain_is_known"),
        (report("11=A|17=E2|19=E1|150=H", 1), "fills", "fix_execution_is_known"),
        (trade("A", "E1", 0, 1), "fills", "fix_fill_has_price_and_quantity"),
        (report("11=A|150=F|32=1|31=1", 1), "fills", "fix_execution_has_id"),
        (new("A", shares=300, second=1), "child_orders", "fix_order_id_is_new"),
        (fix("D", "11=B|54=1|38=100"), "child_orders", "fix_order_can_be_read"),
        (fix("D", "11=B|55=AAA|54=8|38=100"), "child_orders", "fix_order_can_be_read"),
        (fix("D", "11=B|55=AAA|54=1|38=1e3"), "child_orders", "fix_order_can_be_read"),
    ],
)
def test_what_no_chain_takes_is_a_message_and_refused_by_name(
    tmp_path: Path, message: bytes, noun: str, rule: str
) -> None:
    files = read(tmp_path, new("A"), message)
    assert refusals(files[noun]) == [(1, rule)]
    assert (files["order_messages"].rows.num_rows, files["order_messages"].refused) == (2, ())


def test_an_execution_id_that_comes_again_is_a_duplicate_or_a_fault(tmp_path: Path) -> None:
    again = (trade("A", "E1", 40, 2), trade("A", "E1", 50, 3))
    fills = read(tmp_path, new("A"), trade("A", "E1", 40, 1), *again)["fills"]
    assert [(one.source_row, one.rule) for one in fills.duplicates] == [(2, "fix_message_is_new")]
    assert refusals(fills) == [(3, "fix_execution_id_is_new")]
    assert fills.rows_in == 3


def test_ids_that_lead_round_in_a_circle_are_refused(tmp_path: Path) -> None:
    files = read(tmp_path, request("G", "A", "B", 0), request("G", "B", "A", 1), trade("A", "E1", 1, 2))
    assert [rule for _, rule in refusals(files["order_changes"])] == ["fix_chain_is_known"] * 2
    assert refusals(files["fills"]) == [(2, "fix_chain_is_known")]


def test_an_order_in_one_log_is_filled_in_another_once(tmp_path: Path) -> None:
    copy = log_of(new("A", header="97=Y|"), trade("A", "E1", 40, 1), trade("A", "E2", 10, 2))
    (tmp_path / "b.log").write_bytes(copy)
    (tmp_path / "a.log").write_bytes(log_of(new("A"), trade("A", "E1", 40, 1)))
    files = {(file.noun, file.name): file for file in read_day(tmp_path, OWN, DAY)}
    assert columns(files["child_orders", "a.log#chains"], "filled_shares") == [(50.0,)]
    assert columns(files["fills", "b.log#chains"], "fill_id") == [("A/E2",)]
    assert len(files["fills", "b.log#chains"].duplicates) == 1
    assert files["child_orders", "b.log#chains"].rows.num_rows == 0
    assert len({file.sha256 for file in files.values()}) == 4


def test_every_row_passes_the_checks_of_its_noun(tmp_path: Path) -> None:
    cancel = (request("F", "C", "A", 3), answer("4", "C", "A", 4))
    files = read(tmp_path, new("A", more="126=20180223-16:00:00"), trade("A", "E1", 40, 1), *cancel)
    assert len(files) == 5
    for noun, file in files.items():
        checked = check_rows(noun, bronze_rows([file]), OWN, DAY)
        assert (checked.good.num_rows, checked.by_rule) == (file.rows.num_rows, {})


IDS, EXECUTIONS = st.sampled_from("ABC"), st.sampled_from(["E1", "E2", "E3"])
MESSAGES = st.one_of(
    st.builds(lambda one, two: new(one, more=f"526={two}"), IDS, IDS),
    st.builds(lambda kind, one, two: request(kind, one, two, 1), st.sampled_from("FG"), IDS, IDS),
    st.builds(lambda kind, one, two: answer(kind, one, two, 2), st.sampled_from("458C3D"), IDS, IDS),
    st.builds(lambda one, two, shares: trade(one, two, shares, 3), IDS, EXECUTIONS, st.integers(0, 60)),
    st.builds(lambda one, two, kind: trade(one, two, 7, 4, "19=E1", kind), IDS, EXECUTIONS, st.sampled_from("GH")),
)


@given(st.lists(MESSAGES, min_size=1, max_size=12))
def test_any_messages_give_orders_whose_fills_add_up(messages: list[bytes]) -> None:
    with TemporaryDirectory() as folder:
        files = read(Path(folder), *messages)
    assert files["order_messages"].rows.num_rows == len(messages)
    children = columns(files["child_orders"], "child_order_id", "filled_shares") if "child_orders" in files else []
    fills = columns(files["fills"], "child_order_id", "shares") if "fills" in files else []
    assert dict(children).keys() >= dict(fills).keys()
    assert all(sum(shares for owner, shares in fills if owner == order) == filled for order, filled in children)
    for noun, file in files.items():
        if file.rows.num_rows and noun != "order_messages":
            names = [name for name in NOUNS[noun].key if name not in ("market", "trade_date")]
            assert len(set(columns(file, *names))) == file.rows.num_rows
