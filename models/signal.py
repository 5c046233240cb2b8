"""The signal: expected mid move in bps over several horizons, from features of the book and the flow.

One XGBoost regressor a horizon (Chen and Guestrin 2016, sections 2 and 3; histogram trees), fitted on the older
sessions of the window, calibrated on its newest fifth with one session's embargo between. Calibration is one number a
horizon, the slope of realised on predicted move through the origin, held inside [0, 1.5]: a signal that says nothing
is multiplied by zero instead of traded upon.

What it is not: a forecast of price beyond minutes, or a promise; its quality is measured on held-out sessions, by
rank correlation and by deciles, and a policy that reads it is judged in bps saved.

    >>> DECISION_HORIZON_SECONDS
    120
"""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import spearmanr

from models.dataset import Matrix, SignalDataset, require_learnable
from models.recipe import HyperParameters

DECISION_HORIZON_SECONDS = 120
HELD_OUT_SHARE = 0.2
EMBARGO_SESSIONS = 1
MAX_SLOPE = 1.5
DECILES = 10


@dataclass(frozen=True)
class HorizonQuality:
    """Held-out quality at one horizon. deciles: (mean predicted, mean realised) bps, lowest prediction first."""

    horizon_seconds: int
    rows: int
    rank_correlation: float
    slope: float
    rank_correlation_by_symbol: tuple[tuple[str, float], ...]
    deciles_bps: tuple[tuple[float, float], ...]
    importance: tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class SignalModel:
    """Boosters, their calibration and how good they were on sessions that they did not see."""

    horizons_seconds: tuple[int, ...]
    feature_names: tuple[str, ...]
    boosters: tuple[Any, ...]
    slopes: tuple[float, ...]
    quality: tuple[HorizonQuality, ...]

    def predict(self, features: Matrix) -> Matrix:
        """(n, h) float32 expected mid move in bps for (n, k) float32 features, NaN for null."""
        rows = np.ascontiguousarray(features, dtype=np.float32)
        if len(rows) == 0:
            return np.empty((0, len(self.boosters)), np.float32)
        moves = [
            slope * booster.inplace_predict(rows) for booster, slope in zip(self.boosters, self.slopes, strict=True)
        ]
        return np.column_stack(moves).astype(np.float32)

    def decision_bps(self, features: Matrix) -> npt.NDArray[np.float64]:
        """(n) float64: the horizon that policies read."""
        place = self.horizons_seconds.index(DECISION_HORIZON_SECONDS)
        rows = np.ascontiguousarray(features, dtype=np.float32)
        if len(rows) == 0:
            return np.empty(0)
        return np.asarray(self.slopes[place] * self.boosters[place].inplace_predict(rows), np.float64)

    def to_files(self) -> dict[str, bytes]:
        """XGBoost's own format and JSON; no pickle."""
        files = {
            f"signal_{horizon}s.ubj": bytes(booster.save_raw("ubj"))
            for horizon, booster in zip(self.horizons_seconds, self.boosters, strict=True)
        }
        calibration = {"horizons_seconds": self.horizons_seconds, "slopes": self.slopes}
        files["calibration.json"] = json.dumps(calibration).encode()
        files["features.json"] = json.dumps(self.feature_names).encode()
        files["quality.json"] = json.dumps([asdict(one) for one in self.quality]).encode()
        return files


def library_version() -> str:
    """Version of XGBoost: the same seed may give other trees under another one."""
    import xgboost

    return str(xgboost.__version__)


def from_files(files: dict[str, bytes]) -> SignalModel:
    """The model that `to_files` wrote; the caller has checked the digests."""
    import xgboost

    calibration = json.loads(files["calibration.json"])
    boosters = []
    for horizon in calibration["horizons_seconds"]:
        booster = xgboost.Booster()
        booster.load_model(bytearray(files[f"signal_{horizon}s.ubj"]))
        boosters.append(booster)
    quality = tuple(_quality_from(one) for one in json.loads(files["quality.json"]))
    return SignalModel(
        tuple(calibration["horizons_seconds"]),
        tuple(json.loads(files["features.json"])),
        tuple(boosters),
        tuple(calibration["slopes"]),
        quality,
    )


def _quality_from(found: dict[str, Any]) -> HorizonQuality:
    pairs = ("rank_correlation_by_symbol", "deciles_bps", "importance")
    return HorizonQuality(**{**found, **{name: tuple(tuple(pair) for pair in found[name]) for name in pairs}})


