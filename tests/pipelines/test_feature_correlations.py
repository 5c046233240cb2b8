"""Features and labels of the same rows are correlated once a day; rows that do not belong together are refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from features.catalog import FEATURE_NAMES, FEATURES_TABLE
from features.labels import LABEL_NAMES, LABELS_TABLE
from infra.errors import ContractError
from infra.tables import FEATURE_CORRELATIONS
from pipelines.feature_correlations import commit_correlations, correlation_rows
from tests.builders import FRIDAY
from tests.pipelines.made_features import FEATURES, FIRST, LABEL, LABELS, RISING, ROWS, a_context, rows


def test_one_row_a_feature_and_label_weighted_by_the_rows_of_its_symbols() -> None:
    found = {(one["feature"], one["label"]): one for one in correlation_rows(FEATURES, LABELS, "x").to_pylist()}
    assert len(found) == len(FEATURE_NAMES) * len(LABEL_NAMES)
    assert found[FIRST, LABEL]["rows"] == 76
    assert found[FIRST, LABEL]["rank_correlation"] == pytest.approx((40 - 36) / 76)
    assert found[FEATURE_NAMES[1], LABEL]["rank_correlation"] is None


def test_rows_that_do_not_belong_together_are_refused() -> None:
    with pytest.raises(ContractError, match="features and labels are of different rows: sample"):
        correlation_rows(FEATURES, rows(LABELS_TABLE, ROWS - 2), "sample")


def test_a_day_waits_for_its_labels_and_is_made_again_when_they_change(tmp_path: Path) -> None:
    context = a_context(tmp_path)
    context.lake.replace_days(FEATURES_TABLE, "sample", {FRIDAY: FEATURES})
    assert commit_correlations(context).rows == 0
    assert context.lake.days(FEATURE_CORRELATIONS, "sample") == ()
    context.lake.replace_days(LABELS_TABLE, "sample", {FRIDAY: LABELS})
    assert commit_correlations(context).rows == len(FEATURE_NAMES) * len(LABEL_NAMES)
    assert commit_correlations(context).is_unchanged
    context.lake.replace_days(LABELS_TABLE, "sample", {FRIDAY: rows(LABELS_TABLE, **{LABEL: RISING * 2})})
    commit_correlations(context)
    again = context.lake.read_day(FEATURE_CORRELATIONS, "sample", FRIDAY).to_pylist()
    assert [one["rank_correlation"] for one in again if (one["feature"], one["label"]) == (FIRST, LABEL)] == [1.0]
