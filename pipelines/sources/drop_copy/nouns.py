"""Chains of FIX orders as parent orders, child orders, fills and order changes.

A chain is a child order (what is sent to a venue). `pipelines/sources/drop_copy/family.py` tells whose
parent is whose. Order changes are those of chains that are parent orders; the changes of a child show in its terms,
which are the last accepted ones; a parent order has the terms of its new order.

What FIX does not say has a neutral value: decision_id is the ClOrdID; benchmark arrival; urgency 1 with propensity 1.0;
participation_rate 0.0; no planted alpha, is_alpha_in_path false; is_must_complete null; person and reason null.
Account: Account(1), else ClientID(109), else the sender. Venue: ExDestination(100), else SecurityExchange(207), else
the target. Start: EffectiveTime(168), else TransactTime; end: ExpireTime(126), else the session's close (for an order
after the close, the end of the local day). An order that nothing ended expired at its end. A rejected one is cancelled.
An order carried over from an earlier day is one of this day under the same ids: it arrives at the open, or with its
first message before that, and its quantity is what was left.

    >>> from infra.markets import MARKETS
    >>> chain_files([], MARKETS["own"], date(2018, 2, 23))
    []
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from datetime import date, datetime

from infra import calendar
from infra.markets import Market
from pipelines.sources.drop_copy.chains import resolve
from pipelines.sources.drop_copy.family import Family, instrument_of, peak
from pipelines.sources.drop_copy.log import LogDay, close_of, end_of_day
from pipelines.sources.drop_copy.orders import (
    Chain,
    Execution,
    OrderChange,
    Outcast,
    fee_of,
    order_type_of,
)
from pipelines.sources.drop_copy.parts import Part, Placed, Row
from pipelines.sources.drop_copy.values import NS, instant, received_ns, utc_ns
from pipelines.sources.file import SourceFile

AUCTIONS = ("2", "7")
SHORT = ("5", "6")


class _Rows:
    """Rows of the four nouns, for one market and day."""

    def __init__(self, market: Market, day: date) -> None:
        self._market, self._day = market, day
        self._close, self._midnight = close_of(market, day), end_of_day(market, day)
        self._open = calendar.open_at(market, day) if self._close < self._midnight else self._midnight

    def _common(self, chain: Chain, at_ns: int) -> Row:
        symbol, side = instrument_of(chain)
        return {
            "market": self._market.name,
            "trade_date": self._day,
            "symbol": symbol,
            "side": side,
            "event_at": instant(at_ns),
            "event_at_ns": at_ns,
            "currency": chain.root.message.get(15) or self._market.currency,
        }

    def arrival_ns(self, chain: Chain) -> int:
        """When the order arrived, or went on from the day before."""
        is_carried = chain.root.is_earlier
        return min(int(self._open.timestamp()) * NS, chain.first.at_ns) if is_carried else chain.root.at_ns

    def start_of(self, chain: Chain) -> datetime:
        said = None if chain.root.is_earlier else utc_ns(chain.root.message.get(168))
        return instant(self.arrival_ns(chain) if said is None else said)

    def end_of(self, chain: Chain) -> datetime:
        said = utc_ns(chain.root.message.get(126))
        if said is not None:
            return instant(said)
        return self._close if self.start_of(chain) < self._close else self._midnight

    def _ended_at(self, chain: Chain) -> datetime:
        return self.end_of(chain) if chain.ended_ns is None else instant(chain.ended_ns)

    def _span(self, chain: Chain) -> tuple[int, int, float, float]:
        ended_ns = round(self._ended_at(chain).timestamp() * 1e6) * 1000
        return self.arrival_ns(chain), ended_ns, chain.shares, chain.filled_shares

    def child(self, chain: Chain, parent_id: str) -> Placed:
        message = chain.root.message
        row = {
            **self._common(chain, self.arrival_ns(chain)),
            "child_order_id": chain.order_id,
            "parent_order_id": parent_id,
            "decision_id": chain.order_id,
            "ended_at": self._ended_at(chain),
            "order_type": order_type_of(message),
            "limit_price": chain.limit_price,
            "child_shares": chain.shares,
            "filled_shares": chain.filled_shares,
            "end_reason": chain.end_reason or "expired",
            "venue": message.get(100) or message.get(207) or message.get(56),
        }
        return Placed("child_orders", chain.first, row)

    def fill(self, chain: Chain, parent_id: str, fill: Execution) -> Placed:
        report = fill.event.message
        row = {
            **self._common(chain, fill.at_ns),
            "fill_id": f"{chain.order_id}/{fill.execution_id}",
            "child_order_id": chain.order_id,
            "parent_order_id": parent_id,
            "price": fill.price,
            "shares": fill.shares,
            "liquidity": "maker" if report.get(851) == "1" else "taker",
            "fee_notional": fee_of(report, fill.shares, fill.price),
            "fill_model": "venue",
        }
        return Placed("fills", fill.event, row)

    def change(self, chain: Chain, change: OrderChange) -> Placed:
        message = change.event.message
        received = received_ns(message.prefix, message.get(52))
        row = {
            **self._common(chain, change.event.at_ns),
            "change_id": change.change_id,
            "parent_order_id": chain.order_id,
            "received_at": None if received is None else instant(received),
            "kind": change.kind,
            "order_shares": change.shares,
            "limit_price": change.limit_price,
            "instructed_end_at": None if change.end_ns is None else instant(change.end_ns),
        }
        return Placed("order_changes", change.event, row)

    def parent(self, parent_id: str, first: Chain, terms: Row) -> Placed:
        message = first.root.message
        row = {
            **self._common(first, self.arrival_ns(first)),
            "parent_order_id": parent_id,
            "account": message.get(1) or message.get(109) or message.get(49),
            "basket": message.get(66),
            "instructed_start_at": self.start_of(first),
            "benchmark": "arrival",
            "may_use_auctions": True if message.get(59) in AUCTIONS else None,
            "is_short_sale": message.get(54) in SHORT,
            "urgency": 1,
            "urgency_propensity": 1.0,
            "participation_rate": 0.0,
            "is_alpha_in_path": False,
            **terms,
        }
        return Placed("parent_orders", first.first, row)

    def parent_from_order(self, chain: Chain) -> Placed:
        terms = {"order_shares": chain.first_shares, "limit_price": chain.first_limit_price}
        return self.parent(chain.order_id, chain, {**terms, "instructed_end_at": self.end_of(chain)})

    def parent_from_children(self, parent_id: str, children: Sequence[Chain]) -> Placed:
        first = min(children, key=self.arrival_ns)
        shares = peak(self._span(chain) for chain in children)
        end = max(self.end_of(chain) for chain in children)
        return self.parent(parent_id, first, {"order_shares": shares, "instructed_end_at": end})


def _placed(chains: Sequence[Chain], rows: _Rows) -> Iterator[Placed]:
    family = Family(chains)
    for chain in family.parents:
        yield rows.parent_from_order(chain)
        yield from (rows.change(chain, change) for change in chain.changes)
    for parent_id, children in family.put_together.items():
        yield rows.parent_from_children(parent_id, children)
    for chain in family.children:
        parent_id = family.parent_id(chain)
        yield rows.child(chain, parent_id)
        yield from (rows.fill(chain, parent_id, fill) for fill in chain.executions)


def _file(noun: str, log: LogDay, digest: str, known_at: datetime, part: Part, cast: list[Outcast]) -> SourceFile:
    return SourceFile(
        noun,
        f"{log.name}#chains",
        digest,
        known_at,
        *part.in_order(),
        refused=tuple(one.aside for one in cast if not one.is_duplicate),
        duplicates=tuple(one.aside for one in cast if one.is_duplicate),
    )


def _digest(log: LogDay, logs: Sequence[LogDay]) -> str:
    """Of the log's bytes; of all logs' digests, its own first, where there are several, since chains may cross them."""
    if len(logs) == 1:
        return log.sha256
    return hashlib.sha256("\n".join([log.sha256, *sorted(one.sha256 for one in logs)]).encode()).hexdigest()


def chain_files(logs: Sequence[LogDay], market: Market, day: date) -> list[SourceFile]:
    """The four nouns of the chains in all logs: one file a log and noun that has rows or refused messages."""
    if not any(log.has_rows for log in logs):
        return []
    resolved, known_at = resolve(logs), max(log.known_at for log in logs if log.has_rows)
    nouns = ("parent_orders", "child_orders", "fills", "order_changes")
    parts = {(number, noun): Part(noun) for number in range(len(logs)) for noun in nouns}
    for one in _placed(resolved.chains, _Rows(market, day)):
        parts[one.event.log, one.noun].add(one)
    files = []
    for (number, noun), part in parts.items():
        cast = [one for one in resolved.outcasts if one.noun == noun and one.log == number]
        file = _file(noun, logs[number], _digest(logs[number], logs), known_at, part, cast)
        files += [file] if file.rows_in else []
    return files
