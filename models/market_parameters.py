"""What is known of the built-in market (`MarketParameters`) and what is not (`HiddenParameters`).

The public part may be used by anyone: to draw client orders, to plan, to train on. The hidden part has a public
shape and neutral defaults here, so that a policy can be trained over draws from a range; the values behind the
paper desk are drawn in `pipelines/desk/hidden.py`, which models, gate, backtest and train may not import.

    >>> SAMPLE_SYMBOLS[0].symbol, SAMPLE_SYMBOLS[0].volatility_ticks
    ('AURA', 40.8)
"""

from __future__ import annotations

from dataclasses import dataclass, replace

LEVELS = 10
TICK, LOT_SHARES = 0.01, 100
FULL_SESSION_SECONDS = 23_400
ROW_SECONDS = 5


@dataclass(frozen=True)
class MarketParameters:
    """One symbol. Ticks are USD 0.01, lots 100 shares; a session is 6.5 hours, a shorter one is the same per second.

    price: long-run level of the close. daily_volatility_bps: of the efficient price, open to close and gap.
    daily_volume_shares: expected volume of a full session, own orders apart.
    half_spread_ticks: makers quote no closer than this to the efficient price; the mean spread is about 1 + 2 of it.
    touch_lots: lots a queue settles at near the touch. order_lots: mean size of limit orders and cancellations.
    trades, trade_lots: market orders of a full session and their mean size; orders that lock the book and quotes that
    are picked off trade beside them. churn: share of a queue at the touch that is cancelled in a second.

    stale_ticks: a quote further than this on the wrong side of the efficient price is picked off or withdrawn;
    pick_share: how often picked off. aggressive_share: limit orders that would lock the book and trade instead of
    stepping back. flow_seconds, flow_sign, flow_tilt: memory of the order-flow state, its weight on the side of
    market orders and on limit orders. flow_strength: how far a market order moves the efficient price, such that
    a fully one-sided flow drifts by this many standard deviations of a second, every second. mispricing_pull: weight
    of the gap between efficient price and mid on the side of market orders.

    season_swing: activity at open and close over midday, less one. volatility_swing: the same for volatility.
    calm, busy: volatility factors of the two volatility regimes; deep, thin: depth factors of the two liquidity
    regimes; regime_seconds: mean life of a regime. session_spread: standard deviation of the log of a session's
    own volatility. gap_share: overnight gap over daily volatility. peer_share: variance shared with the other symbols.
    close_memory: daily memory of the log close around `price`.

    impact: displacement that a steady 5 % participation settles at, and impact_bend: where it turns from linear to
    square root, both as fractions of daily volatility. impact_seconds: memory of the displacement. permanent_impact:
    what stays after trading a whole day's volume, in daily volatilities. passive_impact: impact of a fill that
    rested, over that of one that crossed.
    """

    symbol: str
    price: float
    daily_volatility_bps: float
    daily_volume_shares: float
    half_spread_ticks: float
    touch_lots: float
    order_lots: float
    trades: float
    trade_lots: float
    churn: float = 0.12
    stale_ticks: float = 0.4
    pick_share: float = 0.25
    aggressive_share: float = 0.15
    flow_seconds: float = 150.0
    flow_sign: float = 0.5
    flow_tilt: float = 0.25
    flow_strength: float = 0.06
    mispricing_pull: float = 0.5
    season_swing: float = 1.5
    volatility_swing: float = 0.8
    calm: float = 0.8
    busy: float = 1.4
    deep: float = 1.2
    thin: float = 0.6
    regime_seconds: float = 2400.0
    session_spread: float = 0.25
    gap_share: float = 0.35
    peer_share: float = 0.3
    close_memory: float = 0.985
    impact: float = 0.025
    impact_bend: float = 0.03
    impact_seconds: float = 300.0
    permanent_impact: float = 0.3
    passive_impact: float = 0.6

    @property
    def volatility_ticks(self) -> float:
        """Daily volatility in ticks."""
        return self.price * self.daily_volatility_bps / 1e4 / TICK

    @property
    def volume_lots(self) -> float:
        """Expected volume of a full session in lots."""
        return self.daily_volume_shares / LOT_SHARES


@dataclass(frozen=True)
class HiddenParameters:
    """What no feed tells about a market; one is neutral for the factors.

    impact_strength: factor on every impact of our own fills. adverse_selection: factor on what a market order tells
    about the price, hence on how far it moves after our resting order was hit. latency_seconds: from decision to
    the exchange, below one second. hidden_liquidity: chance that an iceberg stands behind an emptied queue.
    queue_decay: above one, cancellations come from behind us more often than chance has it, so queues clear slower.
    """

    impact_strength: float = 1.0
    adverse_selection: float = 1.0
    latency_seconds: float = 0.02
    hidden_liquidity: float = 0.1
    queue_decay: float = 1.0


def shifted(parameters: MarketParameters) -> MarketParameters:
    """The symbol after a planted change of regime: half the depth, more and larger trades, flow that tells nothing.

    Closes stay as they were: what changes is how the session trades.
    """
    return replace(
        parameters,
        half_spread_ticks=parameters.half_spread_ticks + 0.4,
        touch_lots=0.5 * parameters.touch_lots,
        order_lots=0.7 * parameters.order_lots,
        trades=1.4 * parameters.trades,
        churn=1.5 * parameters.churn,
        flow_strength=0.0,
        busy=2.0 * parameters.busy,
    )


SAMPLE_SYMBOLS: tuple[MarketParameters, ...] = (
    MarketParameters("AURA", 24.0, 170.0, 3_500_000, 0.0, 36.0, 6.0, 3600, 9.0, churn=0.05),
    MarketParameters("BOLT", 38.0, 150.0, 2_950_000, 0.0, 28.0, 5.0, 3600, 7.0, churn=0.06),
    MarketParameters("CEDR", 55.0, 130.0, 2_400_000, 0.1, 22.0, 4.0, 3400, 6.0, churn=0.08),
    MarketParameters("DUNE", 72.0, 190.0, 2_150_000, 0.3, 18.0, 4.0, 3400, 4.5, churn=0.12),
    MarketParameters("ELMS", 95.0, 120.0, 1_670_000, 0.3, 16.0, 4.0, 3000, 4.0, churn=0.15),
    MarketParameters("FJRD", 120.0, 150.0, 1_760_000, 0.5, 13.0, 4.0, 3200, 3.0, churn=0.2),
    MarketParameters("GLEN", 155.0, 110.0, 1_450_000, 0.5, 11.0, 3.0, 2800, 3.0, churn=0.2),
    MarketParameters("HALO", 190.0, 140.0, 1_380_000, 0.7, 9.0, 3.0, 2600, 2.5, churn=0.25),
)
