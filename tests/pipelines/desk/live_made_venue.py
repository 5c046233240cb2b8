"""One symbol of a quarter of an hour with three client orders, as a market that lives between messages."""

from __future__ import annotations

from datetime import date

import numpy as np

from models.market import MarketOrders
from models.market_live import LiveMarket, open_live
from models.market_parameters import SAMPLE_SYMBOLS, HiddenParameters
from models.market_path import MarketSession
from models.market_state import PARENT_FIELDS
from pipelines.desk.venue import VenueTerms
from pipelines.desk.venue_messages import NewChild

DAY, BEFORE, SECONDS = date(2026, 1, 6), date(2026, 1, 5), 900
SYMBOL = SAMPLE_SYMBOLS[0].symbol
QUIET = VenueTerms((0.1, 0.1), 0.0, 1)
PARENTS = ((1, 60, 0, 600), (-1, 45, 30, 840), (1, 20, 300, 900))
"""(side, lots, start, end) of three client orders."""


def a_session(seed: int = 7, seconds: int = SECONDS) -> MarketSession:
    return MarketSession(SAMPLE_SYMBOLS[0], seed, DAY, BEFORE, seconds)


def a_market(seed: int = 7) -> LiveMarket:
    fields = np.zeros((len(PARENTS), PARENT_FIELDS), np.int64)
    for row, (side, lots, start, end) in enumerate(PARENTS):
        fields[row, :7] = (side, lots, lots, start, end, 0, 1)
    alphas = np.zeros(len(PARENTS)), np.ones(len(PARENTS))
    return open_live(a_session(seed), MarketOrders(fields, *alphas), HiddenParameters())


def a_child(name: str, place: int, lots: int, *, parent: int = 0, is_immediate: bool = False) -> NewChild:
    return NewChild(name, SYMBOL, parent, place, lots, is_immediate)
