"""What the tests of the live desk do with one: things at a market second, and what its journal and venue say after."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable

from infra.desk_reports import DeskReport, desk_reports
from infra.settings import Settings
from pipelines.desk.live import Desk
from pipelines.desk.live_journal import SENT, Line, journal_path, read_journal
from tests.pipelines.desk.live_made import BENCHMARK, LocalLink

CHAMPION = BENCHMARK.version


class Script:
    """Does things at market seconds of a desk's session; asked each turn whether to stop, it says when."""

    def __init__(self, desk: Desk, acts: dict[float, Callable[[], object]], stop_at: float = math.inf) -> None:
        self.desk, self.acts, self.stop_at = desk, dict(sorted(acts.items())), stop_at

    def __call__(self) -> bool:
        for second in [second for second in self.acts if second <= self.desk.now]:
            self.acts.pop(second)()
        return self.desk.now >= self.stop_at


def lines_of(desk: Desk, kind: str) -> list[Line]:
    path = journal_path(Settings(home=desk.reporter._settings.home), desk.day.share)
    return [line for line in read_journal(path) if line["kind"] == kind]


def report_of(home: Settings, desk: Desk | None = None) -> DeskReport:
    """The last report; of a desk that is named, after it said its last word."""
    if desk is not None:
        desk.leave()
    (found,) = desk_reports(home, "sample")
    return found


def at_venue(link: LocalLink) -> dict[str, list[int]]:
    """Lots filled by parent order, counted at the venue."""
    found: dict[str, list[int]] = {}
    for report in link.books.venue.statement():
        found.setdefault(report.child_id.rpartition("-c")[0], []).append(report.filled_lots)
    return found


def require_within_parents(desk: Desk, link: LocalLink) -> None:
    for parent_id, filled in at_venue(link).items():
        assert sum(filled) <= desk.work.parents[parent_id].facts.lots, parent_id
        assert sum(filled) == desk.orders.filled_lots(parent_id), parent_id
    assert desk.orders.open() == ()
    assert all(one.state == "done" for one in link.books.venue.statement())


def versions_after(desk: Desk, second: float) -> Counter[str]:
    """Children sent after a market second, by version."""
    return Counter(line["version"] for line in lines_of(desk, SENT) if line["at"] > second)
