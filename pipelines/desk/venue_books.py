"""The venue's side of one desk: its books, its clock, and what is told in one exchange. No socket here.

The clock is market seconds from the open. With a pace it follows the caller's monotonic clock, P market seconds a wall
second, whether the desk lives or not; with pace 0 the desk moves it, as far as it asks for or to its next mail.

No new child is let in when the desk looked at its stops more than `STALE_SECONDS` ago: a process that was frozen
after its look and wakes up later cannot send what was stopped meanwhile. Cancels are always let in.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from models.market_live import LiveMarket
from models.market_parameters import ROW_SECONDS
from pipelines.desk.venue import Venue, VenueTerms
from pipelines.desk.venue_messages import BookNews, Mail, NewChild, Report, Request

STALE_SECONDS = 0.5
"""Half of the second within which a stop must hold: a desk that froze between looking and sending sends in vain."""


@dataclass(frozen=True)
class Seen:
    """How many book rows and trades of a symbol the desk has."""

    rows: int
    trades: int


def book_news(symbol: str, market: LiveMarket, seen: Seen) -> BookNews:
    """What the feed published after what the desk has."""
    state = market.state
    rows = slice(seen.rows, int(state.second) // ROW_SECONDS + 1)
    trades = slice(seen.trades, int(state.trades))
    return BookNews(
        symbol,
        int(state.second),
        int(state.origin),
        market.quote(),
        seen.rows,
        state.row_place[rows].tolist(),
        state.row_lots[rows].tolist(),
        state.row_traded[rows].tolist(),
        seen.trades,
        state.trade[trades].tolist(),
        state.trade_at[trades].tolist(),
    )


class VenueBooks:
    """One desk's venue with its clock. `wall` is the caller's monotonic clock, in seconds."""

    def __init__(self, markets: Mapping[str, LiveMarket], terms: VenueTerms, pace: float, wall: float) -> None:
        self.venue, self.pace, self._opened = Venue(markets, terms), pace, wall

    def clock(self, wall: float) -> float:
        """Market seconds from the open."""
        return self.venue.now if self.pace == 0.0 else (wall - self._opened) * self.pace

    def exchange(
        self, requests: Sequence[Request], until: float, seen: Mapping[str, Seen], wall: float, looked_at: float
    ) -> Mail:
        """Take requests in, live on, hand out what has reached the desk.

        looked_at: when, on the same wall clock, the desk last looked at its stops.
        """
        now, is_stale = self.clock(wall), wall - looked_at > STALE_SECONDS
        for request in requests:
            if is_stale and isinstance(request, NewChild):
                self.venue.refuse(request, now, f"{wall - looked_at:.1f} s since the desk looked at its stops")
            else:
                self.venue.receive(request, now)
        self.venue.advance(until if self.pace == 0.0 else now, stops_at_mail=self.pace == 0.0)
        return self._mail(self.venue.collect(), seen)

    def statement(self, seen: Mapping[str, Seen], wall: float) -> Mail:
        """Every child as it is, and the news: for a desk that has just come, or come back."""
        self.venue.advance(self.clock(wall))
        self.venue.collect()
        return self._mail(self.venue.statement(), seen)

    def _mail(self, reports: tuple[Report, ...], seen: Mapping[str, Seen]) -> Mail:
        news = [
            book_news(symbol, market, seen.get(symbol, Seen(0, 0))) for symbol, market in self.venue.markets.items()
        ]
        return Mail(self.venue.now, reports, tuple(news))


def mail_to_json(mail: Mail) -> dict[str, Any]:
    """Plain values of a mail."""
    return asdict(mail)
