"""What happens to a symbol whoever trades: efficient price, flow, activity and depth, second by second.

All of it is drawn before the first order, so two policies on the same day meet the same weather:

* efficient price: Brownian in log price with a U-shaped intraday volatility, two volatility regimes, a session
  factor and a factor shared with the other symbols, bent (a bridge over its own variance) to end at the session's
  official close; plus the planted alpha of the client orders, side * alpha * (1 - exp(-t / tau)) after arrival;
* flow: an Ornstein-Uhlenbeck state, which way others' meta-orders lean;
* activity: U-shaped factor on the rate of every event, mean one; depth: factor of the liquidity regime.

The close of a day is a stationary AR(1) in log price around the long-run level, from hashes of (seed, symbol, day):
any day can be asked for without the days before. The close is the model's closing auction: drawn, not simulated, so
the last mid differs from it by what order flow and our own trading added.

    >>> from models.market_parameters import SAMPLE_SYMBOLS
    >>> close_price(SAMPLE_SYMBOLS[0], 7, date(2026, 1, 5)) == close_price(SAMPLE_SYMBOLS[0], 7, date(2026, 1, 5))
    True
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from models.market_parameters import FULL_SESSION_SECONDS, TICK, MarketParameters
from models.market_random import Words, hashed_normal, new_stream, normal, stream_seed, uniform

Float = npt.NDArray[np.float64]
Long = npt.NDArray[np.int64]
MEMORY_DAYS = 400
EXOGENOUS_VARIANCE = 0.8
SECOND_REGIME_SHARE = 0.35
BUSY_ACTIVITY, CALM_ACTIVITY = 1.25, 0.865
PRICE, FLOW, ACTIVITY, DEPTH = 0, 1, 2, 3


@dataclass(frozen=True)
class MarketSession:
    """One symbol's day: everything that its path depends on, apart from the client orders."""

    parameters: MarketParameters
    seed: int
    day: date
    previous_day: date
    seconds: int = FULL_SESSION_SECONDS

    @property
    def previous_close(self) -> float:
        return close_price(self.parameters, self.seed, self.previous_day)


class Alphas(NamedTuple):
    """Planted moves, (k) each: second of arrival, size in ticks signed by the market's direction, time constant."""

    start: Long
    ticks: Float
    seconds: Float


class _Streams(NamedTuple):
    own: Words
    peers: Words
    flow: Words
    regime: Words


class _Weather(NamedTuple):
    """Scales of one session, as the compiled loop reads them."""

    own: float
    peers: float
    flow_decay: float
    switch: float
    calm: float
    busy: float
    deep: float
    thin: float
    season_swing: float
    volatility_swing: float
    open_ticks: float
    close_log: float


@njit(cache=True)
def _log_close(seed: np.uint64, peers: np.uint64, day: int, sigma: float, memory: float, peer_share: float) -> float:
    total, weight = 0.0, 1.0
    for back in range(MEMORY_DAYS):
        shared, own = hashed_normal(peers, day - back, 0), hashed_normal(seed, day - back, 0)
        total += weight * (math.sqrt(peer_share) * shared + math.sqrt(1.0 - peer_share) * own)
        weight *= memory
    return sigma * total


def close_price(parameters: MarketParameters, seed: int, day: date) -> float:
    """Official close of a session, on the tick."""
    own, peers = (np.uint64(stream_seed(seed, name, "close")) for name in (parameters.symbol, "peers"))
    sigma = parameters.daily_volatility_bps / 1e4 * math.sqrt(EXOGENOUS_VARIANCE)
    log_close = _log_close(own, peers, day.toordinal(), sigma, parameters.close_memory, parameters.peer_share)
    return max(1, round(parameters.price * math.exp(log_close) / TICK)) * TICK


def open_price(session: MarketSession) -> float:
    """Efficient price at the open: the previous close and an overnight gap."""
    own = np.uint64(stream_seed(session.seed, session.parameters.symbol, "open"))
    sigma = session.parameters.daily_volatility_bps / 1e4 * session.parameters.gap_share
    return session.previous_close * math.exp(sigma * float(hashed_normal(own, session.day.toordinal(), 0)))


@njit(cache=True, nogil=True)
def season(fraction: float, swing: float) -> float:
    """U shape over the session with mean one: before scaling 1 at midday, 1 + swing at open and close."""
    return (1.0 + swing * (2.0 * fraction - 1.0) ** 2) / (1.0 + swing / 3.0)


