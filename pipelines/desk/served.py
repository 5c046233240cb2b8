"""What the desk had in hand when it decided: the vector of features of each symbol at each instant of a decision.

The desk takes its feed event by event through `features.engine.FeatureState`. A policy that reads a signal is given
these vectors; for one that reads none they are kept all the same, so that the check of skew is in practice before the
first model trades. Several orders of a symbol that are decided at one instant share a row of `served_features`.

A vector is text: JSON of feature to value in the order of the catalog, each value in the fewest digits that give back
its 32 bits, null for null. Text and no array of bytes, because a desk that is not ours writes it too.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from features.engine import FEATURE_NAMES, FeatureState, catalog_digest
from features.market_day import NOTHING_BEFORE, KnownBefore, SymbolDay
from features.outside import SERIES
from infra.errors import ContractError
from infra.markets import Market
from pipelines.desk.noun_rows import noun_rows

Longs = npt.NDArray[np.int64]
Matrix = npt.NDArray[np.float32]
NOUN = "served_features"


@dataclass(frozen=True)
class DeskKnowledge:
    """What the desk knew before the session: fit and auctions by symbol, and up to which session its fits learned."""

    before: Callable[[str], KnownBefore] = lambda _: NOTHING_BEFORE
    fit_day: date | None = None


NO_KNOWLEDGE = DeskKnowledge()


@dataclass(frozen=True)
class Served:
    """Of one symbol, s instants: at_ns (s), the book row read (s, time and sequence), features (s, k) float32."""

    symbol: str
    at_ns: Longs
    book_ns: Longs
    book_sequence: Longs
    features: Matrix

    def as_of(self, instants_ns: Longs) -> Served:
        """The last vector at or before each instant; instants before the first are left out."""
        last = np.searchsorted(self.at_ns, instants_ns, side="right") - 1
        at_ns, rows = instants_ns[last >= 0], last[last >= 0]
        return Served(self.symbol, at_ns, self.book_ns[rows], self.book_sequence[rows], self.features[rows])


def _prints(day: SymbolDay) -> Iterator[tuple[int, float, float, int]]:
    columns = (day.trade_times_ns, day.trade_price, day.trade_shares, day.trade_sign)
    return zip(*(column.tolist() for column in columns), strict=True)


def _news(day: SymbolDay) -> Iterator[tuple[int, int, str, float]]:
    rows = day.outside
    names = [SERIES[place] for place in rows.series.tolist()]
    return zip(rows.usable_ns.tolist(), rows.about_ns.tolist(), names, rows.value.tolist(), strict=True)


def serve(day: SymbolDay, intervals_ns: Sequence[tuple[int, int]], before: KnownBefore, instants_ns: Longs) -> Served:
    """The symbol's feed through the live path, event by event, with the vector kept at each instant (ascending).

    An instant before the first book has no vector, and is left out.
    """
    state = FeatureState.start(day.bid_price.shape[1], intervals_ns, before)
    prints, news = list(_prints(day))[::-1], list(_news(day))[::-1]
    last = np.searchsorted(day.times_ns, instants_ns, side="right") - 1
    wanted: dict[int, list[int]] = {}
    for place in np.flatnonzero(last >= 0).tolist():
        wanted.setdefault(int(last[place]), []).append(place)
    found = np.full((len(instants_ns), len(FEATURE_NAMES)), np.nan, np.float32)
    for row, at in enumerate(day.times_ns.tolist()):
        while prints and prints[-1][0] <= at:
            state.on_trade(*prints.pop())
        while news and news[-1][0] <= at:
            state.on_signal(*news.pop())
        book = (day.bid_price[row], day.bid_shares[row], day.ask_price[row], day.ask_shares[row])
        now = state.on_book(at, *book, day.traded_shares[row], day.traded_notional[row])
        for place in wanted.get(row, ()):
            found[place] = now
    kept = last >= 0
    rows = last[kept]
    return Served(day.symbol, instants_ns[kept], day.times_ns[rows], day.sequence[rows], found[kept])


def vector_texts(features: Matrix) -> pa.Array:
    """(s) JSON texts of (s, k) vectors."""
    parts: list[Any] = []
    for place, name in enumerate(FEATURE_NAMES):
        values = pa.array(np.ascontiguousarray(features[:, place]), from_pandas=True).cast(pa.string())
        opening = "{" if place == 0 else ","
        parts += [f'{opening}"{name}":', pc.fill_null(values, "null")]
    return pc.binary_join_element_wise(*parts, "}", "")


class _Written(str):
    """A number of JSON as it is written: read at once in 32 bits, it is rounded once, and -0 keeps its sign."""


def _object(text: str) -> dict[str, object]:
    """The JSON object that a text holds; an empty one where it holds none."""
    try:
        told = json.loads(text, parse_float=_Written, parse_int=_Written)
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


def _described(told: dict[str, object]) -> str:
    if not told:
        return "no JSON object"
    missing, unknown = [name for name in FEATURE_NAMES if name not in told], sorted(told.keys() - set(FEATURE_NAMES))
    words = [f"{word} {', '.join(names[:3])}" for word, names in (("no", missing), ("an unknown", unknown)) if names]
    return "; ".join(words) or "values that are no numbers"


def vector_of(text: str) -> npt.NDArray[np.float32]:
    """(k) the vector that a text holds. Raises ContractError for other names than the catalog's, or no numbers."""
    told = _object(text)
    values = [told.get(name, "") for name in FEATURE_NAMES]
    is_known = told.keys() == set(FEATURE_NAMES)
    if not is_known or not all(one is None or isinstance(one, _Written) for one in values):
        raise ContractError(
            "logged vector cannot be read",
            which=ascii(text[:60]),
            found=_described(told),
            allowed=f"one JSON object of the {len(FEATURE_NAMES)} features, each a number or null",
            next_step="have the desk log what `fillwise features` lists, then deliver its log again",
        )
    return np.asarray(pa.array(values, pa.string()).cast(pa.float32()).to_numpy(zero_copy_only=False), np.float32)


def served_rows(market: Market, day: date, served: Sequence[Served], knowledge: DeskKnowledge) -> pa.Table:
    """Rows of `served_features` of a session, symbols in the order given."""
    counts = [len(one.at_ns) for one in served]
    fit_days = pa.repeat(pa.scalar(knowledge.fit_day, pa.date32()), sum(counts))
    features = np.concatenate([one.features for one in served]) if served else np.empty((0, len(FEATURE_NAMES)), "f4")
    columns: Mapping[str, Any] = {
        "symbol": [one.symbol for one, count in zip(served, counts, strict=True) for _ in range(count)],
        "event_at_ns": np.concatenate([np.empty(0, np.int64), *(one.at_ns for one in served)]),
        "book_event_at_ns": np.concatenate([np.empty(0, np.int64), *(one.book_ns for one in served)]),
        "book_sequence": np.concatenate([np.empty(0, np.int64), *(one.book_sequence for one in served)]),
        "definitions": [catalog_digest()[:16]] * sum(counts),
        "fit_day": fit_days,
        "features": vector_texts(features),
    }
    return noun_rows(NOUN, market, day, columns)
