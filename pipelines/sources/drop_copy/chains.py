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

What it is not: a check of CumQty and AvgPx; a memory of other days (an execution of yesterday's order and a bust of
yesterday's fill point to nothing known today); lists (E), multi-leg orders and trade captures (AE), which stay
messages. ClOrdIDs are those of one desk: an id that comes again for another order is refused.

    >>> resolve([]).chains
    ()
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from heapq import merge

from infra.fix import Message
from pipelines.sources.drop_copy.log import LogDay
from pipelines.sources.drop_copy.orders import (
    ENDS,
    EXECUTION_KINDS,
    Chain,
    End,
    Event,
    Execution,
    OrderChange,
    Outcast,
    Resolved,
    is_order,
    kind_of,
    limit_of,
)
from pipelines.sources.drop_copy.values import event_ns, positive, sent_ns, utc_ns
from pipelines.sources.file import SetAside

CAME_BEFORE = "fix_message_is_new"
ORDER_TERMS = (38, 40, 44, 54, 55, 60)
WHOLE = 1.0 - 1e-9
"""Because quantities are sums of decimal fractions held as doubles."""


def _same_order(one: Message, other: Message) -> bool:
    return all(one.get(tag) == other.get(tag) for tag in ORDER_TERMS)


def _terms(kind: str, report: Message) -> tuple[str, str | None, float | None, float | None]:
    return kind, report.get(19), positive(report.get(32)), positive(report.get(31))


class _OpenChain:
    """One order while its reports are read."""

    def __init__(self, root: Event) -> None:
        self.root, self.shares = root, positive(root.message.get(38)) or 0.0
        self.limit_price = limit_of(root.message)
        self._executions = dict[str, Execution]()
        self._corrected_by = dict[str, str]()
        self._terms = dict[str, tuple[str, str | None, float | None, float | None]]()
        self._changes = dict[str, OrderChange]()
        self._end: tuple[End, int] | None = None

    def execute(self, kind: str, event: Event) -> str:
        """Take a trade, correction or bust; the name of the rule that it breaks, or ''."""
        message = event.message
        before = None if kind == "trade" else self._before(message.get(19))
        rule = self._broken_rule(kind, message, before)
        if rule:
            return rule
        execution_id = message.get(17) or ""
        self._terms[execution_id] = _terms(kind, message)
        if before is not None:
            del self._executions[before.execution_id]
            self._corrected_by[before.execution_id] = execution_id
        if kind != "bust":
            shares, price = positive(message.get(32)) or 0.0, positive(message.get(31)) or 0.0
            at_ns = event.at_ns if before is None else before.at_ns
            self._executions[execution_id] = Execution(event, execution_id, at_ns, shares, price)
        return ""

    def _broken_rule(self, kind: str, message: Message, before: Execution | None) -> str:
        execution_id, terms = message.get(17), _terms(kind, message)
        if not execution_id:
            return "fix_execution_has_id"
        if execution_id in self._terms:
            return CAME_BEFORE if self._terms[execution_id] == terms else "fix_execution_id_is_new"
        if kind != "trade" and before is None:
            return "fix_execution_is_known"
        return "" if kind == "bust" or None not in terms[2:] else "fix_fill_has_price_and_quantity"

    def _before(self, reference: str | None) -> Execution | None:
        while reference in self._corrected_by:
            reference = self._corrected_by[reference]
        return self._executions.get(reference or "")

    def report(self, kind: str, event: Event, request: Event | None) -> None:
        """Take a report on the order's terms or its end; `request` is the message that it answers."""
        change_id = event.message.get(11) or event.message.get(17) or ""
        if kind == "restated" or (kind == "replaced" and change_id not in self._changes):
            self._amend(kind, event, request, change_id)
        elif kind in ENDS:
            self._end = self._end or (ENDS[kind], event.at_ns)
            if kind == "cancelled" and request is not None and request.message.get(35) == "F":
                self._changes.setdefault(change_id, OrderChange(event, change_id, "cancel"))

    def _amend(self, kind: str, event: Event, request: Event | None, change_id: str) -> None:
        asked = request.message if request else event.message
        shares = positive(event.message.get(38)) or positive(asked.get(38)) or self.shares
        limit_price = limit_of(event.message) or limit_of(asked) or self.limit_price
        if kind == "replaced":
            new_shares = None if shares == self.shares else shares
            new_limit = None if limit_price == self.limit_price else limit_price
            end_ns = utc_ns(event.message.get(126)) or utc_ns(asked.get(126))
            self._changes[change_id] = OrderChange(event, change_id, "amend", new_shares, new_limit, end_ns)
        self.shares, self.limit_price = shares, limit_price

    def close(self, order_id: str) -> Chain:
        executions, changes = tuple(self._executions.values()), tuple(self._changes.values())
        end, ended_ns = self._end or (None, None)
        if sum(one.shares for one in executions) >= self.shares * WHOLE:
            end, ended_ns = "filled", max(one.at_ns for one in executions)
        return Chain(order_id, self.root, self.shares, self.limit_price, executions, changes, end, ended_ns)


class _Book:
    """The day's chains by the ClOrdID of their new order, and what leads to them."""

    def __init__(self) -> None:
        self.chains = dict[str, _OpenChain]()
        self.outcasts: list[Outcast] = []
        self._links = dict[str, str]()
        self._requests = dict[str, Event]()
        self._venue_ids = dict[str, str]()
        self._lost = set[str]()

    def _cast_out(self, event: Event, noun: str, rule: str) -> None:
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
        elif known is None:
            self.chains[order_id] = _OpenChain(event)
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

    def _chain(self, message: Message) -> _OpenChain | None:
        found = self._root(message.get(11)) or self._root(message.get(41))
        venue_id = message.get(37)
        if venue_id and found:
            self._venue_ids.setdefault(venue_id, found)
        found = found or self._venue_ids.get(venue_id or "")
        return self.chains[found] if found else None

    def take(self, event: Event) -> None:
        """Second pass: requests, rejects and reports, in the order of sending."""
        kind = event.message.get(35)
        chain = None if kind == "D" else self._chain(event.message)
        if kind in ("F", "G", "9") and chain is None:
            self._cast_out(event, "order_changes", "fix_chain_is_known")
        elif kind in ("F", "G") and event.message.get(11) in self.chains:
            self._cast_out(event, "order_changes", "fix_order_id_is_new")
        elif kind == "8":
            self._report(event, chain)

    def _report(self, event: Event, chain: _OpenChain | None) -> None:
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


def _events(number: int, log: LogDay) -> Iterator[Event]:
    for message in log.messages:
        if message.get(35) in ("D", "F", "G", "8", "9"):
            yield Event(number, message, event_ns(message) or 0)


def resolve(logs: Sequence[LogDay]) -> Resolved:
    """The chains of all logs of one day, in the order of their new orders."""
    streams = [list(_events(number, log)) for number, log in enumerate(logs)]
    events = list(merge(*streams, key=lambda event: sent_ns(event.message)))
    book = _Book()
    for event in events:
        book.prepare(event)
    for event in events:
        book.take(event)
    chains = tuple(chain.close(order_id) for order_id, chain in book.chains.items())
    return Resolved(chains, tuple(book.outcasts))
