"""Orders of a recorded session, replayed by the arms that they were drawn into, under one fill bound.

Arms of one symbol are replayed together: they share what a row shows and prints, and one impact. Symbols are replayed
one after the other, so that memory holds one of them; where a version has limits, which hold over all symbols, they are
replayed side by side, half a minute at a time.

    >>> FILL_BOUND
    'trade_through'
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from features.engine import FEATURE_NAMES
from features.market_day import SymbolDay
from infra import calendar
from infra.markets import Market
from models.limits_guard import Guard
from models.production import Production, guards_of
from models.replay import FillBound, OpenReplay, OrderArrays, open_replay, order_arrays, replay_rules, run_together
from models.version import PolicyInForce
from pipelines.arrow_rows import of_symbol
from pipelines.desk.assigned import policy_places
from pipelines.desk.recorded_log import VENUE, WorkedSymbol
from pipelines.desk.served import DeskKnowledge, Served, serve

Float = npt.NDArray[np.float64]
FILL_BOUND: FillBound = "trade_through"


@dataclass(frozen=True)
class _Opened:
    """One symbol before its first row. given: vectors at every row where a policy reads a signal."""

    symbol: str
    orders: OrderArrays
    arms: tuple[str, ...]
    given: Served | None
    replay: OpenReplay


def worked_symbols(
    market: Market,
    day: date,
    books: Mapping[str, SymbolDay],
    orders: pa.Table,
    drawn: pa.Table,
    production: Production,
    knowledge: DeskKnowledge,
) -> Iterator[WorkedSymbol]:
    """Orders of all arms replayed together; symbol by symbol, or, where limits hold over all, side by side."""
    intervals = calendar.session_intervals_ns(market, day)
    guards = guards_of(production, tuple(books), VENUE, market.fees)

    def opened(symbol: str, guard: Guard) -> _Opened:
        mine, found = order_arrays(of_symbol(orders, symbol)), of_symbol(drawn, symbol)
        book, rules = books[symbol], replay_rules(market, FILL_BOUND, intervals)
        given = serve(book, intervals, knowledge.before(symbol), np.unique(book.times_ns)) if reads_signal else None
        signals = np.stack([signal_of(book, policy, given) for policy in production.policies], axis=1)
        rows, works = [policy.parameters for policy in production.policies], policy_places(production, found)
        told = open_replay(book, mine, rows, rules, signals, works=works, guard=guard)
        return _Opened(symbol, mine, tuple(found["arm"].to_pylist()), given, told)

    reads_signal = any(policy.signal is not None and policy.parameters.reads_signal for policy in production.policies)
    waiting = (opened(symbol, guard) for symbol, guard in zip(books, guards, strict=True))
    for together in (list(waiting),) if production.is_limited else ([one] for one in waiting):
        run_together([one.replay for one in together])
        for one in together:
            log, before = one.replay.finish().log, knowledge.before(one.symbol)
            instants = np.unique(log.decision_ns)
            given = one.given.as_of(instants) if one.given else None
            served = given or serve(books[one.symbol], intervals, before, instants)
            yield WorkedSymbol(one.symbol, one.orders, log, FILL_BOUND, served, one.arms)


def signal_of(day: SymbolDay, policy: PolicyInForce, given: Served | None) -> Float:
    """(n) what the policy reads at each book row: the signal on the vectors that it was given, NaN for none."""
    if policy.signal is None or not policy.parameters.reads_signal or given is None:
        return np.full(day.rows, np.nan)
    columns = [FEATURE_NAMES.index(name) for name in policy.signal.feature_names]
    return policy.signal.decision_bps(given.as_of(day.times_ns).features[:, columns])
