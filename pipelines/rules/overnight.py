"""What happened to a symbol between yesterday's last mid and today's first: a split, a swap of names, a new name.

    jump = log(today / yesterday)

* Swap: the day's median of A is within 20 % of yesterday's last of B, that of B within 20 % of A's, and both are more
  than a factor 1.5 from their own. Prices of two companies do not cross over in one night.
* Split: today's first over yesterday's last is within 3 % of 2, 3, 4, 5, 10 or 3/2, or of one over it. With a row
  `split` in `symbol_events` of that ratio (new shares for one old, so price times one over it) it is noted.
* New name: a symbol left and another came at a level within 2 % of it.

`first` is the median of the first ten mids, because one wrong price at the open is a fat finger and no split. Levels
come from the rows as they arrived, since other rules refuse just those rows that show the jump. Without a day before,
nothing is said.

    >>> nearest_ratio(0.502), nearest_ratio(1.5), nearest_ratio(0.8)
    ('2 for 1', '2 for 3', None)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.rules.ordering import Float, by_symbol, numbers

BOOKS = "book_snapshots"
SWAP_NEAR = 1.2
"""Because a day's own move is under 20 % for nearly every symbol, so that the other's level is still recognised."""
SWAP_FAR = 1.5
"""Because a symbol this far from its own level moved more than any day's limit; names of like price stay unseen."""
RATIO_NEAR = 1.03
"""Because an ordinary night moves a price by less than 3 %, and the plain ratios are a third apart or more."""
SAME_LEVEL = 1.02
"""Because a company that only changes its name moves by its ordinary night."""
LEVEL_COLUMNS = ["symbol", "event_at_ns", "sequence", "bid_price_1", "ask_price_1"]
FIRST_ROWS = 10
"""Because ten rows are a minute at most on a snapshot feed, and five wrong prices in ten are no accident."""
SPLITS = ((2, 1), (3, 1), (4, 1), (5, 1), (10, 1), (3, 2))
"""New shares for old ones: the ratios that companies choose, and their inverses."""


@dataclass(frozen=True)
class Level:
    """Where a symbol traded: `first` and `last` are medians of ten mids, `median` that of the day."""

    first: float
    median: float
    last: float


@dataclass(frozen=True)
class OvernightStep:
    """One thing that happened overnight, under the name of its rule. `ratio`: today's price over yesterday's."""

    rule: str
    symbols: tuple[str, ...]
    ratio: float
    words: str


def _mids(books: pa.Table) -> Float:
    bid, ask = numbers(books, "bid_price_1"), numbers(books, "ask_price_1")
    mid = np.where(np.isnan(bid), ask, np.where(np.isnan(ask), bid, (bid + ask) / 2))
    return np.where(np.isfinite(mid) & (mid > 0), mid, np.nan)


def levels(books: pa.Table) -> dict[str, Level]:
    """Symbol to its levels; the one side that is there stands for the mid of a locked book."""
    rows = books.select(LEVEL_COLUMNS)
    rows = rows.filter(pc.and_(pc.is_valid(rows["symbol"]), pc.is_valid(rows["event_at_ns"])))
    rows = rows.set_column(2, "sequence", pc.fill_null(rows["sequence"], 0))
    mids, found = _mids(rows), {}
    for symbol, at in by_symbol(rows).items():
        own = mids[at][~np.isnan(mids[at])]
        if len(own):
            ends = (np.median(own[:FIRST_ROWS]), np.median(own), np.median(own[-FIRST_ROWS:]))
            found[symbol] = Level(*map(float, ends))
    return found


def last_mids(books: pa.Table) -> dict[str, float]:
    """Symbol to the level at which its day ended: what the next day's `previous` is."""
    return {symbol: level.last for symbol, level in levels(books).items()}


def _is_near(one: float, other: float, factor: float) -> bool:
    return bool(abs(np.log(one / other)) < np.log(factor))


def nearest_ratio(price_ratio: float) -> str | None:
    """The plain split, new shares for old, that a jump of the price looks like."""
    for new, old in (*SPLITS, *((old, new) for new, old in SPLITS)):
        if _is_near(price_ratio * new / old, 1.0, RATIO_NEAR):
            return f"{new} for {old}"
    return None


def _swaps(today: Mapping[str, Level], previous: Mapping[str, float]) -> list[OvernightStep]:
    far = [
        name
        for name in sorted(today)
        if name in previous and not _is_near(today[name].median, previous[name], SWAP_FAR)
    ]
    found = []
    for one, other in combinations(far, 2):
        crossed = _is_near(today[one].median, previous[other], SWAP_NEAR) and _is_near(
            today[other].median, previous[one], SWAP_NEAR
        )
        if crossed:
            words = (
                f"{one} trades at {today[one].median:g} after {previous[one]:g}, "
                f"{other} at {today[other].median:g} after {previous[other]:g}"
            )
            found.append(OvernightStep("symbol_swap", (one, other), today[one].median / previous[one], words))
    return found


def _announced(events: pa.Table | None, kind: str) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    if events is not None and events.num_rows:
        told = events.filter(pc.equal(events["kind"], kind))
        value = "ratio" if kind == "split" else "new_symbol"
        for symbol, what in zip(told["symbol"].to_pylist(), told[value].to_pylist(), strict=True):
            found.setdefault(symbol, []).append(what)
    return found


def _split(symbol: str, first: float, last: float, announced: list[Any]) -> OvernightStep | None:
    ratio = first / last
    moved = f"{symbol} opens at {first:g} after {last:g}"
    for told in announced:
        is_split = isinstance(told, float) and told > 0 and not _is_near(told, 1.0, RATIO_NEAR)
        if is_split and _is_near(ratio * told, 1.0, RATIO_NEAR):
            return OvernightStep("split_announced", (symbol,), ratio, f"{moved}, as announced ({told:g} new for 1)")
    plain = nearest_ratio(ratio)
    if plain is None:
        return None
    told_words = f"announced are {announced}" if announced else "symbol_events has no split"
    return OvernightStep("split_unannounced", (symbol,), ratio, f"{moved}, as a split {plain}; {told_words}")


def _new_names(
    today: Mapping[str, Level], previous: Mapping[str, float], told: Mapping[str, list[Any]]
) -> list[OvernightStep]:
    found = []
    for gone in sorted(set(previous) - set(today)):
        for new in sorted(set(today) - set(previous)):
            if _is_near(today[new].first, previous[gone], SAME_LEVEL):
                known = "announced" if new in told.get(gone, []) else "not announced: a ticker change?"
                words = f"{gone} left at {previous[gone]:g}, {new} came at {today[new].first:g}, {known}"
                ratio = today[new].first / previous[gone]
                found.append(OvernightStep("ticker_change", (gone, new), ratio, words))
    return found


def overnight_steps(
    books: pa.Table, events: pa.Table | None, previous: Mapping[str, float]
) -> tuple[OvernightStep, ...]:
    """What the night did, swaps first; a symbol that was swapped is not asked for a split."""
    today = levels(books) if previous else {}
    swaps = _swaps(today, previous) if today else []
    swapped = {symbol for step in swaps for symbol in step.symbols}
    told = _announced(events, "split")
    splits = [
        _split(symbol, today[symbol].first, previous[symbol], told.get(symbol, []))
        for symbol in sorted(set(today) & set(previous) - swapped)
    ]
    names = _new_names(today, previous, _announced(events, "ticker_change")) if today else []
    return (*swaps, *(step for step in splits if step), *names)
