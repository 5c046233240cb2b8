"""A few worked sessions of the built-in market, two symbols, on disk: everything up to silver, features and skew."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

from infra import calendar
from infra.lake import Lake
from infra.ledger import Draft, Entry, open_ledger
from infra.markets import MARKETS
from infra.registry import Registry
from infra.settings import Settings
from models.version import benchmark_policy
from pipelines.runner import Run, run_step
from pipelines.step import StepContext
from tests.builders import FRIDAY

AS_ONE_RANGE = ("trade", "ingest", "validate", "fit_features")
ONE_BY_ONE = "build_features"
TONIGHT_ONLY = ("skew", "build_training_set")
MARKET = MARKETS["sample"]
DAYS = tuple(calendar.sessions_until(MARKET, FRIDAY, 6))
BEFORE, TONIGHT = DAYS[-2], DAYS[-1]


def small_settings(home: Path, **others: Any) -> Settings:
    return Settings(
        home=home, sample_symbols=2, history_sessions=5, backtest_sessions=2, fold_sessions=2, threads=2, **others
    )


def worked_sessions(home: Path) -> Settings:
    """Every session up to tonight's training set; nothing is trained yet. Features one by one, so without Spark.

    MLflow's empty store is there too, because making it takes longer than a fit.
    """
    settings = small_settings(home)
    settings.cache.mkdir(parents=True)
    for name in AS_ONE_RANGE:
        run_step(name, Run(settings, MARKET, DAYS))
    for day in DAYS:
        run_step(ONE_BY_ONE, Run(settings, MARKET, (day,)))
    run_step(TONIGHT_ONLY[0], Run(settings, MARKET, (TONIGHT,)))
    run_step(TONIGHT_ONLY[1], Run(settings, MARKET, DAYS))
    Registry(settings).experiment(MARKET.name)
    return settings


def a_context(settings: Settings, day: date = TONIGHT, **others: Any) -> StepContext:
    return StepContext(replace(settings, **others), MARKET, (day,), Lake(settings.lake))


def recorded(settings: Settings, *events: tuple[str, Mapping[str, Any]]) -> tuple[Entry, ...]:
    """Append events of the market to the ledger as they are; every entry of its stream."""
    ledger, at = open_ledger(settings), calendar.known_at(MARKET, DAYS[0])
    drafts = [Draft(kind, payload) for kind, payload in events]
    ledger.append(MARKET.name, ledger.count(MARKET.name), drafts, at=at, actor="test")
    return ledger.entries(MARKET.name)


def opened() -> tuple[str, dict[str, Any]]:
    bench = benchmark_policy(MARKET.name)
    told = {"market": "sample", "currency": "USD", "version": bench.version, "digest": bench.digest, "purpose": "desk"}
    return "market_opened", told
