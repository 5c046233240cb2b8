"""What the checks of one day amount to: health rows, and the one reason, if any, for which the night stops. Pure.

Each rule of `pipelines/rules/catalog.py` that notes something, and each that stops the night, becomes a row: figure,
threshold, because and the reason in words; the shares of `infra/tables` likewise. What stops a night whatever its share
comes first, so that the sentence of the error names the cause (two symbols swapped) and not its effect (many rows
refused).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date

import pyarrow.compute as pc

from infra.errors import QualityError
from infra.markets import Market
from infra.tables import NOUNS
from pipelines.check_rows import CheckedRows, night_steps
from pipelines.health import HealthRow, Verdict
from pipelines.rules.catalog import FEEDS, RULES, Finding, declared_rules
from pipelines.rules.feeds import halt_findings, sequence_findings, session_findings
from pipelines.rules.limits import empty_side_findings
from pipelines.rules.ordering import order_findings
from pipelines.rules.overnight import OvernightStep
from pipelines.rules.prices import Stretch, market_silence, silence, stuck
from pipelines.rules.releases import NONE, Released, taken_back_in
from pipelines.rules.repeats import standing_symbols

BOOKS = "book_snapshots"
WORDS = {
    "constant_feed": (
        "the whole feed stood still",
        "books while no symbol moved all day: at most",
        "have the books recorded again and delivered, or release the rows after a look at quarantine.rows:",
    ),
    "symbol_swap": (
        "two symbols have each other's prices",
        "symbols that swapped: at most",
        "correct the names and deliver the books again, or release the rows after a look at quarantine.rows:",
    ),
    "split_unannounced": (
        "a price jumped overnight as in a split",
        "symbols that split without a row in symbol_events: at most",
        "deliver the split in symbol_events or correct the books, or release the rows after a look at quarantine.rows:",
    ),
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


def _noted(found: Finding, verdict: Verdict = "note") -> HealthRow:
    because = RULES[found.rule].because
    return HealthRow(found.rule, found.noun, verdict, found.figure, found.threshold, because, found.words)


def _stretch(rule: str, found: Stretch) -> HealthRow:
    words = f"longest {found.seconds:,.0f} s ({found.symbol}); {found.count:,} above {found.threshold_seconds:,.0f} s"
    return _noted(Finding(rule, BOOKS, found.seconds, found.threshold_seconds, words))


def _night_row(rule: str, steps: list[OvernightStep], books: CheckedRows) -> HealthRow:
    """One stopping rule of the night. It holds the night until every row of its symbols was taken back in."""
    names = sorted({symbol for step in steps for symbol in step.symbols})
    words = "; ".join(step.words for step in steps)
    if not steps:
        return _noted(Finding(rule, BOOKS, 0.0, 0.0, "no symbol"), "pass")
    is_held = rule in books.by_rule or not pc.any(pc.is_in(books.good["symbol"], pc.cast(names, "string"))).as_py()
    return _noted(Finding(rule, BOOKS, float(len(names)), 0.0, words), "fail" if is_held else "note")


def _night_rows(checked: Mapping[str, CheckedRows], previous: Mapping[str, float]) -> Iterator[HealthRow]:
    books = checked[BOOKS]
    refused = books.by_rule.get("constant_feed", 0)
    words = f"{refused:,} books and none of them moved" if refused else "books moved"
    yield _noted(Finding("constant_feed", BOOKS, float(refused), 0.0, words), "fail" if refused else "pass")
    steps = night_steps({noun: found.arrived for noun, found in checked.items()}, previous)
    for rule in ("symbol_swap", "split_unannounced"):
        if previous:
            yield _night_row(rule, [step for step in steps if step.rule == rule], books)
        else:
            because = RULES[rule].because
            yield HealthRow(rule, BOOKS, "note", None, 0.0, because, "not asked: no books of the day before")
    for rule in ("split_announced", "ticker_change"):
        told = [step for step in steps if step.rule == rule]
        if told:
            yield _noted(Finding(rule, BOOKS, float(len(told)), None, "; ".join(step.words for step in told[:5])))


def _noun_rows(found: CheckedRows, released: Released) -> Iterator[HealthRow]:
    yield _share(found)
    if found.duplicates:
        words = f"{found.duplicates:,} rows came twice with the same content and were dropped"
        yield _noted(Finding("duplicate_rows", found.noun, float(found.duplicates), None, words))
    count = int((found.is_taken_in | taken_back_in(found.noun, found.good, released)).sum())
    if count:
        yield _noted(Finding("taken_back_in", found.noun, float(count), None, f"{count:,} rows were taken back in"))
    if NOUNS[found.noun].stopped_by_empty:
        presence: Verdict = "pass" if found.good.num_rows else "fail"
        (because,) = (rule.because for rule in declared_rules(found.noun) if rule.name == "rows")
        counts = f"{found.good.num_rows:,} good rows"
        yield HealthRow("rows", found.noun, presence, float(found.good.num_rows), 1.0, because, counts)


def _feed_rows(checked: Mapping[str, CheckedRows], market: Market, day: date) -> Iterator[HealthRow]:
    for noun in FEEDS:
        if noun in checked and checked[noun].good.num_rows:
            good = checked[noun].good
            found = [*order_findings(noun, good), *sequence_findings(noun, checked[noun].arrived, market)]
            yield from (_noted(one) for one in (*found, *session_findings(noun, good, market, day)))
    yield from (_noted(one) for one in halt_findings({noun: found.good for noun, found in checked.items()}))


def _book_rows(books: CheckedRows, market: Market, day: date) -> Iterator[HealthRow]:
    yield _stretch("silence", silence(books.good, market, day))
    yield _stretch("market_silence", market_silence(books.good, market, day))
    yield _stretch("stuck_feed", stuck(books.good, market, day))
    yield from (_noted(one) for one in empty_side_findings(books.good, market))
    standing, count = standing_symbols(books.good)
    if standing:
        words = f"{len(standing):,} of {count:,} symbols never moved: {', '.join(standing[:5])}"
        yield _noted(Finding("constant_symbol", BOOKS, float(len(standing)), 0.0, words))


def health_rows(
    checked: Mapping[str, CheckedRows],
    market: Market,
    day: date,
    previous: Mapping[str, float] | None = None,
    released: Released = NONE,
) -> list[HealthRow]:
    """One row a check of the day's nouns; `previous` and `released` as for `check_day`."""
    rows = list(_night_rows(checked, previous or {}))
    for found in checked.values():
        rows += _noun_rows(found, released)
    rows += _feed_rows(checked, market, day)
    if checked[BOOKS].good.num_rows:
        rows += _book_rows(checked[BOOKS], market, day)
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
