"""B3's rows become trades and best quotes, each counted once."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from infra.errors import ContractError, SourceError
from infra.markets import MARKETS
from pipelines.sources.b3 import market_days, read_day
from pipelines.sources.file import SourceFile

B3 = MARKETS["b3"]
DAY = date(2025, 4, 7)
HEADER = "symbol,rpt_seq,network_received_time,event_type,md_entry_px,md_entry_size,aggressor,en_s_px_1,en_b_px_1"
QUOTE = "PETR4,273,2025-04-07 13:59:59.999214880+00:00,book,,,,36.09,36.080000000000005"
SOLD = "PETR4,291,2025-04-07 14:00:00.029134952+00:00,trade,36.08,100.0,3.0,36.09,36.08"
BOUGHT = "PETR4,295,2025-04-07 14:00:00.029134952+00:00,trade,36.09,200.0,4.0,36.09,36.08"
UNSAID = "PETR4,299,2025-04-07 14:00:01+00:00,trade,36.09,200.0,2.0,36.09,36.08"


def read(folder: Path, *lines: str, name: str = "PETR4_07042025.csv") -> dict[str, SourceFile]:
    (folder / name).write_text("\n".join([HEADER, *lines]) + "\n")
    return {file.noun: file for file in read_day(folder, B3, DAY)}


def test_each_row_becomes_a_row_of_its_noun_and_keeps_its_place(tmp_path: Path) -> None:
    found = read(tmp_path, QUOTE, SOLD, BOUGHT, UNSAID)
    trades, quotes = found["trades"], found["book_snapshots"]
    assert trades.rows["aggressor_side"].to_pylist() == [-1, 1, 0]
    assert trades.rows["event_at_ns"].to_pylist()[0] == 1_744_034_400_029_134_952
    assert trades.rows["sequence"].to_pylist() == [291, 295, 299]
    assert trades.source_rows is not None
    assert (trades.source_rows.tolist(), quotes.rows_in, trades.rows_in) == ([1, 2, 3], 1, 3)
    (quote,) = quotes.rows.to_pylist()
    assert (quote["bid_price_1"], quote["ask_price_1"], quote["bid_shares_1"]) == (36.08, 36.09, None)
    assert quote["received_at"] == quote["event_at"] == datetime(2025, 4, 7, 13, 59, 59, 999214, UTC)


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        (SOLD.replace("+00:00", "-03:00"), "b3_time_is_utc"),
        (SOLD.replace("14:00:00", "later"), "b3_time_is_utc"),
        (SOLD.replace("36.08,100", "n/a,100"), "b3_trade_has_price_and_size"),
        (SOLD.replace("100.0", ""), "b3_trade_has_price_and_size"),
        (SOLD.replace(",291,", ",2x1,"), "b3_sequence_is_a_number"),
        (SOLD.replace("PETR4", "VALE3"), "b3_symbol_is_the_files"),
        (SOLD.replace("trade", "auction"), "b3_event_is_known"),
        (SOLD.replace("04-07", "02-31"), "b3_time_is_utc"),
        (SOLD.replace("14:00:00", "25:00:00"), "b3_time_is_utc"),
        (SOLD.replace("2025-", "2300-"), "b3_time_is_utc"),
        (SOLD.replace(",291,", ",99999999999999999999,"), "b3_sequence_is_a_number"),
        (SOLD.removesuffix(",36.08"), "b3_line_is_whole"),
        (SOLD + ",36.08", "b3_line_is_whole"),
        ("", "b3_line_is_whole"),
    ],
)
def test_a_row_that_cannot_be_read_is_refused_by_name_and_its_neighbours_pass(
    tmp_path: Path, line: str, rule: str
) -> None:
    found = read(tmp_path, QUOTE, BOUGHT, line)
    assert found["trades"].rows["sequence"].to_pylist() == [295]
    ((refused),) = found["trades"].refused
    assert (refused.rule, refused.source_row) == (rule, 2)
    assert sum(file.rows_in for file in found.values()) == 3


def test_a_quote_that_is_no_number_is_refused_and_one_that_is_not_there_is_null(tmp_path: Path) -> None:
    quotes = read(tmp_path, QUOTE, QUOTE.replace("36.09", "n/a"), QUOTE.replace("36.09", ""))["book_snapshots"]
    assert quotes.rows["ask_price_1"].to_pylist() == [36.09, None]
    assert quotes.rows["bid_price_1"].null_count == 0
    assert [(one.source_row, one.rule) for one in quotes.refused] == [(1, "b3_quote_is_a_number")]


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere.txt").write_text(f"{HEADER}\n{QUOTE}\n")
    (tmp_path / "PETR4_07042025.csv").symlink_to(tmp_path / "elsewhere.txt")
    with pytest.raises(SourceError, match="found a symbolic link"):
        read_day(tmp_path, B3, DAY)


def test_dust_of_binary_fractions_is_wiped_off_and_other_prices_stay(tmp_path: Path) -> None:
    dusty = SOLD.replace("36.08,100", "36.080000000000005,100")
    odd = BOUGHT.replace("36.09,200", "36.0925,200")
    assert read(tmp_path, dusty, odd)["trades"].rows["price"].to_pylist() == [36.08, 36.0925]


def test_crossed_quotes_come_in_as_they_are(tmp_path: Path) -> None:
    (row,) = read(tmp_path, QUOTE.replace("36.09", "35.00"))["book_snapshots"].rows.to_pylist()
    assert row["bid_price_1"] > row["ask_price_1"]


def test_days_are_those_of_the_file_names_and_a_missing_one_is_said(tmp_path: Path) -> None:
    read(tmp_path, QUOTE)
    (tmp_path / "PETR4_99992025.csv").write_text(HEADER)
    assert market_days(tmp_path, B3) == (DAY,)
    with pytest.raises(SourceError, match="day was not recorded: b3 2025-04-08; found 1 sessions"):
        read_day(tmp_path, B3, date(2025, 4, 8))
    with pytest.raises(SourceError, match="no recorded session"):
        market_days(tmp_path / "empty", B3)


def test_other_columns_are_named(tmp_path: Path) -> None:
    (tmp_path / "PETR4_07042025.csv").write_text(HEADER.replace("rpt_seq", "rptseq") + "\n")
    with pytest.raises(ContractError, match=r"missing rpt_seq.*did you mean 'rpt_seq'"):
        read_day(tmp_path, B3, DAY)
