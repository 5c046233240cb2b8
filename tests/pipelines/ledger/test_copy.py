"""The Delta copy of the ledger: equal to it, extended, put back, but not where it may be the last witness."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from infra.errors import LedgerError
from infra.lake import Lake
from infra.ledger import Draft, Head, open_ledger
from infra.ledger_chain import Row, hash_of
from infra.markets import MARKETS
from infra.settings import Settings
from infra.tables import LEDGER
from infra.times import stamp
from pipelines.ledger.copy import bear_witness, copy_ledger, reconcile
from pipelines.ledger.heads import exported_heads
from tests.infra.made_ledger import AT, NOTE, append, unguarded

SAMPLE = MARKETS["sample"]


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path / "lake")


def test_the_copy_holds_every_entry_of_the_market_on_its_own_day(ledger_home: Settings, lake: Lake) -> None:
    ledger = open_ledger(ledger_home)
    append(ledger, "people")
    for hours in (0, 6, 30):
        count = ledger.count("sample")
        ledger.append(
            "sample", count, [Draft("noted", {"x": 0.1, "é": 1e300})], at=AT + timedelta(hours=hours), actor="ada"
        )
    assert not reconcile(lake, ledger, SAMPLE).is_equal
    assert copy_ledger(lake, ledger, SAMPLE).behind == 3
    after = reconcile(lake, ledger, SAMPLE)
    assert (after.is_equal, after.entries, after.head) == (True, 3, ledger.head())
    assert lake.days(LEDGER, "sample") == (date(2026, 11, 20), date(2026, 11, 21))
    assert lake.count(LEDGER, "sample", [date(2026, 11, 20)]) == 2


def test_a_copied_row_proves_the_entry_that_it_was_made_from(ledger_home: Settings, lake: Lake) -> None:
    ledger = open_ledger(ledger_home)
    append(ledger, "sample", 2)
    copy_ledger(lake, ledger, SAMPLE)
    told = lake.read(LEDGER, "sample").to_pylist()[-1]
    row = Row(
        told["sequence"], "sample", told["stream_sequence"], stamp(told["at"]), told["actor"], told["kind"],
        told["payload"], told["previous_hash"], told["hash"], stamp(told["recorded_at"]),
    )  # fmt: skip
    assert hash_of(row) == told["hash"]
    assert ledger.verify(Head(told["sequence"], told["hash"])).is_sound


def test_copying_again_writes_nothing_and_new_entries_write_their_days_alone(tmp_path: Path, lake: Lake) -> None:
    ledger = open_ledger(Settings(home=tmp_path))
    append(ledger, "sample", 3)
    copy_ledger(lake, ledger, SAMPLE)
    version = lake.version(LEDGER)
    assert copy_ledger(lake, ledger, SAMPLE).is_equal
    assert lake.version(LEDGER) == version
    ledger.append("sample", 3, [NOTE], at=AT + timedelta(days=3), actor="ada")
    assert copy_ledger(lake, ledger, SAMPLE).days == (date(2026, 11, 23),)


def forge(lake: Lake) -> None:
    """Somebody writes another actor into the copy."""
    rows = lake.read(LEDGER, "sample")
    names = pa.array(["eve"] * rows.num_rows)
    forged = rows.set_column(rows.column_names.index("actor"), "actor", names)
    lake.replace_days(LEDGER, "sample", {date(2026, 11, 20): forged})


def test_a_forged_copy_is_put_back_when_a_head_vouches_for_the_ledger(tmp_path: Path, lake: Lake) -> None:
    ledger = open_ledger(Settings(home=tmp_path))
    append(ledger, "sample", 3)
    copy_ledger(lake, ledger, SAMPLE)
    forge(lake)
    found = reconcile(lake, ledger, SAMPLE)
    assert (found.is_equal, found.first_other) == (False, 2)
    assert "entry 2 differs" in found.words()
    with pytest.raises(LedgerError, match="nothing says which was altered"):
        copy_ledger(lake, ledger, SAMPLE)
    copy_ledger(lake, ledger, SAMPLE, [ledger.head()])
    assert reconcile(lake, ledger, SAMPLE).is_equal
    assert pc.unique(lake.read(LEDGER, "sample")["actor"]).to_pylist() == ["ada"]


def test_the_copy_outlives_a_ledger_that_was_cut_or_rewritten(ledger_home: Settings, lake: Lake) -> None:
    ledger = open_ledger(ledger_home)
    append(ledger, "sample", 4)
    copy_ledger(lake, ledger, SAMPLE)
    head, kept = ledger.head(), lake.read(LEDGER, "sample")
    unguarded(ledger, "DELETE FROM ledger_entry WHERE sequence > 3")
    for heads in ([], [head]):
        with pytest.raises(LedgerError, match=r"nothing says which|the tail is missing"):
            copy_ledger(lake, ledger, SAMPLE, heads)
    later = datetime(2026, 11, 24, tzinfo=UTC)
    for place in range(2, 5):
        ledger.append("sample", place, [Draft("noted", {"forged": place})], at=later, actor="eve")
    for heads in ([], [head]):
        with pytest.raises(LedgerError, match=r"nothing says which|another hash than the exported head"):
            copy_ledger(lake, ledger, SAMPLE, heads)
    assert lake.read(LEDGER, "sample").equals(kept)


def test_an_evening_copies_and_gives_out_the_head_and_the_next_one_finds_a_rewrite(
    ledger_home: Settings, lake: Lake
) -> None:
    ledger = open_ledger(ledger_home)
    append(ledger, "sample", 4)
    words = bear_witness(ledger_home, lake, ledger, SAMPLE, AT)
    assert "the copy equals the ledger: 4 entries" in words
    assert "given out as 2026-11-20.json" in words
    append(ledger, "sample")
    append(ledger, "people")
    assert "5 entries" in bear_witness(ledger_home, lake, ledger, SAMPLE, AT + timedelta(days=1))
    assert len(exported_heads(ledger_home)) == 2
    unguarded(ledger, "DELETE FROM ledger_entry WHERE sequence > 6")
    append(ledger, "sample")
    with pytest.raises(LedgerError, match="another hash than the exported head"):
        bear_witness(ledger_home, lake, ledger, SAMPLE, AT + timedelta(days=2))
    assert lake.read(LEDGER, "sample").num_rows == 5
