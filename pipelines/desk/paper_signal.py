"""The paper desk under a policy that reads the signal: live features, one prediction for all symbols, decisions.

At each half-minute the desk has seen the books published up to and including that second and the trades before it, one
by one, through the same compiled update as the nightly batch (`features/engine.py`): what the model sees here is what
it was trained on, to the last bit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from features.engine import FEATURE_NAMES, FeatureState
from models.market import OpenMarket
from models.market_desk import STEP_SECONDS
from models.market_parameters import LEVELS, LOT_SHARES, ROW_SECONDS
from models.signal import SignalModel
from models.version import PolicyInForce
from pipelines.desk.paper_market import TICKS_PER_UNIT, to_ns

NS = 1_000_000_000


@dataclass
class LiveFeatures:
    """Features of one symbol, fed with what its market published since the last call."""

    market: OpenMarket
    open_ns: int
    state: FeatureState
    rows_seen: int = 0
    trades_seen: int = 0

    @classmethod
    def of(cls, market: OpenMarket, open_ns: int) -> LiveFeatures:
        close_ns = open_ns + market.session.seconds * NS
        return cls(market, open_ns, FeatureState.start(LEVELS, [(open_ns, close_ns)]))

    def catch_up(self) -> npt.NDArray[np.float32]:
        """(k) float32 features at the last published book."""
        state = self.market.state
        last = min(int(state.second) // ROW_SECONDS, -(-self.market.session.seconds // ROW_SECONDS) - 1)
        first, self.rows_seen = self.rows_seen, last + 1
        shown = state.row_place[first : last + 1] >= 0
        price = np.where(shown, (state.row_place[first : last + 1] + state.origin) / TICKS_PER_UNIT, np.nan)
        shares = np.where(shown, state.row_lots[first : last + 1] * float(LOT_SHARES), 0.0)
        traded = state.row_traded[first : last + 1]
        money = np.round((traded[:, 1] + traded[:, 0] * state.origin) / TICKS_PER_UNIT * LOT_SHARES, 6)
        for row in range(last + 1 - first):
            at = self.open_ns + (first + row) * ROW_SECONDS * NS
            self._trades_until(at)
            self.state.on_book(
                at, price[row, 0], shares[row, 0], price[row, 1], shares[row, 1],
                float(traded[row, 0] * LOT_SHARES), float(money[row]),
            )  # fmt: skip
        return self.state.row

    def _trades_until(self, at: int) -> None:
        state = self.market.state
        while self.trades_seen < state.trades:
            place, lots, sign = state.trade[self.trades_seen]
            time_ns = int(to_ns(self.open_ns, state.trade_at[self.trades_seen]))
            if time_ns > at:
                break
            price = float((place + state.origin) / TICKS_PER_UNIT)
            self.state.on_trade(time_ns, price, float(lots * LOT_SHARES), int(sign))
            self.trades_seen += 1


def run_with_signal(markets: Sequence[OpenMarket], policy: PolicyInForce, signal: SignalModel, open_ns: int) -> None:
    """Run all markets to the close, half a minute at a time."""
    parameters, live = policy.parameters.to_array(), [LiveFeatures.of(one, open_ns) for one in markets]
    columns = [FEATURE_NAMES.index(name) for name in signal.feature_names]
    for second in range(0, markets[0].session.seconds, STEP_SECONDS):
        features = np.stack([one.catch_up()[columns] for one in live])
        expected_bps = signal.decision_bps(features)
        for market, move_bps in zip(markets, expected_bps.tolist(), strict=True):
            market.run(parameters, second + STEP_SECONDS, move_bps)
