"""What a running desk says of itself, from what it has in hand: the read-back that rollbacks and kills wait for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

from infra.desk_reports import DeskReport, Residual, report_desk
from infra.settings import Settings
from models.market_parameters import LOT_SHARES
from pipelines.desk.live_parents import price_of
from pipelines.desk.live_routing import Routing
from pipelines.desk.live_work import Work

REPORT_SECONDS = 1.0
GAP_SECONDS = 0.05
"""Twenty files a second say how many children are open well enough; each is synced to the disk."""


def written(at: datetime) -> str:
    """ISO 8601 in UTC, ending in Z."""
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _exposure(work: Work) -> dict[str, float]:
    """Currency that open children of each version may still trade, at their own prices."""
    found: dict[str, float] = {}
    for child in work.orders.open():
        origin = int(work.feeds[child.sent.order.symbol].mirror.state.origin)
        notional = child.open_lots * LOT_SHARES * price_of(child.place, origin)
        found[child.sent.version] = found.get(child.sent.version, 0.0) + notional
    return found


def residuals(work: Work) -> tuple[Residual, ...]:
    """Parents that a kill handed over, with what is left of each; final when none of its children is open."""
    handed = [one for one in work.parents.values() if one.handed_over is not None and work.remaining(one) > 0]
    return tuple(
        Residual(
            one.facts.parent_order_id, one.facts.account, one.facts.symbol, one.facts.side,
            float(work.remaining(one) * LOT_SHARES), one.handed_over or "",
        )
        for one in handed
    )  # fmt: skip


def _times(by_version: Mapping[str, datetime]) -> dict[str, str]:
    return {version: written(at) for version, at in by_version.items()}


def desk_report(work: Work, routing: Routing, now: float, pid: int, wall: datetime, *, is_ended: bool) -> DeskReport:
    """The report of this moment. now: market seconds from the open."""
    is_open = work.orders.open()
    in_flight = Counter(one.version for one in work.to_decide(now) if one.version is not None)
    aside = [f"{version} is set aside: {why}" for (version, _), why in routing.versions.refusals.items()]
    aside += [f"{version} is stopped by its limits: {why}" for version, why in work.limits.stopped.items()]
    why = "; ".join([*([routing.route.why] if routing.route.why else []), *aside])
    return DeskReport(
        work.day.share.desk,
        work.day.share.market,
        pid,
        routing.route.snapshot.epoch,
        dict(routing.versions.in_hand()),
        tuple(stop.stop_id for stop in routing.route.stops),
        _times(work.last_child_at),
        _times(work.last_cancel_at),
        dict(Counter(child.sent.version for child in is_open)),
        dict(Counter(child.sent.version for child in is_open if child.is_unacknowledged)),
        _exposure(work),
        {} if is_ended else dict(in_flight),
        written(wall),
        is_ended,
        why or None,
        residuals(work),
        dict(Counter(child.sent.order.symbol for child in is_open)),
    )


class Reporter:
    """Writes the report on every change, and at least each second.

    What it obeys is written at once, numbers of children no more often than every `GAP_SECONDS`.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._last: DeskReport | None = None
        self._written_at = -float("inf")

    def tell(self, report: DeskReport, monotonic: float) -> None:
        """Write it unless there is nothing new to say yet."""
        waited, last = monotonic - self._written_at, self._last
        is_same = last is not None and replace(report, at=last.at) == last
        if (
            waited < (REPORT_SECONDS if is_same else GAP_SECONDS)
            and last is not None
            and _obeys(report) == _obeys(last)
        ):
            return
        report_desk(self._settings, report)
        self._last, self._written_at = report, monotonic


def _obeys(report: DeskReport) -> tuple[object, ...]:
    return report.epoch, report.stops, report.versions, report.residuals, report.why, report.is_ended
