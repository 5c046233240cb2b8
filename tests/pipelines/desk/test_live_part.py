"""What live desks leave behind: a part each in the desk's nouns, put together as the day's drop when all are whole."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from features.market_day import symbol_day
from infra.errors import SessionError, UsageError
from infra.routing_files import RoutedArm
from infra.settings import Settings
from pipelines.arrow_rows import of_symbol
from pipelines.bronze import bronze_rows
from pipelines.check_rows import check_day
from pipelines.desk.live import DeskEnd
from pipelines.desk.live_day import LiveDay, Share, live_day
from pipelines.desk.live_journal import journal_path
from pipelines.desk.live_part import drop_folder, joined, part_folder, require_untraded, unfinished, write_part
from pipelines.desk.live_shadow import shadow_tables
from pipelines.desk.live_versions import disk_loader
from pipelines.desk.served import NO_KNOWLEDGE, serve, served_rows
from pipelines.sources.drop import read_day
from tests.pipelines.desk.live_made import ROUGH, a_day, a_desk, registered, routed
from tests.pipelines.desk.live_made_desk import Script


def a_home(folder: Path) -> Settings:
    """A home with a challenger that has half of the units."""
    found = Settings(home=folder)
    routed(found, 1, registered(found, 3))
    return found


@pytest.fixture
def home(tmp_path: Path) -> Settings:
    return a_home(tmp_path)


def shared(number: int, of: int = 2) -> LiveDay:
    """One symbol of a short session of two."""
    day = a_day(symbols=2)
    place = number - 1
    share = replace(day.share, number=number, of=of)
    return replace(day, share=share, sessions=(day.sessions[place],), orders=(day.orders[place],))


def worked(home: Settings, day: LiveDay, stop_at: float = float("inf")) -> DeskEnd:
    desk, _ = a_desk(home, day, ROUGH)
    end = desk.run(Script(desk, {}, stop_at))
    snapshot, load = desk.routing.route.snapshot, disk_loader(home, "sample")
    assert write_part(home, day, desk.work.feeds, end.reached, NO_KNOWLEDGE, snapshot, load) is None
    return end


def tables(home: Settings, day: LiveDay) -> dict[str, pa.Table]:
    return {one.noun: one.rows for one in read_day(drop_folder(home, day.share), day.market, day.share.day)}


@pytest.fixture(scope="module")
def traded(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A home in which two desks have traded a day."""
    home, days = a_home(tmp_path_factory.mktemp("traded")), [shared(1), shared(2)]
    for day in days:
        worked(home, day)
    joined(home, [day.share for day in days])
    return home


@pytest.fixture
def whole(traded: Settings) -> dict[str, pa.Table]:
    """The drop of two desks."""
    return tables(traded, shared(1))


def test_the_parts_of_two_desks_are_one_day_in_which_every_row_passes_its_checks(
    traded: Settings, whole: dict[str, pa.Table]
) -> None:
    wanted = {"book_snapshots", "trades", "parent_orders", "assignments", "decisions", "child_orders", "fills"}
    assert wanted | {"served_features", "limit_events"} == set(whole)
    day = shared(1)
    files = read_day(drop_folder(traded, day.share), day.market, day.share.day)
    checked = check_day({file.noun: bronze_rows([file]) for file in files}, day.market, day.share.day)
    assert {noun: found.refused for noun, found in checked.items()} == dict.fromkeys(whole, ())
    for noun, rows in whole.items():
        assert set(pc.unique(rows["symbol"]).to_pylist()) == (
            {"AURA"} if noun == "limit_events" else {"AURA", "BOLT"}
        ), noun
    assert {row["limit_name"] for row in whole["limit_events"].to_pylist()} == {"participation"}


def test_fills_children_decisions_and_assignments_belong_together(whole: dict[str, pa.Table]) -> None:
    rows = {noun: table.to_pandas() for noun, table in whole.items()}
    children, fills, decisions = rows["child_orders"], rows["fills"], rows["decisions"]
    filled = fills.groupby("child_order_id")["shares"].sum()
    assert (children.set_index("child_order_id")["filled_shares"].reindex(filled.index) == filled).all()
    assert set(fills["child_order_id"]) <= set(children["child_order_id"])
    assert set(children["decision_id"]) <= set(decisions["decision_id"])
    ordered = rows["parent_orders"].set_index("parent_order_id")["order_shares"]
    assert (fills.groupby("parent_order_id")["shares"].sum() <= ordered).all()
    arms = rows["assignments"].set_index("parent_order_id")["arm"]
    assert (decisions["arm"] == decisions["parent_order_id"].map(arms)).all()
    assert set(decisions["policy_version"]) == {"sample.execution/0", "sample.execution/3"}
    assert (children["ended_at"] >= children["event_at"]).all()


