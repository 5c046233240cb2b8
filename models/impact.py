"""Stated market impact: what our own shares do to later prices. A statement, not an estimate.

Two formulas, each for one use:

* transient impact of fills on later prices, a linear propagator with exponential decay
  (Bouchaud et al. 2004, Quantitative Finance 4; Obizhaeva and Wang 2013, J. Financial Markets 16):
      shift_bps(t) = sum over own fills k before t of  G * vol_bps * signed_shares_k / adv * exp(-(t - t_k) / decay)
  Linear because Gatheral (2010, Quantitative Finance 10, section 4) shows that exponential decay with any other
  instantaneous impact admits price manipulation, and a policy trained on the overlay would find it.
* a block that must trade at once (forced completion), the square-root law
  (Almgren et al. 2005, Risk 18; Toth et al. 2011, Phys. Rev. X 1):  Y * vol_bps * sqrt(shares / adv)

Used as overlay of a replayed policy's fills on later prices, and, with the opposite sign, to take our own recorded
footprint out of a day on which the desk traded. What it is not: permanent impact, cross-impact between symbols, nor
information: planted alpha is separate.

    >>> scale = ImpactScale(adv_shares=1e6, daily_volatility_bps=200.0)
    >>> round(StatedImpact().per_share_bps(scale) * 2_500, 6), round(StatedImpact().block_bps(2_500.0, scale), 6)
    (5.0, 5.0)
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from numba import njit

from features.market_day import SymbolDay

Float = npt.NDArray[np.float64]
Long = npt.NDArray[np.int64]
NS = 1e9
VOLATILITY_SECONDS = 300.0


@dataclass(frozen=True)
class ImpactScale:
    """What impact is measured in: volume of the session in shares, volatility of the session in bps."""

    adv_shares: float
    daily_volatility_bps: float


@dataclass(frozen=True)
class StatedImpact:
    """Coefficients of both formulas (dimensionless) and the decay.

    block_coefficient 0.5: the square-root law's prefactor is 0.5 to 1 in the cited studies; the books walked already
    charge part of it, so the lower end. linear_coefficient 10: makes both formulas agree at 0.25 % of a session's
    volume, the size of a median order. decay_seconds 1800: half of an hour's horizon, the longest a client instructs.
    """

    linear_coefficient: float = 10.0
    decay_seconds: float = 1800.0
    block_coefficient: float = 0.5

    def per_share_bps(self, scale: ImpactScale) -> float:
        """Shift in bps at once after one bought share."""
        return _ratio(self.linear_coefficient * scale.daily_volatility_bps, scale.adv_shares)

    def block_bps(self, shares: float, scale: ImpactScale) -> float:
        """Impact in bps of `shares` that must trade at once."""
        return self.block_per_root_share_bps(scale) * float(np.sqrt(max(0.0, shares)))

    def block_per_root_share_bps(self, scale: ImpactScale) -> float:
        """Coefficient of sqrt(shares) in the block formula, for compiled callers."""
        return _ratio(self.block_coefficient * scale.daily_volatility_bps, float(np.sqrt(max(0.0, scale.adv_shares))))


DEFAULT_IMPACT = StatedImpact()
NO_IMPACT = StatedImpact(linear_coefficient=0.0, block_coefficient=0.0)


@dataclass(frozen=True)
class OwnFills:
    """What the desk itself traded in one symbol and session: (k) times_ns ascending, side +1/-1, price, shares."""

    times_ns: Long
    side: Float
    price: Float
    shares: Float


def _ratio(numerator: float, denominator: float) -> float:
    return numerator / denominator if denominator > 0.0 else 0.0


def row_volume(day: SymbolDay) -> Float:
    """(n) shares traded since the previous row: as given, else money over the mid, else NaN."""
    return np.where(np.isfinite(day.traded_shares), day.traded_shares, day.traded_notional / day.mid)


def impact_scale(day: SymbolDay) -> ImpactScale:
    """Volume and volatility of the session itself: the physics of the day that is replayed, never shown to a policy.

    Volatility is realised from mids every five minutes, long enough for the bid-ask bounce to vanish in it.
    """
    volume = float(day.trade_shares.sum()) if len(day.trade_times_ns) else float(np.nansum(row_volume(day)))
    is_two_sided = np.isfinite(day.mid)
    times, mid = day.times_ns[is_two_sided], day.mid[is_two_sided]
    if len(times) < 2:
        return ImpactScale(volume, 0.0)
    grid = np.arange(times[0], times[-1] + 1, int(VOLATILITY_SECONDS * NS))
    sampled = mid[np.searchsorted(times, grid, side="right") - 1]
    return ImpactScale(volume, float(np.sqrt(np.sum(np.diff(np.log(sampled)) ** 2))) * 1e4)


@njit(cache=True)
def propagate_bps(times_ns: Long, event_ns: Long, event_bps: Float, decay_seconds: float) -> Float:
    """(n) shift in bps at ascending `times_ns` from events strictly before; event_ns (k) ascending."""
    shift = np.empty(len(times_ns))
    level, at, done = 0.0, np.int64(0), 0
    for row in range(len(times_ns)):
        while done < len(event_ns) and event_ns[done] < times_ns[row]:
            level = level * np.exp(-(event_ns[done] - at) / (decay_seconds * NS)) + event_bps[done]
            at = event_ns[done]
            done += 1
        shift[row] = level * np.exp(-(times_ns[row] - at) / (decay_seconds * NS)) if done else 0.0
    return shift


def shift_prices(day: SymbolDay, book_factor: Float, trade_factor: Float) -> SymbolDay:
    """The day with every price multiplied: book_factor (n) a row, trade_factor (m) a trade. Ticks are not restored."""
    return replace(
        day,
        bid_price=day.bid_price * book_factor[:, None],
        ask_price=day.ask_price * book_factor[:, None],
        traded_notional=day.traded_notional * book_factor,
        trade_price=day.trade_price * trade_factor,
    )


def remove_own_impact(
    day: SymbolDay, fills: OwnFills, impact: StatedImpact, scale: ImpactScale, *, has_own_prints: bool = True
) -> SymbolDay:
    """The day as it would have been without us: own prints taken out, stated transient impact divided out.

    has_own_prints: False where the recorder already left our own trades out of the tape.

    A price p becomes p / (1 + shift / 1e4), so that overlaying the same fills gives the recorded price back. Prices
    leave the tick grid; the replay compares prices to within half a tick.
    """
    if len(fills.times_ns) == 0:
        return day
    tape = _without_own_prints(day, fills) if has_own_prints else day
    event_bps = fills.side * fills.shares * impact.per_share_bps(scale)
    book = 1.0 + propagate_bps(tape.times_ns, fills.times_ns, event_bps, impact.decay_seconds) / 1e4
    trade = 1.0 + propagate_bps(tape.trade_times_ns, fills.times_ns, event_bps, impact.decay_seconds) / 1e4
    return shift_prices(tape, 1.0 / book, 1.0 / trade)


def _without_own_prints(day: SymbolDay, fills: OwnFills) -> SymbolDay:
    row = np.searchsorted(day.times_ns, fills.times_ns, side="left")
    is_inside = row < day.rows
    own_shares = np.bincount(row[is_inside], fills.shares[is_inside], minlength=day.rows)
    own_notional = np.bincount(row[is_inside], (fills.shares * fills.price)[is_inside], minlength=day.rows)
    kept = _unmatched_shares(day, fills)
    has_rest = kept > 0.0
    return replace(
        day,
        traded_shares=np.maximum(0.0, day.traded_shares - own_shares),
        traded_notional=np.maximum(0.0, day.traded_notional - own_notional),
        trade_times_ns=day.trade_times_ns[has_rest],
        trade_price=day.trade_price[has_rest],
        trade_shares=kept[has_rest],
        trade_sign=day.trade_sign[has_rest],
    )


def _unmatched_shares(day: SymbolDay, fills: OwnFills) -> Float:
    """(m) shares of each print that were not ours: a fill is found on the tape by its time and price."""
    kept = day.trade_shares.copy()
    first = np.searchsorted(day.trade_times_ns, fills.times_ns, side="left")
    last = np.searchsorted(day.trade_times_ns, fills.times_ns, side="right")
    for index in range(len(fills.times_ns)):
        left = float(fills.shares[index])
        for place in range(first[index], last[index]):
            if left > 0.0 and np.isclose(day.trade_price[place], fills.price[index], rtol=1e-9):
                taken = min(left, kept[place])
                kept[place] -= taken
                left -= taken
    return kept
