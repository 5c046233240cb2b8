"""The check before a child order: what it forbids, what it cuts, and that it never makes anything larger."""

from __future__ import annotations

import math
from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.tables.decision_nouns import LIMITS
from models.limits import Limits
from models.limits_check import (
    COST_NOTIONAL,
    EVENT_NAMES,
    FILLED_NOTIONAL,
    LIMIT_NAMES,
    NO_LIMIT,
    SENT_NOTIONAL,
    SENT_ORDERS,
    STOPPED,
    USED_FIGURES,
    Child,
    allowed_lots,
    excess_notional,
    limit_row,
)
from models.limits_guard import is_sound, next_policy, no_guard

WIDE = Limits(
    symbols=("AURA",), venues=("LIT",), price_collar_bps=100.0, order_notional=1e6, session_notional=1e7,
    session_orders=1000, position_notional=1e6, participation=0.25, repeats=50, stop_notional=1e4,
)  # fmt: skip
CHILD = Child(
    lot_notional=2_000.0, lot_shares=100.0, beyond_bps=5.0, exposure_notional=0.0, own_shares=0.0,
    market_shares=1e6, repeats=0,
)  # fmt: skip


def asked(
    limits: Limits = WIDE, child: Child = CHILD, lots: int = 10, excess: float = 0.0, symbol: str = "AURA",
    venue: str = "LIT", **used: float,
) -> tuple[int, str]:  # fmt: skip
    """Lots that may go out, and the limit that said less."""
    row = np.zeros(USED_FIGURES)
    for name, value in used.items():
        row[{"sent": SENT_NOTIONAL, "orders": SENT_ORDERS, "stopped": STOPPED}[name]] = value
    sent, code, _, _ = allowed_lots(limit_row(limits, symbol, venue), row, child, excess, lots)
    return sent, "" if code == NO_LIMIT else EVENT_NAMES[code]


def test_a_child_within_every_limit_goes_out_whole() -> None:
    assert asked() == (10, "")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"symbol": "BOLT"}, (0, "symbols")),
        ({"venue": "DARK"}, (0, "venues")),
        ({"child": CHILD._replace(beyond_bps=100.1)}, (0, "price_collar_bps")),
        ({"orders": 1000.0}, (0, "session_orders")),
        ({"child": CHILD._replace(repeats=50)}, (0, "repeats")),
        ({"excess": 1e4}, (0, "stop_notional")),
        ({"stopped": 8.0}, (0, "repeats")),
        ({"limits": replace(WIDE, order_notional=7_999.0)}, (3, "order_notional")),
        ({"sent": 9_990_000.0}, (5, "session_notional")),
        ({"child": CHILD._replace(exposure_notional=999_000.0)}, (0, "position_notional")),
        ({"child": CHILD._replace(exposure_notional=994_000.0)}, (3, "position_notional")),
        ({"child": CHILD._replace(market_shares=4_000.0, own_shares=300.0)}, (7, "participation")),
    ],
)
def test_each_limit_forbids_or_cuts(given: dict[str, object], expected: tuple[int, str]) -> None:
    assert asked(**given) == expected


def test_exactly_what_a_limit_allows_goes_out() -> None:
    assert asked(replace(WIDE, order_notional=20_000.0)) == (10, "")
    assert asked(orders=999.0, child=CHILD._replace(repeats=49, beyond_bps=100.0)) == (10, "")


def test_one_lot_is_within_any_participation_before_anything_has_traded() -> None:
    quiet = CHILD._replace(market_shares=0.0)
    assert asked(child=quiet) == (1, "participation")
    assert asked(child=quiet._replace(own_shares=100.0)) == (0, "participation")


def test_the_tightest_limit_is_the_one_that_is_told() -> None:
    tight = replace(WIDE, order_notional=16_000.0, position_notional=8_000.0)
    assert asked(tight) == (4, "position_notional")


def test_no_symbols_means_every_symbol_and_no_venues_means_none() -> None:
    assert asked(replace(WIDE, symbols=()), symbol="ECHO") == (10, "")
    assert asked(replace(WIDE, venues=())) == (0, "venues")


