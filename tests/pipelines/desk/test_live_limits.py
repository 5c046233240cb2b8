"""Limits on the live desk: asked before each child, dealt out over desks, kept over a restart."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from infra.registry import RegisteredVersion
from infra.settings import Settings
from models.limits import Limits
from pipelines.desk.live import Desk
from pipelines.desk.live_journal import LIMITED, SENT, Line, journal_path, read_journal
from pipelines.desk.live_limits import dealt_limits
from tests.pipelines.desk.live_made import BENCHMARK, WIDE, LocalLink, a_day, a_desk, registered, routed


@pytest.fixture
def home(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path)


def worked(home: Settings, limits: Limits, orders: int = 10) -> tuple[Desk, LocalLink, RegisteredVersion]:
    """A session in which the challenger has half of the units and these limits."""
    version = registered(home, 3)
    routed(home, 1, version, limits=limits)
    desk, link = a_desk(home, a_day(orders=orders))
    desk.run(lambda: False)
    return desk, link, version


def lines_of(home: Settings, desk: Desk, kind: str, version: str) -> list[Line]:
    lines = read_journal(journal_path(home, desk.day.share))
    return [line for line in lines if line["kind"] == kind and line["version"] == version]


def test_without_limits_that_bind_nothing_is_held_back(home: Settings) -> None:
    desk, _, version = worked(home, WIDE)
    assert lines_of(home, desk, SENT, version.name)
    assert lines_of(home, desk, LIMITED, version.name) == []


def test_an_order_above_the_limit_of_a_child_is_not_drawn_and_no_child_of_the_version_exceeds_it(
    home: Settings,
) -> None:
    desk, _, version = worked(home, replace(WIDE, order_notional=100_000.0))
    sent = lines_of(home, desk, SENT, version.name)
    assert sent
    assert max(line["order"]["lots"] * line["lot_notional"] for line in sent) <= 100_000.0
    assigned = [parent.assigned for parent in desk.work.parents.values() if parent.assigned is not None]
    assert {one.reason for one in assigned} == {"", "order is larger than the limits allow"}
    assert {one.arm for one in assigned if not one.is_eligible} == {"champion"}


def test_a_child_is_cut_to_the_largest_whole_lots_that_participation_allows(home: Settings) -> None:
    desk, _, version = worked(home, replace(WIDE, participation=0.01))
    sent, limited = (lines_of(home, desk, kind, version.name) for kind in (SENT, LIMITED))
    assert {line["limit"] for line in limited} == {"participation"}
    assert all(line["sent"] < line["asked"] and line["figure"] > line["most"] for line in limited)
    assert any(line["sent"] > 0 for line in limited)
    assert len(sent) < len(lines_of(home, desk, SENT, BENCHMARK.version))


@pytest.mark.parametrize(
    ("name", "most"), [("session_notional", 60_000.0), ("session_orders", 7), ("position_notional", 20_000.0)]
)
def test_what_is_counted_over_the_session_is_never_exceeded(home: Settings, name: str, most: float) -> None:
    desk, link, version = worked(home, replace(WIDE, **{name: most}))
    sent = lines_of(home, desk, SENT, version.name)
    notional = sum(line["order"]["lots"] * line["lot_notional"] for line in sent)
    net = Counter[str]()
    ends = {one.child_id: one for one in link.books.venue.statement()}
    for line in sent:
        filled = ends[line["order"]["child_id"]].filled_lots
        net["net"] += line["sign"] * filled * line["lot_notional"]
    found = {"session_notional": notional, "session_orders": len(sent), "position_notional": abs(net["net"])}
    assert 0 < found[name] <= most
    assert name in {line["limit"] for line in lines_of(home, desk, LIMITED, version.name)}


def test_a_symbol_or_a_venue_outside_the_limits_is_not_traded_by_the_version(home: Settings) -> None:
    desk, _, version = worked(home, replace(WIDE, venues=("DARK",)))
    assert lines_of(home, desk, SENT, version.name) == []
    assert {line["limit"] for line in lines_of(home, desk, LIMITED, version.name)} == {"venues"}


def test_a_cross_is_priced_within_the_collar(home: Settings) -> None:
    desk, _, version = worked(home, replace(WIDE, price_collar_bps=0.0))
    sent = lines_of(home, desk, SENT, version.name)
    assert [line for line in sent if line["order"]["is_immediate"]]
    assert lines_of(home, desk, LIMITED, version.name) == []


@pytest.mark.parametrize(("name", "most"), [("repeats", 2), ("stop_notional", 5.0)])
def test_a_version_that_repeats_itself_or_loses_too_much_is_stopped_and_its_parents_go_to_the_champion(
    home: Settings, name: str, most: float
) -> None:
    desk, link, version = worked(home, replace(WIDE, **{name: most}), orders=40)
    limited = lines_of(home, desk, LIMITED, version.name)
    stopped_at = next(line["at"] for line in limited if line["stopped"] is not None)
    assert limited[0]["limit"] == name
    assert [line for line in lines_of(home, desk, SENT, version.name) if line["at"] > stopped_at] == []
    assert version.name in desk.work.limits.stopped
    assert {parent.version for parent in desk.work.parents.values()} == {BENCHMARK.version}
    ended = {one.child_id: one.ended_at or 0.0 for one in link.books.venue.statement()}
    names = {line["order"]["child_id"] for line in lines_of(home, desk, SENT, version.name)}
    assert max(ended[name] for name in names) < stopped_at + 2.0


def test_a_limit_that_stopped_a_version_holds_over_a_restart_and_counts_go_on(home: Settings) -> None:
    version = registered(home, 3)
    routed(home, 1, version, limits=replace(WIDE, repeats=2))
    day = a_day(orders=10)
    first, link = a_desk(home, day)
    with pytest.raises(KeyboardInterrupt):
        first.run(lambda: _interrupt() if version.name in first.work.limits.stopped else False)
    assert version.name in first.work.limits.stopped
    second, _ = a_desk(home, day, books=link.books)
    second.open()
    assert second.work.limits.stopped == first.work.limits.stopped
    names = (version.name, BENCHMARK.version)
    before, after = ([list(one.work.limits._figures(name)[:2]) for name in names] for one in (first, second))
    assert after == before


def _interrupt() -> bool:
    raise KeyboardInterrupt


def test_limits_of_a_session_are_dealt_out_over_the_desks_and_never_add_up_to_more() -> None:
    limits = replace(WIDE, session_orders=10, session_notional=900.0, order_notional=50.0)
    part = dealt_limits(asdict(limits), 4)
    assert (part.session_orders, part.session_notional, part.order_notional) == (2, 225.0, 50.0)
