"""Whether what was made of a day still rests on the rows that bronze holds now.

A correction may have as many rows as what it corrects, so sums agree. But it is known later, and `known_at` goes with
every row from bronze to silver, quarantine and labels. With n(k) rows known at k:

    silver(k) + quarantined(k) > bronze now(k)      for some k: silver was made from rows that were corrected since
    labels(k) != silver books(k)                    labels were made from earlier silver

Features name the digest of what they were made from (`pipelines/build_features.py`), which is compared with what it
would be now; so features of earlier definitions are found too. What it is not: a look at the values themselves
(`fillwise fingerprint`).

    >>> is_superseded(known=Counter({"Monday": 2}), kept=Counter({"Friday": 2}))
    True
    >>> is_superseded(known=Counter({"Friday": 3}), kept=Counter({"Friday": 2}))
    False
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import date

import pyarrow as pa
import pyarrow.compute as pc

from infra.lake import Lake
from infra.markets import Market
from infra.tables import SILVER

BOOKS = SILVER["book_snapshots"]
EARLIER_ROWS = "silver was made from rows that were corrected since"


def by_known_at(*tables: pa.Table) -> Counter[object]:
    """Rows by `known_at`, of all tables together."""
    counted: Counter[object] = Counter()
    for rows in tables:
        found = pc.value_counts(rows["known_at"]).to_pylist()
        counted.update({one["values"]: one["counts"] for one in found})
    return counted


def is_superseded(known: Counter[object], kept: Counter[object]) -> bool:
    """Whether there are more rows of one `known_at` in silver and quarantine than bronze holds of it now."""
    return bool(kept - known)


def days_resting_on(lake: Lake, market: Market, day: date) -> tuple[date, ...]:
    """The session itself and those after it whose features read a fit that learned from it, ascending."""
    from features.fits import FIT_SESSIONS, FITS_TABLE

    return (day, *[one for one in lake.days(FITS_TABLE, market.name) if one > day][:FIT_SESSIONS])


def earlier_gold(lake: Lake, market: Market, day: date) -> Iterator[str]:
    """Tables of a day that were made from other rows than silver holds now, in words."""
    from features.catalog import FEATURES_TABLE
    from features.labels import LABELS_TABLE
    from pipelines.build_features import inputs_of
    from pipelines.symbol_days import day_sources

    made_from = lake.inputs(FEATURES_TABLE, market.name, [day])
    sources = day_sources(lake, market, [day])
    if made_from and day in sources and made_from.get(day) != inputs_of(sources[day]):
        yield f"{FEATURES_TABLE.name}: made from earlier rows of silver, or by earlier definitions"
    if lake.day_files(LABELS_TABLE, market.name, [day]):
        labels, books = (lake.read_day(table, market.name, day, ["known_at"]) for table in (LABELS_TABLE, BOOKS))
        if by_known_at(labels) != by_known_at(books):
            yield f"{LABELS_TABLE.name}: made from earlier rows of silver"
