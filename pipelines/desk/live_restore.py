"""A desk that was killed and comes back: its journal says what it had done, the venue's statement what became of it.

Assignments, decisions and the names of children go on where they stopped. Children that still rest are **taken off**,
not adopted: the half-minute that they were meant for is over, and a fresh decision places what is due. They count
against their parents until the venue says that they are gone, like any other. A child that the journal names and the
venue does not know never arrived, and cannot arrive any more: the old connection is closed.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from infra.errors import StopError
from models.market_live import Execution
from pipelines.desk.live_children import Child, Sent
from pipelines.desk.live_journal import ASSIGNED, CLOSED, DECIDED, ENDED, HANDED_OVER, LIMITED, SENT, SERVED, Line
from pipelines.desk.live_parents import Assigned
from pipelines.desk.live_work import Work
from pipelines.desk.venue_messages import NewChild

RESTARTED = "a process of this desk before this one ended without saying so"


def _assigned(work: Work, told: dict[str, Any]) -> None:
    parent = work.parents[told.pop("parent_order_id")]
    told.pop("second")
    work.take_assignment(parent, Assigned(**told))


def _decided(work: Work, told: dict[str, Any]) -> None:
    parent = work.parents[told["parent_order_id"]]
    parent.decisions, parent.version = parent.decisions + 1, told["version"]


def _sent(work: Work, told: dict[str, Any]) -> None:
    told.pop("wall")
    lot_notional = told.pop("lot_notional")
    sent = Sent(**{**told, "order": NewChild(**told["order"])})
    work.parents[sent.parent_id].children += 1
    work.limits.count(sent.version, sent.parent_id, sent.order.lots, lot_notional)
    work.orders.restore(Child(sent, "sent", sent.order.place, sent.at, sent.at))


def _ended(work: Work, told: dict[str, Any]) -> None:
    fills = tuple(Execution(**fill) for fill in told["fills"])
    child = work.orders.end(
        told["child_id"], told["place"], fills, told["arrived_at"], told["ended_at"], told["reason"]
    )
    work.limits.book_fills(child, work.parents[child.sent.parent_id].facts)


def _limited(work: Work, told: dict[str, Any]) -> None:
    if told["stopped"] is not None:
        work.limits.bar(told["version"], told["limit"], told["stopped"])


def _served(work: Work, told: dict[str, Any]) -> None:
    work.feeds[told["symbol"]].kept[told["second"]] = np.array(told["features"], np.float32)[None, :]


def _handed_over(work: Work, told: dict[str, Any]) -> None:
    work.parents[told["parent_order_id"]].handed_over = told["why"]


READERS = {
    ASSIGNED: _assigned,
    DECIDED: _decided,
    SENT: _sent,
    ENDED: _ended,
    SERVED: _served,
    LIMITED: _limited,
    HANDED_OVER: _handed_over,
}


def restored(work: Work, lines: Iterable[Line], now: float, step_seconds: int) -> int:
    """Put together what an earlier process had in hand; the last half-minute that it decided in, -1 for none.

    Raises StopError when the session was ended by this desk, or the venue stands at an earlier time than the journal.
    """
    last, latest = -1, 0.0
    for line in lines:
        told = {name: value for name, value in line.items() if name != "kind"}
        if line["kind"] == CLOSED:
            raise _over(work, "it was ended at second {second:.0f}".format(**told))
        if line["kind"] == DECIDED:
            last = max(last, told["second"] // step_seconds)
        latest = max(latest, float(told.get("second", told.get("at", 0.0)) or 0.0))
        reader = READERS.get(line["kind"])
        if reader is not None:
            reader(work, told)
    if now < latest:
        raise _over(work, f"its journal reaches second {latest:.0f}, the venue stands at {now:.0f}")
    return last


def _over(work: Work, found: str) -> StopError:
    share = work.day.share
    return StopError(
        "this desk's session is over",
        which=f"{share.market} {share.day} {share.desk}",
        found=found,
        allowed="one run a session, which may be interrupted while its venue lives",
        next_step=f"trade another day, or move {share.market}/{share.day} below the state folder's desks/ away",
    )
