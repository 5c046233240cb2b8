"""What the checks of one day amount to: health rows, and the one reason, if any, for which the night stops. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from infra.errors import QualityError
from infra.markets import Market
from infra.tables import NOUNS
from pipelines.check_rows import CheckedRows
from pipelines.health import HealthRow, Verdict
from pipelines.market_rules import Stretch, silence, stuck

SILENCE_BECAUSE = "ten snapshot intervals without a row are an outage or a halt"
STUCK_BECAUSE = "a liquid book that stands still for ten minutes is stuck or halted"
WORDS = {
    "rows": ("empty day", "rows: at least", "have the files delivered again:"),
    "refused_share": (
        "too many rows were refused",
        "refused share: at most",
        "look at quarantine.rows, then correct the source:",
    ),
    "great_expectations": (
        "rows that passed break an expectation",
        "failed expectations:",
        "correct the declaration in infra/tables, then repeat:",
    ),
}


def _share(checked: CheckedRows) -> HealthRow:
    table = NOUNS[checked.noun]
    rules = ", ".join(f"{rule} {count:,}" for rule, count in checked.by_rule.items())
    counts = f"{checked.refused_count:,} of {checked.arrived.num_rows:,} rows refused"
    verdict: Verdict = "fail" if checked.refused_share > table.max_refused_share else "pass"
    return HealthRow(
        "refused_share",
        checked.noun,
        verdict,
        checked.refused_share,
        table.max_refused_share,
        table.max_refused_because,
        f"{counts}: {rules}" if rules else counts,
    )


def _stretch(name: str, noun: str, found: Stretch, because: str) -> HealthRow:
    words = f"longest {found.seconds:,.0f} s ({found.symbol}); {found.count:,} above {found.threshold_seconds:,.0f} s"
    return HealthRow(name, noun, "note", found.seconds, found.threshold_seconds, because, words)


def health_rows(checked: Mapping[str, CheckedRows], market: Market, day: date) -> list[HealthRow]:
    """One row a check of the day's nouns."""
    rows = []
    for noun, found in checked.items():
        rows.append(_share(found))
        if found.duplicates:
            counts = f"{found.duplicates:,} rows came twice with the same content and were dropped"
            because = "a repeated row says nothing new; rows that differ under one key are refused"
            rows.append(HealthRow("duplicate_rows", noun, "note", float(found.duplicates), None, because, counts))
        if NOUNS[noun].stopped_by_empty:
            presence: Verdict = "pass" if found.good.num_rows else "fail"
            counts = f"{found.good.num_rows:,} good rows"
            because = "a session without any is a feed that did not arrive"
            rows.append(HealthRow("rows", noun, presence, float(found.good.num_rows), 1.0, because, counts))
    books = checked["book_snapshots"].good
    if books.num_rows:
        rows.append(_stretch("silence", "book_snapshots", silence(books, market, day), SILENCE_BECAUSE))
        rows.append(_stretch("stuck_feed", "book_snapshots", stuck(books, market, day), STUCK_BECAUSE))
    return rows


def reason_to_stop(rows: list[HealthRow], market: Market, day: date) -> QualityError | None:
    """The first failed check as an error, None when the day may go on."""
    for row in rows:
        if row.verdict == "fail":
            what, allowed, next_step = WORDS[row.check_name]
            return QualityError(
                what,
                which=f"{row.subject} {market.name} {day}",
                found=row.reason,
                allowed=f"{allowed} {row.threshold:g} ({row.because})",
                next_step=f"{next_step} {market.name} {day}",
            )
    return None
