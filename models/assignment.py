"""Which arm works an order: a keyed draw by unit, that anybody can compute again.

The unit is (account or basket, symbol, side, session): orders of one unit move together, so drawing them one by one
would take the evidence for more than it is. Quantity and price are not in it, so an amended or replaced order keeps
its arm.

    point(unit, salt) = blake2b(unit, key = salt) / 2^64              uniform in [0, 1)

    0          h                                1 - c            1
    | hold-out | challenger ->      ...      <- champion          |

The benchmark hold-out lies at the bottom, the challenger's part grows upwards from it, the champion has the rest: a
unit that is the challenger's stays so when its share grows, and the hold-out never moves. Who may be drawn at all is
decided before the draw, by one predicate for all arms (`eligibility`); what is not eligible is the champion's and no
evidence.

    >>> from datetime import date
    >>> unit = unit_of("ACCOUNT-01", None, "AURA", "buy", date(2026, 11, 20))
    >>> unit
    'ACCOUNT-01|AURA|buy|2026-11-20'
    >>> assign(unit, "salt", (("challenger", 0.5), ("champion", 0.5)))
    Assignment(arm='champion', propensity=0.5)
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from hashlib import blake2b
from typing import Literal

Stratum = Literal["small", "medium", "large"]
ARM_ORDER = ("benchmark", "challenger", "champion")
DIGEST_BYTES = 8
SMALL_RATE, LARGE_RATE = 0.04, 0.08
"""Drawn participation has its median at 5 %: below 4 % and above 8 % lie about a third of the orders each."""


@dataclass(frozen=True)
class Assignment:
    """The arm that a unit is drawn into, and the probability that this arm had."""

    arm: str
    propensity: float


@dataclass(frozen=True)
class OrderFacts:
    """What is known of a parent order when it arrives. has_event: news or a halt of its symbol today."""

    account: str
    symbol: str
    order_notional: float
    has_two_sided_book: bool
    has_event: bool


@dataclass(frozen=True)
class Terms:
    """What makes an order eligible: clients who opted in, symbols (empty: all), the largest order in currency."""

    accounts: frozenset[str]
    symbols: frozenset[str]
    order_notional: float


@dataclass(frozen=True)
class Eligibility:
    """Whether an order takes part, and why not; '' where it does."""

    is_eligible: bool
    reason: str


@dataclass(frozen=True)
class LoggedAssignment:
    """One row of `assignments` as the desk logged it; basket is that of the parent order, None for none."""

    parent_order_id: str
    unit: str
    account: str
    basket: str | None
    symbol: str
    side: str
    session: date
    is_eligible: bool
    arm: str
    propensity: float


@dataclass(frozen=True)
class WrongAssignment:
    """A row that is not what it should be. found, wanted: of the first thing that differs."""

    parent_order_id: str
    unit: str
    what: str
    found: str
    wanted: str


def unit_of(account: str, basket: str | None, symbol: str, side: str, session: date) -> str:
    """Name of the unit that an order belongs to."""
    return f"{basket or account}|{symbol}|{side}|{session}"


def point(unit: str, salt: str) -> float:
    """Where the unit lies in [0, 1), by a hash keyed with the rollout's salt."""
    digest = blake2b(unit.encode(), key=salt.encode()[:64], digest_size=DIGEST_BYTES).digest()
    return (int.from_bytes(digest, "big") >> 11) / float(1 << 53)


def assign(unit: str, salt: str, arms: Sequence[tuple[str, float]]) -> Assignment:
    """The arm of a unit; arms are (name, share), whatever their order. Raises ValueError unless shares sum to one."""
    shares = dict(arms)
    is_whole = abs(sum(shares.values()) - 1.0) <= 1e-9 and all(share >= 0.0 for share in shares.values())
    if len(shares) != len(arms) or set(shares) - set(ARM_ORDER) or not is_whole:
        raise ValueError(f"arms must be some of {ARM_ORDER}, each once, with shares that sum to one; found {arms}")
    at, below = point(unit, salt), 0.0
    drawn = [name for name in ARM_ORDER if shares.get(name, 0.0) > 0.0]
    for name in drawn:
        below += shares[name]
        if at < below:
            return Assignment(name, shares[name])
    return Assignment(drawn[-1], shares[drawn[-1]])


def eligibility(order: OrderFacts, terms: Terms) -> Eligibility:
    """The one predicate of all arms, asked before the draw. The first reason against it is given."""
    against = (
        (order.account not in terms.accounts, f"account {order.account} has not opted in"),
        (bool(terms.symbols) and order.symbol not in terms.symbols, f"{order.symbol} is outside the limits"),
        (not order.order_notional <= terms.order_notional, "order is larger than the limits allow"),
        (not order.has_two_sided_book, "no two-sided book at arrival"),
        (order.has_event, "news or a halt today"),
    )
    reason = next((words for is_against, words in against if is_against), "")
    return Eligibility(reason == "", reason)


def stratum(participation_rate: float) -> Stratum:
    """Size of an order by its drawn participation rate."""
    if participation_rate < SMALL_RATE:
        return "small"
    return "large" if participation_rate > LARGE_RATE else "medium"


def _wrong(row: LoggedAssignment, wanted: Assignment) -> WrongAssignment | None:
    unit = unit_of(row.account, row.basket, row.symbol, row.side, row.session)
    compared = (
        ("unit", row.unit, unit),
        ("arm", row.arm, wanted.arm),
        ("propensity", row.propensity, wanted.propensity),
    )
    for what, found, right in compared:
        if found != right:
            return WrongAssignment(row.parent_order_id, row.unit, what, str(found), str(right))
    return None


def assignments_differ(
    rows: Iterable[LoggedAssignment], salt: str, arms: Sequence[tuple[str, float]]
) -> tuple[WrongAssignment, ...]:
    """Rows that salt and shares do not give: computed again from what was logged, and nothing else.

    What is not eligible belongs to the champion, with certainty. Rows of several routings are compared one routing at a
    time. Raises ValueError unless the shares sum to one.
    """
    wrong = []
    for row in rows:
        wanted = assign(row.unit, salt, arms) if row.is_eligible else Assignment("champion", 1.0)
        found = _wrong(row, wanted)
        if found is not None:
            wrong.append(found)
    return tuple(wrong)
