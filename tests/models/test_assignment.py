"""Drawing units into arms: shares, stickiness, growth, and that anybody can compute it again from the log."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.assignment import (
    Assignment,
    Eligibility,
    LoggedAssignment,
    OrderFacts,
    Terms,
    WrongAssignment,
    assign,
    assignments_differ,
    eligibility,
    point,
    stratum,
    unit_of,
)
from models.rollout.plan import PHASES

DAY = date(2026, 11, 20)
HOLDOUT = 0.02
SIDES = ("buy", "sell")
UNITS = [
    unit_of(f"ACCOUNT-{account:03d}", None, f"S{symbol}", side, DAY)
    for account in range(125)
    for symbol in range(40)
    for side in SIDES
]
ORDER = OrderFacts("ACCOUNT-01", "AURA", 1e5, has_two_sided_book=True, has_event=False)
TERMS = Terms(frozenset({"ACCOUNT-01"}), frozenset({"AURA"}), 1e6)
salts = st.text(alphabet="0123456789abcdef", min_size=1, max_size=32)
units = st.builds(
    unit_of,
    st.text(min_size=1, max_size=12),
    st.none() | st.text(min_size=1, max_size=8),
    st.sampled_from(["AURA", "BOLT"]),
    st.sampled_from(SIDES),
    st.dates(),
)


def arms(share: float, holdout: float = HOLDOUT) -> tuple[tuple[str, float], ...]:
    return ("benchmark", holdout), ("challenger", share), ("champion", 1.0 - holdout - share)


@pytest.mark.parametrize("share", [0.01, 0.05, 0.10, 0.25, 0.50, 0.95])
@pytest.mark.parametrize("salt", ["a", "b", "c"])
def test_ten_thousand_units_fall_into_each_arm_as_its_share_says(share: float, salt: str) -> None:
    drawn = [assign(unit, salt, arms(share)).arm for unit in UNITS]
    for arm, wanted in arms(share):
        spread = math.sqrt(len(UNITS) * wanted * (1.0 - wanted))
        assert abs(drawn.count(arm) - len(UNITS) * wanted) < 4.5 * spread + 1.0


def test_buys_and_sells_symbols_and_accounts_have_the_same_shares() -> None:
    for part in (lambda unit: "|buy|" in unit, lambda unit: "|S7|" in unit, lambda unit: unit < "ACCOUNT-060"):
        chosen = [unit for unit in UNITS if part(unit)]
        count = sum(assign(unit, "salt", arms(0.5)).arm == "challenger" for unit in chosen)
        assert abs(count - 0.5 * len(chosen)) < 4.5 * math.sqrt(0.25 * len(chosen))


@given(units, salts)
def test_a_unit_is_drawn_the_same_way_every_time(unit: str, salt: str) -> None:
    assert assign(unit, salt, arms(0.3)) == assign(unit, salt, tuple(reversed(arms(0.3))))
    assert 0.0 <= point(unit, salt) < 1.0


@given(units, salts, st.lists(st.floats(0.0, 1.0 - HOLDOUT), min_size=2, max_size=8))
def test_a_share_that_grows_moves_no_unit_away_from_the_challenger(unit: str, salt: str, shares: list[float]) -> None:
    drawn = [assign(unit, salt, arms(share)).arm for share in sorted(shares)]
    since = drawn.index("challenger") if "challenger" in drawn else len(drawn)
    assert set(drawn[since:]) <= {"challenger"}


@given(units, salts)
def test_the_hold_out_is_the_same_in_every_phase(unit: str, salt: str) -> None:
    drawn = {
        assign(unit, salt, arms(min(phase.share, 1.0 - HOLDOUT))).arm == "benchmark"
        for phase in PHASES
        if phase.share > 0.0
    }
    assert len(drawn) == 1


@given(units, salts)
def test_the_propensity_is_the_share_of_the_arm(unit: str, salt: str) -> None:
    drawn = assign(unit, salt, arms(0.25))
    assert drawn.propensity == dict(arms(0.25))[drawn.arm]


def test_the_hold_out_lies_at_the_bottom_the_challenger_above_it_the_champion_has_the_rest() -> None:
    places = {
        arm: [point(unit, "salt") for unit in UNITS if assign(unit, "salt", arms(0.3)).arm == arm]
        for arm, _ in arms(0.3)
    }
    assert max(places["benchmark"]) < HOLDOUT <= min(places["challenger"])
    assert max(places["challenger"]) < HOLDOUT + 0.3 <= min(places["champion"])


def test_a_unit_lies_where_it_has_always_lain() -> None:
    assert point("ACCOUNT-01|AURA|buy|2026-11-20", "salt") == 0.8436909686560227
    assert point("B7|BOLT|sell|2026-11-23", "0123456789abcdef") == 0.6588539624004871


def test_another_salt_draws_anew() -> None:
    same = sum(assign(unit, "a", arms(0.5)).arm == assign(unit, "b", arms(0.5)).arm for unit in UNITS)
    assert 0.45 < same / len(UNITS) < 0.55


def test_quantity_and_price_are_not_in_the_unit_so_an_amended_order_keeps_its_arm() -> None:
    assert unit_of("ACCOUNT-01", None, "AURA", "buy", DAY) == "ACCOUNT-01|AURA|buy|2026-11-20"


def test_orders_of_one_basket_move_together_whatever_their_account() -> None:
    assert unit_of("ACCOUNT-01", "B7", "AURA", "buy", DAY) == unit_of("ACCOUNT-02", "B7", "AURA", "buy", DAY)


@pytest.mark.parametrize(
    "wrong",
    [
        (("challenger", 0.5), ("champion", 0.4)),
        (("challenger", -0.5), ("champion", 1.5)),
        (("challenger", math.nan), ("champion", 1.0)),
        (("challenger", 0.5), ("challenger", 0.5)),
        (("other", 0.5), ("champion", 0.5)),
        (),
    ],
)
def test_shares_that_are_no_shares_are_refused(wrong: tuple[tuple[str, float], ...]) -> None:
    with pytest.raises(ValueError, match="sum to one"):
        assign("unit", "salt", wrong)


def test_an_arm_without_a_share_gets_nothing() -> None:
    drawn = {assign(unit, "salt", (("benchmark", 0.0), ("challenger", 0.0), ("champion", 1.0))).arm for unit in UNITS}
    assert drawn == {"champion"}


@pytest.mark.parametrize(
    ("order", "terms", "reason"),
    [
        (replace(ORDER, account="ACCOUNT-09"), TERMS, "account ACCOUNT-09 has not opted in"),
        (replace(ORDER, symbol="BOLT"), TERMS, "BOLT is outside the limits"),
        (replace(ORDER, order_notional=1.1e6), TERMS, "order is larger than the limits allow"),
        (replace(ORDER, order_notional=math.nan), TERMS, "order is larger than the limits allow"),
        (replace(ORDER, has_two_sided_book=False), TERMS, "no two-sided book at arrival"),
        (replace(ORDER, has_event=True), TERMS, "news or a halt today"),
    ],
)
def test_an_order_that_is_not_eligible_says_why(order: OrderFacts, terms: Terms, reason: str) -> None:
    assert eligibility(order, terms) == Eligibility(False, reason)


def test_an_order_within_the_terms_is_eligible_and_no_symbols_means_all() -> None:
    assert eligibility(ORDER, TERMS) == Eligibility(True, "")
    assert eligibility(replace(ORDER, symbol="BOLT"), replace(TERMS, symbols=frozenset())).is_eligible


def test_strata_are_thirds_of_the_drawn_participation() -> None:
    assert [stratum(rate) for rate in (0.039, 0.04, 0.08, 0.081)] == ["small", "medium", "medium", "large"]


def logged(number: int, **others: object) -> LoggedAssignment:
    account, symbol = f"ACCOUNT-{number:02d}", "AURA"
    unit = unit_of(account, None, symbol, "buy", DAY)
    drawn = assign(unit, "salt", arms(0.5))
    made = LoggedAssignment(f"P{number}", unit, account, None, symbol, "buy", DAY, True, drawn.arm, drawn.propensity)
    return replace(made, **others)


def test_what_the_desk_logged_is_computed_again_from_the_log_alone() -> None:
    rows = [logged(number) for number in range(200)]
    ineligible = logged(200, is_eligible=False, arm="champion", propensity=1.0)
    assert {row.arm for row in rows} == {"benchmark", "challenger", "champion"}
    assert assignments_differ([*rows, ineligible], "salt", arms(0.5)) == ()


def other_arm(row: LoggedAssignment) -> str:
    return "champion" if row.arm == "challenger" else "challenger"


def test_every_row_that_is_not_what_it_should_be_is_named() -> None:
    right = logged(3)
    wrong = {
        "arm": replace(right, arm=other_arm(right)),
        "propensity": replace(right, propensity=0.123),
        "unit": replace(right, account="ACCOUNT-99"),
    }
    for what, row in wrong.items():
        (found,) = assignments_differ([logged(1), row, logged(2)], "salt", arms(0.5))
        assert (found.parent_order_id, found.what) == ("P3", what)


def test_an_ineligible_order_in_the_challengers_arm_is_named() -> None:
    row = logged(4, is_eligible=False, arm="challenger", propensity=0.5)
    assert assignments_differ([row], "salt", arms(0.5)) == (
        WrongAssignment("P4", row.unit, "arm", "challenger", "champion"),
    )


def test_a_router_that_gives_four_percent_for_five_is_found_row_by_row() -> None:
    rows = []
    for number in range(3_000):
        row = logged(number)
        drawn: Assignment = assign(row.unit, "salt", arms(0.04))
        rows.append(replace(row, arm=drawn.arm, propensity=0.05 if drawn.arm == "challenger" else drawn.propensity))
    wrong = [one for one in assignments_differ(rows, "salt", arms(0.05)) if one.what == "arm"]
    assert 10 < len(wrong) < 60
    assert {(one.found, one.wanted) for one in wrong} == {("champion", "challenger")}
