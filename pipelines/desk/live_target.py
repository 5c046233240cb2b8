"""From a decision to messages: what is taken off, what stays, what is still to be sent. Pure.

A child that rests at the decided price stays and is topped up, because a replaced order loses its place in the queue;
whatever rests elsewhere, or rests with more than was decided, is taken off. What replaces it waits for the word that it
is gone: at no time may fills since the decision and all that is open exceed what the decision wanted (`sendable`).

    >>> sendable(Target("d1", "v", "champion", 10, 50, is_immediate=False, filled_before=100, missing=50), 100, 30, 500)
    20
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from models.market_live import Quote
from models.market_state import LADDER
from models.policy import CROSS, IMPROVE, WAIT
from pipelines.desk.live_children import Child


@dataclass(frozen=True)
class Target:
    """What one decision wants of one parent. wanted, missing, filled_before: lots; missing: not sent yet."""

    decision_id: str
    version: str
    arm: str
    place: int
    wanted: int
    is_immediate: bool
    filled_before: int
    missing: int


def collar_place(quote: Quote, sign: int, origin: int, collar_bps: float) -> int:
    """The place furthest against the client that a price collar allows, from the far touch on."""
    far = quote.ask if sign > 0 else quote.bid
    return far + sign * int(min(collar_bps / 1e4 * (far + origin), float(LADDER)))


def child_place(quote: Quote, sign: int, action: int, limit: int | None, collar: int | None) -> int:
    """Where a child goes: sign +1 buys. Places on the ladder; none passes the client's limit, no cross the collar."""
    near, far = (quote.bid, quote.far_ask) if sign > 0 else (quote.ask, quote.far_bid)
    place = far if action == CROSS else near
    if action == CROSS and collar is not None and sign * (place - collar) > 0:
        place = collar
    if action == IMPROVE and quote.ask - quote.bid > 1:
        place += sign
    return limit if limit is not None and sign * (place - limit) > 0 else place


def takes(quote: Quote, sign: int, place: int) -> bool:
    """Whether a price reaches the far touch."""
    return sign * (place - (quote.ask if sign > 0 else quote.bid)) >= 0


def settled(target: Target, action: int, children: Sequence[Child]) -> tuple[Target, tuple[Child, ...]]:
    """The target with what is missing, and the children to take off."""
    is_open = [child for child in children if child.state in ("sent", "live")]
    if action == WAIT or target.is_immediate:
        return replace(target, missing=0 if action == WAIT else target.wanted), tuple(is_open)
    kept = [child for child in is_open if child.place == target.place and not child.sent.order.is_immediate]
    resting = sum(child.open_lots for child in kept)
    if resting > target.wanted or len(kept) < len(is_open):
        return replace(target, missing=target.wanted), tuple(is_open)
    return replace(target, missing=target.wanted - resting), ()


def sendable(target: Target, filled: int, still_open: int, room: int) -> int:
    """Lots that may go out now, given all that was filled and is open of the parent."""
    left = target.wanted - (filled - target.filled_before)
    return max(0, min(target.missing, left - still_open, room))
