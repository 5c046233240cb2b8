"""Few symbols stand for themselves; many stand in tenths by liquidity."""

from __future__ import annotations

from collections import Counter

from features.symbol_groups import MOST_SYMBOLS, symbol_groups

MANY = {f"S{number:03d}": float(number) for number in range(MOST_SYMBOLS + 36)}


def test_up_to_the_limit_a_symbol_is_its_own_group() -> None:
    few = dict(list(MANY.items())[:MOST_SYMBOLS])
    assert symbol_groups(few) == {symbol: symbol for symbol in few}


def test_beyond_it_groups_are_tenths_and_the_last_is_the_most_liquid() -> None:
    found = symbol_groups(MANY)
    assert Counter(found.values()) == {f"liquidity_{tenth:02d}": 10 for tenth in range(1, 11)}
    assert (found["S000"], found["S099"]) == ("liquidity_01", "liquidity_10")


def test_a_symbol_of_unknown_liquidity_counts_as_the_thinnest() -> None:
    assert symbol_groups({**MANY, "S099": float("nan")})["S099"] == "liquidity_01"
