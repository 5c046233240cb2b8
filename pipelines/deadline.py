"""`fillwise deadline`: is the night of the latest session done? If not, say so, and keep the alert until it is.

Asked by a DAG of its own at the market's deadline, so that a night that never started is missed, too. Nothing is
stopped or promoted: trading goes on with the version in production. `fillwise night_done` asks the same for one session
and is tried again: an evening is judged once, so not before its night is whole.
"""

from __future__ import annotations

from datetime import date, datetime

from infra import calendar
from infra.errors import BusyError, NightStoppedError, RefusedError
from infra.markets import Market
from infra.routing_files import published
from infra.settings import Settings
from pipelines.alerts import clear_alert, raise_alert, standing_alerts
from pipelines.report_inputs import read_steps, stopped_at

STOPPED, NIGHT = "stopped at", "night"


def _lateness(settings: Settings, market: str, day: date) -> str | None:
    """What keeps the night, None when it is done."""
    steps = read_steps(settings.logs / market / str(day), own="")
    stopped = stopped_at(steps)
    if stopped is not None and stopped.state == "failed":
        return f"{STOPPED} {stopped.name}: {stopped.error}"
    missing = [step.name for step in steps if not step.has_finished]
    if len(missing) == len(steps):
        return "the night never started"
    return f"still to do: {', '.join(missing)}" if missing else None


def _clear_done(settings: Settings, market: str, at: datetime) -> None:
    """Alerts of nights that are done by now are over, those of earlier sessions too."""
    for alert in standing_alerts(settings, market):
        kind, _, day = alert.cause.partition(" ")
        if kind == NIGHT and _lateness(settings, market, date.fromisoformat(day)) is None:
            clear_alert(settings, market, alert.cause, at)


def check_deadline(settings: Settings, market: Market, at: datetime) -> date:
    """The session whose night is done at `at`. Raises NightStoppedError, after the alert is written, when it is not."""
    day = calendar.latest_closed_session(market, at)
    _clear_done(settings, market.name, at)
    why, cause = _lateness(settings, market.name, day), f"{NIGHT} {day}"
    if why is None:
        return day
    error = NightStoppedError(
        "night is not ready by its deadline",
        which=f"{market.name} {day}",
        found=why,
        allowed=f"done by {market.night_deadline:%H:%M} {market.zone}",
        next_step=f"look at the red task, then clear it; until then {trading_version(settings, market.name)} trades on",
    )
    command = f"fillwise night --market {market.name} --day {day}"
    raise_alert(settings, market.name, cause, "page", str(error), command, at, kind=NIGHT)
    raise error


def trading_version(settings: Settings, market: str) -> str:
    """The champion that the routing snapshot names; the benchmark policy where nothing was ever routed."""
    try:
        snapshot = published(settings, market)
    except RefusedError:
        return "the last good champion"
    return f"{market}.execution/0" if snapshot is None else snapshot.champion.version


def require_night(settings: Settings, market: str, day: date) -> None:
    """The night of a session is done. Raises BusyError while it is not, NightStoppedError when a step stopped it."""
    why = _lateness(settings, market, day)
    if why is None:
        return
    kind = NightStoppedError if why.startswith(STOPPED) else BusyError
    raise kind(
        "night is not done", which=f"{market} {day}", found=why, allowed="a night whose every step is done",
        next_step="wait for it, or mend the red task of nightly_retraining",
    )  # fmt: skip
