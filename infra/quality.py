"""The only door to Great Expectations: asserts a table's declaration on rows that passed, and draws Data Docs.

The predicates of `infra/refusals.py` refuse rows; Great Expectations then asserts the same declaration on what is
left. A failed expectation therefore means that predicates and declaration disagree, and stops the night.

One engine (pandas) for every suite, because engines judge differently: in pandas NaN counts as missing and passes a
bound, in Spark it fails one. So each suite holds two-sided bounds, not-null where declared, and finiteness, which
pandas cannot see: a column `non_finite_values`, counted by Arrow before the rows become a frame, must be 0. Row rules
come as one boolean column each. The context is ephemeral, telemetry is off, and nothing is written but the pages.

    >>> suite_of(SILVER["fills"])[0]                    # doctest: +SKIP
    ExpectColumnValuesToNotBeNull(column='symbol', ...)
"""

from __future__ import annotations

import logging
import os
import shutil
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from infra.quality_pages import make_self_contained, write_index
from infra.refusals import keeps
from infra.tables.columns import Table

if TYPE_CHECKING:
    from great_expectations.expectations import Expectation

NON_FINITE = "non_finite_values"
SITE = "data_docs"


@dataclass(frozen=True)
class SuiteResult:
    """What Great Expectations said of one table's day. `failed`: expectations in words, empty when all hold."""

    table: str
    rows: int
    evaluated: int
    failed: tuple[str, ...]
    page: str

    @property
    def is_success(self) -> bool:
        return not self.failed


def _gx() -> Any:
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import great_expectations

    logging.getLogger("great_expectations.data_context.types.base").setLevel(logging.WARNING)
    return great_expectations


def suite_of(table: Table) -> list[Expectation]:
    """The expectations that the declaration amounts to, partition columns left out (they are the folder)."""
    expect = _gx().expectations
    found = []
    for column in table.columns:
        if column.name in table.partition_by:
            continue
        note = {"notes": f"{column.meaning}{f' ({column.unit})' if column.unit else ''}"}
        if not column.is_nullable:
            found.append(expect.ExpectColumnValuesToNotBeNull(column=column.name, **note))
        if column.low is not None and column.high is not None:
            bounds = {"min_value": column.low, "max_value": column.high}
            found.append(expect.ExpectColumnValuesToBeBetween(column=column.name, **bounds, **note))
        if column.allowed:
            words = list(column.allowed)
            found.append(expect.ExpectColumnValuesToBeInSet(column=column.name, value_set=words, **note))
    why = "NaN and infinity are no measurements; unknown is null"
    found.append(expect.ExpectColumnValuesToBeBetween(column=NON_FINITE, min_value=0, max_value=0, notes=why))
    for rule in table.rules:
        found.append(expect.ExpectColumnValuesToBeInSet(column=rule.name, value_set=[True], notes=rule.because))
    key = [name for name in table.key if name not in table.partition_by]
    unique = expect.ExpectCompoundColumnsToBeUnique(column_list=key) if len(key) > 1 else None
    found.append(unique or expect.ExpectColumnValuesToBeUnique(column=key[0]))
    if table.stopped_by_empty:
        found.append(expect.ExpectTableRowCountToBeBetween(min_value=1, max_value=None))
    return found


def frame_of(table: Table, rows: pa.Table) -> pd.DataFrame:
    """The rows as a frame, with `non_finite_values` counted and one boolean column for each row rule."""
    bad = np.zeros(rows.num_rows, dtype=np.int64)
    for column in rows.columns:
        if pa.types.is_floating(column.type):
            bad += ~pc.fill_null(pc.is_finite(column), True).to_numpy()
    kept = [name for name in rows.column_names if name not in table.partition_by]
    frame: pd.DataFrame = rows.select(kept).to_pandas()
    return frame.assign(**{NON_FINITE: bad}, **{rule.name: keeps(rule, rows) for rule in table.rules})


def _context(folder: Path) -> Any:
    gx = _gx()
    from great_expectations.data_context.types.base import ProgressBarsConfig

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    site = {
        "class_name": "SiteBuilder",
        "store_backend": {"class_name": "TupleFilesystemStoreBackend", "base_directory": str(folder)},
        "site_index_builder": {"class_name": "DefaultSiteIndexBuilder"},
        "site_section_builders": {"expectations": "None", "profiling": "None"},
    }
    context.add_data_docs_site(SITE, site)
    return context


def _words(result: Any) -> str:
    settings = result.expectation_config
    found = result.result.get("partial_unexpected_list") or result.result.get("observed_value")
    subject = settings.kwargs.get("column") or settings.kwargs.get("column_list") or "table"
    return f"{settings.type.removeprefix('expect_')} of {subject}: found {str(found)[:80]}"


def _assert_table(context: Any, source: Any, table: Table, rows: pa.Table, run: Any) -> SuiteResult:
    gx = _gx()
    suite = context.suites.add(gx.ExpectationSuite(name=table.name, expectations=suite_of(table)))
    batch = source.add_dataframe_asset(table.name).add_batch_definition_whole_dataframe("day")
    definition = context.validation_definitions.add(gx.ValidationDefinition(name=table.name, data=batch, suite=suite))
    parameters = {"dataframe": frame_of(table, rows)}
    result = definition.run(batch_parameters=parameters, result_format="BASIC", run_id=run)
    failed = tuple(_words(found) for found in result.results if not found.success)
    return SuiteResult(table.name, rows.num_rows, len(result.results), failed, "")


def assert_and_draw(
    days: Sequence[tuple[Table, pa.Table]], folder: Path, name: str, at: datetime
) -> tuple[SuiteResult, ...]:
    """Assert each table's declaration on its rows, and draw all results as static pages into `folder`.

    name, at: what the pages call the run and its time (the day and when it was known; never the clock). The pages
    need neither network nor scripts. `folder` is replaced as a whole.
    """
    drawing = folder.with_name(f".{folder.name}-{os.getpid()}")
    shutil.rmtree(drawing, ignore_errors=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from great_expectations.core.run_identifier import RunIdentifier

        context = _context(drawing)
        source = context.data_sources.add_pandas("lake")
        run = RunIdentifier(run_name=name, run_time=at)
        results = [_assert_table(context, source, table, rows, run) for table, rows in days]
        context.build_data_docs(site_names=[SITE])
    paged = tuple(replace(result, page=_page_of(drawing, result.table)) for result in results)
    make_self_contained(drawing)
    write_index(
        drawing, name, [(found.table, found.page, found.rows, found.evaluated, found.failed) for found in paged]
    )
    shutil.rmtree(folder, ignore_errors=True)
    drawing.rename(folder)
    return paged


def _page_of(folder: Path, table: str) -> str:
    return str(next(folder.glob(f"validations/**/*-{table}.html")).relative_to(folder))
