"""Limits of one version in one phase: what it may send at most, checked before every child order.

The list is that of Article 8 of RTS 6 (instruments, price, value and number of orders, positions, venues), with
participation and a throttle on repeated executions (Article 15). A limit that is not given is no limit that is wide:
`Limits` has no default for any of them, and a plan without limits is refused.

    >>> Limits(symbols=("AURA",), venues=("LIT",), price_collar_bps=100.0, order_notional=1e6, session_notional=1e7,
    ...        session_orders=1000, position_notional=1e6, participation=0.2, repeats=50, stop_notional=1e4).grows_to(
    ...     Limits(symbols=("AURA", "BOLT"), venues=("LIT",), price_collar_bps=100.0, order_notional=2e6,
    ...            session_notional=1e7, session_orders=1000, position_notional=1e6, participation=0.2, repeats=50,
    ...            stop_notional=1e4))
    True
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

GROWING = (
    "price_collar_bps", "order_notional", "session_notional", "session_orders", "position_notional", "participation",
    "repeats", "stop_notional",
)  # fmt: skip


@dataclass(frozen=True)
class Limits:
    """All money is in the market's currency; every figure is a most, for one version over one session.

    symbols: instruments it may trade, empty: every one of the market. venues: where it may send.
    price_collar_bps: how far a child's limit may lie beyond the far touch, against the client.
    order_notional: value of one child order. session_notional: value sent in a session.
    session_orders: child orders sent in a session. position_notional: value bought less value sold, either way.
    participation: own share of the market's volume while an order is worked.
    repeats: child orders of one parent in a row without a fill before it stops until a person says go on.
    stop_notional: cost above the champion's in a session, in money, at which the version stops.
    """

    symbols: tuple[str, ...]
    venues: tuple[str, ...]
    price_collar_bps: float
    order_notional: float
    session_notional: float
    session_orders: int
    position_notional: float
    participation: float
    repeats: int
    stop_notional: float

    def to_json(self) -> str:
        """Canonical JSON: sorted keys, no spaces."""
        return json.dumps(asdict(self), sort_keys=True, separators=(",", ":"))

    def digest(self) -> str:
        """SHA-256 of the canonical JSON."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()

    def grows_to(self, later: Limits) -> bool:
        """Whether `later` allows at least as much in every respect."""
        wider = all(getattr(self, name) <= getattr(later, name) for name in GROWING)
        symbols = not later.symbols or (bool(self.symbols) and set(self.symbols) <= set(later.symbols))
        return wider and symbols and set(self.venues) <= set(later.venues)


def limits_from(told: Mapping[str, Any]) -> Limits:
    """The limits that `asdict` or JSON told. Raises TypeError for a missing or unknown one."""
    return Limits(**{**told, "symbols": tuple(told["symbols"]), "venues": tuple(told["venues"])})
