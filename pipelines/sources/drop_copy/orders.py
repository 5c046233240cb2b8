"""What a FIX order chain is made of, and how its fields are read.

Sides: 1 and 3 (buy minus) buy; 2, 4 (sell plus), 5 and 6 (short) sell; another side (cross, undisclosed, as defined)
is no order that we can read. Fee: Commission(12) by CommType(13): 1 an amount per share, 2 a share of the notional
(0.0005 is 5 bps), 3 or nothing an amount; another type is 0. Liquidity: LastLiquidityInd(851) 1 (added) is maker;
another or none is taker, the dearer of the two. Order type: OrdType(40) 1 market, 2 limit; another is limit where
Price(44) is given, else market.

    >>> kind_of({150: "F"}), kind_of({20: "1", 150: "2"}), kind_of({20: "3", 150: "0"})
    ('trade', 'bust', '')
    >>> fee_of({12: "0.0005", 13: "2"}, shares=100.0, price=50.0)
    2.5
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from infra.fix import Message
from pipelines.sources.drop_copy.values import HasFields, as_number, positive
from pipelines.sources.file import SetAside

End = Literal["filled", "cancelled", "expired"]
SIDES: Mapping[str, str] = {"1": "buy", "3": "buy", "2": "sell", "4": "sell", "5": "sell", "6": "sell"}
EXECUTION_KINDS: Mapping[str, str] = {"F": "trade", "1": "trade", "2": "trade", "G": "correction", "H": "bust"}
KINDS: Mapping[str, str] = {
    **EXECUTION_KINDS,
    "5": "replaced",
    "D": "restated",
    "4": "cancelled",
    "8": "rejected",
    "C": "expired",
    "3": "done",
}
TRANSACTIONS: Mapping[str, str] = {"1": "bust", "2": "correction", "3": ""}
ENDS: Mapping[str, End] = {"cancelled": "cancelled", "rejected": "cancelled", "expired": "expired", "done": "expired"}


@dataclass(frozen=True, slots=True)
class Event:
    """One message of one of the folder's logs (by its number), and its time. `is_earlier`: it is of an earlier day."""

    log: int
    message: Message
    at_ns: int
    is_earlier: bool = False


@dataclass(frozen=True, slots=True)
class Execution:
    """One execution that stands: `event` brought its present terms, `at_ns` is when it was traded."""

    event: Event
    execution_id: str
    at_ns: int
    shares: float
    price: float


@dataclass(frozen=True, slots=True)
class OrderChange:
    """An accepted request: `event` accepted it; None is as before."""

    event: Event
    change_id: str
    kind: Literal["amend", "cancel"]
    shares: float | None = None
    limit_price: float | None = None
    end_ns: int | None = None


@dataclass(frozen=True, slots=True)
class Chain:
    """One order's day. `shares`, `limit_price`: last accepted; no end: nothing said so.

    root: its NewOrderSingle. first: the first message of the day, `root` unless the order comes from an earlier one;
    then all shares are less what was filled before, and executions and changes are those of the day. first_shares,
    first_limit_price: the terms with which its day began.
    """

    order_id: str
    root: Event
    first: Event
    first_shares: float
    first_limit_price: float | None
    shares: float
    limit_price: float | None
    executions: tuple[Execution, ...]
    changes: tuple[OrderChange, ...]
    end_reason: End | None
    ended_ns: int | None

    @property
    def filled_shares(self) -> float:
        return sum(one.shares for one in self.executions)


@dataclass(frozen=True, slots=True)
class Outcast:
    """A message that no chain takes, by log and noun; a duplicate has come before, any other breaks the rule."""

    log: int
    noun: str
    aside: SetAside
    is_duplicate: bool


@dataclass(frozen=True)
class Resolved:
    """Every chain of the day, and every message that none takes."""

    chains: tuple[Chain, ...]
    outcasts: tuple[Outcast, ...]


def kind_of(report: HasFields) -> str:
    """What an execution report says: one of KINDS' words, '' for nothing that changes an order."""
    transaction = report.get(20) or ""
    if transaction in TRANSACTIONS:
        return TRANSACTIONS[transaction]
    return KINDS.get(report.get(150) or report.get(39) or "", "")


def is_order(message: HasFields) -> bool:
    """Whether a NewOrderSingle has id, instrument, side and quantity."""
    has_names = bool(message.get(11) and message.get(55))
    return has_names and message.get(54) in SIDES and positive(message.get(38)) is not None


def order_type_of(message: HasFields) -> str:
    """'market' or 'limit'."""
    known = {"1": "market", "2": "limit"}.get(message.get(40) or "")
    return known or ("limit" if positive(message.get(44)) else "market")


def limit_of(message: HasFields) -> float | None:
    """Limit price; None for a market order."""
    return positive(message.get(44)) if order_type_of(message) == "limit" else None


def fee_of(report: HasFields, shares: float, price: float) -> float:
    """Commission of an execution in currency, positive = cost."""
    commission = as_number(report.get(12)) or 0.0
    base = {"1": shares, "2": shares * price, "3": 1.0}.get(report.get(13) or "3", 0.0)
    return commission * base
