"""The two hidden scales of the recorded A-shares: previous close in ticks, and shares in a size of 1.

A price value is the return on the previous close m (in ticks of CNY 0.01): price in ticks = (1 + value) * m. The
smallest distance between distinct values of a symbol and day is 1/m, and m is the one whole number within 2 % of
it that makes every price whole. Measured on all 548 symbol-days recorded: residual below 2e-12 ticks, m never
ambiguous.

A size value is a fraction of the symbol's share count N: shares = value * N. Measured: whole to 3e-8 of a share on
every row of every day. One file gives N only up to a factor (on some days all sizes of a symbol are multiples of
20), so N is written down, and every file must agree with it.

    >>> previous_close_ticks("date=00", "SYM00", np.array([-2, 0, 1, 5]) / 263.0)
    263
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from infra.errors import SourceError

Float = npt.NDArray[np.float64]

MAX_RESIDUAL_TICKS = 1e-6
"""Because the neighbour m + 1 misses a price k ticks away by k / m, 1e-6 at the least for prices below CNY 10,000."""
MAX_RESIDUAL_SHARES = 1e-3
SPACING_TOLERANCE = 0.02
MIN_SPACING = 1e-6
VALUES_AT_ONCE = 16
SHARE_COUNTS: Mapping[int, int] = {
    0: 6_015_730_878,
    1: 34_798_398_763,
    2: 606_817_968,
    3: 3_131_359_417,
    4: 5_168_285_026,
    5: 273_468_800,
    6: 12_116_908_400,
    7: 4_078_424_928,
    8: 776_250_350,
    9: 18_280_241_410,
}


def _whole_multiples(values: Float) -> list[int]:
    """Every whole m near 1 / smallest spacing for which all (1 + values) * m are whole."""
    spacing = np.diff(values)
    spacing = spacing[spacing > MIN_SPACING]
    if len(spacing) == 0:
        return []
    around = 1.0 / spacing.min()
    fitting = np.arange(int(around * (1 - SPACING_TOLERANCE)), int(np.ceil(around * (1 + SPACING_TOLERANCE))) + 1)
    for start in range(0, len(values), VALUES_AT_ONCE):
        ticks = np.outer(fitting, 1.0 + values[start : start + VALUES_AT_ONCE])
        fitting = fitting[(np.abs(ticks - np.rint(ticks)) < MAX_RESIDUAL_TICKS).all(axis=1)]
    return [int(found) for found in fitting]


def previous_close_ticks(file: str, symbol: str, values: Float) -> int:
    """The previous close in ticks, from the distinct price values (k,) of one symbol and day, ascending.

    Raises SourceError unless exactly one whole number makes all prices whole.
    """
    fitting = _whole_multiples(values)
    if len(fitting) != 1:
        raise SourceError(
            "previous close cannot be recovered",
            which=f"{file} {symbol}",
            found=f"{len(values)} distinct prices, {len(fitting)} whole numbers that fit",
            allowed=f"one, with a residual below {MAX_RESIDUAL_TICKS:g} ticks",
            next_step="leave the day out, or look whether the file was rescaled",
        )
    return fitting[0]


def whole_shares(file: str, symbol: str, values: Float, share_count: int) -> Float:
    """Sizes in shares; what is no number stays none. Raises SourceError when they are no whole numbers of shares."""
    shares = values * share_count
    whole = np.rint(shares)
    worst = float(np.abs(shares - whole)[np.isfinite(shares)].max(initial=0.0))
    if not worst <= MAX_RESIDUAL_SHARES:
        raise SourceError(
            "sizes are no whole shares",
            which=f"{file} {symbol}",
            found=f"{worst:.3g} of a share left over at a share count of {share_count:,}",
            allowed=f"at most {MAX_RESIDUAL_SHARES:g}",
            next_step="correct the symbol's row of SHARE_COUNTS in pipelines/sources/ashare_scale.py",
        )
    return whole
