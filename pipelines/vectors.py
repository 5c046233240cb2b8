"""Two vectors of features held against each other, bit by bit.

>>> differing(np.float32([1.0, np.nan]), np.float32([1.0, np.nan])).tolist()
[False, False]
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Row = npt.NDArray[np.float32]
SHOWN = 5
"""As many differences are told; the rest is counted."""


@dataclass(frozen=True)
class Difference:
    """One value that two ways of computing see differently. expected: what the night's own rows say."""

    symbol: str
    at: str
    feature: str
    found: str
    expected: str
    by: str = "desk"

    def __str__(self) -> str:
        return f"{self.symbol} {self.at} {self.feature}: {self.by} {self.found}, night {self.expected}"


def differing(desk: Row, night: Row) -> npt.NDArray[np.bool_]:
    """(k) whether the bits differ; null equals null."""
    same = np.isnan(desk) & np.isnan(night)
    return ~same & (desk.view(np.uint32) != night.view(np.uint32))
