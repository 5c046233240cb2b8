"""The live desk on a venue at hand: arms beside each other, never over-filled, back after a kill."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.errors import SourceError, StopError
from infra.registry import RegisteredVersion
from infra.settings import Settings
from models.assignment import assign, unit_of
from pipelines.desk.live_children import NEVER_ARRIVED
from pipelines.desk.live_journal import ASSIGNED, DECIDED, NOTED, SENT, journal_path, read_journal
from pipelines.desk.venue_books import VenueBooks
from tests.pipelines.desk.live_made import (
    BENCHMARK,
    DAY,
    QUIET,
    ROUGH,
    SHORT,
    a_day,
    a_desk,
    registered,
    routed,
)
from tests.pipelines.desk.live_made_desk import (
    CHAMPION,
    Script,
    lines_of,
    report_of,
    require_within_parents,
    versions_after,
)


@pytest.fixture
def home(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path)


@pytest.fixture
def challenger(home: Settings) -> RegisteredVersion:
    """A registered version; the snapshot gives it half of the units."""
    found = registered(home, 3)
    routed(home, 1, found)
    return found


def test_arms_trade_beside_each_other_and_every_assignment_can_be_computed_again(
    home: Settings, challenger: RegisteredVersion
) -> None:
    desk, link = a_desk(home, a_day())
    end = desk.run(lambda: False)
    require_within_parents(desk, link)
    assert (end.is_complete, end.open_children, end.handed_over) == (True, 0, 0)
    assert set(versions_after(desk, -1.0)) == {CHAMPION, challenger.name}
    facts = {name: parent.facts for name, parent in desk.work.parents.items()}
    for line in lines_of(desk, ASSIGNED):
        one = facts[line["parent_order_id"]]
        unit = unit_of(one.account, one.basket, one.symbol, one.side, DAY)
        again = assign(unit, "salt", [("champion", 0.5), ("challenger", 0.5)])
        assert (line["unit"], line["arm"], line["propensity"]) == (unit, again.arm, again.propensity)


def test_every_decision_says_which_version_phase_and_epoch_it_was_taken_under(
    home: Settings, challenger: RegisteredVersion
) -> None:
    desk, _ = a_desk(home, a_day())
    desk.run(lambda: False)
    digests = {challenger.name: challenger.digest, CHAMPION: BENCHMARK.digest}
    decided = lines_of(desk, DECIDED)
    assert {(line["rollout_id"], line["phase"], line["epoch"]) for line in decided} == {("sample.r1", "expand_50", 1)}
    assert all(line["digest"] == digests[line["version"]] for line in decided)
    assert all((line["version"] == challenger.name) == (line["arm"] == "challenger") for line in decided)
    assert all((line["signal_bps"] is not None) == (line["arm"] == "challenger") for line in decided)


@settings(max_examples=6, deadline=None, derandomize=True)
@given(seed=st.integers(0, 1000), lost=st.sampled_from([0.0, 0.3, 0.6]), slow=st.sampled_from([0.2, 5.0, 40.0]))
def test_no_seed_of_market_and_venue_makes_it_over_fill_or_leave_a_child(
    seed: int, lost: float, slow: float, tmp_path_factory: pytest.TempPathFactory
) -> None:
    home = Settings(home=tmp_path_factory.mktemp("seed"))
    routed(home, 1, registered(home, 3))
    terms = replace(ROUGH, venue=replace(ROUGH.venue, latency_seconds=(slow / 4.0, slow), lost_share=lost, seed=seed))
    desk, link = a_desk(home, a_day(seconds=1200, orders=5, seed=seed), terms)
    end = desk.run(lambda: False)
    require_within_parents(desk, link)
    assert end.children > 10
    assert (link.books.venue.lost_reports > 0) == (lost > 0.0)


def test_a_desk_that_was_killed_finds_its_children_takes_them_off_and_goes_on(
    home: Settings, challenger: RegisteredVersion
) -> None:
    day = a_day()
    first, link = a_desk(home, day, ROUGH)
    with pytest.raises(KeyboardInterrupt):
        first.run(Script(first, {905.0: lambda: (_ for _ in ()).throw(KeyboardInterrupt)}))
    left = {child.sent.order.child_id for child in first.orders.open()}
    resting = {one.child_id for one in link.books.venue.statement() if one.state == "resting"}
    assert left
    assert resting
    assigned = {line["parent_order_id"]: line["arm"] for line in lines_of(first, ASSIGNED)}
    routed(home, 2, challenger, share=0.01)
    second, again = a_desk(home, day, ROUGH, books=link.books)
    second.run(lambda: False)
    require_within_parents(second, again)
    ended = {one.child_id: one.reason for one in again.books.venue.statement()}
    assert {ended[child_id] for child_id in resting} <= {"cancelled", "filled", "expired"}
    children = [line["order"]["child_id"] for line in lines_of(second, SENT)]
    assert len(children) == len(set(children))
    later = {line["parent_order_id"]: line["arm"] for line in lines_of(second, ASSIGNED)}
    assert {name: later[name] for name in assigned} == assigned
    decisions = [line["decision_id"] for line in lines_of(second, DECIDED)]
    assert len(decisions) == len(set(decisions))


@pytest.mark.usefixtures("challenger")
def test_a_child_that_was_written_down_and_never_sent_is_known_never_to_have_arrived(home: Settings) -> None:
    day = a_day()
    first, link = a_desk(home, day)
    with pytest.raises(KeyboardInterrupt):
        first.run(Script(first, {905.0: lambda: (_ for _ in ()).throw(KeyboardInterrupt)}))
    sent = lines_of(first, SENT)[-1]
    lost = {**sent, "order": {**sent["order"], "child_id": sent["parent_id"] + "-c900"}, "at": first.now}
    first.journal.write(**lost)
    second, _ = a_desk(home, day, books=link.books)
    second.run(lambda: False)
    (child,) = [one for one in second.orders.all() if one.sent.order.child_id.endswith("-c900")]
    assert (child.reason, child.filled_lots) == (NEVER_ARRIVED, 0)


def test_a_session_that_was_ended_is_not_begun_again_nor_on_a_venue_that_lost_it(home: Settings) -> None:
    day = a_day()
    first, link = a_desk(home, day)
    first.run(Script(first, {}, stop_at=600.0))
    with pytest.raises(StopError, match=r"this desk's session is over: .*ended at second"):
        a_desk(home, day, books=link.books)[0].open()
    journal_path(home, day.share).write_bytes(
        b"\n".join(line for line in journal_path(home, day.share).read_bytes().split(b"\n") if b'"closed"' not in line)
    )
    with pytest.raises(StopError, match="the venue stands at 0"):
        a_desk(home, day)[0].open()


@pytest.mark.usefixtures("challenger")
def test_a_desk_told_to_stop_takes_its_children_off_waits_for_the_word_and_says_how_far_it_came(home: Settings) -> None:
    desk, link = a_desk(home, a_day(), ROUGH)
    end = desk.run(Script(desk, {}, stop_at=905.0))
    require_within_parents(desk, link)
    assert (end.is_complete, end.open_children) == (False, 0)
    assert 905.0 <= end.reached < 1100.0
    assert report_of(home, desk).is_ended


def test_a_journal_cut_short_is_read_to_its_last_whole_line_and_a_spoilt_one_is_refused(home: Settings) -> None:
    desk, _ = a_desk(home, a_day())
    desk.journal.write(NOTED, what="one")
    path = journal_path(home, desk.day.share)
    path.write_bytes(path.read_bytes() + b'{"kind":"sent","order"')
    assert [line["what"] for line in read_journal(path)] == ["one"]
    again, _ = a_desk(home, a_day())
    again.journal.write(NOTED, what="two")
    assert [line["what"] for line in read_journal(path)] == ["one", "two"]
    path.write_bytes(b"nonsense\n" + path.read_bytes())
    with pytest.raises(SourceError, match=r"a desk's journal is damaged: .*line 1"):
        read_journal(path)


@pytest.mark.usefixtures("challenger")
def test_the_venue_lives_on_while_its_desk_does_not(home: Settings) -> None:
    desk, link = a_desk(home, a_day())
    with pytest.raises(KeyboardInterrupt):
        desk.run(Script(desk, {905.0: lambda: (_ for _ in ()).throw(KeyboardInterrupt)}))
    books: VenueBooks = link.books
    books.venue.advance(float(SHORT))
    assert all(one.state == "done" for one in books.venue.statement())
    assert QUIET.pace == 0.0
