"""A session on the paper desk: its eight nouns agree with each other, with the policy and the rules of the desk."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from features.engine import FEATURE_NAMES, compute_features
from features.labels import HORIZONS_SECONDS
from features.market_day import symbol_day
from infra import calendar
from infra.errors import SessionError
from infra.lake_files import conform
from infra.markets import MARKETS
from infra.settings import Settings
from infra.tables import NOUNS
from models.policy import DO_NOTHING, SIGNAL, PolicyParameters
from models.production import benchmark_production, of_policy
from models.signal import SignalModel
from models.version import PolicyInForce, benchmark_policy
from pipelines.desk.hidden import hidden_parameters
from pipelines.desk.paper import symbol_sessions, work_day
from pipelines.desk.served import vector_of
from pipelines.sources.sample import MADE

MARKET = MARKETS["sample"]
DAY, HALF_DAY = date(2026, 1, 6), date(2026, 11, 27)
SETTINGS = Settings(home=Path("/nowhere"), sample_symbols=2)
TWAP = benchmark_policy("sample")
BENCHMARK = benchmark_production("sample")


Day = dict[str, pa.Table]
Frames = dict[str, pd.DataFrame]


def policy(parameters: PolicyParameters, signal: SignalModel | None = None) -> PolicyInForce:
    return PolicyInForce("sample.execution/9", parameters.digest(), parameters, signal)


@pytest.fixture(scope="module")
def day() -> Day:
    return dict(work_day(SETTINGS, MARKET, DAY, BENCHMARK))


@pytest.fixture(scope="module")
def frames(day: Day) -> Frames:
    return {noun: rows.to_pandas() for noun, rows in day.items()}


@pytest.mark.parametrize("noun", MADE)
def test_every_noun_fits_its_declaration(day: Day, noun: str) -> None:
    assert day[noun].schema.names == [column.name for column in NOUNS[noun].columns]
    assert conform(NOUNS[noun], "sample", DAY, day[noun]).num_rows > 0


def test_keys_are_unique(frames: Frames) -> None:
    for noun in MADE:
        table = NOUNS[noun]
        assert not frames[noun].duplicated(list(table.key)).any(), noun


def test_a_full_day_has_a_book_every_five_seconds(frames: Frames) -> None:
    books = frames["book_snapshots"]
    assert (books.groupby("symbol").size() == 4680).all()
    assert set(books.groupby("symbol").event_at_ns.diff().dropna()) == {5e9}
    assert books.event_at.iloc[0] == pd.Timestamp(calendar.open_at(MARKET, DAY))
    assert (books.bid_price_1 < books.ask_price_1).all()


def test_a_half_day_ends_at_its_close() -> None:
    rows = work_day(SETTINGS, MARKET, HALF_DAY, BENCHMARK)
    close = pd.Timestamp(calendar.close_at(MARKET, HALF_DAY))
    assert rows["book_snapshots"].num_rows == 2 * 2520
    for noun in ("book_snapshots", "trades", "fills"):
        assert rows[noun].to_pandas().event_at.max() < close
    assert rows["parent_orders"].to_pandas().instructed_end_at.max() <= close


def test_a_day_run_again_is_the_same_to_the_last_bit(day: Day) -> None:
    again = work_day(SETTINGS, MARKET, DAY, BENCHMARK)
    assert all(rows.equals(again[noun]) for noun, rows in day.items())


def test_a_symbols_day_does_not_depend_on_the_other_symbols(day: Day) -> None:
    alone = work_day(replace(SETTINGS, sample_symbols=1), MARKET, DAY, BENCHMARK)
    for noun, rows in alone.items():
        assert rows.equals(day[noun].filter(pc.equal(day[noun].column("symbol"), "AURA"))), noun


def test_traded_volume_is_the_sum_of_the_trades(frames: Frames) -> None:
    trades, books = frames["trades"], frames["book_snapshots"]
    seen = trades[trades.event_at_ns <= books.event_at_ns.max()]
    money = (seen.price * seen.shares).groupby(seen.symbol).sum()
    assert (books.groupby("symbol").traded_shares.sum() == seen.groupby("symbol").shares.sum()).all()
    assert books.groupby("symbol").traded_notional.sum().to_numpy() == pytest.approx(money.to_numpy())


def test_fills_children_and_parents_add_up(frames: Frames) -> None:
    parents, children, fills = frames["parent_orders"], frames["child_orders"], frames["fills"]
    by_child = fills.groupby("child_order_id").shares.sum().reindex(children.child_order_id).fillna(0.0)
    by_parent = fills.groupby("parent_order_id").shares.sum().reindex(parents.parent_order_id).fillna(0.0)
    assert (by_child.to_numpy() == children.filled_shares).all()
    assert (children.filled_shares <= children.child_shares).all()
    assert ((children.end_reason == "filled") == (children.filled_shares == children.child_shares)).all()
    assert (by_parent.to_numpy() <= parents.order_shares).all()
    assert set(fills.child_order_id) <= set(children.child_order_id)
    assert set(children.decision_id) <= set(frames["decisions"].decision_id)


def test_nothing_happens_outside_the_instructed_interval(frames: Frames) -> None:
    parents = frames["parent_orders"].set_index("parent_order_id")
    for noun, last in (("decisions", "event_at"), ("child_orders", "ended_at"), ("fills", "event_at")):
        rows = frames[noun].join(parents[["instructed_start_at", "instructed_end_at"]], on="parent_order_id")
        assert (rows.event_at >= rows.instructed_start_at).all()
        assert (rows[last] <= rows.instructed_end_at).all()


def test_no_fill_is_worse_than_the_limit_of_its_child_or_its_client(frames: Frames) -> None:
    fills = frames["fills"].merge(frames["child_orders"][["child_order_id", "limit_price"]], on="child_order_id")
    fills = fills.join(
        frames["parent_orders"].set_index("parent_order_id").limit_price.rename("client"), "parent_order_id"
    )
    side = np.where(fills.side == "buy", 1, -1)
    assert (side * (fills.price - fills.limit_price) <= 1e-9).all()
    assert not (side * (fills.price - fills.client) > 1e-9).any()
    assert fills.client.notna().any()


def test_the_desks_share_of_the_volume_stays_below_a_fifth(frames: Frames) -> None:
    own = frames["fills"].groupby("symbol").shares.sum()
    others = frames["book_snapshots"].groupby("symbol").traded_shares.sum()
    share = own / (own + others)
    assert ((share > 0.02) & (share < 0.20)).all()


def test_orders_without_a_limit_are_completed_by_the_last_cross(frames: Frames) -> None:
    parents, fills = frames["parent_orders"], frames["fills"]
    done = fills.groupby("parent_order_id").shares.sum().reindex(parents.parent_order_id).fillna(0.0).to_numpy()
    free = parents.limit_price.isna().to_numpy()
    assert np.mean(done[free] == parents.order_shares[free]) > 0.98


def test_fees_are_paid_by_takers_and_earned_by_makers(frames: Frames) -> None:
    fills = frames["fills"]
    bps = fills.fee_notional / (fills.price * fills.shares) * 1e4
    assert bps[fills.liquidity == "maker"].to_numpy() == pytest.approx(-0.2)
    assert bps[fills.liquidity == "taker"].to_numpy() == pytest.approx(0.3)
    assert set(fills.liquidity) == {"maker", "taker"}


def test_a_policy_that_does_nothing_gets_nothing() -> None:
    rows = work_day(replace(SETTINGS, sample_symbols=1), MARKET, DAY, of_policy("sample", policy(DO_NOTHING)))
    assert (rows["child_orders"].num_rows, rows["fills"].num_rows) == (0, 0)
    assert set(rows["decisions"].column("action").to_pylist()) == {"wait"}


def test_a_day_that_is_no_session_is_refused() -> None:
    with pytest.raises(SessionError, match="no session"):
        work_day(SETTINGS, MARKET, date(2026, 1, 4), BENCHMARK)


def test_hidden_parameters_are_drawn_by_seed_inside_their_ranges() -> None:
    assert hidden_parameters(7) == hidden_parameters(7) != hidden_parameters(8)
    for seed in range(50):
        drawn = hidden_parameters(seed)
        assert 0.005 <= drawn.latency_seconds <= 0.25
        assert 0.7 <= drawn.impact_strength <= 1.6


class EveryFeature:
    """A booster that predicts the sum of all features, each cut to one bp, as XGBoost's interface goes."""

    def copy(self) -> EveryFeature:
        return EveryFeature()

    def set_param(self, parameters: dict[str, int]) -> None:
        assert parameters == {"nthread": 1}

    def inplace_predict(self, rows: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        total = np.zeros(len(rows), np.float32)
        for column in range(rows.shape[1]):
            total += np.clip(np.nan_to_num(rows[:, column]), -1.0, 1.0)
        return total


@pytest.fixture(scope="module")
def signalled() -> Day:
    model = SignalModel(HORIZONS_SECONDS, FEATURE_NAMES, (EveryFeature(),) * 3, (1.0,) * 3, ())
    return dict(work_day(SETTINGS, MARKET, DAY, of_policy("sample", policy(SIGNAL, model))))


def test_decisions_see_the_signal_of_the_nightly_features_to_the_last_bit(signalled: Day) -> None:
    books, decisions = signalled["book_snapshots"], signalled["decisions"].to_pandas()
    for symbol in ("AURA", "BOLT"):
        mine = books.filter(pc.equal(books.column("symbol"), symbol))
        trades = signalled["trades"].filter(pc.equal(signalled["trades"].column("symbol"), symbol))
        arrays = symbol_day(symbol, mine, trades, 10)
        features = compute_features(arrays, calendar.session_intervals_ns(MARKET, DAY))
        expected = EveryFeature().inplace_predict(features).astype(np.float64)
        seen = decisions[decisions.symbol == symbol]
        rows = np.searchsorted(arrays.times_ns, seen.event_at_ns.to_numpy())
        assert len(seen) > 500
        assert (seen.signal_bps.to_numpy() == expected[rows]).all()


def test_what_was_served_is_what_the_signal_read_at_every_decision(signalled: Day) -> None:
    served, decisions = signalled["served_features"].to_pandas(), signalled["decisions"].to_pandas()
    vectors = np.stack([vector_of(text) for text in served.features])
    given = EveryFeature().inplace_predict(vectors).astype(np.float64)
    read = dict(zip(zip(served.symbol, served.event_at_ns, strict=True), given, strict=True))
    seen = [read[key] for key in zip(decisions.symbol, decisions.event_at_ns, strict=True)]
    assert len(read) < len(seen)
    assert (decisions.signal_bps.to_numpy() == np.array(seen)).all()


def test_a_policy_that_reads_no_signal_is_served_all_the_same(day: Day) -> None:
    decided = {(one["symbol"], one["event_at_ns"]) for one in day["decisions"].to_pylist()}
    assert {(one["symbol"], one["event_at_ns"]) for one in day["served_features"].to_pylist()} == decided
    assert day["served_features"]["fit_day"].null_count == day["served_features"].num_rows


def test_a_policy_that_reads_the_signal_trades_another_day(signalled: Day, day: Day) -> None:
    assert not signalled["fills"].equals(day["fills"])
    assert signalled["parent_orders"].equals(day["parent_orders"])
    assert day["decisions"].column("signal_bps").null_count == day["decisions"].num_rows


def test_a_planted_change_of_regime_begins_on_its_day_and_leaves_the_closes_alone() -> None:
    planted = replace(SETTINGS, sample_shift_from=str(DAY))
    before, after = (symbol_sessions(planted, MARKET, day) for day in (DAY - timedelta(days=1), DAY))
    assert before == symbol_sessions(SETTINGS, MARKET, DAY - timedelta(days=1))
    unshifted = symbol_sessions(SETTINGS, MARKET, DAY)
    assert [one.previous_close for one in after] == [one.previous_close for one in unshifted]
    spreads = []
    for settings in (SETTINGS, planted):
        books = work_day(replace(settings, sample_symbols=1), MARKET, DAY, BENCHMARK)["book_snapshots"].to_pandas()
        spreads.append((books["ask_price_1"] - books["bid_price_1"]).mean())
    assert spreads[1] > 1.2 * spreads[0]
