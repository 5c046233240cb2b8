"""Walk forward over the last sessions: the recipe, the champion and TWAP work the same orders under both fill bounds.

The recipe is refitted before every fold on the sessions before it (purged and embargoed), so tonight's candidate is
judged by what its recipe would have been on those days; tonight's own fit never meets a row that it learnt from.
Earlier candidates were fitted before tonight, so the last five are scored again, out of sample, on tonight's orders.
Only rows with the same order-set hash may be compared.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date

import pyarrow as pa

from features.labels import LABELS_TABLE
from infra import calendar
from infra.errors import EvidenceError
from infra.lake_files import input_digest, write_day_file
from infra.registry import RegisteredVersion, Registry, newest
from infra.tables import BACKTESTS, SILVER
from models.impact import StatedImpact
from models.replay import FILL_BOUNDS, replay, replay_rules
from models.signal import SignalModel, fit_signal
from models.splits import Fold, walk_forward
from models.version import PolicyInForce, benchmark_policy
from pipelines.backtest_evidence import write_backtest_evidence
from pipelines.current_recipe import candidate_recipe
from pipelines.desk_day import DeskDay, read_desk_day
from pipelines.order_rows import backtest_rows, order_set_hash
from pipelines.paid import write_costs
from pipelines.policy_in_force import policy_in_force
from pipelines.step import StepContext, StepReport
from pipelines.train import SEED, night_key, training_set
from pipelines.training_rows import training_dataset
from pipelines.versions import load_servable

LAST_CANDIDATES = 5
"""A trading week of earlier candidates: enough to see whether tonight's refit is an outlier."""


def candidate_of(context: StepContext, registry: Registry) -> RegisteredVersion:
    """Tonight's registered version. Raises EvidenceError when `train` has not run."""
    key = night_key(context, training_set(context))
    found = [version for version in registry.versions(context.market.name) if version.key == key]
    if not found:
        market, night = context.market.name, context.night
        raise EvidenceError(
            "no candidate to judge",
            which=f"{market} {night}",
            found="no version registered for tonight's training set",
            allowed="1",
            next_step=f"run fillwise train --market {market} --day {night}",
        )
    return found[0]


def work(context: StepContext, desk: DeskDay, policy: PolicyInForce, night: date, orders: str) -> Iterator[pa.Table]:
    """Rows of `gold.backtests` of one policy on one symbol-day, under each fill bound."""
    signal = policy.signal.decision_bps(desk.features) if policy.signal is not None else None
    intervals = calendar.session_intervals_ns(context.market, desk.day)
    for bound in FILL_BOUNDS:
        rules = replay_rules(context.market, bound, intervals, StatedImpact())
        outcome = replay(desk.book, desk.orders, policy.parameters, rules, signal).outcome
        yield backtest_rows(desk, outcome, context.market, night, policy.version, bound, orders)


def _orders_hash(context: StepContext, days: Sequence[date]) -> str:
    table = SILVER["parent_orders"]
    return order_set_hash(context.lake.read_day(table, context.market.name, day) for day in days)


def _fold_signals(context: StepContext, folds: Sequence[Fold]) -> Iterator[tuple[Fold, SignalModel]]:
    dataset = training_dataset(context, sorted({day for fold in folds for day in fold.train_days}))
    hyper = candidate_recipe(context.settings).hyper
    for fold in folds:
        yield fold, fit_signal(dataset.of(fold.train_days), hyper, seed=SEED, threads=context.settings.threads)


def _rivals(context: StepContext, night: date) -> tuple[PolicyInForce, ...]:
    benchmark = benchmark_policy(context.market.name)
    champion = policy_in_force(context.settings, context.market, night)
    return (benchmark,) if champion.version == benchmark.version else (benchmark, champion)


def walk(context: StepContext, candidate: RegisteredVersion, folds: Sequence[Fold], orders: str) -> list[pa.Table]:
    """Every policy on every session of the folds."""
    rivals, night = _rivals(context, context.night), context.night
    rows: list[pa.Table] = []
    for fold, signal in _fold_signals(context, folds):
        recipe = PolicyInForce(candidate.name, candidate.digest, candidate_recipe(context.settings).policy, signal)
        for day in context.progress(list(fold.test_days), f"backtest {fold.test_days[0]}"):
            for desk in read_desk_day(context, day):
                for policy in (recipe, *rivals):
                    rows.extend(work(context, desk, policy, night, orders))
    return rows


def score_tonight(context: StepContext, policies: Sequence[PolicyInForce], orders: str) -> list[pa.Table]:
    """These policies on tonight's orders."""
    return [
        rows
        for desk in read_desk_day(context, context.night)
        for policy in policies
        for rows in work(context, desk, policy, context.night, orders)
    ]


def _backtest_days(context: StepContext) -> tuple[date, ...]:
    days = [day for day in context.lake.days(LABELS_TABLE, context.market.name) if day <= context.night]
    return tuple(days)


def _inputs(context: StepContext, candidate: RegisteredVersion, earlier: Sequence[RegisteredVersion]) -> str:
    market, lake = context.market.name, context.lake
    nouns = ("book_snapshots", "trades", "parent_orders", "fills")
    files = [
        path.stem
        for noun in nouns
        for paths in lake.day_files(SILVER[noun], market, _backtest_days(context)).values()
        for path in paths
    ]
    settings = context.settings
    sizes = (str(settings.backtest_sessions), str(settings.fold_sessions))
    return input_digest(candidate.key, *(one.digest for one in earlier), *files, *sizes)


def run(context: StepContext) -> StepReport:
    """Judge tonight's candidate, or find that it was judged on the same inputs before."""
    market, night, lake = context.market.name, context.night, context.lake
    registry = Registry(context.settings)
    candidate = candidate_of(context, registry)
    earlier = newest(registry.versions(market), str(night), LAST_CANDIDATES)
    loaded, left_out = load_servable(context.settings, earlier)
    inputs = _inputs(context, candidate, earlier)
    is_known = lake.inputs(BACKTESTS, market, [night]).get(night) == inputs
    if not is_known:
        folds = walk_forward(
            _backtest_days(context), context.settings.backtest_sessions, context.settings.fold_sessions
        )
        test_days = tuple(day for fold in folds for day in fold.test_days)
        walked, tonight = (_orders_hash(context, days) for days in (test_days, (night,)))
        rivals = () if walked == tonight else _rivals(context, night)
        rows = walk(context, candidate, folds, walked)
        rows += score_tonight(context, (*rivals, *loaded), tonight)
        file = write_day_file(lake.root, BACKTESTS, market, night, pa.concat_tables(rows), inputs=inputs)
        lake.commit_days(BACKTESTS, market, {night: file})
    costs = write_costs(context)
    commit = replace(lake.commit_days(BACKTESTS, market, {}), rows=lake.count(BACKTESTS, market, [night]))
    notes = (*write_backtest_evidence(context, registry, candidate), *left_out)
    return StepReport(
        rows_in=lake.count(SILVER["parent_orders"], market, [night]),
        rows_out=commit.rows,
        tables=(commit, costs),
        is_unchanged=is_known and costs.is_unchanged,
        notes=notes,
    )
