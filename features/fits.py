"""What is fitted on earlier days and read by today's features: one flat array a symbol, laid out here.

    fit[TICK]                    smallest price step, currency per share
    fit[MICROPRICE : REGIME]     Stoikov's adjustment, mid ticks, spread state by imbalance bin (`microprice_fit.py`)
    fit[REGIME : SLOTS]          two regimes on each of two axes (`regime_fit.py`)

A fit through session D is used from the session after D on, by the night and by the desk alike; before the first one
every slot is NaN, and so is every feature that reads it. Fits live in `gold.feature_fits`, a row a symbol and session.

    >>> bool(np.isnan(NO_FIT).all()), len(NO_FIT) == SLOTS
    (True, True)
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from infra.tables.columns import Column, Table
from infra.tables.words import KEYS, PROVENANCE, SYMBOL

Fit = npt.NDArray[np.float64]

SPREADS, IMBALANCES = 3, 11
"""Spread of one, two, three or more ticks; eleven bins of imbalance, so that balance is a bin of its own."""
TICK = 0
MICROPRICE = 1
REGIME = MICROPRICE + SPREADS * IMBALANCES
AXES = 2
"""Volatility, illiquidity."""
LOW_MEAN, HIGH_MEAN, LOW_DEVIATION, HIGH_DEVIATION, LOW_STAYS, HIGH_STAYS = range(6)
AXIS_SLOTS = 6
SLOTS = REGIME + AXES * AXIS_SLOTS
FIT_SESSIONS = 5
"""Sessions that a fit learns from: a week has some 1,950 minutes, enough for two regimes, and forgets within days."""

NO_FIT: Fit = np.full(SLOTS, np.nan)
NO_FIT.setflags(write=False)

FITS_TABLE = Table(
    "gold.feature_fits",
    "what a day taught about each symbol, and the fit through it: read by the features of later sessions",
    (
        *KEYS,
        SYMBOL,
        PROVENANCE[0],
        Column("first_day", "date", "oldest session that the fit learned from"),
        Column("sessions", "int", "sessions that the fit learned from", low=1, high=FIT_SESSIONS),
        Column("books_digest", "string", "digest of the book rows and of the code that the day's statistics come from"),
        Column("statistics", "string", "JSON of the day: transitions of the book, minutes of both regime axes"),
        Column("fit", "string", "JSON array as laid out in features/fits.py, null for what could not be fitted"),
    ),
    key=("market", "trade_date", "symbol"),
    sort_by=("symbol",),
)
