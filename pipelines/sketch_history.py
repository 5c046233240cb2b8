"""A year of sketches in memory: each session merged over its symbol groups, and one feature of all of them at a time.

Sessions are read a few at a time and kept as the bins that hold rows, about half a megabyte a session.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from features.catalog import FEATURE_NAMES
from features.sketches import PLACES, added
from models.drift import FeatureHistory
from pipelines.batches import day_batches
from pipelines.sketches import HOURS, read_sketches
from pipelines.step import StepContext

Long = npt.NDArray[np.int64]
DAYS_A_READ = 25
"""Sessions read at once, because opening the table costs as much as ten sessions, and 25 are 30 MB of text."""


@dataclass(frozen=True)
class SessionSums:
    """Every feature of one session by local hour: (m) `codes` ascending and the rows `counts` that each stands for.

    code = (place of the feature * HOURS + hour) * PLACES + place of the bin. `rows`: rows of `gold.features` behind it.
    """

    day: date
    codes: npt.NDArray[np.int32]
    counts: npt.NDArray[np.int32]
    rows: int

    def of_feature(self, place: int) -> tuple[Long, Long]:
        """(b) code within the feature, and its rows."""
        low, high = np.searchsorted(self.codes, (place * HOURS * PLACES, (place + 1) * HOURS * PLACES))
        return self.codes[low:high].astype(np.int64) - place * HOURS * PLACES, self.counts[low:high].astype(np.int64)


def _sums(day: date, rows: pa.Table) -> SessionSums:
    cells = rows["place"].to_numpy().astype(np.int64) * HOURS + rows["hour"].to_numpy()
    found = added(rows["bins"], rows["nulls"].to_numpy(), cells)
    by_feature = np.bincount(found.cells // HOURS, weights=found.counts, minlength=1)
    codes = found.cells * PLACES + found.places
    return SessionSums(day, codes.astype(np.int32), found.counts.astype(np.int32), int(by_feature.max()))


def read_sums(context: StepContext, days: Sequence[date]) -> Iterator[SessionSums]:
    """The sessions' sketches of the definitions in force, in the order of `days`."""
    for batch in day_batches(days, DAYS_A_READ):
        rows = read_sketches(context, batch, ["hour", "nulls", "bins"])
        for day in batch:
            yield _sums(day, rows.filter(pc.equal(rows["trade_date"], day)))


def feature_history(sessions: Sequence[SessionSums], name: str) -> FeatureHistory:
    """One feature over the sessions, by the local hours and bins that hold rows in any of them."""
    found = [session.of_feature(FEATURE_NAMES.index(name)) for session in sessions]
    codes = np.concatenate([codes for codes, _ in found])
    counts = np.concatenate([counts for _, counts in found])
    at = np.repeat(np.arange(len(found)), [len(codes) for codes, _ in found])
    hours, hour = np.unique(codes // PLACES, return_inverse=True)
    places, place = np.unique(codes % PLACES, return_inverse=True)
    dense = np.zeros((len(sessions), len(hours), len(places)), np.int64)
    dense[at, hour, place] = counts
    return FeatureHistory(name, tuple(int(one) for one in hours), places, dense)
