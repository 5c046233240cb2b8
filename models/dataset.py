"""What a signal is fitted on: features and later mid moves of the same rows, thinned in time.

Rows every five seconds carry almost the same features and overlapping labels, so a row each `GRID_SECONDS` holds
nearly all the information at a sixth of the cost; the grid equals the desk's decision interval, which is where the
signal is read. A row enters when its shortest label is known.

    >>> GRID_SECONDS
    30
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from infra.errors import EvidenceError

GRID_SECONDS = 30
NS = 1_000_000_000
MIN_SESSIONS = 2
MIN_ROWS = 200

Matrix = npt.NDArray[np.float32]


@dataclass(frozen=True)
class SignalDataset:
    """n rows: features (n, k) float32 with NaN for null, targets (n, h) bps, the row's session and symbol."""

    feature_names: tuple[str, ...]
    horizons_seconds: tuple[int, ...]
    features: Matrix
    targets: Matrix
    days: npt.NDArray[np.int64]
    symbols: npt.NDArray[np.str_]

    @property
    def rows(self) -> int:
        return len(self.days)

    @property
    def sessions(self) -> tuple[date, ...]:
        """Sessions in it, ascending."""
        return tuple(date.fromordinal(int(day)) for day in np.unique(self.days))

    def of(self, days: Collection[date]) -> SignalDataset:
        """Only the rows of these sessions."""
        kept = np.isin(self.days, [day.toordinal() for day in days])
        return SignalDataset(
            self.feature_names,
            self.horizons_seconds,
            self.features[kept],
            self.targets[kept],
            self.days[kept],
            self.symbols[kept],
        )


def grid_rows(symbols: npt.NDArray[np.str_], times_ns: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """(n) whether the row is the first of its symbol in its grid interval; rows sorted by symbol, then time."""
    if len(times_ns) == 0:
        return np.zeros(0, np.bool_)
    bucket = times_ns // (GRID_SECONDS * NS)
    is_first = np.ones(len(times_ns), np.bool_)
    is_first[1:] = (bucket[1:] != bucket[:-1]) | (symbols[1:] != symbols[:-1])
    return is_first


def day_dataset(
    day: date,
    features: pa.Table,
    labels: pa.Table,
    feature_names: Sequence[str],
    label_names: Sequence[str],
    horizons_seconds: Sequence[int],
) -> SignalDataset:
    """Rows of one session. `features` and `labels` hold the same rows, sorted by symbol and time.

    Raises EvidenceError when they do not.
    """
    if not features.column("event_at_ns").equals(labels.column("event_at_ns")):
        raise EvidenceError(
            "features and labels hold different rows",
            which=day,
            found=f"{features.num_rows} and {labels.num_rows} rows",
            allowed="the same rows",
            next_step="run build_features and build_training_set for the day again",
        )
    symbols = np.asarray(features.column("symbol").to_pylist(), dtype=np.str_)
    targets = matrix(labels, label_names)
    kept = grid_rows(symbols, features.column("event_at_ns").to_numpy()) & np.isfinite(targets[:, 0])
    count = int(kept.sum())
    return SignalDataset(
        tuple(feature_names),
        tuple(horizons_seconds),
        matrix(features, feature_names)[kept],
        targets[kept],
        np.full(count, day.toordinal(), np.int64),
        symbols[kept],
    )


def matrix(rows: pa.Table, names: Sequence[str]) -> Matrix:
    """(n, k) float32 of the named columns, NaN for null."""
    columns = [np.asarray(rows.column(name).to_numpy(zero_copy_only=False), np.float32) for name in names]
    return np.column_stack(columns) if rows.num_rows else np.empty((0, len(names)), np.float32)


def concatenated(parts: Sequence[SignalDataset]) -> SignalDataset:
    """All parts in the order given. Raises EvidenceError for none."""
    if not parts:
        raise EvidenceError(
            "nothing to learn from",
            which="training window",
            found="0 sessions",
            allowed=f"{MIN_SESSIONS} or more",
            next_step="run fillwise bootstrap",
        )
    return SignalDataset(
        parts[0].feature_names,
        parts[0].horizons_seconds,
        np.concatenate([part.features for part in parts]),
        np.concatenate([part.targets for part in parts]),
        np.concatenate([part.days for part in parts]),
        np.concatenate([part.symbols for part in parts]),
    )


def require_learnable(dataset: SignalDataset) -> None:
    """Raises EvidenceError for too few sessions or rows, an all-null feature, or a target that never moves."""
    problem = _problem(dataset)
    if problem is not None:
        raise EvidenceError(
            "cannot learn from the training window",
            which=f"{len(dataset.sessions)} sessions, {dataset.rows} rows",
            found=problem,
            allowed=f"{MIN_SESSIONS} sessions, {MIN_ROWS} rows, features with values, targets that move",
            next_step="widen the training window, or look at gold.features and gold.labels of these days",
        )


def _problem(dataset: SignalDataset) -> str | None:
    if len(dataset.sessions) < MIN_SESSIONS or dataset.rows < MIN_ROWS:
        return f"{len(dataset.sessions)} sessions and {dataset.rows} rows"
    if not np.isfinite(dataset.features).any():
        return "no feature has a value"
    for place, horizon in enumerate(dataset.horizons_seconds):
        known = dataset.targets[np.isfinite(dataset.targets[:, place]), place]
        if len(known) == 0 or float(np.ptp(known)) == 0.0:
            return f"the {horizon} s target is constant or empty"
    return None
