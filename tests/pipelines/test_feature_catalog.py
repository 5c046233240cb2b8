"""`fillwise features` prints what stands in the catalogs, every row of them."""

from __future__ import annotations

import pytest

from features.catalog import CATALOG, Feature
from features.order import ORDER_CATALOG
from infra.errors import UsageError
from pipelines.__main__ import build_parser
from pipelines.feature_catalog import describe_feature, print_features

EVERY = pytest.mark.parametrize("feature", [*CATALOG, *ORDER_CATALOG], ids=lambda feature: feature.name)


@EVERY
def test_the_list_has_every_fact_of_every_feature(feature: Feature, capsys: pytest.CaptureFixture[str]) -> None:
    assert print_features(None) == 0
    lines = capsys.readouterr().out.splitlines()
    (at,) = [number for number, line in enumerate(lines) if line.split(" ")[0] == feature.name]
    facts = (feature.unit, f"{feature.low:g} … {feature.high:g}", f"version {feature.full_version}", feature.owner)
    assert all(fact in lines[at] for fact in (*facts, feature.since))
    assert lines[at + 1].strip() == feature.meaning
    assert all(fact in lines[at + 2] for fact in (feature.null_rule, *feature.inputs))


@EVERY
def test_one_feature_comes_with_its_definition_and_the_sources_of_its_file(feature: Feature) -> None:
    text = describe_feature(feature)
    assert text.startswith(f"{feature.name}\n")
    for line in (feature.function.__doc__ or "").splitlines():
        assert line.strip() in text
    assert f"{feature.function.__module__.replace('.', '/')}.py:\n" in text


def test_a_name_that_is_none_is_refused_with_the_names_that_are() -> None:
    with pytest.raises(UsageError, match=r"unknown feature: nope; .*spread_bps"):
        print_features("nope")


def test_the_command_takes_a_name_or_the_page() -> None:
    typed = build_parser().parse_args(["features", "spread_bps"])
    assert (typed.feature, typed.page) == ("spread_bps", False)
    assert build_parser().parse_args(["features", "--page", "--market", "sample"]).page
