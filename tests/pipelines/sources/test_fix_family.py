"""Children find their parents by the ids in their new orders."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.pipelines.made_fix import columns, fix, new, read, report


@pytest.mark.parametrize("tag", [526, 583, 66])
def test_a_parent_that_no_log_shows_is_put_together_from_its_children(tmp_path: Path, tag: int) -> None:
    cancelled = report("11=A|17=E1|150=4", 5)
    files = read(tmp_path, new("A", more=f"{tag}=P"), cancelled, new("B", shares=80, second=6, more=f"{tag}=P"))
    assert columns(files["child_orders"], "child_order_id", "parent_order_id") == [("A", "P"), ("B", "P")]
    assert columns(files["parent_orders"], "parent_order_id", "order_shares", "limit_price", "basket") == [
        ("P", 100.0, None, "P" if tag == 66 else None)
    ]


def test_children_that_are_open_together_add_up(tmp_path: Path) -> None:
    files = read(tmp_path, new("A", more="526=P"), new("B", second=1, more="526=P"))
    assert columns(files["parent_orders"], "order_shares") == [(200.0,)]


def test_an_order_that_others_name_is_their_parent_and_no_child(tmp_path: Path) -> None:
    slices = (new("S1", shares=60, second=1, more="526=P"), new("V1", shares=60, second=2, more="526=S1"))
    executed = (
        report("11=V1|17=E1|150=F|32=60|31=10.4", 3, sent_by="XNAS"),
        report("11=P|17=E1|150=F|32=60|31=10.4", 4),
    )
    files = read(tmp_path, new("P", shares=1000), *slices, *executed)
    assert columns(files["parent_orders"], "parent_order_id", "order_shares") == [("P", 1000.0)]
    assert columns(files["child_orders"], "child_order_id", "parent_order_id") == [("V1", "P")]
    assert columns(files["fills"], "child_order_id", "parent_order_id", "shares") == [("V1", "P", 60.0)]


def test_a_list_gives_one_parent_a_symbol_and_side(tmp_path: Path) -> None:
    other = fix("D", "11=B|55=BBB|54=5|38=70|40=1|66=L", second=1)
    files = read(tmp_path, new("A", more="66=L"), other)
    names = ("parent_order_id", "symbol", "side", "is_short_sale", "basket")
    assert columns(files["parent_orders"], *names) == [
        ("L:AAA:buy", "AAA", "buy", False, "L"),
        ("L:BBB:sell", "BBB", "sell", True, "L"),
    ]
    assert columns(files["child_orders"], "order_type", "limit_price") == [("limit", 10.5), ("market", None)]


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [("A", "A", {"C": "A"}), ("B", "A", {"A": "A", "B": "B", "C": "C"}), ("B", "C", {"A": "A", "B": "B", "C": "C"})],
)
def test_names_that_lead_round_in_a_circle_leave_each_order_its_own_parent(
    tmp_path: Path, first: str, second: str, expected: dict[str, str]
) -> None:
    orders = (new("A", more=f"526={first}"), new("B", second=1, more=f"526={second}"), new("C", more="526=B"))
    files = read(tmp_path, *orders)
    assert dict(columns(files["child_orders"], "child_order_id", "parent_order_id")) == expected
    assert {row[0] for row in columns(files["parent_orders"], "parent_order_id")} == set(expected.values())
