"""What one desk heard of its symbols' markets: the published books and trades, the quote, the features of now.

The mirror is the market's own record with only those rows filled in that the feed published, so the features of the
live desk come from the same code as those of the paper desk (`paper_signal.LiveFeatures`), to the last bit.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from features.engine import FEATURE_NAMES
from models.market import OpenMarket
from models.market_live import Quote
from models.market_parameters import ROW_SECONDS
from models.market_path import MarketSession
from models.market_state import new_state
from pipelines.desk.live_day import NS, LiveDay
from pipelines.desk.paper_signal import LiveFeatures
from pipelines.desk.served import NO_KNOWLEDGE, DeskKnowledge, Matrix, Served
from pipelines.desk.venue_books import Seen
from pipelines.desk.venue_messages import BookNews

NO_QUOTE = Quote(-1, -1, -1, -1)


@dataclass
class SymbolFeed:
    """One symbol. kept: vector by second of the decisions that asked for one."""

    mirror: OpenMarket
    features: LiveFeatures
    seen: Seen = field(default_factory=lambda: Seen(0, 0))
    quote: Quote = NO_QUOTE
    kept: dict[int, Matrix] = field(default_factory=dict)

    @classmethod
    def of(cls, session: MarketSession, open_ns: int, knowledge: DeskKnowledge) -> SymbolFeed:
        mirror = OpenMarket(session, new_state())
        mirror.state.second = -1
        return cls(mirror, LiveFeatures.of(mirror, open_ns, knowledge.before(session.parameters.symbol)))

    def hear(self, news: BookNews) -> None:
        """Take in what was published; rows that are known already are laid over themselves."""
        state = self.mirror.state
        rows, trades = news.first_row + len(news.place), news.first_trade + len(news.trade)
        if len(news.place):
            state.row_place[news.first_row : rows] = news.place
            state.row_lots[news.first_row : rows] = news.lots
            state.row_traded[news.first_row : rows] = news.traded
        if len(news.trade):
            state.trade[news.first_trade : trades] = news.trade
            state.trade_at[news.first_trade : trades] = news.trade_at
        state.origin, state.second, state.trades = news.origin, news.second, max(trades, int(state.trades))
        self.quote, self.seen = news.quote, Seen(rows, trades)

    @property
    def is_two_sided(self) -> bool:
        """Whether the last published book shows a price on either side."""
        row = int(self.mirror.state.second) // ROW_SECONDS
        return self.seen.rows > 0 and bool((self.mirror.state.row_place[min(row, self.seen.rows - 1), :, 0] >= 0).all())

    def vector(self) -> Matrix:
        """(1, k) float32 features now, kept for the log of what decisions saw."""
        self.keep(int(self.mirror.state.second))
        return self.kept[int(self.mirror.state.second)]

    def keep(self, second: int) -> bool:
        """Keep the vector of now as that of a decision at `second`; False when it is kept already."""
        if second in self.kept:
            return False
        self.kept[second] = np.array(self.features.catch_up(), np.float32)[None, :]
        return True

    def served(self, open_ns: int) -> Served:
        """Every vector that a decision asked for."""
        seconds = np.array(sorted(self.kept), np.int64)
        row = seconds // ROW_SECONDS
        none = np.empty((0, len(FEATURE_NAMES)), np.float32)
        vectors = np.concatenate([none, *(self.kept[second] for second in seconds.tolist())])
        symbol = self.mirror.session.parameters.symbol
        return Served(symbol, open_ns + seconds * NS, open_ns + row * ROW_SECONDS * NS, row, vectors)


def feeds(day: LiveDay, knowledge: DeskKnowledge = NO_KNOWLEDGE) -> dict[str, SymbolFeed]:
    """A feed for each of the desk's symbols."""
    return {session.parameters.symbol: SymbolFeed.of(session, day.open_ns, knowledge) for session in day.sessions}
