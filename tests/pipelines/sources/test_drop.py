"""Drops: all or nothing, never changed, and damage is named."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from infra.errors import SourceError
from infra.markets import MARKETS
from infra.tables import NOUNS
from pipelines.sources.drop import DropManifest, read_day, read_manifest, write_drop
from tests.builders import plain_rows

DAY = date(2026, 11, 20)
MARKET = MARKETS["sample"]
KNOWN = datetime(2026, 11, 20, 21, 15, tzinfo=UTC)
MANIFEST = DropManifest("sample", DAY, KNOWN, 7, "sample.execution/0", "ab12")
ROWS = {noun: plain_rows(NOUNS[noun], 3) for noun in ("fills", "trades")}


@pytest.fixture
def drop(tmp_path: Path) -> Path:
    folder = tmp_path / "sample" / "2026-11-20"
    write_drop(folder, ROWS, MANIFEST)
    return folder


def test_what_was_dropped_is_read_back_with_its_digests_and_known_at(drop: Path) -> None:
    files = read_day(drop, MARKET, DAY)
    assert [found.noun for found in files] == ["trades", "fills"]
    for found in files:
        assert found.rows.equals(ROWS[found.noun])
        assert found.known_at == KNOWN
        assert found.sha256 == read_manifest(drop).files[found.name].sha256


def test_the_same_drop_again_is_left_alone(drop: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in drop.iterdir()}
    write_drop(drop, ROWS, MANIFEST)
    assert {path: path.stat().st_mtime_ns for path in drop.iterdir()} == before


def test_another_drop_of_the_same_day_is_refused(drop: Path) -> None:
    with pytest.raises(SourceError, match="a drop with other content"):
        write_drop(drop, {**ROWS, "fills": ROWS["fills"].slice(1)}, MANIFEST)
    assert read_day(drop, MARKET, DAY)


def test_a_drop_that_was_killed_half_way_is_written_anew(tmp_path: Path) -> None:
    half = tmp_path / ".2026-11-20.writing"
    half.mkdir()
    (half / "fills.parquet").write_bytes(b"half")
    write_drop(tmp_path / "2026-11-20", ROWS, MANIFEST)
    assert [path.name for path in tmp_path.iterdir()] == ["2026-11-20"]
    assert len(read_day(tmp_path / "2026-11-20", MARKET, DAY)) == 2


@pytest.mark.parametrize("place", [10, 200, -20])
def test_a_flipped_bit_is_found_and_the_file_named(drop: Path, place: int) -> None:
    path = drop / "fills.parquet"
    payload = bytearray(path.read_bytes())
    payload[place] ^= 1
    path.write_bytes(payload)
    with pytest.raises(SourceError, match=r"fills\.parquet.*sha256"):
        read_day(drop, MARKET, DAY)


def test_a_missing_file_is_named(drop: Path) -> None:
    (drop / "trades.parquet").unlink()
    with pytest.raises(SourceError, match=r"trades\.parquet"):
        read_day(drop, MARKET, DAY)


def test_a_missing_drop_says_to_run_trade_first(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"drop is missing.*run step trade"):
        read_day(tmp_path / "2026-11-20", MARKET, DAY)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"market": "sample"}', "null"])
def test_a_damaged_manifest_is_refused(drop: Path, text: str) -> None:
    (drop / "manifest.json").write_text(text)
    with pytest.raises(SourceError, match=r"drop is damaged.*manifest\.json"):
        read_manifest(drop)


def test_a_manifest_cannot_name_a_file_outside_its_folder(drop: Path) -> None:
    found = json.loads((drop / "manifest.json").read_text())
    found["files"]["../fills.parquet"] = found["files"]["fills.parquet"]
    (drop / "manifest.json").write_text(json.dumps(found))
    with pytest.raises(SourceError, match="a file named"):
        read_manifest(drop)


def test_a_drop_of_another_day_is_refused(drop: Path) -> None:
    with pytest.raises(SourceError, match="a drop of sample 2026-11-20"):
        read_day(drop, MARKET, date(2026, 11, 19))
