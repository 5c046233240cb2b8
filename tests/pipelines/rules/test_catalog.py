"""The catalog says of every rule what it does and why, and knows every rule under which a row can be refused."""

from __future__ import annotations

from typing import get_args

import pytest

from infra.markets import MARKETS
from infra.tables import NOUNS
from pipelines.check_rows import check_rows
from pipelines.rules.catalog import DAY_RULES, NOTE, STOP, Disposition, declared_rules, rule_named, rules_of
from tests.builders import FRIDAY
from tests.pipelines.made_books import arrived
from tests.pipelines.made_day import spoilt, trades


def test_every_rule_has_a_reason_a_known_disposition_and_nouns_that_exist() -> None:
    for rule in DAY_RULES:
        assert len(rule.because.split()) > 4, rule.name
        assert rule.disposition in get_args(Disposition)
        assert set(rule.nouns) <= set(NOUNS)


@pytest.mark.parametrize("noun", NOUNS)
def test_names_are_unique_within_a_noun(noun: str) -> None:
    names = [rule.name for rule in rules_of(noun)]
    assert len(set(names)) == len(names)


def test_a_note_refuses_nothing_so_there_is_nothing_to_release() -> None:
    assert [rule.name for rule in DAY_RULES if rule.disposition == NOTE and rule.is_releasable] == []


def test_judgements_are_releasable_and_declarations_are_not() -> None:
    assert [rule.name for rule in DAY_RULES if rule.is_releasable] == [
        "price_near_previous_close",
        "fat_finger",
        "repeated_block",
        "constant_feed",
        "symbol_swap",
        "split_unannounced",
        "fill_outside_day_range",
    ]
    assert not any(rule.is_releasable for noun in NOUNS for rule in declared_rules(noun))


def test_the_shares_that_stop_a_night_stand_in_the_catalog_with_their_because() -> None:
    share = rule_named("fills", "refused_share")
    assert share is not None
    assert (share.disposition, share.because) == (STOP, "our own log has no noise")
    assert rule_named("book_snapshots", "rows") is not None
    assert rule_named("fills", "rows") is None


def test_a_rule_of_the_reader_is_not_the_judge_s() -> None:
    assert rule_named("trades", "line_not_readable") is None


@pytest.mark.parametrize(
    ("column", "value", "rule"),
    [
        ("shares", 0.0, "shares_in_bounds"),
        ("shares", -0.0, "shares_in_bounds"),
        ("shares", -100.0, "shares_in_bounds"),
        ("shares", 5e-324, "shares_in_bounds"),
        ("shares", 1e11, "shares_in_bounds"),
        ("price", 0.0, "price_in_bounds"),
        ("price", -0.0, "price_in_bounds"),
        ("price", -100.0, "price_in_bounds"),
        ("price", 5e-324, "price_in_bounds"),
        ("price", 2.2e-308, "price_in_bounds"),
        ("price", 1e9, "price_in_bounds"),
        ("price", float("-inf"), "price_is_finite"),
        ("aggressor_side", 2, "aggressor_side_in_bounds"),
        ("symbol", None, "symbol_is_present"),
    ],
)
def test_the_catalog_knows_the_rule_that_the_declaration_refuses_by(column: str, value: object, rule: str) -> None:
    checked = check_rows(
        "trades", arrived(spoilt(trades(), **{column: {1: value}}), "trades"), MARKETS["sample"], FRIDAY
    )
    assert [(one.rule, one.rows.tolist()) for one in checked.refused] == [(rule, [1])]
    assert rule_named("trades", rule) is not None
