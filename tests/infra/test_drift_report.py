"""Evidently's page is drawn from bounded, finite samples, with a method that does not depend on their size."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from infra.drift_report import MAX_COLUMNS, MAX_ROWS, draw_drift_report
from infra.errors import ContractError

AT = datetime(2026, 11, 20, 21, 15, tzinfo=UTC)


def sample(rows: int, seed: int = 0, **shift: float) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    return pd.DataFrame({name: random.normal(by, 1.0, rows) for name, by in {"a": 0.0, "b": 0.0, **shift}.items()})


def test_a_shift_is_drawn_and_named_even_beside_a_fat_finger(tmp_path: Path) -> None:
    window, today = sample(2000), sample(1500, seed=1, b=1.5)
    window.loc[0, "b"] = 1e9
    today.loc[:20, "a"] = np.nan
    page = draw_drift_report(window, today, tmp_path / "drift.html", "2026-11-20", AT)
    assert (page.columns, page.drifted, page.left_out) == (("a", "b"), ("b",), ())
    assert (tmp_path / "drift.html").stat().st_size > 100_000


def test_a_column_with_too_few_values_is_left_out(tmp_path: Path) -> None:
    window, today = sample(500), sample(500, seed=1)
    today["b"] = np.nan
    page = draw_drift_report(window, today, tmp_path / "drift.html", "x", AT)
    assert (page.columns, page.left_out) == (("a",), ("b",))
    empty = draw_drift_report(window, today.iloc[:10], tmp_path / "none.html", "x", AT)
    assert (empty.columns, empty.left_out, (tmp_path / "none.html").exists()) == ((), ("a", "b"), False)


@pytest.mark.parametrize(
    ("today", "words"),
    [
        (sample(10).rename(columns={"a": "A"}), "other columns today"),
        (sample(10).replace({"a": {sample(10)["a"][0]: np.inf}}), r"infinity in \['a'\]"),
        (sample(MAX_ROWS + 1), "too much"),
    ],
)
def test_samples_that_evidently_would_misjudge_are_refused(tmp_path: Path, today: pd.DataFrame, words: str) -> None:
    with pytest.raises(ContractError, match=words):
        draw_drift_report(sample(10), today, tmp_path / "drift.html", "x", AT)


def test_too_many_columns_are_refused(tmp_path: Path) -> None:
    wide = pd.DataFrame(np.zeros((5, MAX_COLUMNS + 1)))
    with pytest.raises(ContractError, match="too much"):
        draw_drift_report(wide, wide, tmp_path / "drift.html", "x", AT)
