"""What a kill leaves open: parent orders that no algorithm works any more, listed with an owner who acknowledges.

The desks report them with what is left of each. The list is final when no child order of them is open; it goes into
the ledger with its owner (`residual_listed`), again when it changed, and stands until the owner, or a risk officer or
trader, says that they have it (`residual_acknowledged`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from infra.desk_reports import DeskReport, Residual, desk_reports
from infra.errors import RefusedError
from infra.ledger import Entry, Ledger
from infra.settings import Settings
from infra.stop_files import Stop, stops
from models.rollout.events import Event
from models.rollout.state import MarketState
from pipelines.stops.read_back import stop_progress
from pipelines.stops.recording import append_event, ledger_of
from pipelines.stops.stopping import Say, StopReport, what

LISTED, ACKNOWLEDGED = "residual_listed", "residual_acknowledged"


@dataclass(frozen=True)
class Residuals:
    """What one kill left open. owner: '' before it was listed. is_final: no child order of them is open any more."""

    stop_id: str
    owner: str
    parents: tuple[Residual, ...]
    is_final: bool
    is_acknowledged: bool


def _is_of(residual: Residual, stop: Stop) -> bool:
    """Whether this stop handed the parent over; a desk that does not say by which one goes by what it covers."""
    if residual.why:
        return stop.stop_id in residual.why.split()
    return stop.scope != "symbol" or residual.symbol == stop.subject


def residuals_of(reports: Sequence[DeskReport], stop: Stop) -> tuple[Residual, ...]:
    """Parent orders that a stop left open, by desk and name."""
    return tuple(one for report in reports for one in report.residuals if _is_of(one, stop))


def _parents(found: Sequence[Residual]) -> list[dict[str, Any]]:
    return [asdict(one) for one in found]


def _last(entries: Sequence[Entry], kind: str, stop_id: str) -> Entry | None:
    return next((one for one in reversed(entries) if one.kind == kind and one.payload["stop_id"] == stop_id), None)


def list_residuals(settings: Settings, ledger: Ledger, stop: Stop, owner: str, at: datetime) -> Entry | None:
    """Put the list of a kill into the ledger, with its owner; None when it is empty, or stands there as it is."""
    found = _parents(residuals_of(desk_reports(settings, stop.market), stop))
    last = _last(ledger.entries(stop.market), LISTED, stop.stop_id)
    if not found or (last is not None and last.payload["parents"] == found):
        return None
    told = {"stop_id": stop.stop_id, "person": owner, "parents": found}
    return append_event(ledger, stop.market, lambda _: Event(LISTED, told), at, owner)


def hand_over(settings: Settings, report: StopReport, owner: str, at: datetime, say: Say) -> None:
    """After a kill: print what is left and whose it is, and record it when the list is final."""
    stop = report.stop
    found = residuals_of(desk_reports(settings, stop.market), stop)
    for one in found:
        say(f"left open    {one.parent_order_id}: {one.side} {one.shares:,.0f} {one.symbol} for {one.account}")
    if not found:
        return
    say(f"handed to    {owner}: {len(found)} parent orders; {owner} says so: fillwise residuals ack {stop.stop_id}")
    if not (report.recorded.is_recorded and report.progress.is_done):
        say("recorded     the list is NOT YET: fillwise residuals, when the stop is read back and recorded")
        return
    list_residuals(settings, ledger_of(settings), stop, owner, at)


def residuals_now(settings: Settings, ledger: Ledger, market: str, at: datetime) -> tuple[Residuals, ...]:
    """What every kill left open: those that stand, by the desks; those that were lifted, by the ledger."""
    entries, reports = ledger.entries(market), desk_reports(settings, market)
    standing = {one.stop_id: one for one in stops(settings, market) if one.kind == "kill"}
    listed = [str(one.payload["stop_id"]) for one in entries if one.kind == LISTED]
    found = []
    for stop_id in dict.fromkeys((*listed, *standing)):
        stop, last = standing.get(stop_id), _last(entries, LISTED, stop_id)
        parents = () if last is None else tuple(Residual(**one) for one in last.payload["parents"])
        if stop is not None:
            parents = residuals_of(reports, stop) or parents
        done = _last(entries, ACKNOWLEDGED, stop_id)
        is_acknowledged = done is not None and last is not None and done.sequence > last.sequence
        is_final = stop is None or stop_progress(settings, stop, at).is_done
        owner = "" if last is None else str(last.payload["person"])
        found.append(Residuals(stop_id, owner, parents, is_final, is_acknowledged))
    return tuple(one for one in found if one.parents)


def acknowledge(settings: Settings, market: str, stop_id: str, person: str, at: datetime) -> Residuals:
    """A person, already authenticated, takes over what a kill left open. Raises RefusedError while it may still grow.

    A list that changed since it was recorded is recorded again first, in that person's name.
    """
    ledger = ledger_of(settings)
    found = next((one for one in residuals_now(settings, ledger, market, at) if one.stop_id == stop_id), None)
    if found is None or not found.is_final:
        raise RefusedError(
            "nothing to acknowledge", which=stop_id,
            found="no parent order left open" if found is None else "child orders are still open",
            allowed="a kill that is read back everywhere", next_step="fillwise residuals",
        )  # fmt: skip
    stop = next((one for one in stops(settings, market) if one.stop_id == stop_id), None)
    if stop is not None:
        list_residuals(settings, ledger, stop, person, at)

    def make(state: MarketState) -> Event | None:
        if state.residuals.get(stop_id) is True:
            return None
        return Event(ACKNOWLEDGED, {"stop_id": stop_id, "person": person})

    append_event(ledger, market, make, at, person)
    return found


def print_residuals(settings: Settings, market: str, at: datetime, say: Say) -> int:
    """What every kill left open, and whose it is; exit status 1 while somebody must take it over."""
    ledger = ledger_of(settings)
    found = residuals_now(settings, ledger, market, at)
    standing = {one.stop_id: what(one) for one in stops(settings, market)}
    if not found:
        say(f"no parent order of {market} was left open by a kill")
    for one in found:
        state = "acknowledged" if one.is_acknowledged else f"NOT acknowledged: fillwise residuals ack {one.stop_id}"
        growing = "" if one.is_final else "; not final yet, child orders are open"
        say(f"{one.stop_id} ({standing.get(one.stop_id, 'lifted')}), owner {one.owner or 'nobody'}: {state}{growing}")
        for left in one.parents:
            say(f"  {left.parent_order_id}: {left.side} {left.shares:,.0f} {left.symbol} for {left.account}")
    return 0 if all(one.is_acknowledged for one in found) else 1
