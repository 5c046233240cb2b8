"""A release holds for one row, one rule and the bytes that a person looked at."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from infra.tables import RELEASES
from pipelines.rules.releases import refused_by, released_mask, released_rows
from tests.builders import plain_rows
from tests.pipelines.made_books import arrived
from tests.pipelines.made_day import trades


def releases(digest: str | None) -> pa.Table:
    values = {"noun": "trades", "rule": "fat_finger", "source_file": "books.parquet", "source_row": 1}
    return plain_rows(RELEASES, 1, **values, source_sha256=digest)


def test_a_release_of_other_bytes_is_no_release() -> None:
    rows = {"trades": arrived(trades(3), "trades")}  # their digest is "x"
    assert released_rows(releases("x"), rows) == {("trades", "fat_finger", "books.parquet", 1)}
    assert released_rows(releases("y"), rows) == frozenset()
    assert released_rows(releases(None), rows) == frozenset()
    assert released_rows(releases("x"), {"fills": rows["trades"]}) == frozenset()
    assert released_rows(RELEASES.arrow_schema.empty_table(), rows) == frozenset()


def test_noun_rule_file_and_row_must_all_agree() -> None:
    rows = pa.concat_tables([arrived(trades(2), "trades"), arrived(trades(2), "trades", "other.parquet")])
    mine = ("trades", "fat_finger", "other.parquet", 1)
    assert released_mask("trades", "fat_finger", rows, frozenset({mine})).tolist() == [False, False, False, True]
    assert not released_mask("fills", "fat_finger", rows, frozenset({mine})).any()
    assert not released_mask("trades", "repeated_block", rows, frozenset({mine})).any()


def test_a_row_stands_under_the_first_rule_that_it_breaks() -> None:
    rows = arrived(trades(3), "trades")
    masks = [("wrong_trade_date", np.array([True, False, False])), ("fat_finger", np.array([True, True, False]))]
    found = refused_by("trades", rows, masks)
    assert [(one.rule, one.rows.tolist()) for one in found] == [("wrong_trade_date", [0]), ("fat_finger", [1])]


def test_a_row_released_from_its_first_rule_falls_under_the_next() -> None:
    rows = arrived(trades(2), "trades")
    masks = [("fat_finger", np.array([True, False])), ("repeated_block", np.array([True, False]))]
    released = frozenset({("trades", "fat_finger", "books.parquet", 0)})
    assert [one.rule for one in refused_by("trades", rows, masks, released)] == ["repeated_block"]
