"""What a desk and its venue say to each other: three requests, one kind of report, and news of the books.

    NewChild       here is a child order; an immediate one cancels what it does not get at once
    CancelChild    take it off the book
    AskChild       what became of it?
    Report         all that the venue knows of one child: state, every fill so far, when and why it ended

A report always tells the whole child, so that one that is lost, late or heard twice does no harm: the next one says it
all again. `state` is "unknown" (never arrived), "resting" or "done"; done is final. Requests of one desk arrive in the
order in which they were sent, as in a FIX session, so "unknown" about a child that was sent before is final too.

    >>> from_text(to_text(CancelChild("AURA-1-c001")))
    CancelChild(child_id='AURA-1-c001')
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from models.market_live import Execution, Quote

ChildState = Literal["unknown", "resting", "done"]


@dataclass(frozen=True)
class NewChild:
    """`parent`: row of the parent order among its symbol's. `place`: on the ladder. `lots`: whole lots."""

    child_id: str
    symbol: str
    parent: int
    place: int
    lots: int
    is_immediate: bool


@dataclass(frozen=True)
class CancelChild:
    """Take a child off the book."""

    child_id: str


@dataclass(frozen=True)
class AskChild:
    """Say again what became of a child."""

    child_id: str


Request = NewChild | CancelChild | AskChild
REQUESTS: dict[str, type[NewChild] | type[CancelChild] | type[AskChild]] = {
    "new": NewChild,
    "cancel": CancelChild,
    "ask": AskChild,
}


@dataclass(frozen=True)
class Report:
    """The whole child as the venue has it. Times are market seconds from the open.

    sequence: counts the venue's reports to this desk; a gap says that one was lost. place: where it rests, which may
    be one tick behind an own order. arrived_at, ended_at: at the venue. reason: why it ended, in the venue's words.
    """

    sequence: int
    child_id: str
    state: ChildState
    place: int
    lots: int
    fills: tuple[Execution, ...]
    arrived_at: float | None
    ended_at: float | None
    reason: str | None

    @property
    def filled_lots(self) -> int:
        return sum(fill.lots for fill in self.fills)


@dataclass(frozen=True)
class BookNews:
    """What one symbol's feed published since the desk last heard: rows of the market's state, as lists.

    second: last whole one that the book has lived through. origin: ticks below the ladder's first place.
    """

    symbol: str
    second: int
    origin: int
    quote: Quote
    first_row: int
    place: Sequence[Any]
    lots: Sequence[Any]
    traded: Sequence[Any]
    first_trade: int
    trade: Sequence[Any]
    trade_at: Sequence[Any]


@dataclass(frozen=True)
class Mail:
    """What a desk hears in one exchange. now: the venue's clock, market seconds from the open."""

    now: float
    reports: tuple[Report, ...]
    news: tuple[BookNews, ...]


def to_text(request: Request) -> str:
    """One JSON object."""
    kind = next(name for name, one in REQUESTS.items() if isinstance(request, one))
    return json.dumps({"kind": kind, **asdict(request)})


def from_text(text: str) -> Request:
    """The request that `to_text` wrote. Raises KeyError, TypeError or ValueError for anything else."""
    told = json.loads(text)
    return REQUESTS[told.pop("kind")](**told)


def report_from(told: dict[str, Any]) -> Report:
    """The report that its JSON told."""
    return Report(**{**told, "fills": tuple(Execution(**fill) for fill in told["fills"])})


def mail_from(told: dict[str, Any]) -> Mail:
    """The mail that its JSON told."""
    news = tuple(BookNews(**{**one, "quote": Quote(**one["quote"])}) for one in told["news"])
    return Mail(told["now"], tuple(report_from(one) for one in told["reports"]), news)
