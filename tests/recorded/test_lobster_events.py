"""The recorded session of GOOG: what it holds, and that its books follow from its messages."""

from __future__ import annotations

from collections import Counter
from datetime import date
from pathlib import Path

import pyarrow.compute as pc
import pytest

from infra.markets import MARKETS
from pipelines.bronze import bronze_rows
from pipelines.check_rows import check_day
from pipelines.sources.file import SourceFile
from pipelines.sources.lobster import CheckedSession, check_session, market_days, recordings

pytestmark = pytest.mark.recorded

LOBSTER = MARKETS["lobster"]
DAY = date(2012, 6, 21)
ROWS = 147_916


@pytest.fixture(scope="module")
def session(recorded_data: Path) -> CheckedSession:
    (recording,) = recordings(recorded_data / "lobster_events")
    return check_session(recording, LOBSTER)


@pytest.fixture(scope="module")
def files(session: CheckedSession) -> dict[str, SourceFile]:
    return {file.noun: file for file in session.files}


def test_one_session_of_one_symbol_is_there(recorded_data: Path, session: CheckedSession) -> None:
    assert market_days(recorded_data / "lobster_events", LOBSTER) == (DAY,)
    assert (session.recording.symbol, session.recording.levels) == ("GOOG", 10)


def test_every_recorded_book_follows_from_the_one_before_and_the_message(session: CheckedSession) -> None:
    check = session.check
    assert (check.transitions, check.levels_different) == (ROWS - 1, 0)
    assert check.levels_compared == check.levels_equal == 2_913_849
    assert check.levels_compared + check.levels_revealed == check.transitions * 20
    assert (check.levels_revealed, check.rows_revealing) == (44_451, 44_451)


def test_a_book_from_messages_alone_goes_wrong_from_the_bottom(session: CheckedSession) -> None:
    assert session.check.rows_to_first_difference == (226, 222, 213, 211, 204, 203, 111, 69, 65, 64)


def test_every_message_is_an_event_and_every_execution_a_trade(files: dict[str, SourceFile]) -> None:
    kinds = Counter(files["book_events"].rows["kind"].to_pylist())
    assert kinds == {"add": 71_258, "delete": 64_961, "execute": 7_765, "execute_hidden": 3_913, "reduce": 19}
    assert Counter(files["trades"].rows["aggressor_side"].to_pylist()) == {1: 5_808, -1: 5_870}
    assert {noun: (file.rows_in, file.refused) for noun, file in files.items()} == {
        "book_events": (ROWS, ()),
        "trades": (11_678, ()),
        "book_snapshots": (ROWS, ()),
    }


def test_a_visible_trade_is_at_the_best_price_of_the_book_before_it(files: dict[str, SourceFile]) -> None:
    events, books = files["book_events"].rows, files["book_snapshots"].rows
    places = pc.indices_nonzero(pc.equal(events["kind"], "execute")).to_numpy()
    places = places[places > 0]
    side, price = events["side"].take(places), events["price"].take(places)
    before = books.take(places - 1)
    best = pc.if_else(pc.equal(side, "bid"), before["bid_price_1"], before["ask_price_1"])
    assert pc.all(pc.equal(price, best)).as_py()


def test_every_row_passes_every_check(files: dict[str, SourceFile]) -> None:
    checked = check_day({noun: bronze_rows([file]) for noun, file in files.items()}, LOBSTER, DAY)
    assert {noun: (one.good.num_rows, one.by_rule, one.duplicates) for noun, one in checked.items()} == {
        "book_events": (ROWS, {}, 0),
        "trades": (11_678, {}, 0),
        "book_snapshots": (ROWS, {}, 0),
    }