def expected_shares(parameters: MarketParameters, seconds: int, buckets: int) -> Float:
    """(buckets) volume expected in equal parts of a session of `seconds`; a half day trades at the same rate."""
    edges, swing = np.linspace(-1.0, 1.0, buckets + 1), parameters.season_swing
    share: Float = np.diff(edges + swing * edges**3 / 3.0) / (2.0 * (1.0 + swing / 3.0))
    return parameters.daily_volume_shares * seconds / FULL_SESSION_SECONDS * share


@njit(cache=True, nogil=True)
def _is_second(stream: Words) -> bool:
    return uniform(stream) < SECOND_REGIME_SHARE


@njit(cache=True, nogil=True)
def _redraw(stream: Words, switch: float, state: bool) -> bool:
    """Two-state Markov chain; it draws twice a second whatever happens, so that streams stay in step."""
    is_due = uniform(stream) < switch
    fresh = _is_second(stream)
    return fresh if is_due else state


@njit(cache=True, nogil=True)
def _draw(streams: _Streams, w: _Weather, path: Float, clock: Float) -> None:
    """Fill `path` with cumulated log returns and states, `clock` with the variance passed."""
    seconds = path.shape[1] - 1
    kick = math.sqrt(1.0 - w.flow_decay * w.flow_decay)
    busy_scale = math.sqrt(w.calm * w.calm + SECOND_REGIME_SHARE * (w.busy * w.busy - w.calm * w.calm))
    flow, is_busy, is_thin = normal(streams.flow), _is_second(streams.regime), _is_second(streams.regime)
    for second in range(seconds + 1):
        fraction = second / seconds
        path[FLOW, second] = flow
        path[ACTIVITY, second] = season(fraction, w.season_swing) * (BUSY_ACTIVITY if is_busy else CALM_ACTIVITY)
        path[DEPTH, second] = w.thin if is_thin else w.deep
        if second < seconds:
            scale = season(fraction, w.volatility_swing) * (w.busy if is_busy else w.calm) / busy_scale
            shock = w.own * normal(streams.own) + w.peers * normal(streams.peers)
            path[PRICE, second + 1] = path[PRICE, second] + scale * shock
            clock[second + 1] = clock[second] + scale * scale
        flow = w.flow_decay * flow + kick * normal(streams.flow)
        is_busy, is_thin = _redraw(streams.regime, w.switch, is_busy), _redraw(streams.regime, w.switch, is_thin)


@njit(cache=True, nogil=True)
def _to_ticks(w: _Weather, alphas: Alphas, path: Float, clock: Float) -> None:
    last = path.shape[1] - 1
    miss, passed = w.close_log - path[PRICE, last], clock[last]
    for second in range(last + 1):
        log_price = path[PRICE, second] + miss * clock[second] / passed
        path[PRICE, second] = w.open_ticks * math.exp(log_price)
    for order in range(len(alphas.start)):
        left, decay = 1.0, math.exp(-1.0 / alphas.seconds[order])
        for second in range(alphas.start[order] + 1, last + 1):
            left *= decay
            path[PRICE, second] += alphas.ticks[order] * (1.0 - left)


def draw_path(session: MarketSession, alphas: Alphas) -> Float:
    """(4, seconds + 1) float64: efficient price in ticks, flow, activity, depth at each second from the open."""
    p, opening = session.parameters, open_price(session)
    closing = close_price(p, session.seed, session.day)
    keys = (session.seed, session.day.isoformat())
    names = ((p.symbol, "price"), ("peers", "price"), (p.symbol, "flow"), (p.symbol, "regime"))
    streams = _Streams(*(new_stream(*keys, *name) for name in names))
    own_scale = math.exp(p.session_spread * normal(streams.regime) - p.session_spread**2 / 2.0)
    sigma = p.daily_volatility_bps / 1e4 / math.sqrt(FULL_SESSION_SECONDS / EXOGENOUS_VARIANCE) * own_scale
    weather = _Weather(
        sigma * math.sqrt(1.0 - p.peer_share),
        sigma * math.sqrt(p.peer_share),
        math.exp(-1.0 / p.flow_seconds),
        1.0 / p.regime_seconds,
        p.calm,
        p.busy,
        p.deep,
        p.thin,
        p.season_swing,
        p.volatility_swing,
        opening / TICK,
        math.log(closing / opening),
    )
    path, clock = np.zeros((4, session.seconds + 1)), np.zeros(session.seconds + 1)
    _draw(streams, weather, path, clock)
    _to_ticks(weather, alphas, path, clock)
    return path
