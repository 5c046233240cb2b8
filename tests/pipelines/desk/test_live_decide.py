"""An order's arm at arrival, and from a decision to messages."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.settings import Settings
from models.market_live import Quote
from models.policy import CROSS, IMPROVE, JOIN, WAIT
from pipelines.desk.live_children import Child, Sent, State
from pipelines.desk.live_choice import Route
from pipelines.desk.live_decide import arrival
from pipelines.desk.live_parents import Assigned, ParentFacts, parents_of
from pipelines.desk.live_target import Target, child_place, collar_place, sendable, settled, takes
from pipelines.desk.venue_messages import NewChild
from tests.pipelines.desk.live_made import DAY, a_day, registered, routed

QUOTE = Quote(bid=100, ask=103, far_bid=91, far_ask=112)
TARGET = Target("d1", "v", "champion", 100, 50, is_immediate=False, filled_before=0, missing=0)


def an_order() -> ParentFacts:
    return next(iter(parents_of(a_day()).values())).facts


def arrived(route: Route, first: Assigned | None = None) -> Assigned:
    return arrival(an_order(), route, DAY, 2400.0, is_two_sided=True, first=first)


def test_a_second_order_of_a_unit_keeps_the_arm_of_the_first_when_shares_grow(tmp_path: Path) -> None:
    home = Settings(home=tmp_path)
    version = registered(home, 3)
    small, large = (Route(routed(home, epoch, version, share), ()) for epoch, share in ((1, 0.001), (2, 0.94)))
    first = arrived(small)
    assert (first.arm, arrived(large).arm) == ("champion", "challenger")
    again = arrived(large, first)
    assert (again.arm, again.propensity, again.epoch) == ("champion", first.propensity, 1)


def test_an_order_of_another_rollout_is_drawn_anew(tmp_path: Path) -> None:
    home = Settings(home=tmp_path)
    version = registered(home, 3)
    first = arrived(Route(routed(home, 1, version, 0.001), ()))
    later = Route(routed(home, 2, version, 0.94, rollout_id="sample.r2"), ())
    assert arrived(later, first).arm == "challenger"


@pytest.mark.parametrize(
    ("changed", "is_two_sided", "reason"),
    [
        ({"accounts": ()}, True, "has not opted in"),
        ({}, False, "no two-sided book at arrival"),
    ],
)
def test_what_is_not_eligible_is_the_champions_with_the_reason(
    tmp_path: Path, changed: dict[str, object], is_two_sided: bool, reason: str
) -> None:
    home = Settings(home=tmp_path)
    route = Route(routed(home, 1, registered(home, 3), 0.94, **changed), ())
    found = arrival(an_order(), route, DAY, 2400.0, is_two_sided=is_two_sided, first=None)
    assert (found.is_eligible, found.arm, found.propensity) == (False, "champion", 1.0)
    assert reason in found.reason


@pytest.mark.parametrize(
    ("sign", "action", "limit", "collar", "place"),
    [
        (1, JOIN, None, None, 100), (-1, JOIN, None, None, 103), (1, IMPROVE, None, None, 101),
        (-1, IMPROVE, None, None, 102), (1, CROSS, None, None, 112), (-1, CROSS, None, None, 91),
        (1, CROSS, 105, None, 105), (-1, JOIN, 104, None, 104), (1, CROSS, None, 106, 106), (1, JOIN, None, 90, 100),
    ],
)  # fmt: skip
def test_a_child_goes_where_the_action_says_within_limit_and_collar(
    sign: int, action: int, limit: int | None, collar: int | None, place: int
) -> None:
    assert child_place(QUOTE, sign, action, limit, collar) == place


def test_a_collar_is_counted_from_the_far_touch() -> None:
    assert (collar_place(QUOTE, 1, 9_897, 10.0), collar_place(QUOTE, -1, 9_897, 10.0)) == (113, 91)
    assert (takes(QUOTE, 1, 103), takes(QUOTE, 1, 102), takes(QUOTE, -1, 100), takes(QUOTE, -1, 101)) == (
        True, False, True, False,
    )  # fmt: skip


def a_child(place: int, lots: int, state: State = "live", *, is_immediate: bool = False) -> Child:
    order = NewChild(f"c{place}-{lots}", "AURA", 0, place, lots, is_immediate)
    return Child(Sent(order, "p", "d0", "v", "champion", 1, 0.0), state, place, 0.0, 0.0)


def test_a_child_at_the_decided_price_stays_and_is_topped_up() -> None:
    target, ended = settled(TARGET, JOIN, [a_child(100, 30)])
    assert (target.missing, ended) == (20, ())


@pytest.mark.parametrize(
    ("action", "child", "missing"),
    [(JOIN, a_child(99, 30), 50), (JOIN, a_child(100, 60), 50), (WAIT, a_child(100, 30), 0)],
)
def test_a_child_elsewhere_or_too_large_is_taken_off_whole(action: int, child: Child, missing: int) -> None:
    target, ended = settled(TARGET, action, [child])
    assert (target.missing, ended) == (missing, (child,))


def test_a_cross_takes_everything_off_first() -> None:
    resting = a_child(100, 30)
    target, ended = settled(replace(TARGET, is_immediate=True), CROSS, [resting, a_child(100, 5, "cancelling")])
    assert (target.missing, ended) == (50, (resting,))


@given(
    missing=st.integers(0, 100), wanted=st.integers(0, 100), filled=st.integers(0, 100), still_open=st.integers(0, 100),
    room=st.integers(0, 100),
)  # fmt: skip
def test_what_is_sent_with_what_is_open_and_filled_never_exceeds_what_was_decided_or_what_is_left(
    missing: int, wanted: int, filled: int, still_open: int, room: int
) -> None:
    target = replace(TARGET, wanted=wanted, missing=missing)
    lots = sendable(target, filled, still_open, room)
    assert 0 <= lots <= min(missing, room)
    assert lots == 0 or filled + still_open + lots <= wanted
