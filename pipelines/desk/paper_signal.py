"""The paper desk where a policy reads a signal: live features, one prediction a model for all symbols, decisions.

At each half-minute the desk has seen the books published up to and including that second and the trades before it, one
by one, through the same compiled update as the nightly batch (`features/engine.py`): what the model sees here is what
it was trained on, to the last bit.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from features.engine import FEATURE_NAMES, FeatureState
from features.market_day import NOTHING_BEFORE, KnownBefore
from models.limits_guard import Guard
from models.market import OpenMarket, run_together
from models.market_desk import STEP_SECONDS
from models.market_parameters import LEVELS, LOT_SHARES, ROW_SECONDS
from models.signal import SignalModel
from models.version import PolicyInForce
from pipelines.desk.paper_market import TICKS_PER_UNIT, book_money, to_ns
from pipelines.desk.served import Served

NS = 1_000_000_000


@dataclass
class LiveFeatures:
    """Features of one symbol, fed with what its market published since the last call."""

    market: OpenMarket
    open_ns: int
    features: FeatureState
    rows_seen: int = 0
    trades_seen: int = 0

    @classmethod
    def of(cls, market: OpenMarket, open_ns: int, before: KnownBefore = NOTHING_BEFORE) -> LiveFeatures:
        close_ns = open_ns + market.session.seconds * NS
        return cls(market, open_ns, FeatureState.start(LEVELS, [(open_ns, close_ns)], before))

    def catch_up(self) -> npt.NDArray[np.float32]:
        """(k) float32 features at the last published book."""
        state, origin = self.market.state, int(self.market.state.origin)
        new = slice(self.rows_seen, int(state.second) // ROW_SECONDS + 1)
        place, lots, traded = state.row_place[new], state.row_lots[new] * float(LOT_SHARES), state.row_traded[new]
        price = np.where(place >= 0, (place + origin) / TICKS_PER_UNIT, np.nan)
        shares, money = (traded[:, 0] * LOT_SHARES).tolist(), book_money(traded[:, 0], traded[:, 1], origin).tolist()
        times = (self.open_ns + np.arange(new.start, new.stop) * ROW_SECONDS * NS).tolist()
        trades = self._new_trades(origin)
        for row, at in enumerate(times):
            while trades and trades[-1][0] <= at:
                self.features.on_trade(*trades.pop())
                self.trades_seen += 1
            book = (price[row, 0], lots[row, 0], price[row, 1], lots[row, 1])
            self.features.on_book(at, *book, shares[row], money[row])
        self.rows_seen = new.stop
        return self.features.row

    def _new_trades(self, origin: int) -> list[tuple[int, float, float, int]]:
        """(time, price, shares, sign) of the trades not yet seen, latest first."""
        state = self.market.state
        new = slice(int(state.trades) - 1, self.trades_seen - 1 if self.trades_seen else None, -1)
        if state.trades == self.trades_seen:
            return []
        place, lots, sign = state.trade[new].T
        times, price = to_ns(self.open_ns, state.trade_at[new]), (place + origin) / TICKS_PER_UNIT
        shares = lots * float(LOT_SHARES)
        return list(zip(times.tolist(), price.tolist(), shares.tolist(), sign.tolist(), strict=True))


def _on_one_thread(signal: SignalModel) -> SignalModel:
    """The same model predicting on one thread: for eight rows, waking others takes a hundred times the work."""
    boosters = tuple(booster.copy() for booster in signal.boosters)
    for booster in boosters:
        booster.set_param({"nthread": 1})
    return replace(signal, boosters=boosters)


def _served(live: LiveFeatures, seconds: Sequence[int], vectors: npt.NDArray[np.float32]) -> Served:
    at = live.open_ns + np.array(seconds, np.int64) * NS
    row = np.array(seconds, np.int64) // ROW_SECONDS
    return Served(live.market.session.parameters.symbol, at, live.open_ns + row * ROW_SECONDS * NS, row, vectors)


Predict = Callable[[npt.NDArray[np.float32]], npt.NDArray[np.float64]]


def predictor(policy: PolicyInForce) -> Predict:
    """(s) what the policy reads of (s, k) vectors; NaN for a policy that reads no signal."""
    if policy.signal is None or not policy.parameters.reads_signal:
        return lambda vectors: np.full(len(vectors), np.nan)
    columns, model = [FEATURE_NAMES.index(name) for name in policy.signal.feature_names], _on_one_thread(policy.signal)
    return lambda vectors: np.asarray(model.decision_bps(vectors[:, columns]), np.float64)


def run_with_signals(
    markets: Sequence[OpenMarket],
    policies: Sequence[PolicyInForce],
    open_ns: int,
    guards: Sequence[Guard],
    before: Callable[[str], KnownBefore] = lambda _: NOTHING_BEFORE,
) -> list[Served]:
    """Run all markets to the close, half a minute at a time; the vectors that the signals were given."""
    parameters = np.stack([policy.parameters.to_array() for policy in policies])
    live = [LiveFeatures.of(one, open_ns, before(one.session.parameters.symbol)) for one in markets]
    seconds, given = range(0, markets[0].session.seconds, STEP_SECONDS), list[npt.NDArray[np.float32]]()
    predictors = [predictor(policy) for policy in policies]
    for second in seconds:
        given.append(np.stack([one.catch_up() for one in live]))
        expected_bps = np.stack([predict(given[-1]) for predict in predictors], axis=1)
        run_together(markets, guards, parameters, second + STEP_SECONDS, list(expected_bps))
    return [_served(one, seconds, np.stack([row[place] for row in given])) for place, one in enumerate(live)]
