"""The ways that `bench_ingest` measures, each a process of its own: `python -m benchmarks.ingest_ways WAY ...`.

product: ingest and validate. floor: the same Parquet copied into Delta by delta-rs, nothing checked. peer: Great
Expectations as its tutorial has it, on pandas: not null and between, for every column that is declared so. Imports
stand inside, so that none pays for another's.
"""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any


def product(words: Sequence[str]) -> None:
    """MARKET SOURCE HOME DATA DAY...: both steps over the days, as the command runs them, books alone."""
    from infra.lake import Lake
    from infra.markets import MARKETS
    from infra.settings import Settings
    from pipelines import ingest, validate
    from pipelines.step import StepContext

    name, source, home, data, *days = words
    settings, market = Settings(home=Path(home)), replace(MARKETS[name], sources=(source,))
    for step in (ingest, validate):
        sessions = tuple(map(date.fromisoformat, days))
        step.run(StepContext(settings, market, sessions, Lake(settings.lake), Path(data)))


def floor(words: Sequence[str]) -> None:
    """HOME FILE...: every file appended to one Delta table."""
    import pyarrow.parquet as pq
    from deltalake import write_deltalake

    home, *files = words
    for file in files:
        write_deltalake(home, pq.read_table(file), mode="append")


def _suite() -> Any:
    import great_expectations as gx

    from infra.tables import NOUNS

    suite = gx.ExpectationSuite(name="books")
    for column in NOUNS["book_snapshots"].columns:
        if column.name in ("market", "trade_date"):
            continue
        if not column.is_nullable:
            suite.add_expectation(gx.expectations.ExpectColumnValuesToNotBeNull(column=column.name))
        if column.low is not None or column.high is not None:
            between = gx.expectations.ExpectColumnValuesToBeBetween(
                column=column.name, min_value=column.low, max_value=column.high
            )
            suite.add_expectation(between)
    return suite


def peer(words: Sequence[str]) -> None:
    """FILE...: one validation a file, rows in the noun's columns."""
    import great_expectations as gx
    import pyarrow.parquet as pq

    context = gx.get_context(mode="ephemeral")
    asset = context.data_sources.add_pandas("pandas").add_dataframe_asset("books")
    batch, suite = asset.add_batch_definition_whole_dataframe("whole"), context.suites.add(_suite())
    definition = gx.ValidationDefinition(name="books", data=batch, suite=suite)
    context.validation_definitions.add(definition)
    for file in words:
        rows = pq.read_table(file).to_pandas()
        definition.run(batch_parameters={"dataframe": rows}, result_format="BOOLEAN_ONLY")


WAYS: Mapping[str, Callable[[Sequence[str]], None]] = {"product": product, "floor": floor, "peer": peer}

if __name__ == "__main__":
    WAYS[sys.argv[1]](sys.argv[2:])