def test_what_a_decision_saw_is_what_the_day_makes_of_it_to_the_last_bit(whole: dict[str, pa.Table]) -> None:
    day = shared(1)
    served = of_symbol(whole["served_features"], "AURA")
    book, trades = (of_symbol(whole[noun], "AURA") for noun in ("book_snapshots", "trades"))
    feed = symbol_day("AURA", book, trades, day.market.book_levels)
    interval = [(day.open_ns, day.open_ns + day.seconds * 1_000_000_000)]
    instants = np.unique(served["event_at_ns"].to_numpy())
    again = serve(feed, interval, NO_KNOWLEDGE.before("AURA"), instants)
    expected = served_rows(day.market, day.share.day, [again], NO_KNOWLEDGE)
    for name in ("event_at_ns", "book_event_at_ns", "book_sequence", "features"):
        assert served[name].to_pylist() == expected[name].to_pylist(), name


def test_a_version_in_its_shadow_decides_beside_the_desk_and_sends_nothing(home: Settings) -> None:
    shadow, day = registered(home, 4), shared(1)
    arm = RoutedArm("challenger", shadow.name, shadow.digest, shadow.recipe_id, 0.0)
    routed(home, 2, shadow=arm, rollout_id="sample.r2", phase="shadow")
    worked(home, day)
    found = {one.noun: one.rows for one in read_day(part_folder(home, day.share), day.market, day.share.day)}
    decided = found["shadow_decisions"].to_pylist()
    assert {(row["policy_version"], row["rollout_id"], row["phase"]) for row in decided} == {
        (shadow.name, "sample.r2", "shadow")
    }
    assert {row["champion_version"] for row in decided} <= {"sample.execution/0", None}
    assert found["shadow_children"].num_rows > 0
    assert set(found["decisions"]["policy_version"].to_pylist()) == {"sample.execution/0"}


def test_a_shadow_that_cannot_be_loaded_is_told_and_costs_nothing_else(home: Settings, traded: Settings) -> None:
    day, missing = shared(1), RoutedArm("challenger", "sample.execution/9", "ab" * 32, "recipe", 0.0)
    snapshot = routed(home, 2, shadow=missing, rollout_id="sample.r2", phase="shadow")
    found, why = shadow_tables(day, snapshot, disk_loader(home, "sample"), tables(traded, day), NO_KNOWLEDGE)
    assert found == {}
    assert str(why).startswith("no shadow of sample.execution/9: cannot read a version's file")


def test_no_drop_is_made_of_half_a_session_and_the_desks_are_named(home: Settings) -> None:
    days = [shared(number, of=3) for number in (1, 2)]
    worked(home, days[0])
    worked(home, days[1], stop_at=600.0)
    shares = [day.share for day in days] + [replace(days[0].share, number=3)]
    told = unfinished(home, shares)
    assert [words.partition(" at ")[0] for words in told] == ["desk-2 was stopped", "desk-3 has not ended"]
    with pytest.raises(SessionError, match=r"desk-2 was stopped at second 6[0-9]+; desk-3 has not ended"):
        joined(home, shares)
    assert not drop_folder(home, shares[0]).exists()


def test_a_part_of_a_stopped_session_ends_where_the_session_did(home: Settings) -> None:
    day = shared(1)
    end = worked(home, day, stop_at=605.0)
    part = {
        one.noun: one.rows for one in read_day(journal_path(home, day.share).with_suffix(""), day.market, day.share.day)
    }
    last = max(part["book_snapshots"]["event_at_ns"].to_pylist())
    assert day.open_ns + (end.reached - 10) * 1e9 < last < day.open_ns + end.reached * 1e9


def test_a_day_that_was_traded_is_not_traded_again(home: Settings, traded: Settings) -> None:
    require_untraded(home, shared(1).share)
    with pytest.raises(SessionError, match="the day was traded already"):
        require_untraded(traded, shared(1).share)


@pytest.mark.parametrize(
    ("number", "of", "market"), [(3, 2, "sample"), (0, 2, "sample"), (1, 9, "sample"), (1, 1, "ashare")]
)
def test_a_desk_that_would_own_no_symbol_is_refused(home: Settings, number: int, of: int, market: str) -> None:
    with pytest.raises(UsageError, match="no such desk"):
        live_day(home, Share(market, shared(1).share.day, number, of))


def test_every_symbol_has_one_desk(home: Settings) -> None:
    found = [
        symbol
        for number in (1, 2, 3)
        for symbol in live_day(home, Share("sample", shared(1).share.day, number, 3)).symbols
    ]
    assert len(found) == len(set(found)) == home.sample_symbols
