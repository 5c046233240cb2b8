"""Chains of ClOrdID(11) and OrigClOrdID(41), folded from the messages of one day in all logs of a folder.

A NewOrderSingle (D) opens a chain; a replace (G) or cancel request (F) carries a new ClOrdID and names the one before,
and so do the reports that answer. An id is followed back until a new order is reached, wherever it stands in the logs;
where both ids lead nowhere, OrderID(37) is asked. Then the execution reports (8) are folded in the order of sending:

| report | by ExecType(150), else OrdStatus(39) | what happens |
|---|---|---|
| trade | F; 1, 2 | LastQty(32) at LastPx(31) is filled |
| correction, bust | G, H; ExecTransType(20) 2, 1 before 4.3 | execution ExecRefID(19) is replaced, disappears |
| replaced, restated | 5, D | OrderQty(38) and Price(44) are the order's new terms |
| cancelled, rejected | 4, 8 | the chain ends as cancelled |
| expired, done for day | C, 3 | the chain ends as expired |

A corrected fill carries the correction's ExecID and the time of the trade. A chain whose fills reach its quantity ended
as filled, with its last fill. A request changes nothing until a report accepts it, at that report's time; a cancel
reject (9) leaves all as it was. A status report (ExecTransType 3, ExecType I) says nothing new. An order or execution
that comes again with the same terms (PossResend, the same in a second log) is a duplicate.

An order of an earlier day that outlives it (`carried.py`) goes on under its id with what was left when the day began,
from the first message of the day that says something of it; done for day ends only its day.

What it is not: a check of CumQty and AvgPx; a change of other days: an execution today of an order that was for
yesterday only, or of one whose new order is in no log at hand, is refused (`fix_chain_is_known`), and so is a bust or
correction today of yesterday's fill (`fix_execution_is_known`). Lists (E), multi-leg orders and trade captures (AE)
stay messages. ClOrdIDs are those of one desk: an id that comes again for another order of the day is refused; a new
order under the id of one carried over takes its place.

    >>> resolve([]).chains
    ()
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from heapq import merge

from infra.fix import Message
from pipelines.sources.drop_copy.carried import ORDER_MESSAGES
from pipelines.sources.drop_copy.log import LogDay
from pipelines.sources.drop_copy.open_chain import CAME_BEFORE, OpenChain
from pipelines.sources.drop_copy.orders import EXECUTION_KINDS, Event, Outcast, Resolved, is_order, kind_of
from pipelines.sources.drop_copy.values import event_ns, sent_ns
from pipelines.sources.file import SetAside

ORDER_TERMS = (38, 40, 44, 54, 55, 60)


def _same_order(one: Message, other: Message) -> bool:
    return all(one.get(tag) == other.get(tag) for tag in ORDER_TERMS)


class _Book:
    """The day's chains by the ClOrdID of their new order, and what leads to them."""

    def __init__(self) -> None:
        self.chains = dict[str, OpenChain]()
        self.outcasts: list[Outcast] = []
        self._links = dict[str, str]()
        self._requests = dict[str, Event]()
        self._venue_ids = dict[str, str]()
        self._lost = set[str]()

    def _cast_out(self, event: Event, noun: str, rule: str) -> None:
        if event.is_earlier:
            return
        aside = SetAside(event.message.number, rule, event.message.text)
        self.outcasts.append(Outcast(event.log, noun, aside, rule == CAME_BEFORE))

    def prepare(self, event: Event) -> None:
        """First pass: new orders, and which id names which."""
        message, kind = event.message, event.message.get(35)
        order_id, original = message.get(11) or "", message.get(41) or ""
        if kind == "D":
            self._open(event, order_id)
        elif order_id and original and order_id != original:
            self._links.setdefault(order_id, original)
        if kind in ("F", "G"):
            self._requests.setdefault(order_id, event)

    def _open(self, event: Event, order_id: str) -> None:
        known = self.chains.get(order_id)
        if not is_order(event.message):
            self._cast_out(event, "child_orders", "fix_order_can_be_read")
        elif known is None or (known.root.is_earlier and not event.is_earlier):
            self.chains[order_id] = OpenChain(event)
        else:
            is_same = _same_order(known.root.message, event.message)
            self._cast_out(event, "child_orders", CAME_BEFORE if is_same else "fix_order_id_is_new")

    def _root(self, order_id: str | None) -> str | None:
        """The new order that an id leads to, or None; the answer is kept for every id on the way."""
        way = set[str]()
        while order_id and order_id not in self.chains and not (order_id in way or order_id in self._lost):
            way.add(order_id)
            order_id = self._links.get(order_id)
        if order_id in self.chains:
            self._links.update(dict.fromkeys(way, order_id))
            return order_id
        self._lost |= way
        return None

    def _chain(self, message: Message) -> OpenChain | None:
        found = self._root(message.get(11)) or self._root(message.get(41))
        venue_id = message.get(37)
        if venue_id and found:
            self._venue_ids.setdefault(venue_id, found)
        found = found or self._venue_ids.get(venue_id or "")
        return self.chains.get(found or "")

    def begin_day(self) -> None:
        """Forget orders that ended on an earlier day, and every id that led to them."""
        self.chains = {order_id: chain for order_id, chain in self.chains.items() if not chain.is_done}
        for chain in self.chains.values():
            chain.begin_day()
        self._links = {order_id: root for order_id in list(self._links) if (root := self._root(order_id))}
        self._requests = {order_id: one for order_id, one in self._requests.items() if order_id in self._links}
        self._venue_ids = {venue_id: root for venue_id, root in self._venue_ids.items() if root in self.chains}
        self._lost.clear()

    def take(self, event: Event) -> None:
        """Second pass: requests, rejects and reports, in the order of sending."""
        kind = event.message.get(35)
        chain = None if kind == "D" else self._chain(event.message)
        if chain is not None and not event.is_earlier:
            chain.first = chain.first or event
        if kind in ("F", "G", "9") and chain is None:
            self._cast_out(event, "order_changes", "fix_chain_is_known")
        elif kind in ("F", "G") and event.message.get(11) in self.chains:
            self._cast_out(event, "order_changes", "fix_order_id_is_new")
        elif kind == "8":
            self._report(event, chain)

    def _report(self, event: Event, chain: OpenChain | None) -> None:
        kind = kind_of(event.message)
        is_execution = kind in EXECUTION_KINDS.values()
        if chain is None:
            self._cast_out(event, "fills" if is_execution else "child_orders", "fix_chain_is_known")
        elif is_execution:
            rule = chain.execute(kind, event)
            if rule:
                self._cast_out(event, "fills", rule)
        else:
            chain.report(kind, event, self._requests.get(event.message.get(11) or ""))


def _events(number: int, messages: Sequence[Message], *, is_earlier: bool) -> Iterator[Event]:
    for message in messages:
        if message.get(35) in ORDER_MESSAGES:
            yield Event(number, message, event_ns(message) or 0, is_earlier)


def _read(book: _Book, streams: Sequence[Iterator[Event]]) -> None:
    events = list(merge(*streams, key=lambda event: sent_ns(event.message)))
    for event in events:
        book.prepare(event)
    for event in events:
        book.take(event)


def resolve(logs: Sequence[LogDay]) -> Resolved:
    """The chains of all logs of one day, in the order of their new orders."""
    book = _Book()
    _read(book, [_events(number, log.earlier, is_earlier=True) for number, log in enumerate(logs)])
    book.begin_day()
    _read(book, [_events(number, log.messages, is_earlier=False) for number, log in enumerate(logs)])
    chains = (chain.close(order_id) for order_id, chain in book.chains.items())
    return Resolved(tuple(chain for chain in chains if chain), tuple(book.outcasts))
