"""One order while its messages are read: what was filled, what changed, how it ended."""

from __future__ import annotations

from dataclasses import replace

from infra.fix import Message
from pipelines.sources.drop_copy.orders import ENDS, Chain, End, Event, Execution, OrderChange, limit_of
from pipelines.sources.drop_copy.values import positive, utc_ns

CAME_BEFORE = "fix_message_is_new"
WHOLE = 1.0 - 1e-9
"""Because quantities are sums of decimal fractions held as doubles."""


def _terms(kind: str, report: Message) -> tuple[str, str | None, float | None, float | None]:
    return kind, report.get(19), positive(report.get(32)), positive(report.get(31))


class OpenChain:
    """One order while its reports are read."""

    def __init__(self, root: Event) -> None:
        self.root, self.shares = root, positive(root.message.get(38)) or 0.0
        self.limit_price = limit_of(root.message)
        self.first = None if root.is_earlier else root
        self._terms_at_first, self._filled_before = (self.shares, self.limit_price), 0.0
        self._executions = dict[str, Execution]()
        self._corrected_by = dict[str, str]()
        self._terms = dict[str, tuple[str, str | None, float | None, float | None]]()
        self._changes = dict[str, OrderChange]()
        self._end: tuple[End, int] | None = None

    def execute(self, kind: str, event: Event) -> str:
        """Take a trade, correction or bust; the name of the rule that it breaks, or ''."""
        message = event.message
        before = None if kind == "trade" else self._before(message.get(19))
        rule = self._broken_rule(kind, message, before, is_earlier=event.is_earlier)
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

    def _broken_rule(self, kind: str, message: Message, before: Execution | None, *, is_earlier: bool) -> str:
        execution_id, terms = message.get(17), _terms(kind, message)
        if not execution_id:
            return "fix_execution_has_id"
        if execution_id in self._terms:
            return CAME_BEFORE if self._terms[execution_id] == terms else "fix_execution_id_is_new"
        if kind != "trade" and (before is None or before.event.is_earlier != is_earlier):
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
        elif kind in ENDS and not (kind == "done" and event.is_earlier):
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

    @property
    def _filled_shares(self) -> float:
        return sum(one.shares for one in self._executions.values())

    @property
    def is_done(self) -> bool:
        return self._end is not None or self._filled_shares >= self.shares * WHOLE

    def begin_day(self) -> None:
        """From here on the messages are those of the day: what was filled before is no part of its order."""
        self._filled_before = self._filled_shares
        self._terms_at_first = (self.shares - self._filled_before, self.limit_price)

    def _of_the_day(self, change: OrderChange) -> OrderChange:
        return change if change.shares is None else replace(change, shares=change.shares - self._filled_before)

    def close(self, order_id: str) -> Chain | None:
        """The order's day; None when the day said nothing of it."""
        if self.first is None:
            return None
        end, ended_ns = self._end or (None, None)
        if self._filled_shares >= self.shares * WHOLE:
            end, ended_ns = "filled", max(one.at_ns for one in self._executions.values())
        return Chain(
            order_id,
            self.root,
            self.first,
            *self._terms_at_first,
            self.shares - self._filled_before,
            self.limit_price,
            tuple(one for one in self._executions.values() if not one.event.is_earlier),
            tuple(self._of_the_day(one) for one in self._changes.values() if not one.event.is_earlier),
            end,
            ended_ns,
        )