@pytest.mark.parametrize("name", [one.name for one in fields(Limits) if one.name not in ("symbols", "venues")])
def test_a_limit_that_is_no_number_allows_nothing(name: str) -> None:
    sent, said = asked(replace(WIDE, **{name: math.nan}))
    assert (sent, said) == (0, name)


@pytest.mark.parametrize("name", ["lot_notional", "beyond_bps", "exposure_notional", "own_shares"])
def test_a_figure_that_is_no_number_is_within_no_limit(name: str) -> None:
    assert asked(child=CHILD._replace(**{name: math.nan}))[0] == 0


AMOUNT = st.one_of(st.floats(allow_nan=True, allow_infinity=True), st.floats(0.0, 1e7))


@settings(max_examples=300, deadline=None)
@given(
    figures=st.lists(AMOUNT, min_size=8, max_size=8),
    child=st.tuples(st.floats(0.01, 1e6), st.just(100.0), AMOUNT, AMOUNT, AMOUNT, AMOUNT, st.integers(0, 100)),
    used=st.lists(st.floats(0.0, 1e7), min_size=USED_FIGURES - 1, max_size=USED_FIGURES - 1),
    excess=AMOUNT,
    lots=st.integers(1, 10**12),
)
def test_nothing_gets_larger_and_nothing_that_goes_out_breaks_a_limit(
    figures: list[float], child: tuple[float, ...], used: list[float], excess: float, lots: int
) -> None:
    limits = WIDE.__class__(("AURA",), ("LIT",), *figures)
    one, taken = Child(*child), np.array([*used, 0.0])
    sent, code, _, _ = allowed_lots(limit_row(limits, "AURA", "LIT"), taken, one, excess, lots)
    assert 0 <= sent <= lots
    assert (sent == lots) == (code == NO_LIMIT)
    if sent == 0:
        return
    value = sent * one.lot_notional
    assert one.beyond_bps <= limits.price_collar_bps
    assert value <= limits.order_notional
    assert taken[SENT_NOTIONAL] + value <= limits.session_notional
    assert taken[SENT_ORDERS] + 1.0 <= limits.session_orders
    assert one.exposure_notional + value <= limits.position_notional
    own = one.own_shares + sent * 100.0
    assert own <= 100.0 or own <= limits.participation * one.market_shares
    assert one.repeats + 1 <= limits.repeats
    assert excess < limits.stop_notional


def test_a_version_is_charged_only_what_it_costs_above_the_champions_rate() -> None:
    own, champion = np.zeros(USED_FIGURES), np.zeros(USED_FIGURES)
    own[FILLED_NOTIONAL], own[COST_NOTIONAL] = 1e6, 900.0
    assert excess_notional(own, champion) == 900.0
    champion[FILLED_NOTIONAL], champion[COST_NOTIONAL] = 2e6, 1_000.0
    assert excess_notional(own, champion) == 400.0


@pytest.mark.parametrize(
    ("must_read", "signal", "shares", "sound"),
    [
        (False, math.nan, 100.0, True),
        (True, math.nan, 100.0, False),
        (True, math.inf, 100.0, False),
        (True, -2e4, 100.0, False),
        (True, 3.0, 0.0, True),
        (False, 0.0, math.nan, False),
        (False, 0.0, math.inf, False),
        (False, 0.0, -1.0, False),
    ],
)
def test_an_output_is_sound_when_it_is_a_number_made_from_numbers(
    must_read: bool, signal: float, shares: float, sound: bool
) -> None:
    assert is_sound(must_read, signal, shares) == sound


def test_work_passes_to_the_champion_then_to_the_benchmark_policy_then_to_nobody() -> None:
    guard = no_guard(4)
    guard.held.champion, guard.held.benchmark = 1, 3
    assert [next_policy(guard, which) for which in (0, 2, 1, 3)] == [1, 1, 3, -1]
    guard.session.used[1, STOPPED] = 9.0
    assert [next_policy(guard, which) for which in (0, 1)] == [3, 3]


def test_the_names_of_events_are_those_that_the_table_allows() -> None:
    assert EVENT_NAMES == LIMITS
    assert EVENT_NAMES[:-1] == LIMIT_NAMES
