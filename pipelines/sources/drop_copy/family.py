"""Whose parent is whose among the orders of a FIX log.

The parent of a chain is named by SecondaryClOrdID(526), else ClOrdLinkID(583),
else ListID(66) of its new order; a chain that names none is its own parent. Where the name is the ClOrdID of another
chain in the folder, that one is the parent order and no child, its own reports repeat the fills of its children and
are not counted, and its own parent, if it has one, stands for both. Where the name is nobody's ClOrdID, the parent is
put together: its quantity is the largest that was filled or open at one moment, its time that of the first child; a
name that covers several symbols or sides (a list) gives one parent each, `NAME:SYMBOL:SIDE`.

    >>> peak([(0, 9, 100.0, 60.0), (10, 19, 40.0, 40.0)])
    100.0
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

import numpy as np

from infra.fix import Message
from pipelines.sources.drop_copy.orders import SIDES, Chain

LEVELS = 8
"""Because a desk nests an order a few times at most (client, algorithm, slice, venue)."""


def peak(children: Iterable[tuple[int, int, float, float]]) -> float:
    """The largest quantity filled or open at one moment, of (start, end, sent, filled) of each child."""
    steps = [
        step
        for start, end, sent, filled in children
        for step in ((start, 1, sent), (max(end, start + 1), 0, filled - sent))
    ]
    return float(np.cumsum([shares for _, _, shares in sorted(steps)]).max())


def _named_parent(message: Message) -> str | None:
    return message.get(526) or message.get(583) or message.get(66)


def instrument_of(chain: Chain) -> tuple[str, str]:
    """Symbol and side."""
    message = chain.root.message
    return message.get(55) or "", SIDES[message.get(54) or ""]


class Family:
    """Who is whose parent.

    children: chains sent to a venue. parents: chains that are parent orders. put_together: children by the id of a
    parent that no log shows.
    """

    def __init__(self, chains: Sequence[Chain]) -> None:
        self.by_id = {chain.order_id: chain for chain in chains}
        named = {_named_parent(chain.root.message) for chain in chains if self.top(chain) != chain.order_id}
        self.children = [chain for chain in chains if chain.order_id not in named]
        self.parents = [chain for chain in chains if self.top(chain) == chain.order_id]
        self._kinds = defaultdict[str, set[tuple[str, str]]](set)
        for chain in self.children:
            self._kinds[self.top(chain)].add(instrument_of(chain))
        self.put_together = defaultdict[str, list[Chain]](list)
        for chain in self.children:
            if self.top(chain) not in self.by_id:
                self.put_together[self.parent_id(chain)].append(chain)

    def top(self, chain: Chain) -> str:
        """The highest order that the names lead to; the chain's own id when they lead round in a circle."""
        order_id = chain.order_id
        for _ in range(LEVELS):
            above = _named_parent(self.by_id[order_id].root.message) or order_id
            if above == order_id or above not in self.by_id:
                return above
            order_id = above
        return chain.order_id

    def parent_id(self, chain: Chain) -> str:
        top = self.top(chain)
        is_one_order = top in self.by_id or len(self._kinds[top]) < 2
        return top if is_one_order else ":".join((top, *instrument_of(chain)))
