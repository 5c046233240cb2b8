"""`fillwise deadline`: is the night of the latest session done? If not, say so, and keep the alert until it is.

Asked by a DAG of its own at the market's deadline, so that a night that never started is missed, too. Nothing is
stopped or promoted: trading goes on with the version in production.
"""

from __future__ import annotations

from datetime import date, datetime

from infra import calendar
from infra.errors import NightStoppedError
from infra.markets import Market
from infra.settings import Settings
from models.version import benchmark_policy
from pipelines.alerts import clear_alert, write_alert
from pipelines.report_inputs import read_steps, stopped_at


def _lateness(settings: Settings, market: str, day: date) -> str | None:
    """What keeps the night, None when it is done."""
    steps = read_steps(settings.logs / market / str(day), own="")
    stopped = stopped_at(steps)
    if stopped is not None and stopped.state == "failed":
        return f"stopped at {stopped.name}: {stopped.error}"
    missing = [step.name for step in steps if not step.has_finished]
    if len(missing) == len(steps):
        return "the night never started"
    return f"still to do: {', '.join(missing)}" if missing else None


def check_deadline(settings: Settings, market: Market, at: datetime) -> date:
    """The session whose night is done at `at`. Raises NightStoppedError, after the alert is written, when it is not."""
    day = calendar.latest_closed_session(market, at)
    why = _lateness(settings, market.name, day)
    if why is None:
        clear_alert(settings, market.name, day)
        return day
    error = NightStoppedError(
        "night is not ready by its deadline",
        which=f"{market.name} {day}",
        found=why,
        allowed=f"done by {market.night_deadline:%H:%M} {market.zone}",
        next_step=f"look at the red task, then clear it; until then {benchmark_policy(market.name).version} trades on",
    )
    write_alert(settings, market.name, day, at, str(error))
    raise error
