"""Where a market's production stands, in lines, from the files that desks obey: snapshot, stops, read-back, alerts.

No ledger is asked, so it answers in a tenth of a second and with the database away, and it tells what desks do rather
than what was decided. What only the ledger knows, cards that wait above all, is read from the summary that the
rollout's page leaves beside itself, and said with the time of that page. Standard library and cryptography.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from infra.desk_reports import desk_reports, unread_desks
from infra.errors import RefusedError
from infra.routing_files import published
from infra.routing_snapshot import Snapshot
from infra.settings import Settings
from infra.stop_files import Stop, stops
from infra.times import aware_time
from pipelines.alerting.addresses import addresses
from pipelines.alerting.story import printable
from pipelines.alerts import standing_alerts

SUMMARY = "summary.json"
BENCHMARK_ONLY = "production: {market}.execution/0 (benchmark policy TWAP, nothing was ever routed)"


def rollout_summary(settings: Settings, market: str) -> Mapping[str, Any]:
    """What the rollout's page says of itself; empty where there is none."""
    try:
        found = json.loads((settings.pages / market / "rollout" / SUMMARY).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _routing(snapshot: Snapshot, at: datetime) -> list[str]:
    until = aware_time(snapshot.expires_at)
    is_over = until is None or at >= until
    held = f"EXPIRED at {snapshot.expires_at[:16]}: desks go on with the champion alone" if is_over else "in force"
    lines = [f"production: {snapshot.champion.version}, epoch {snapshot.epoch}, {held}"]
    others = [
        f"{one.arm} {one.version} {one.share:.0%} of eligible units" for one in snapshot.arms if one.arm != "champion"
    ]
    shadow = [] if snapshot.shadow is None else [f"shadow {snapshot.shadow.version}, sends nothing"]
    if snapshot.rollout_id is not None:
        parts = ("; ".join((*others, *shadow))) or "the challenger gets nothing"
        lines.append(f"rollout {snapshot.rollout_id} in {snapshot.phase}: {parts}")
    elif others:
        lines.append("; ".join(others))
    return lines


def _routing_lines(settings: Settings, market: str, at: datetime) -> list[str]:
    try:
        snapshot = published(settings, market)
    except RefusedError as error:
        return [f"production: the routing snapshot is REFUSED ({error.found}); desks go on with the last good champion"]
    return [BENCHMARK_ONLY.format(market=market)] if snapshot is None else _routing(snapshot, at)


def _stop_line(stop: Stop) -> str:
    what = "everything" if stop.scope == "all" else f"{stop.scope} {stop.subject}"
    said = printable(f"{stop.person}: {stop.reason}")
    return f"STOP {stop.kind} of {what} by {said} (fillwise stops --market {stop.market})"


def _desk_lines(settings: Settings, market: str, at: datetime) -> list[str]:
    running = [one for one in desk_reports(settings, market) if not one.is_ended]
    unread = unread_desks(settings, market)
    if not running and not unread:
        return []
    silent = [one.desk for one in running if one.is_silent(at)]
    alone = [f"{one.desk}: {one.why}" for one in running if one.why]
    epochs = sorted({one.epoch for one in running})
    said = f"desks: {len(running)} run, epoch {', '.join(map(str, epochs)) or 'unknown'}"
    told = [f"{name} is SILENT" for name in silent] + [f"report of {name} cannot be read" for name in unread]
    return [said, *(f"  {one}" for one in (*told, *alone))]


def _alert_lines(settings: Settings, market: str) -> list[str]:
    found = standing_alerts(settings, market)
    lines = [f"alert: {one.line()} [{one.alert_id}: {one.standing()}]" for one in found if one.is_open]
    had = [f"{one.alert_id} ({one.acknowledged_by})" for one in found if not one.is_open]
    if lines and (why := addresses(settings).why):
        lines.append(f"alerts are NOT delivered: {why}")
    return lines + ([f"acknowledged alerts: {', '.join(had)}"] if had else [])


def _card_lines(told: Mapping[str, Any], at: datetime) -> list[str]:
    lines = []
    for card in told.get("cards", ()):
        until = aware_time(str(card["expires_at"]))
        if until is not None and at < until:
            said = f"{card['card_id']} asks for {card['to_phase']}, {card['given']} of {card['approvals']} approvals"
            lines.append(f"card {said}, until {str(card['expires_at'])[:16]} (fillwise card show {card['card_id']})")
    return lines


def _summary_lines(told: Mapping[str, Any], at: datetime) -> list[str]:
    try:
        lines = [f"rollout as of {str(told['at'])[:16]}: {told['next_step']}"] if told.get("next_step") else []
        return lines + _card_lines(told, at)
    except (KeyError, TypeError):
        return ["the summary of the rollout's page cannot be read (fillwise rollout page writes it)"]


def production_lines(settings: Settings, market: str, at: datetime) -> list[str]:
    """What trades, what is stopped, which desks obey, what waits for a person."""
    return [
        *_routing_lines(settings, market, at),
        *(_stop_line(one) for one in stops(settings, market)),
        *_desk_lines(settings, market, at),
        *_summary_lines(rollout_summary(settings, market), at),
        *_alert_lines(settings, market),
    ]
