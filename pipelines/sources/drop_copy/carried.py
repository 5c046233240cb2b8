"""Orders that outlive their day: TimeInForce(59) 1, good till cancel, and 6, good till date.

Their messages of earlier days are kept while a folder's logs are read, so that a report of today finds its order: new
orders, requests and reports that say 59=1 or 59=6 themselves, and those that name (11, 41) an id of one kept before,
logs in the order of their names. What such an order had left when the day began is its order of the day
(`nouns.py`).

    >>> earlier = Earlier()
    >>> [earlier.takes({35: "D", 11: "A", 59: "1"}), earlier.takes({35: "D", 11: "B", 59: "0"})]
    [True, False]
    >>> [earlier.takes({35: "8", 11: "A"}), earlier.takes({35: "8", 11: "B"})]
    [True, False]
"""

from __future__ import annotations

from pipelines.sources.drop_copy.values import HasFields

OUTLIVES = ("1", "6")
ORDER_MESSAGES = ("D", "F", "G", "8", "9")


class Earlier:
    """Ids of orders of earlier days that may still be open, in all logs of a folder read so far."""

    def __init__(self) -> None:
        self._ids = set[str]()

    def takes(self, message: HasFields) -> bool:
        """Whether a message of an earlier day belongs to an order that may outlive its day."""
        if message.get(35) not in ORDER_MESSAGES:
            return False
        named = {value for value in (message.get(11), message.get(41)) if value}
        is_told = message.get(59) in OUTLIVES or not self._ids.isdisjoint(named)
        self._ids |= named if is_told else set()
        return is_told
