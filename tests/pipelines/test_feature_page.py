"""The page shows every feature of the catalogs from sketches alone, and says where it has none."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from features.catalog import CATALOG, FEATURE_NAMES, FEATURE_VERSIONS, FEATURES_TABLE
from features.labels import LABEL_NAMES, LABELS_TABLE
from features.order import ORDER_CATALOG
from pipelines import sketches
from pipelines.feature_correlations import commit_correlations
from pipelines.feature_page import write_page
from pipelines.feature_page_inputs import read_health
from pipelines.page_server import render_list
from pipelines.sketches import commit_sketches
from pipelines.step import StepContext
from tests.builders import FRIDAY
from tests.pipelines.made_features import FEATURES, LABELS, a_context, rows

FIRST, SECOND, THIRD = FEATURE_NAMES[:3]
OUTSIDE = re.compile(r'(?:src|href)="(?!#)[^"]+"|url\(|<script|@import')


def filled(home: Path) -> StepContext:
    """One session: the first feature rises from -1 to 1 in each symbol, the second is null, the others are 0."""
    context = a_context(home)
    names = FEATURES.column_names
    given = rows(FEATURES_TABLE, **{SECOND: None, FIRST: FEATURES[FIRST].to_pylist()})
    context.lake.replace_days(FEATURES_TABLE, "sample", {FRIDAY: given.select(names)})
    context.lake.replace_days(LABELS_TABLE, "sample", {FRIDAY: LABELS})
    commit_sketches(context)
    commit_correlations(context)
    return context


def section(text: str, feature: str) -> str:
    """The page's section of one feature."""
    start = text.index(f'<section id="{feature}">')
    return text[start : text.index("</section>", start)]


def test_every_feature_has_a_section_and_every_drawing_is_well_formed(tmp_path: Path) -> None:
    text = write_page(filled(tmp_path)).read_text()
    for feature in CATALOG:
        assert f'href="#{feature.name}"' in text
        found = section(text, feature.name)
        assert feature.null_rule in found.replace("&#39;", "'")
    assert all(f">{feature.name}<" in text for feature in ORDER_CATALOG)
    drawings = re.findall(r"<svg .*?</svg>", text, re.DOTALL)
    assert len(drawings) > 4 * (len(CATALOG) - 1)
    for drawing in drawings:
        assert "nan" not in ET.tostring(ET.fromstring(drawing), encoding="unicode").lower()  # noqa: S314


def test_the_page_asks_for_nothing_from_outside_and_is_small(tmp_path: Path) -> None:
    text = write_page(filled(tmp_path)).read_text()
    assert OUTSIDE.findall(text) == []
    assert len(text) < 20_000 * len(CATALOG)


def test_figures_are_those_of_the_sketches(tmp_path: Path) -> None:
    context = filled(tmp_path)
    found = read_health(context).figures
    assert found[FIRST].rows == 80
    assert found[FIRST].quantile(0.5) == pytest.approx(0.0, abs=0.03)
    assert found[FIRST].quantile(0.75) == pytest.approx(0.5, rel=1 / 16)
    assert (found[SECOND].null_share, found[THIRD].zero_share) == (1.0, 1.0)
    assert list(found[FIRST].by_group) == ["A", "B"]
    assert found[FIRST].null_shares == {FRIDAY: 0.0}
    assert found[FIRST].correlations[LABEL_NAMES[0]] == (pytest.approx(4 / 76),)
    assert "null in every row of the sessions shown" in section(write_page(context).read_text(), SECOND)


def test_no_row_is_touched_and_the_same_tables_give_the_same_bytes(tmp_path: Path) -> None:
    context = filled(tmp_path)
    before = write_page(context).read_bytes()
    for table in (FEATURES_TABLE, LABELS_TABLE):
        context.lake.day_files(table, "sample")[FRIDAY][0].unlink()
    assert write_page(context).read_bytes() == before


def test_a_feature_whose_version_was_raised_waits_for_a_sketch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    context = filled(tmp_path)
    monkeypatch.setattr(sketches, "FEATURE_VERSIONS", {**FEATURE_VERSIONS, FIRST: "9.0"})
    assert FIRST not in read_health(context).figures
    assert "no sketch of version" in section(write_page(context).read_text(), FIRST)


def test_an_empty_lake_gives_a_page_that_says_so(tmp_path: Path) -> None:
    text = write_page(a_context(tmp_path)).read_text()
    assert "none yet" in text
    assert text.count("yet</dd>") == len(CATALOG)


def test_the_list_of_nights_leads_to_it(tmp_path: Path) -> None:
    night = tmp_path / "pages" / "sample" / str(FRIDAY)
    night.mkdir(parents=True)
    (night / "index.html").write_text("")
    assert "features" not in render_list(tmp_path / "pages")
    write_page(a_context(tmp_path))
    assert 'href="/sample/features.html"' in render_list(tmp_path / "pages")
