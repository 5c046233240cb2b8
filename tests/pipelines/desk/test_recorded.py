"""The paper desk on a recorded market: every row fits its noun, and the log adds up."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from infra import calendar
from infra.errors import SessionError, UsageError
from infra.lake import Lake
from infra.markets import MARKETS
from infra.settings import Settings
from infra.tables import NOUNS
from models.replay_tape import SessionClock
from pipelines.desk.client_orders import interval_volume
from pipelines.desk.recorded import bucket_volume, recorded_books, work_day
from pipelines.desk.recorded_log import counted
from pipelines.sources.ashare import read_day
from pipelines.sources.ashare_scale import SHARE_COUNTS
from pipelines.step import StepContext

ASHARE = MARKETS["ashare"]
FIRST, SECOND = date(2024, 1, 2), date(2024, 1, 3)
TICKS = 3569
DESK_NOUNS = ("parent_orders", "assignments", "decisions", "served_features", "child_orders", "fills")


def record_session(folder: Path, ordinal: int, *, symbol: int = 0) -> None:
    """A whole recorded session of one symbol: a seeded walk in ticks, five levels, 3 s apart, money in every row."""
    random = np.random.default_rng(ordinal)
    clocks = [(hour * 3600 + minute * 60, 2000) for hour, minute in ((9, 40), (13, 10))]
    seconds = np.concatenate([start + 3 * np.arange(1, rows + 1) for start, rows in clocks])
    bid = np.cumsum(random.choice([-1, 0, 1], len(seconds), p=[0.02, 0.96, 0.02]))
    rows: dict[str, object] = {
        "date": np.full(len(seconds), ordinal),
        "time": [f"{at // 3600:02d}:{at // 60 % 60:02d}:{at % 60:02d}" for at in seconds.tolist()],
        "sym": np.full(len(seconds), symbol),
        "n_close": (bid + random.integers(0, 2, len(seconds))) / TICKS,
        "amount_delta": random.integers(1, 20, len(seconds)) * 3569.0,
    }
    for level in range(5):
        rows[f"n_bid{level + 1}"], rows[f"n_ask{level + 1}"] = (bid - level) / TICKS, (bid + 1 + level) / TICKS
        for side in ("b", "a"):
            rows[f"n_{side}size{level + 1}"] = random.integers(1, 9, len(seconds)) * 100 / SHARE_COUNTS[symbol]
    pq.write_table(pa.table(rows), folder / f"date={ordinal:02d}.parquet")


def context(home: Path, data: Path | None) -> StepContext:
    settings = Settings(home=home)
    return StepContext(settings, ASHARE, (FIRST, SECOND), Lake(settings.lake), data)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("recorded")
    record_session(folder, 0)
    record_session(folder, 1)
    return folder


@pytest.fixture(scope="module")
def worked(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, pa.Table]:
    return work_day(context(tmp_path_factory.mktemp("home"), data), SECOND)


def test_the_rows_are_the_declared_columns_within_their_bounds(worked: Mapping[str, pa.Table]) -> None:
    assert set(worked) == set(DESK_NOUNS)
    for noun, rows in worked.items():
        assert rows.schema.names == [column.name for column in NOUNS[noun].columns]
        assert rows.num_rows > 20
        for column in NOUNS[noun].columns:
            values = rows[column.name].drop_null().to_pylist()
            assert column.is_nullable or len(values) == rows.num_rows, column.name
            assert column.low is None or all(column.low <= value <= (column.high or 0.0) for value in values), (
                column.name
            )
            assert not column.allowed or set(values) <= set(column.allowed), column.name


def test_keys_are_unique_and_rows_sorted_as_declared(worked: Mapping[str, pa.Table]) -> None:
    for noun in DESK_NOUNS:
        key = NOUNS[noun].key[-1]
        assert len(set(worked[noun][key].to_pylist())) == worked[noun].num_rows
        columns = [worked[noun][name].to_pylist() for name in NOUNS[noun].sort_by]
        assert list(zip(*columns, strict=True)) == sorted(zip(*columns, strict=True))


def test_every_fill_has_its_child_every_child_its_decision_and_the_shares_add_up(
    worked: Mapping[str, pa.Table],
) -> None:
    fills, children, decisions = (worked[noun].to_pandas() for noun in ("fills", "child_orders", "decisions"))
    parents = worked["parent_orders"].to_pandas().set_index("parent_order_id")
    per_child = fills.groupby("child_order_id")["shares"].sum()
    filled = children.set_index("child_order_id")["filled_shares"]
    assert per_child.reindex(filled.index, fill_value=0.0).to_numpy() == pytest.approx(filled.to_numpy())
    assert set(children["decision_id"]) <= set(decisions["decision_id"])
    per_parent = fills.groupby("parent_order_id")["shares"].sum()
    assert (per_parent <= parents.loc[per_parent.index, "order_shares"] + 1e-6).all()
    assert (children["filled_shares"] <= children["child_shares"]).all()


def test_nothing_happens_outside_the_instructed_interval_or_in_the_lunch_break(worked: Mapping[str, pa.Table]) -> None:
    parents = worked["parent_orders"].to_pandas().set_index("parent_order_id")
    fills = worked["fills"].to_pandas()
    mine = parents.loc[fills["parent_order_id"]]
    assert (fills["event_at"].to_numpy() >= mine["instructed_start_at"].to_numpy()).all()
    assert (fills["event_at"].to_numpy() <= mine["instructed_end_at"].to_numpy()).all()
    intervals = calendar.session_intervals_ns(ASHARE, SECOND)
    inside = np.any(
        [(fills["event_at_ns"] >= start) & (fills["event_at_ns"] <= end) for start, end in intervals], axis=0
    )
    assert inside.all()


def test_the_planted_alpha_is_overlaid_and_the_fills_follow_the_pessimistic_bound(
    worked: Mapping[str, pa.Table],
) -> None:
    assert pc.unique(worked["parent_orders"]["is_alpha_in_path"]).to_pylist() == [False]
    assert pc.unique(worked["fills"]["fill_model"]).to_pylist() == ["trade_through"]
    assert pc.unique(worked["decisions"]["policy_version"]).to_pylist() == ["ashare.execution/0"]
    assert worked["decisions"]["signal_bps"].null_count == worked["decisions"].num_rows


def test_the_same_day_comes_out_the_same(worked: Mapping[str, pa.Table], data: Path, tmp_path: Path) -> None:
    again = work_day(context(tmp_path, data), SECOND)
    assert all(again[noun].equals(worked[noun]) for noun in DESK_NOUNS)


def test_orders_are_sized_by_the_volume_of_the_session_before(worked: Mapping[str, pa.Table], data: Path) -> None:
    before, today = (calendar.session_intervals_ns(ASHARE, day) for day in (FIRST, SECOND))
    volume = bucket_volume(recorded_books(read_day(data, ASHARE, FIRST), ASHARE, FIRST)["SYM00"].day, before)
    clock, length = SessionClock(today), sum(end - start for start, end in today)
    for order in worked["parent_orders"].to_pylist():
        starts, ends = clock.to_clock(
            np.array([order["instructed_start_at"].timestamp(), order["instructed_end_at"].timestamp()]) * 1_000_000_000
        )
        expected = interval_volume(volume, starts / length, ends / length)
        assert order["order_shares"] / expected == pytest.approx(order["participation_rate"], rel=1e-6)


def test_the_volume_of_a_session_is_its_money_at_the_mid(data: Path) -> None:
    book = recorded_books(read_day(data, ASHARE, FIRST), ASHARE, FIRST)["SYM00"]
    volume = bucket_volume(book.day, calendar.session_intervals_ns(ASHARE, FIRST))
    assert len(volume) == 20
    assert volume.sum() == pytest.approx(np.nansum(book.day.traded_notional / book.day.mid), rel=1e-3)


def test_a_crossed_recorded_row_is_not_traded_on(data: Path, tmp_path: Path) -> None:
    rows = pq.read_table(data / "date=00.parquet").to_pandas()
    rows.loc[7, "n_bid1"] = rows.loc[7, "n_ask2"]
    pq.write_table(pa.Table.from_pandas(rows, preserve_index=False), tmp_path / "date=00.parquet")
    book = recorded_books(read_day(tmp_path, ASHARE, FIRST), ASHARE, FIRST)["SYM00"].day
    assert book.rows == len(rows) - 1
    assert (book.bid_price[:, 0] < book.ask_price[:, 0]).all()


def test_without_its_folder_or_on_a_closed_day_the_desk_says_so(data: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no --data"):
        work_day(context(tmp_path, None), FIRST)
    with pytest.raises(SessionError):
        work_day(context(tmp_path, data), date(2024, 1, 6))


def test_names_count_up_within_each_order() -> None:
    assert counted(np.array([5, 5, 2, 5, 2])).tolist() == [1, 2, 1, 3, 2]
    assert counted(np.array([], np.int64)).tolist() == []
