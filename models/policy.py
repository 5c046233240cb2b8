"""The execution policy: what to do with one parent order at one decision.

A policy is a row of numbers (`PolicyParameters`) read by one compiled rule (`decide`). The paper desk's market,
the replay and the live desk all call the same `decide`, so a policy cannot behave differently where it is
judged and where it trades.

The rule follows a TWAP schedule: at elapsed fraction f of the instructed interval, `order_shares * (1 - f)` may
still be open. It posts what is due, and crosses what is behind schedule by more than the urgency tolerates. A
policy that reads the signal compares the expected mid move against us with the cost of crossing now instead of
resting (one spread: half paid, half not earned): it crosses ahead of an adverse move and rests longer before a
favourable one. It is not optimal in any sense; Almgren and Chriss (2001) and learned policies come beside it.

    >>> TWAP.name, TWAP.reads_signal
    ('twap_post_then_cross', False)
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt
from numba import njit

WAIT, JOIN, IMPROVE, CROSS = 0, 1, 2, 3
ACTIONS = ("wait", "join", "improve", "cross")
URGENCIES = (0, 1, 2)
DECISION_SECONDS = 30.0
LEAST_SHARES = 1e-6
"""Less is what subtraction leaves of nought, no order."""
Row = npt.NDArray[np.float64]


@dataclass(frozen=True)
class PolicyParameters:
    """A policy as data. All fractions are of `order_shares`; spreads are in units of the current spread.

    tolerance: how far behind schedule each urgency may be before it crosses (patient, normal, urgent).
    cross_ahead_spreads: expected adverse move, in spreads, above which it crosses at once.
    rest_longer_spreads: expected favourable move, in spreads, above which the tolerance doubles.
    ahead_fraction: how much of the order it may trade ahead of schedule when it crosses early.
    trades: False never sends anything. crosses: False only ever posts.
    """

    name: str
    reads_signal: bool = False
    tolerance: tuple[float, float, float] = (0.10, 0.05, 0.02)
    cross_ahead_spreads: float = 1.0
    rest_longer_spreads: float = 0.5
    ahead_fraction: float = 0.05
    trades: bool = True
    crosses: bool = True

    def to_array(self) -> Row:
        """(9,) float64 for the compiled rule."""
        return np.array(
            [
                float(self.reads_signal),
                *self.tolerance,
                self.cross_ahead_spreads,
                self.rest_longer_spreads,
                self.ahead_fraction,
                float(self.trades),
                float(self.crosses),
            ]
        )

    def digest(self) -> str:
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()


TWAP = PolicyParameters("twap_post_then_cross")
DO_NOTHING = PolicyParameters("do_nothing", trades=False)
POST_ONLY = PolicyParameters("post_only", crosses=False)
SIGNAL = PolicyParameters("signal_schedule", reads_signal=True)


@njit(cache=True)
def _round_up(shares: float, lot_shares: float) -> float:
    return float(np.ceil(shares / lot_shares) * lot_shares)


@njit(cache=True)
def _move_against(parameters: Row, side: float, spread_bps: float, signal_bps: float) -> float:
    """Expected mid move against the order in spreads; 0 where the policy reads no signal or there is none."""
    if parameters[0] == 0.0 or not np.isfinite(signal_bps) or not spread_bps > 0.0:
        return 0.0
    return side * signal_bps / spread_bps


@njit(cache=True)
def _cross_shares(
    parameters: Row, urgency: int, against: float, behind: float, order_shares: float, step: float, lot_shares: float
) -> float:
    """Shares to cross now: ahead of an adverse move, or what is further behind schedule than the urgency tolerates."""
    if against > parameters[4]:
        wanted = behind + order_shares * step + _round_up(parameters[6] * order_shares, lot_shares)
        return wanted if wanted > LEAST_SHARES else 0.0
    patience = 2.0 if -against > parameters[5] else 1.0
    if behind > patience * parameters[1 + urgency] * order_shares:
        return _round_up(behind, lot_shares)
    return 0.0


@njit(cache=True)
def decide(
    parameters: Row,
    side: float,
    urgency: int,
    elapsed: float,
    step: float,
    order_shares: float,
    remaining_shares: float,
    lot_shares: float,
    spread_bps: float,
    signal_bps: float,
) -> tuple[int, float]:
    """Action and shares for one parent order.

    side +1 buy, -1 sell; elapsed and step are fractions of the instructed interval; signal_bps is the expected
    mid move over the decision's horizon (NaN: no signal, and the schedule alone decides).
    """
    if parameters[7] == 0.0 or remaining_shares <= 0.0:
        return 0, 0.0
    behind = remaining_shares - order_shares * (1.0 - elapsed)
    if parameters[8] != 0.0:
        if elapsed + step >= 1.0:
            return 3, remaining_shares
        against = _move_against(parameters, side, spread_bps, signal_bps)
        crossed = _cross_shares(parameters, urgency, against, behind, order_shares, step, lot_shares)
        if crossed > 0.0:
            return 3, min(remaining_shares, crossed)
    due = min(remaining_shares, _round_up(max(0.0, behind + order_shares * step), lot_shares))
    if due <= 0.0:
        return 0, 0.0
    return (2, due) if urgency == 2 else (1, due)
