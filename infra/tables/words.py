"""Columns that many tables share, and the bounds of their units.

Prices are in the market's currency per share, sizes in shares, times in UTC.
"""

from __future__ import annotations

from infra.tables.columns import Column

PRICE_HIGH, SHARES_HIGH, NOTIONAL_HIGH = 1e6, 1e10, 1e13

KEYS = (
    Column("market", "string", "market of the row: sample, ashare, a user's own"),
    Column("trade_date", "date", "the exchange's business day"),
)
PROVENANCE = (
    Column("known_at", "timestamp", "when the pipeline could first use the row", unit="UTC"),
    Column("source_file", "string", "file that the row came from, as it was named in the drop"),
    Column("source_row", "long", "row in that file, from 0", low=0, high=1e12),
    Column("source_sha256", "string", "SHA-256 of that file's bytes: which delivery of the name it was"),
)
SYMBOL = Column("symbol", "string", "instrument")
SYMBOL_WHERE_KNOWN = Column("symbol", "string", "instrument, where the message names one", is_nullable=True)
EVENT = (
    Column("event_at", "timestamp", "exchange time", unit="UTC"),
    Column("event_at_ns", "long", "exchange time since 1970, all digits the feed gave", unit="ns", low=0, high=9e18),
)
SEQUENCE = Column("sequence", "long", "order of rows that carry the same time", low=0, high=1e15)
RECEIVED = Column("received_at", "timestamp", "recorder's time, where known", unit="UTC", is_nullable=True)
CURRENCY = Column("currency", "string", "ISO 4217 code of every price and notional in the row")
SIDE = Column("side", "string", "what the client does", allowed=("buy", "sell"))


def price(name: str, meaning: str, *, is_nullable: bool = False) -> Column:
    """A price column."""
    return Column(name, "double", meaning, "currency/share", is_nullable, 1e-4, PRICE_HIGH)


def shares(name: str, meaning: str, *, is_nullable: bool = False, low: float = 0.0) -> Column:
    """A column of sizes."""
    return Column(name, "double", meaning, "shares", is_nullable, low, SHARES_HIGH)
