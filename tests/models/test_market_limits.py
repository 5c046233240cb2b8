"""Limits in the market model: over all symbols together; orders passed on between half-minutes."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from models.limits import Limits
from models.limits_check import SENT_NOTIONAL, STOPPED, limit_row
from models.limits_guard import MOST_POLICIES, Guard, new_guard, new_session, no_guard
from models.market import HiddenParameters, MarketOrders, MarketSession, OpenMarket, open_market, run_together
from models.market_parameters import SAMPLE_SYMBOLS
from models.market_state import C_DECISION, C_LOTS, P_POLICY
from models.policy import DO_NOTHING, TWAP, PolicyParameters

EAGER = PolicyParameters("eager", tolerance=(0.0, 0.0, 0.0))
WIDE = Limits(
    symbols=(), venues=("LIT",), price_collar_bps=1e4, order_notional=1e12, session_notional=1e12,
    session_orders=10**6, position_notional=1e12, participation=100.0, repeats=10**6, stop_notional=1e12,
)  # fmt: skip
SECONDS = 1800


def opened(symbol: int, *policies: int) -> OpenMarket:
    """Half an hour of a symbol with one buy order for each policy."""
    session = MarketSession(SAMPLE_SYMBOLS[symbol], 7, date(2026, 1, 6), date(2026, 1, 5), SECONDS)
    fields = np.array([[1, 40, 40, 300, 1500, 0, 1, policy] for policy in policies])
    none = np.zeros(len(policies))
    return open_market(session, MarketOrders(fields, none, none + 300.0), HiddenParameters())


def guards(limits: Limits, count: int) -> list[Guard]:
    """The first policy limited, the second the champion, in each of `count` symbols."""
    session, rows = new_session(), [limit_row(limits, "", "LIT"), limit_row(None, "", "LIT")]
    return [new_guard(session, rows, [True, False], [False, False], 1, -1, (0.0, 0.0, 0.0)) for _ in range(count)]


def worked(markets: list[OpenMarket], held: list[Guard]) -> None:
    rows = np.stack([EAGER.to_array(), TWAP.to_array()])
    for until in range(30, SECONDS + 1, 30):
        run_together(markets, held, rows, until)


def sent_lots(market: OpenMarket, policy: int) -> int:
    state = market.state
    children = state.child[: state.children]
    return int(children[state.decision[children[:, C_DECISION], 4] == policy, C_LOTS].sum())


def test_a_limit_of_the_session_holds_over_all_symbols_together() -> None:
    free = [opened(3, 0), opened(6, 0)]
    worked(free, guards(WIDE, 2))
    alone = guards(WIDE, 2)
    worked([opened(3, 0), opened(6, 0)], alone)
    most = 0.5 * float(alone[0].session.used[0, SENT_NOTIONAL])
    limited, held = [opened(3, 0), opened(6, 0)], guards(Limits(**{**WIDE.__dict__, "session_notional": most}), 2)
    worked(limited, held)
    assert 0.9 * most < held[0].session.used[0, SENT_NOTIONAL] <= most
    assert all(sent_lots(one, 0) < sent_lots(other, 0) for one, other in zip(limited, free, strict=True))


def test_a_limited_policy_does_not_hold_back_the_other() -> None:
    held = guards(Limits(**{**WIDE.__dict__, "session_orders": 0}), 1)
    market = opened(3, 0, 1)
    worked([market], held)
    assert sent_lots(market, 0) == 0
    assert sent_lots(market, 1) >= 40
    assert market.state.events > 0


def test_a_throttled_policy_passes_its_orders_to_the_champion_and_nothing_of_it_stays_open() -> None:
    held, market = guards(Limits(**{**WIDE.__dict__, "repeats": 0}), 1), opened(3, 0)
    worked([market], held)
    assert held[0].session.used[0, STOPPED] > 0.0
    assert market.state.parent[0, P_POLICY] == 1
    assert (sent_lots(market, 0), market.state.events) == (0, 1)
    assert sent_lots(market, 1) >= 40


def test_orders_handed_over_between_half_minutes_are_worked_by_the_other_from_then_on() -> None:
    market, rows = opened(3, 0), np.stack([DO_NOTHING.to_array(), TWAP.to_array()])
    market.run(rows, 900)
    assert market.state.children == 0
    market.hand_over(0, 1)
    market.run(rows)
    decided = market.state.decision[: market.state.decisions]
    assert set(decided[decided[:, 1] < 900, 4].tolist()) == {0}
    assert set(decided[decided[:, 1] >= 900, 4].tolist()) == {1}
    assert market.state.parent[0, 2] == 0


def test_more_policies_than_there_is_room_for_are_refused() -> None:
    assert no_guard(MOST_POLICIES).held.policies == MOST_POLICIES
    with pytest.raises(ValueError, match="9 policies side by side; allowed: 8"):
        no_guard(MOST_POLICIES + 1)
