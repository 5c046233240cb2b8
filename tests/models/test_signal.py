"""A signal on rows with a known truth: found where it is planted, silent where there is none, the same bytes again."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest

from infra.errors import EvidenceError
from models.dataset import SignalDataset
from models.recipe import HyperParameters
from models.signal import calibration_slope, decile_table, fit_signal, from_files, rank_correlation, split_sessions

FIRST = date(2026, 1, 5)
HORIZONS = (30, 120, 300)
QUICK = HyperParameters(rounds=25, min_child_weight=20.0)


def rows_of(sessions: int = 12, rows: int = 300, strength: float = 4.0, seed: int = 1) -> SignalDataset:
    """Sessions in which the move is `strength` bps times the first of four features, plus noise of 8 bps."""
    random, count = np.random.default_rng(seed), sessions * rows
    features = random.normal(size=(count, 4)).astype(np.float32)
    features[random.random((count, 4)) < 0.1] = np.nan
    truth = strength * np.nan_to_num(features[:, 0])
    targets = np.column_stack([truth + random.normal(0.0, 8.0, count) for _ in HORIZONS]).astype(np.float32)
    days = np.repeat([(FIRST + timedelta(days=day)).toordinal() for day in range(sessions)], rows)
    names = ("imbalance", "flow", "spread", "hour")
    return SignalDataset(names, HORIZONS, features, targets, days, np.resize(np.array(["AAA", "BBB"]), count))


def test_a_planted_move_is_found_calibrated_and_attributed() -> None:
    model = fit_signal(rows_of(), QUICK, seed=7, threads=2)
    for quality in model.quality:
        assert quality.rank_correlation > 0.25
        assert 0.8 < quality.slope <= 1.5
        assert quality.importance[0][0] == "imbalance"
        assert {symbol for symbol, _ in quality.rank_correlation_by_symbol} == {"AAA", "BBB"}
        lowest, highest = quality.deciles_bps[0], quality.deciles_bps[-1]
        assert lowest[1] < -3.0 < 3.0 < highest[1]
    rising = np.array([[-2.0, 0, 0, 0], [0.0, 0, 0, 0], [2.0, 0, 0, 0]], np.float32)
    assert (np.diff(model.predict(rising), axis=0) > 2.0).all()


def test_without_predictability_the_signal_says_next_to_nothing() -> None:
    model = fit_signal(rows_of(strength=0.0), QUICK, seed=7, threads=2)
    assert np.abs(model.predict(rows_of(seed=2, strength=0.0).features)).mean() < 0.4
    assert all(abs(quality.rank_correlation) < 0.1 for quality in model.quality)


def test_rows_and_seed_decide_every_byte_and_the_number_of_threads_none() -> None:
    given = ((7, 2), (7, 1), (8, 2))
    first, again, other = (fit_signal(rows_of(), QUICK, seed=seed, threads=many).to_files() for seed, many in given)
    assert first == again
    assert first["signal_30s.ubj"] != other["signal_30s.ubj"]


def test_files_give_back_the_model_and_none_is_a_pickle() -> None:
    rows = rows_of()
    model = fit_signal(rows, QUICK, seed=7, threads=2)
    files = model.to_files()
    back = from_files(files)
    assert {name.rpartition(".")[2] for name in files} == {"ubj", "json"}
    assert np.array_equal(back.predict(rows.features), model.predict(rows.features))
    assert (back.quality, back.feature_names, back.slopes) == (model.quality, model.feature_names, model.slopes)
    assert np.array_equal(
        back.decision_bps(rows.features[:5]).astype(np.float32), back.predict(rows.features[:5])[:, 1]
    )
    assert back.predict(rows.features[:0]).shape == (0, 3)


def test_calibration_never_sees_a_session_that_was_fitted_on_nor_its_neighbour() -> None:
    days = np.repeat(np.arange(10), 3)
    fitted, held_out = split_sessions(days)
    assert sorted(set(days[fitted])) == [0, 1, 2, 3, 4, 5, 6]
    assert sorted(set(days[held_out])) == [8, 9]


def test_labels_of_held_out_sessions_do_not_reach_the_trees() -> None:
    rows = rows_of()
    spoiled = rows.targets.copy()
    spoiled[rows.days >= np.unique(rows.days)[-2]] *= -1.0
    changed = SignalDataset(rows.feature_names, HORIZONS, rows.features, spoiled, rows.days, rows.symbols)
    honest, misled = (fit_signal(one, QUICK, seed=7, threads=2) for one in (rows, changed))
    assert honest.to_files()["signal_120s.ubj"] == misled.to_files()["signal_120s.ubj"]
    assert misled.slopes == (0.0, 0.0, 0.0)


def test_one_absurd_move_bends_no_tree_far() -> None:
    rows = rows_of()
    absurd = rows.targets.copy()
    absurd[5] = 90_000.0
    changed = SignalDataset(rows.feature_names, HORIZONS, rows.features, absurd, rows.days, rows.symbols)
    found = fit_signal(changed, QUICK, seed=7, threads=2).predict(rows.features)
    assert np.abs(found).max() < 40.0


@pytest.mark.parametrize(
    ("sessions", "strength", "words"),
    [(1, 4.0, "1 sessions"), (12, None, "the 30 s target is constant or empty")],
)
def test_too_little_to_learn_from_is_refused_in_words(sessions: int, strength: float | None, words: str) -> None:
    rows = rows_of(sessions)
    targets = rows.targets if strength is not None else np.zeros_like(rows.targets)
    dull = SignalDataset(rows.feature_names, HORIZONS, rows.features, targets, rows.days, rows.symbols)
    with pytest.raises(EvidenceError, match=words):
        fit_signal(dull, QUICK, seed=7, threads=2)


def test_a_slope_is_kept_between_silence_and_one_and_a_half() -> None:
    predicted = np.array([1.0, -1.0, 2.0, -2.0])
    assert calibration_slope(predicted, 0.5 * predicted) == 0.5
    assert calibration_slope(predicted, -predicted) == 0.0
    assert calibration_slope(predicted, 9.0 * predicted) == 1.5
    assert calibration_slope(np.zeros(3), np.ones(3)) == 0.0


def test_rank_correlation_of_what_does_not_move_is_zero() -> None:
    assert rank_correlation(np.array([1.0, 2.0, 3.0]), np.array([10.0, 20.0, 25.0])) == 1.0
    assert rank_correlation(np.ones(5), np.arange(5.0)) == 0.0


def test_deciles_hold_all_rows_from_the_lowest_prediction_up() -> None:
    table = decile_table(np.arange(100.0), np.arange(100.0)[::-1])
    assert table[0] == (4.5, 94.5)
    assert len(table) == 10
