"""The day's features become histograms once, under their version, and come back only under the one in force."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from features.catalog import FEATURE_NAMES, FEATURE_VERSIONS, FEATURES_TABLE
from features.symbol_groups import MOST_SYMBOLS
from infra.lake import Lake
from infra.markets import MARKETS
from infra.settings import Settings
from infra.tables import FEATURE_SKETCHES
from pipelines import sketches
from pipelines.sketch_history import feature_history, read_sums
from pipelines.sketches import LIQUIDITY, commit_sketches, read_sketches, sketch_rows
from pipelines.step import StepContext
from tests.builders import FRIDAY, THURSDAY, plain_rows
from tests.pipelines.made_books import OPEN_NS

NEW_YORK = ZoneInfo("America/New_York")
HOUR_NS = 3_600_000_000_000
FIRST = FEATURE_NAMES[0]


def features(symbols: list[str], hours: list[int], day: date = FRIDAY, **values: object) -> pa.Table:
    """One row a symbol and hour after 09:30; every feature 0.0 but those in `values`."""
    times = [OPEN_NS + (day - FRIDAY).days * 24 * HOUR_NS + hour * HOUR_NS for hour in hours]
    plain = {name: 0.0 for name in FEATURE_NAMES} | values
    return plain_rows(
        FEATURES_TABLE, len(times), day=day, symbol=symbols, sequence=list(range(len(times))), event_at_ns=times,
        event_at=[time // 1000 for time in times], **plain,
    )  # fmt: skip


def a_context(home: Path, rows: dict[date, pa.Table]) -> StepContext:
    settings = Settings(home=home)
    lake = Lake(settings.lake)
    lake.replace_days(FEATURES_TABLE, "sample", rows)
    return StepContext(settings, MARKETS["sample"], tuple(rows), lake)


def of(rows: pa.Table, feature: str) -> list[dict[str, object]]:
    return rows.filter(pc.equal(rows["feature"], feature)).to_pylist()


def test_a_sketch_is_one_row_a_feature_symbol_and_local_hour() -> None:
    rows = features(["A", "A", "A", "B"], [0, 0, 2, 0], **{FIRST: [1.0, 0.0, None, -1.0]})
    found = of(sketch_rows(rows, NEW_YORK), FIRST)
    assert [(one["symbol_group"], one["hour"], one["rows"]) for one in found] == [
        ("A", 9, 2),
        ("A", 11, 1),
        ("B", 9, 1),
    ]
    assert [(one["nulls"], one["zeros"]) for one in found] == [(0, 1), (1, 0), (0, 0)]
    assert [(one["lowest"], one["highest"]) for one in found] == [(0.0, 1.0), (None, None), (-1.0, -1.0)]
    assert [one["bins"] for one in found] == ["[0,1,2033,1]", "[]", "[-2033,1]"]
    assert {one["version"] for one in found} == {FEATURE_VERSIONS[FIRST]}


def test_every_feature_of_the_catalog_is_sketched() -> None:
    found = sketch_rows(features(["A"], [0]), NEW_YORK)
    assert set(found["feature"].to_pylist()) == set(FEATURE_NAMES)


def test_symbols_of_a_large_market_share_sketches_by_liquidity() -> None:
    symbols = [f"S{number:03d}" for number in range(MOST_SYMBOLS + 1)]
    depth = [float(1 + number) for number in range(len(symbols))]
    found = of(sketch_rows(features(symbols, [0] * len(symbols), **{LIQUIDITY: depth}), NEW_YORK), LIQUIDITY)
    assert [one["symbol_group"] for one in found] == [f"liquidity_{tenth:02d}" for tenth in range(1, 11)]
    assert sum(int(str(one["rows"])) for one in found) == len(symbols)
    assert (found[0]["lowest"], found[-1]["highest"]) == (1.0, float(len(symbols)))


def test_a_day_is_sketched_once_and_again_when_its_features_change(tmp_path: Path) -> None:
    context = a_context(tmp_path, {THURSDAY: features(["A"], [0], THURSDAY), FRIDAY: features(["A"], [0])})
    first, again = commit_sketches(context), commit_sketches(context)
    assert (first.rows, first.is_unchanged) == (2 * len(FEATURE_NAMES), False)
    assert (again.version, again.is_unchanged) == (first.version, True)
    context.lake.replace_days(FEATURES_TABLE, "sample", {FRIDAY: features(["A", "A"], [0, 1])})
    assert commit_sketches(context).rows == 2 * len(FEATURE_NAMES)
    assert context.lake.count(FEATURE_SKETCHES, "sample", [THURSDAY]) == len(FEATURE_NAMES)


def test_a_day_without_rows_has_no_sketch_but_is_not_made_again(tmp_path: Path) -> None:
    context = a_context(tmp_path, {FRIDAY: features([], [])})
    assert commit_sketches(context).rows == 0
    assert commit_sketches(context).is_unchanged


def test_sketches_of_another_version_never_come_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    context = a_context(tmp_path, {THURSDAY: features(["A"], [0], THURSDAY), FRIDAY: features(["A"], [0])})
    commit_sketches(context)
    raised = {**FEATURE_VERSIONS, FIRST: "2.0"}
    monkeypatch.setattr(sketches, "FEATURE_VERSIONS", raised)
    found = read_sketches(context, [THURSDAY, FRIDAY], ["rows"])
    assert 0 not in found["place"].to_pylist()
    assert found.num_rows == 2 * (len(FEATURE_NAMES) - 1)
    assert feature_history(list(read_sums(context, [FRIDAY])), FIRST).counts.sum() == 0


def test_sessions_come_back_merged_over_symbols_and_kept_apart_by_hour_and_day(tmp_path: Path) -> None:
    friday = features(["A", "B", "B"], [0, 0, 1], **{FIRST: [1.0, 4.0, None]})
    context = a_context(tmp_path, {THURSDAY: features(["A"], [0], THURSDAY, **{FIRST: 1.0}), FRIDAY: friday})
    commit_sketches(context)
    sums = list(read_sums(context, context.days))
    assert [(one.day, one.rows) for one in sums] == [(THURSDAY, 1), (FRIDAY, 3)]
    history = feature_history(sums, FIRST)
    assert history.buckets == (9, 10)
    assert history.places.tolist() == sorted(history.places.tolist())
    assert history.counts.tolist() == [[[0, 1, 0], [0, 0, 0]], [[0, 1, 1], [1, 0, 0]]]


def test_the_feature_that_tells_liquidity_is_in_the_catalog() -> None:
    assert LIQUIDITY in FEATURE_NAMES
