"""Whatever is wrong with a day, every row of it ends in exactly one of good, refused and duplicate."""

from __future__ import annotations

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.markets import MARKETS
from pipelines.check_rows import check_day, quarantine_rows
from pipelines.rules.catalog import DAY_RULES
from tests.builders import FRIDAY
from tests.pipelines.made_books import OPEN_NS
from tests.pipelines.made_day import PREVIOUS, SECOND, a_day, spoilt, two_books

SAMPLE = MARKETS["sample"]
BOOKS = "book_snapshots"
SPOILS = st.lists(
    st.tuples(
        st.sampled_from(["bid_price_1", "last_price", "previous_close_price", "bid_shares_1", "event_at_ns", "symbol"]),
        st.integers(0, 39),
        st.sampled_from([None, 0.0, -0.0, 5e-324, 1.0, 100.0, 1e4, float("nan"), float("inf")]),
    ),
    max_size=6,
)


@settings(max_examples=60, deadline=None)
@given(
    SPOILS,
    st.lists(st.integers(0, 39), max_size=5),
    st.lists(st.tuples(st.integers(0, 2), st.sampled_from(["c0", "c1", "c7"]), st.floats(0.1, 300.0)), max_size=3),
    st.sampled_from([{}, PREVIOUS, {"AAA": 250.0, "BBB": 100.0}, {"AAA": 200.0}]),
    st.frozensets(
        st.tuples(
            st.sampled_from([BOOKS, "fills"]),
            st.sampled_from([rule.name for rule in DAY_RULES]),
            st.just("books.parquet"),
            st.integers(0, 39),
        ),
        max_size=8,
    ),
)
def test_every_row_ends_in_exactly_one_of_good_refused_and_duplicate(
    spoils: list[tuple[str, int, float | None]],
    again: list[int],
    changed: list[tuple[int, str, float]],
    previous: dict[str, float],
    released: frozenset[tuple[str, str, str, int]],
) -> None:
    rows = two_books(20)
    for name, row, value in spoils:
        given_value = {"event_at_ns": OPEN_NS + row * SECOND, "symbol": None}.get(name, value)
        rows = spoilt(rows, **{name: {row: given_value}})
    rows = pa.concat_tables([rows, rows.take(pa.array(again, pa.int64()))])
    fills = a_day()["fills"]
    for row, child, price in changed:
        fills = spoilt(fills, child_order_id={row: child}, price={row: price})
    nouns = a_day(book_snapshots=rows, fills=fills)
    for noun, checked in check_day(nouns, SAMPLE, FRIDAY, previous, released).items():
        named = [row for one in checked.refused for row in one.rows.tolist()]
        good = checked.good["source_row"].to_pylist()
        assert len(set(named)) == len(named)
        assert len(set(good)) == len(good)
        assert not set(named) & set(good)
        assert len(good) + len(named) + checked.duplicates == nouns[noun].num_rows
        assert quarantine_rows(checked).num_rows == len(named)
