"""The catalog of what a day of rows is held against beside its declaration: what each rule does, and because of what.

A rule does one of four things, and says which:

* refuse the row: it goes to quarantine, the others pass;
* refuse the file: every row of that noun in the file goes to quarantine, because the file itself is in doubt;
* stop the night: the rows that it names are refused and the night stops, however small their share is;
* note: the rows are good, and `gold.health` says how many there were.

A rule that judges (this price may be wrong) is releasable: a person may look at the rows and take them back in. A rule
that says what a row is (a price is a number) is not, because nobody's look makes a price of NaN.

`declared_rules` says the declaration of `infra/tables` in the same words, so `rule_named` knows every rule under which
step `validate` refuses a row.

    >>> rule_named("trades", "fat_finger").disposition, rule_named("fills", "price_is_finite").is_releasable
    ('refuse the row', False)
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal

import pyarrow as pa

from infra.tables import NOUNS
from infra.tables.book_rules import NEAR_CLOSE
from infra.tables.columns import Column

Disposition = Literal["refuse the row", "refuse the file", "stop the night", "note"]
ROW: Final = "refuse the row"
FILE: Final = "refuse the file"
STOP: Final = "stop the night"
NOTE: Final = "note"

BOOKS = ("book_snapshots",)
FEEDS = ("book_snapshots", "trades", "book_events")
FILLS = ("fills",)
EVERY = tuple(NOUNS)
HAPPENED = tuple(noun for noun in NOUNS if noun not in ("signals", "symbol_events"))
"""Because an outside series and a calendar of events may be known before they take effect; nothing else may."""


@dataclass(frozen=True)
class DayRule:
    """One rule: the nouns that it looks at, what it does, why, and whether a person may overrule it row by row."""

    name: str
    nouns: tuple[str, ...]
    disposition: Disposition
    because: str
    is_releasable: bool = False


@dataclass(frozen=True)
class Finding:
    """What a rule found without refusing anything: `figure` against `threshold`, and the same in words."""

    rule: str
    noun: str
    figure: float
    threshold: float | None
    words: str


DAY_RULES: tuple[DayRule, ...] = (
    DayRule(
        "file_known_before_its_day", HAPPENED, FILE, "a file that was known before its trade date began is misdated"
    ),
    DayRule(
        "file_of_another_day",
        EVERY,
        FILE,
        "a file with more rows of other days than of its own lies in the wrong folder, and those that fit are chance",
    ),
    DayRule("wrong_trade_date", EVERY, ROW, "a trade date is the exchange's own day, from midnight to midnight there"),
    DayRule("event_times_agree", EVERY, ROW, "event_at is event_at_ns in microseconds"),
    DayRule(
        "event_after_known", HAPPENED, ROW, "nothing is known before it happens; served so, it would be the future"
    ),
    DayRule(
        "level_without_shares",
        BOOKS,
        ROW,
        "a price at which nothing is offered is no level, and a level that is not there is null",
    ),
    DayRule("price_near_previous_close", BOOKS, ROW, NEAR_CLOSE.because, is_releasable=True),
    DayRule("fat_finger", ("book_snapshots", "trades"), ROW, "a factor of 2 from the day's median is no move", True),
    DayRule(
        "repeated_block",
        FEEDS,
        ROW,
        "a minute of rows that comes again later with the same content and the same gaps is a recording played twice",
        is_releasable=True,
    ),
    DayRule(
        "constant_feed",
        BOOKS,
        STOP,
        "one symbol that stands still all day may be suspended; when every one does, the recording stands still",
        is_releasable=True,
    ),
    DayRule(
        "symbol_swap",
        BOOKS,
        STOP,
        "two symbols that trade at each other's level of the day before have each other's names",
        is_releasable=True,
    ),
    DayRule(
        "split_unannounced",
        BOOKS,
        STOP,
        "an overnight jump by a plain ratio is a split; unannounced, a return over the night and every level are wrong",
        is_releasable=True,
    ),
    DayRule("fill_of_unknown_child", FILLS, ROW, "a fill of a child order that we do not hold cannot be accounted for"),
    DayRule("fill_of_unknown_parent", FILLS, ROW, "a fill of a parent order that we do not hold has nobody to go to"),
    DayRule(
        "fills_beyond_child",
        FILLS,
        ROW,
        "fills that sum to more than their child order hold a bust, and nothing tells which of them it is",
    ),
    DayRule(
        "fill_outside_day_range",
        FILLS,
        ROW,
        "a price 2 % beyond every quote of the day was never there; the 2 % are for sweeps and impact",
        is_releasable=True,
    ),
    DayRule("duplicate_key_conflict", EVERY, ROW, "rows that share a key and differ cannot both be right"),
    DayRule("split_announced", BOOKS, NOTE, "the jump is that of the split in symbol_events"),
    DayRule(
        "ticker_change", BOOKS, NOTE, "a symbol that comes at the level at which another left may be the same company"
    ),
    DayRule(
        "side_empty_at_limit",
        BOOKS,
        NOTE,
        "at its price limit a book has one side only: that is the market, not a loss",
    ),
    DayRule("side_empty", BOOKS, NOTE, "away from a price limit an empty side is a thin book or a feed that lost it"),
    DayRule("silence", BOOKS, NOTE, "ten snapshot intervals without a row are an outage or a halt"),
    DayRule("market_silence", BOOKS, NOTE, "symbols fall silent one by one; all of them at once are one outage"),
    DayRule("stuck_feed", BOOKS, NOTE, "a liquid book that stands still for ten minutes is stuck or halted"),
    DayRule(
        "constant_symbol", BOOKS, NOTE, "a book that never moves in ten minutes or more of rows is suspended or stuck"
    ),
    DayRule("sequence_gap", FEEDS, NOTE, "where the feed numbers without gaps, a missing number is a missing message"),
    DayRule("sequence_falls", FEEDS, NOTE, "where the feed numbers upwards, a number that falls came out of its order"),
    DayRule(
        "out_of_order", FEEDS, NOTE, "the order of judgement is by time, number, file and row, not that of arrival"
    ),
    DayRule(
        "equal_times", FEEDS, NOTE, "rows of one time are ordered by number, file and row, the same way every time"
    ),
    DayRule(
        "outside_session", FEEDS, NOTE, "auctions and the time before the open are the market's, but no decisions'"
    ),
    DayRule("in_halt", FEEDS, NOTE, "while a symbol is halted its quotes are indications that nobody can hit"),
    DayRule(
        "duplicate_rows", EVERY, NOTE, "a repeated row says nothing new; rows that differ under one key are refused"
    ),
    DayRule("taken_back_in", EVERY, NOTE, "a person looked at them, or an announced split explains them"),
)
RULES = {rule.name: rule for rule in DAY_RULES}


def _column_rules(noun: str, column: Column) -> Iterator[DayRule]:
    if not column.is_nullable:
        yield DayRule(f"{column.name}_is_present", (noun,), ROW, "the column is declared without nulls")
    if pa.types.is_floating(column.arrow_type):
        yield DayRule(f"{column.name}_is_finite", (noun,), ROW, "NaN and infinity are no measurements")
    if column.low is not None or column.high is not None:
        because = f"{column.meaning}: declared from {column.low:g} to {column.high:g}"
        yield DayRule(f"{column.name}_in_bounds", (noun,), ROW, because)
    if column.allowed:
        because = f"{column.meaning}: declared as one of {', '.join(column.allowed)}"
        yield DayRule(f"{column.name}_is_allowed", (noun,), ROW, because)


@lru_cache(maxsize=32)
def declared_rules(noun: str) -> tuple[DayRule, ...]:
    """The declaration's rules of a noun, in the order of judgement, and the two shares of it that stop a night."""
    table = NOUNS[noun]
    rows = [rule for column in table.columns for rule in _column_rules(noun, column)]
    rows += [DayRule(rule.name, (noun,), ROW, rule.because) for rule in table.rules if rule.name not in RULES]
    rows.append(DayRule("refused_share", (noun,), STOP, table.max_refused_because))
    if table.stopped_by_empty:
        rows.append(DayRule("rows", (noun,), STOP, "a session without any is a feed that did not arrive"))
    return tuple(rows)


def rules_of(noun: str) -> tuple[DayRule, ...]:
    """Every rule that a noun's rows are held against: the declaration's, then the day's."""
    return (*declared_rules(noun), *(rule for rule in DAY_RULES if noun in rule.nouns))


def rule_named(noun: str, name: str) -> DayRule | None:
    """The rule, None when step `validate` has none of that name (it was refused while it was read)."""
    return next((rule for rule in rules_of(noun) if rule.name == name), None)
