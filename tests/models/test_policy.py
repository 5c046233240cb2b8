import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from models.policy import (
    ACTIONS,
    DO_NOTHING,
    POST_ONLY,
    SIGNAL,
    TWAP,
    URGENCIES,
    PolicyParameters,
    decide,
)

ORDER, LOT, SPREAD_BPS = 10_000.0, 100.0, 4.0


def act(
    policy: PolicyParameters,
    *,
    side: float = 1.0,
    elapsed: float,
    remaining: float,
    signal: float = np.nan,
    urgency: int = 1,
) -> tuple[str, float]:
    action, shares = decide(policy.to_array(), side, urgency, elapsed, 0.02, ORDER, remaining, LOT, SPREAD_BPS, signal)
    return ACTIONS[action], shares


def test_on_schedule_it_joins_with_what_is_due() -> None:
    assert act(TWAP, elapsed=0.5, remaining=5_000.0) == ("join", 200.0)


def test_ahead_of_schedule_it_waits() -> None:
    assert act(TWAP, elapsed=0.5, remaining=4_000.0) == ("wait", 0.0)


def test_far_behind_schedule_it_crosses_what_is_missing() -> None:
    assert act(TWAP, elapsed=0.5, remaining=5_600.0) == ("cross", 600.0)


def test_the_patient_tolerate_more_than_the_urgent() -> None:
    assert act(TWAP, elapsed=0.5, remaining=5_300.0, urgency=0)[0] == "join"
    assert act(TWAP, elapsed=0.5, remaining=5_300.0, urgency=2)[0] == "cross"


def test_at_the_last_decision_the_rest_is_crossed() -> None:
    assert act(TWAP, elapsed=0.98, remaining=700.0) == ("cross", 700.0)


def test_an_expected_adverse_move_larger_than_a_spread_is_crossed_ahead_of() -> None:
    assert act(SIGNAL, elapsed=0.5, remaining=5_000.0, signal=5.0) == ("cross", 700.0)
    assert act(SIGNAL, elapsed=0.5, remaining=5_000.0, signal=5.0, side=-1.0) == ("join", 200.0)
    assert act(TWAP, elapsed=0.5, remaining=5_000.0, signal=5.0) == ("join", 200.0)


def test_what_subtraction_leaves_of_nought_is_no_order() -> None:
    ahead = PolicyParameters("ahead", reads_signal=True, cross_ahead_spreads=-1.0, ahead_fraction=0.03)
    due = ORDER * 0.02 + 300.0
    for rest in (0.0, 4e-14, 1e-9):
        assert act(ahead, elapsed=0.5, remaining=5_000.0 - due + rest, signal=0.0) == ("wait", 0.0)
    assert act(ahead, elapsed=0.5, remaining=5_000.0 - due + 1.0, signal=0.0)[0] == "cross"


def test_before_an_expected_favourable_move_it_rests_longer() -> None:
    assert act(SIGNAL, elapsed=0.5, remaining=5_600.0, signal=-3.0)[0] == "join"
    assert act(SIGNAL, elapsed=0.5, remaining=5_600.0, signal=0.0)[0] == "cross"


def test_a_policy_that_does_nothing_and_one_that_only_posts_keep_their_names() -> None:
    assert act(DO_NOTHING, elapsed=0.98, remaining=700.0) == ("wait", 0.0)
    assert act(POST_ONLY, elapsed=0.98, remaining=700.0) == ("join", 700.0)


def test_without_a_signal_the_signal_policy_is_the_benchmark() -> None:
    for elapsed in (0.0, 0.3, 0.6, 0.98):
        for remaining in (100.0, 3_000.0, 7_500.0, ORDER):
            case = {"elapsed": elapsed, "remaining": remaining}
            assert act(SIGNAL, **case) == act(TWAP, **case)  # type: ignore[arg-type]


@given(
    side=st.sampled_from([1.0, -1.0]),
    urgency=st.sampled_from(URGENCIES),
    elapsed=st.floats(0, 1),
    remaining=st.floats(0, ORDER),
    signal=st.floats(-50, 50),
    policy=st.sampled_from([TWAP, SIGNAL, POST_ONLY, DO_NOTHING]),
)
def test_it_never_sends_more_than_remains_and_treats_buys_and_sells_alike(
    side: float, urgency: int, elapsed: float, remaining: float, signal: float, policy: PolicyParameters
) -> None:
    case = {"elapsed": elapsed, "remaining": remaining, "urgency": urgency}
    action, shares = act(policy, side=side, signal=signal, **case)  # type: ignore[arg-type]
    assert 0.0 <= shares <= remaining
    assert (shares == 0.0) == (action == "wait")
    assert act(policy, side=-side, signal=-signal, **case) == (action, shares)  # type: ignore[arg-type]


def test_a_changed_number_changes_the_digest() -> None:
    assert PolicyParameters("p").digest() == PolicyParameters("p").digest()
    assert PolicyParameters("p", ahead_fraction=0.06).digest() != PolicyParameters("p").digest()
