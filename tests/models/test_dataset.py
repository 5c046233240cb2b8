"""Rows to learn from: thinned to the decision grid, aligned, honest about what is missing."""

from __future__ import annotations

from datetime import date

import numpy as np
import pyarrow as pa
import pytest

from infra.errors import EvidenceError
from models.dataset import concatenated, day_dataset, grid_rows
from models.policy import PolicyParameters
from models.recipe import HyperParameters, Recipe

DAY = date(2026, 11, 20)
NS = 1_000_000_000


def tables(seconds: list[int], moves: list[float | None]) -> tuple[pa.Table, pa.Table]:
    keys = {"symbol": ["AAA"] * len(seconds), "event_at_ns": pa.array([at * NS for at in seconds], pa.int64())}
    spread = pa.array([float(at) for at in seconds], pa.float32())
    features = pa.table({**keys, "spread_bps": spread, "imbalance_1": pa.nulls(len(seconds), pa.float32())})
    return features, pa.table({**keys, "mid_move_30s_bps": pa.array(moves, pa.float32())})


def test_the_first_row_of_each_half_minute_of_each_symbol_is_kept() -> None:
    symbols = np.array(["AAA", "AAA", "AAA", "AAA", "BBB"])
    times = np.array([60, 65, 89, 90, 95]) * NS
    assert grid_rows(symbols, times).tolist() == [True, False, False, True, True]


def test_a_row_without_its_shortest_label_is_left_out_and_nulls_are_nan() -> None:
    features, labels = tables([0, 30, 60], [1.0, None, 3.0])
    rows = day_dataset(DAY, features, labels, ["spread_bps", "imbalance_1"], ["mid_move_30s_bps"], [30])
    assert rows.features[:, 0].tolist() == [0.0, 60.0]
    assert np.isnan(rows.features[:, 1]).all()
    assert {str(rows.features.dtype), str(rows.targets.dtype)} == {"float32"}
    assert rows.sessions == (DAY,)


def test_features_and_labels_of_different_rows_are_refused() -> None:
    features, _ = tables([0, 30], [1.0, 2.0])
    _, labels = tables([0, 31], [1.0, 2.0])
    with pytest.raises(EvidenceError, match="different rows"):
        day_dataset(DAY, features, labels, ["spread_bps"], ["mid_move_30s_bps"], [30])


def test_no_session_at_all_is_refused() -> None:
    with pytest.raises(EvidenceError, match="nothing to learn from"):
        concatenated([])


def recipe(code: str = "abc", version: int = 1, rounds: int = 80) -> Recipe:
    hyper, policy = HyperParameters(rounds=rounds), PolicyParameters("signal", reads_signal=True)
    return Recipe((("spread_bps", version),), (30,), "squared error", hyper, 250, policy, code)


def test_a_recipe_is_named_by_everything_in_it() -> None:
    assert recipe().recipe_id == recipe().recipe_id
    assert len(recipe().recipe_id) == 12
    others = {recipe(code="abd").recipe_id, recipe(version=2).recipe_id, recipe(rounds=81).recipe_id}
    assert len(others | {recipe().recipe_id}) == 4
