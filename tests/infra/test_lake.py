import json
from datetime import date
from pathlib import Path

import pyarrow as pa
import pytest

from infra.errors import ContractError, LakeError
from infra.lake import Lake
from infra.lake_files import table_folder, write_day_file
from infra.tables import HEALTH
from tests.builders import FRIDAY, THURSDAY, plain_rows


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path / "lake")


def health(*checks: str, day: date = FRIDAY) -> pa.Table:
    return plain_rows(HEALTH, len(checks), day=day, check_name=list(checks))


def test_rows_come_back_as_they_were_written(lake: Lake) -> None:
    commit = lake.replace_days(HEALTH, "sample", {FRIDAY: health("a", "b")})
    assert (commit.rows, commit.is_unchanged) == (2, False)
    assert lake.read_day(HEALTH, "sample", FRIDAY).column("check_name").to_pylist() == ["a", "b"]


def test_writing_the_same_day_twice_makes_no_new_version(lake: Lake) -> None:
    first = lake.replace_days(HEALTH, "sample", {FRIDAY: health("a")})
    again = lake.replace_days(HEALTH, "sample", {FRIDAY: health("a")})
    assert again.is_unchanged
    assert again.version == first.version


def test_replacing_a_day_leaves_the_other_day_and_the_older_version(lake: Lake) -> None:
    before = lake.replace_days(HEALTH, "sample", {THURSDAY: health("a", day=THURSDAY), FRIDAY: health("b")})
    lake.replace_days(HEALTH, "sample", {FRIDAY: health("c", "d")})
    assert lake.read(HEALTH, "sample").column("check_name").to_pylist() == ["a", "c", "d"]
    assert lake.read(HEALTH, "sample", version=before.version).column("check_name").to_pylist() == ["a", "b"]


def test_replacing_a_market_leaves_the_other_market(lake: Lake) -> None:
    lake.replace_days(HEALTH, "sample", {FRIDAY: health("a")})
    lake.replace_days(HEALTH, "ashare", {FRIDAY: plain_rows(HEALTH, 1, market="ashare")})
    assert lake.read(HEALTH, "sample").num_rows == 1
    assert lake.days(HEALTH, "ashare") == (FRIDAY,)


def test_rows_are_sorted_however_they_arrive(lake: Lake) -> None:
    lake.replace_days(HEALTH, "sample", {FRIDAY: health("b", "a")})
    assert lake.read(HEALTH, "sample").column("check_name").to_pylist() == ["a", "b"]


def test_a_file_that_was_written_but_not_committed_is_not_read(lake: Lake) -> None:
    lake.replace_days(HEALTH, "sample", {FRIDAY: health("a")})
    write_day_file(lake.root, HEALTH, "sample", FRIDAY, health("lost"))
    assert lake.read(HEALTH, "sample").column("check_name").to_pylist() == ["a"]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), 1e16])
def test_a_figure_that_is_not_finite_or_out_of_bounds_is_refused(lake: Lake, value: float) -> None:
    with pytest.raises(ContractError, match=r"gold\.health\.figure"):
        lake.replace_days(HEALTH, "sample", {FRIDAY: plain_rows(HEALTH, 1, figure=value)})


def test_a_missing_a_renamed_and_a_retyped_column_are_refused_by_name(lake: Lake) -> None:
    good = health("a")
    with pytest.raises(ContractError, match=r"missing \['reason'\]"):
        lake.replace_days(HEALTH, "sample", {FRIDAY: good.drop_columns(["reason"])})
    with pytest.raises(ContractError, match=r"unknown \['Reason'\]"):
        lake.replace_days(HEALTH, "sample", {FRIDAY: good.rename_columns({"reason": "Reason"})})
    with pytest.raises(ContractError, match=r"found list"):
        lake.replace_days(
            HEALTH, "sample", {FRIDAY: good.set_column(good.column_names.index("figure"), "figure", pa.array([[1.0]]))}
        )


def test_a_row_of_another_day_is_refused(lake: Lake) -> None:
    with pytest.raises(ContractError, match="2026-11-19"):
        lake.replace_days(HEALTH, "sample", {FRIDAY: health("a", day=THURSDAY)})


def test_a_lake_made_by_a_newer_version_is_refused(lake: Lake) -> None:
    lake.replace_days(HEALTH, "sample", {FRIDAY: health("a")})
    (lake.root / "lake.json").write_text(json.dumps({"format": 99}))
    with pytest.raises(LakeError, match=r"newer version.*found format 99; allowed: format 2"):
        Lake(lake.root)


def test_a_flipped_bit_in_our_own_file_is_found_on_reading_or_by_the_fingerprint(lake: Lake) -> None:
    lake.replace_days(HEALTH, "sample", {FRIDAY: health("aaaaaaaaaaaaaaaa")})
    (path,) = lake.day_files(HEALTH, "sample")[FRIDAY]
    payload = bytearray(path.read_bytes())
    payload[payload.index(b"aaaa")] ^= 1
    path.write_bytes(payload)
    with pytest.raises(LakeError, match="altered"):
        lake.fingerprint(HEALTH, "sample", FRIDAY)
    with pytest.raises(LakeError, match="cannot read our own file"):
        lake.read(HEALTH, "sample")


def test_a_column_added_to_the_declaration_reads_null_in_older_days(lake: Lake) -> None:
    from dataclasses import replace

    from infra.tables import Column

    lake.replace_days(HEALTH, "sample", {THURSDAY: health("a", day=THURSDAY)})
    wider = replace(HEALTH, columns=(*HEALTH.columns, Column("added", "double", "new", is_nullable=True)))
    lake.replace_days(wider, "sample", {FRIDAY: plain_rows(wider, 1, added=2.0)})
    assert lake.read(wider, "sample").column("added").to_pylist() == [None, 2.0]


def test_the_table_folder_can_be_opened_as_delta_by_others(lake: Lake) -> None:
    from deltalake import DeltaTable

    lake.replace_days(HEALTH, "sample", {FRIDAY: health("a", "b")})
    found = DeltaTable(table_folder(lake.root, HEALTH))
    assert found.to_pyarrow_table().num_rows == 2