def split_sessions(ordinals: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """(n) rows to fit on and (n) rows to calibrate on: the newest fifth of the sessions, an embargo between.

    With fewer than four sessions there is no room for the embargo; the newest one calibrates.
    """
    sessions = np.unique(ordinals)
    held_out = max(1, round(HELD_OUT_SHARE * len(sessions)))
    embargo = EMBARGO_SESSIONS if len(sessions) - held_out > EMBARGO_SESSIONS + 1 else 0
    first_held_out = sessions[len(sessions) - held_out]
    last_fitted = sessions[len(sessions) - held_out - embargo - 1]
    return ordinals <= last_fitted, ordinals >= first_held_out


def fit_signal(dataset: SignalDataset, hyper: HyperParameters | None = None, *, seed: int, threads: int) -> SignalModel:
    """Fit and calibrate. Same dataset and seed: same bytes, whatever `threads` is.

    The horizons are fitted side by side, each by one thread: XGBoost's own threads add histograms in an order that
    depends on their number, and wait for each other at every node (five times slower beside other work).
    Raises EvidenceError when there is nothing to learn.
    """
    require_learnable(dataset)
    settings = hyper or HyperParameters()
    fitted, held_out = split_sessions(dataset.days)

    def fit(place: int) -> tuple[Any, HorizonQuality]:
        booster = _boost(dataset, place, fitted, settings, seed)
        return booster, _judge(dataset, place, held_out, booster)

    places = range(len(dataset.horizons_seconds))
    with ThreadPoolExecutor(max_workers=len(places) if threads > 1 else 1) as pool:
        boosters, quality = zip(*pool.map(fit, places), strict=True)
    return SignalModel(
        dataset.horizons_seconds,
        dataset.feature_names,
        tuple(boosters),
        tuple(one.slope for one in quality),
        tuple(quality),
    )


def _boost(
    dataset: SignalDataset,
    place: int,
    rows: npt.NDArray[np.bool_],
    hyper: HyperParameters,
    seed: int,
) -> Any:
    import xgboost

    target = dataset.targets[:, place]
    kept = rows & np.isfinite(target)
    clipped = np.clip(target[kept], -hyper.clip_bps, hyper.clip_bps)
    table = xgboost.QuantileDMatrix(
        dataset.features[kept], clipped, nthread=1, feature_names=list(dataset.feature_names)
    )
    parameters = {
        "objective": "reg:squarederror", "tree_method": "hist", "eta": hyper.eta, "max_depth": hyper.max_depth,
        "min_child_weight": hyper.min_child_weight, "subsample": hyper.subsample, "lambda": hyper.l2,
        "colsample_bytree": hyper.column_sample, "seed": seed, "nthread": 1, "base_score": 0.0,
    }  # fmt: skip
    booster = xgboost.train(parameters, table, num_boost_round=hyper.rounds)
    booster.feature_names = None
    return booster


def _judge(dataset: SignalDataset, place: int, rows: npt.NDArray[np.bool_], booster: Any) -> HorizonQuality:
    kept = rows & np.isfinite(dataset.targets[:, place])
    realised = dataset.targets[kept, place].astype(np.float64)
    predicted = np.asarray(booster.inplace_predict(np.ascontiguousarray(dataset.features[kept])), np.float64)
    symbols = dataset.symbols[kept]
    slope = calibration_slope(predicted, realised)
    by_symbol = tuple(
        (str(symbol), rank_correlation(predicted[symbols == symbol], realised[symbols == symbol]))
        for symbol in np.unique(symbols)
    )
    return HorizonQuality(
        dataset.horizons_seconds[place],
        int(kept.sum()),
        rank_correlation(predicted, realised),
        slope,
        by_symbol,
        decile_table(slope * predicted, realised),
        _importance(booster, dataset.feature_names),
    )


def calibration_slope(predicted: npt.NDArray[np.float64], realised: npt.NDArray[np.float64]) -> float:
    """Least-squares slope of realised on predicted through the origin, inside [0, MAX_SLOPE]; 0 without rows."""
    power = float(predicted @ predicted)
    return float(np.clip(predicted @ realised / power, 0.0, MAX_SLOPE)) if power > 0.0 else 0.0


def rank_correlation(predicted: npt.NDArray[np.float64], realised: npt.NDArray[np.float64]) -> float:
    """Spearman's rank correlation; 0 where either side does not move or there are fewer than three rows."""
    if len(predicted) < 3 or np.ptp(predicted) == 0.0 or np.ptp(realised) == 0.0:
        return 0.0
    return float(spearmanr(predicted, realised).statistic)


def decile_table(
    predicted: npt.NDArray[np.float64], realised: npt.NDArray[np.float64]
) -> tuple[tuple[float, float], ...]:
    """(mean predicted, mean realised) bps of each tenth of the rows, lowest predictions first."""
    parts = np.array_split(np.argsort(predicted, kind="stable"), DECILES)
    return tuple((float(predicted[part].mean()), float(realised[part].mean())) for part in parts if len(part))


def _importance(booster: Any, names: tuple[str, ...]) -> tuple[tuple[str, float], ...]:
    gains = {name: 0.0 for name in names}
    for key, gain in booster.get_score(importance_type="total_gain").items():
        gains[names[int(key[1:])] if key not in gains else key] = float(gain)
    total = sum(gains.values()) or 1.0
    return tuple(sorted(((name, gain / total) for name, gain in gains.items()), key=lambda pair: -pair[1]))
