"""How CPU time and memory grow with rows: the exponent k of CPU = c * rows^k, one fit a turn, and peaks side by side.

The sizes of one turn run one after the other in warm processes, so that a busy spell hits all of them; the spread
over turns says how much of the exponent is noise.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.measured import Taken

ALLOWED_EXPONENT = 1.1


@dataclass(frozen=True)
class Growth:
    """Mean, least and greatest exponent over turns, and peak memory by size."""

    exponent: float
    low: float
    high: float
    peak_mib: Mapping[int, float]

    @property
    def words(self) -> str:
        peaks = ", ".join(f"x{times} {mib:,.0f} MiB" for times, mib in self.peak_mib.items())
        spread = f"spread {self.low:.3f} to {self.high:.3f}, allowed {ALLOWED_EXPONENT}"
        return f"CPU time grows with rows to the power {self.exponent:.3f} ({spread}); peak memory {peaks}"


def growth(taken: Mapping[int, Sequence[Taken]]) -> Growth:
    """From runs by size, the same number of turns each."""
    turns = min(len(runs) for runs in taken.values())
    slopes = [
        float(
            np.polyfit(
                np.log([runs[turn].rows for runs in taken.values()]),
                np.log([runs[turn].cpu_seconds for runs in taken.values()]),
                1,
            )[0]
        )
        for turn in range(turns)
    ]
    peaks = {times: max(one.peak_mib for one in runs) for times, runs in taken.items()}
    return Growth(float(np.mean(slopes)), min(slopes), max(slopes), peaks)
