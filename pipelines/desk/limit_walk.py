"""A session's child orders walked through in time, as the log tells them: what was filled and open when each was sent.

At one instant the venue takes children in turn: each is sent, takes what it takes at once, and may end at once. What
was taken off at that instant was gone before, with all that it had got; what rested and fills then comes after.

    >>> Held().exposure(1.0, {})
    0.0
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

Step = tuple[int, int, int, int, Any]
BEFORE, IN_TURN, AFTER = 0, 1, 2
SENT, FILLED, ENDED = 0, 1, 2


def rows_of(table: pd.DataFrame) -> list[Any]:
    """Rows by name of their columns."""
    return list(table.itertuples(index=False))


@dataclass
class Held:
    """What one version holds and has open at an instant, as the log tells it, walked forward in time.

    net: value bought less sold. open_shares: left of each child. own_shares: filled and open by parent.
    """

    net: float = 0.0
    open_shares: dict[str, float] = field(default_factory=dict)
    own_shares: dict[str, float] = field(default_factory=dict)

    def send(self, child: Any) -> None:
        self.open_shares[child.child_order_id] = child.child_shares
        self.own_shares[child.parent_order_id] = self.own_shares.get(child.parent_order_id, 0.0) + child.child_shares

    def fill(self, fill: Any) -> None:
        self.net += fill.sign * fill.price * fill.shares
        self.open_shares[fill.child_order_id] = self.open_shares.get(fill.child_order_id, 0.0) - fill.shares

    def end(self, child: Any) -> None:
        left = self.open_shares.pop(child.child_order_id)
        self.own_shares[child.parent_order_id] -= max(0.0, left)

    def exposure(self, sign: float, children: Mapping[str, Any]) -> float:
        """With everything open on one side filled."""
        is_open = ((children[name], shares) for name, shares in self.open_shares.items())
        return sign * self.net + sum(child.limit_price * left for child, left in is_open if child.sign == sign)


def _steps(child: Any, fills: list[Any], place: int) -> Iterator[Step]:
    """What happens to one child: time, before, in or after the turns of that instant, its turn, order in the turn."""
    sent_ns = child.event_at_ns
    ended = max([child.ended_ns, sent_ns, *(fill.event_at_ns for fill in fills)])
    end = IN_TURN if ended == sent_ns else AFTER if child.end_reason == "filled" else BEFORE
    yield sent_ns, IN_TURN, place, SENT, child
    for fill in fills:
        when = IN_TURN if fill.event_at_ns == sent_ns else end if fill.event_at_ns == ended else AFTER
        yield fill.event_at_ns, when, place, FILLED, fill
    yield ended, end, place, ENDED, child


def sends(children: pd.DataFrame, fills: pd.DataFrame) -> Iterator[tuple[Held, Any]]:
    """Each child with what its version held right after it was sent, in time.

    children: of one version, with `sign` +1 or -1 and `ended_ns`, in their turn; fills: of these and of others.
    """
    mine = rows_of(fills.merge(children[["child_order_id", "sign"]], on="child_order_id"))
    of_child: dict[str, list[Any]] = {}
    for fill in mine:
        of_child.setdefault(fill.child_order_id, []).append(fill)
    walk: list[Step] = []
    for place, child in enumerate(rows_of(children)):
        walk += _steps(child, of_child.get(child.child_order_id, []), place)
    held = Held()
    for _, _, _, what, row in sorted(walk, key=lambda step: step[:4]):
        if what == FILLED:
            held.fill(row)
        elif what == ENDED:
            held.end(row)
        else:
            held.send(row)
            yield held, row
