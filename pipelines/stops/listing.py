"""`fillwise stops`: what stands, how far the desks are, and what the ledger has of it."""

from __future__ import annotations

from datetime import datetime

from infra.desk_reports import desk_reports, forget_desk, unread_desks
from infra.errors import FillwiseError, RefusedError
from infra.settings import Settings
from infra.stop_files import Stop, stops
from pipelines.stops.read_back import stop_progress
from pipelines.stops.stopping import Say, what
from pipelines.stops.writing import REASON_LETTERS, plain, require_market

LATER = "NOT YET: the next evening run records it"
NOTHING = "the ledger has nothing of it that could trade: fillwise resume takes it away"
CONTROLS, FORGOTTEN = "controls", "desk_forgotten"


def _ledger_words(settings: Settings, market: str, found: tuple[Stop, ...], now: datetime) -> dict[str, str]:
    """What the ledger has of each stop, in words."""
    from models.rollout.fold import fold
    from pipelines.stops.recording import known_entry, ledger_of
    from pipelines.stops.standing import over_stops, unrecorded_stops

    entries = ledger_of(settings).entries(market)
    state = fold(market, entries)
    in_force = {one.stop_id for one in state.stops}
    missing = {one.stop_id for one in unrecorded_stops(settings, market, entries)}
    over = {one.stop.stop_id: one.obstacle for one in over_stops(settings, market, entries, now)}
    words = {}
    for stop in found:
        entry = known_entry(entries, stop.stop_id)
        told = LATER if stop.stop_id in missing else NOTHING
        if entry is not None:
            told = f"entry {entry.sequence} {entry.kind}"
        if stop.stop_id in over:
            told += f"; over, lifted by the next evening{f' ({one})' if (one := over[stop.stop_id]) else ''}"
        elif stop.stop_id in in_force:
            told += ", in force"
        words[stop.stop_id] = told
    return words


def print_stops(settings: Settings, market: str, now: datetime, say: Say) -> int:
    """Every stop that stands; exit status 0 when there is none, 1 when something is stopped."""
    found = stops(settings, require_market(market))
    if not found:
        say(f"nothing is stopped in {market}")
        return 0
    for stop in found:
        progress = stop_progress(settings, stop, now)
        done = "; ".join(progress.missing) or f"yes, {len(progress.answers)} desks"
        say(f"{stop.stop_id}: {what(stop)}, by {stop.person} at {stop.at or 'an unknown time'}: {stop.reason}")
        say(f"  read back  {'NOT YET: ' if progress.missing else ''}{done}")
    try:
        for stop_id, words in _ledger_words(settings, market, found, now).items():
            say(f"  recorded   {stop_id}: {words}")
    except (FillwiseError, ValueError) as error:
        say(f"  recorded   nobody knows: {error}")
    return 1


def forget(
    settings: Settings, market: str, desk: str, name: str, secret: str, reason: str, at: datetime, say: Say
) -> int:
    """A desk that will not come back is no longer waited for; who said so is recorded. Raises RefusedError."""
    from infra.ledger import Draft
    from pipelines.approval.people import person_with_role
    from pipelines.stops.recording import ledger_of
    from pipelines.stops.resume import MAY_RESUME

    person = person_with_role(settings, name, *MAY_RESUME, secret=secret)
    known = [*(one.desk for one in desk_reports(settings, market)), *unread_desks(settings, market)]
    if desk not in known:
        raise RefusedError(
            "no such desk",
            which=desk,
            found="no report",
            allowed=", ".join(known) or "none",
            next_step="fillwise stops",
        )
    last = next((one for one in desk_reports(settings, market) if one.desk == desk), None)
    owned = {} if last is None else dict(last.open_children)
    told = {
        "desk": desk, "market": market, "person": person.name, "reason": plain(reason, REASON_LETTERS),
        "last_report_at": "" if last is None else last.at, "open_children": owned,
    }  # fmt: skip
    ledger = ledger_of(settings)
    ledger.append(CONTROLS, ledger.count(CONTROLS), [Draft(FORGOTTEN, told)], at=at, actor=person.name)
    forget_desk(settings, market, desk)
    say(f"{desk} is no longer waited for; it is again as soon as it reports. Open when it last reported: {owned or 0}")
    return 0
