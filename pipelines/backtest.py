"""Walk forward over the last sessions: recipes in use, the champion and TWAP work the same orders, under both bounds.

Each recipe is refitted before every fold on the sessions before it (purged and embargoed), so tonight's version is
judged by what its recipe would have been on those days; tonight's own fit never meets a row that it learnt from.
Earlier candidates were fitted before tonight, so the last five are scored again, out of sample, on tonight's orders,
and so is whatever worked orders today. Versions that persons approved are walked beside the refits of their recipe.
Only rows with the same order-set hash may be compared.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date

import pyarrow as pa

from features.labels import LABELS_TABLE
from infra import calendar
from infra.errors import EvidenceError, LakeError, OtherFeaturesError
from infra.lake_files import input_digest, write_day_file
from infra.registry import RegisteredVersion, Registry, newest
from infra.tables import BACKTESTS, SILVER
from models.impact import StatedImpact
from models.replay import FILL_BOUNDS, replay, replay_rules
from models.signal import SignalModel, fit_signal
from models.splits import Fold, walk_forward
from models.version import PolicyInForce, benchmark_policy
from pipelines.backtest_evidence import write_backtest_evidence
from pipelines.desk_day import DeskDay, read_desk_day
from pipelines.order_rows import backtest_rows, order_set_hash
from pipelines.paid import write_costs
from pipelines.policy_in_force import policy_in_force, production_of
from pipelines.recipes.active import ActiveRecipe, active_on
from pipelines.step import StepContext, StepReport
from pipelines.train import SEED, tonights_versions
from pipelines.training_rows import training_dataset
from pipelines.versions import load_by_digest, load_servable

LAST_CANDIDATES = 5
"""A trading week of earlier candidates: enough to see whether tonight's refit is an outlier."""


@dataclass(frozen=True)
class OnTrial:
    """A recipe that is walked, and tonight's version of it, whose name its rows carry."""

    active: ActiveRecipe
    version: RegisteredVersion


def on_trial(context: StepContext, registry: Registry) -> tuple[OnTrial, ...]:
    """Tonight's versions, the candidate's first. Raises EvidenceError when `train` has not run."""
    active = active_on(context.settings, context.market, context.night)
    found = tonights_versions(context, registry, active.recipes)
    if not found or found[0][0].role != "candidate":
        market, night = context.market.name, context.night
        raise EvidenceError(
            "no candidate to judge",
            which=f"{market} {night}",
            found="no version registered for tonight's training set",
            allowed="1",
            next_step=f"run fillwise train --market {market} --day {night}",
        )
    return tuple(OnTrial(one, version) for one, version in found)


def candidate_of(context: StepContext, registry: Registry) -> RegisteredVersion:
    """Tonight's registered version. Raises EvidenceError when `train` has not run."""
    return on_trial(context, registry)[0].version


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


def _fold_policies(
    context: StepContext, folds: Sequence[Fold], trials: Sequence[OnTrial]
) -> Iterator[tuple[Fold, tuple[PolicyInForce, ...]]]:
    """Each fold with the recipes refitted before it; signals that are equal are fitted once."""
    dataset = training_dataset(context, sorted({day for fold in folds for day in fold.train_days}))
    for fold in folds:
        signals, policies = dict[str, SignalModel](), list[PolicyInForce]()
        for one in trials:
            recipe = one.active.recipe
            if recipe.signal_part not in signals:
                rows = dataset.of(fold.train_days[-recipe.window_sessions :])
                signals[recipe.signal_part] = fit_signal(
                    rows, recipe.hyper, seed=SEED, threads=context.settings.threads
                )
            signal = signals[recipe.signal_part]
            policies.append(PolicyInForce(one.version.name, one.version.digest, recipe.policy, signal))
        yield fold, tuple(policies)


def _distinct(policies: Iterable[PolicyInForce]) -> tuple[PolicyInForce, ...]:
    return tuple({policy.version: policy for policy in reversed(tuple(policies))}.values())[::-1]


def _approved(context: StepContext) -> tuple[list[PolicyInForce], list[str]]:
    """Versions that persons approved, of arms that are refitted tonight, and a sentence for each that is not there."""
    market, found, told = context.market.name, list[PolicyInForce](), list[str]()
    for arm in active_on(context.settings, context.market, context.night).arms:
        try:
            found.append(load_by_digest(context.settings.registry, market, arm.approved.version, arm.approved.digest))
        except (LakeError, OtherFeaturesError) as error:
            told.append(f"{arm.approved.version}, approved as {arm.arm}, is not walked: {error.what}")
    return found, told


def rivals_of(context: StepContext) -> tuple[tuple[PolicyInForce, ...], tuple[str, ...]]:
    """Benchmark, everything that works orders tonight, versions that were approved; what could not be loaded."""
    production = production_of(context.settings, context.market, context.night)
    working = (arm.policy for arm in production.arms)
    approved, told = _approved(context)
    return _distinct((benchmark_policy(context.market.name), *working, *approved)), tuple(told)


def walk(
    context: StepContext, trials: Sequence[OnTrial], rivals: Sequence[PolicyInForce], folds: Sequence[Fold], orders: str
) -> list[pa.Table]:
    """Every policy on every session of the folds."""
    rows: list[pa.Table] = []
    for fold, recipes in _fold_policies(context, folds, trials):
        for day in context.progress(list(fold.test_days), f"backtest {fold.test_days[0]}"):
            for desk in read_desk_day(context, day):
                for policy in _distinct((*recipes, *rivals)):
                    rows.extend(work(context, desk, policy, context.night, orders))
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


def _inputs(context: StepContext, trials: Sequence[OnTrial], others: Sequence[PolicyInForce]) -> str:
    market, lake = context.market.name, context.lake
    nouns = ("book_snapshots", "trades", "parent_orders", "fills")
    files = [
        path.stem
        for noun in nouns
        for paths in lake.day_files(SILVER[noun], market, _backtest_days(context)).values()
        for path in paths
    ]
    settings, keys = context.settings, [one.version.key for one in trials]
    sizes = (str(settings.backtest_sessions), str(settings.fold_sessions))
    return input_digest(*keys, *(one.version + one.digest for one in others), *files, *sizes)


def _rows(
    context: StepContext, trials: Sequence[OnTrial], rivals: Sequence[PolicyInForce], earlier: Sequence[PolicyInForce]
) -> pa.Table:
    settings = context.settings
    folds = walk_forward(_backtest_days(context), settings.backtest_sessions, settings.fold_sessions)
    test_days = tuple(day for fold in folds for day in fold.test_days)
    walked, tonight = (_orders_hash(context, days) for days in (test_days, (context.night,)))
    rows = walk(context, trials, rivals, folds, walked)
    again = _distinct((*(() if walked == tonight else rivals), *earlier))
    known = {policy.version for policy in rivals} if walked == tonight else set()
    rows += score_tonight(context, [one for one in again if one.version not in known], tonight)
    return pa.concat_tables(rows)


def _pairs(context: StepContext, trials: Sequence[OnTrial], champion: str) -> tuple[tuple[str, str], ...]:
    """What is compared beside every policy with the benchmark: refits with the champion and with what was approved."""
    arms, bench = active_on(context.settings, context.market, context.night).arms, benchmark_policy(context.market.name)
    approved = {one.trades.recipe_id: one.approved.version for one in arms}
    found = [] if champion == bench.version else [(one.version.name, champion) for one in trials]
    found += [
        (one.version.name, approved[one.version.recipe_id]) for one in trials if one.version.recipe_id in approved
    ]
    return tuple(dict.fromkeys(found))


def run(context: StepContext) -> StepReport:
    """Judge tonight's versions, or find that they were judged on the same inputs before."""
    market, night, lake = context.market.name, context.night, context.lake
    registry = Registry(context.settings)
    trials, (rivals, not_there) = on_trial(context, registry), rivals_of(context)
    others = {one.version.recipe_id for one in trials[1:]}
    candidates = [one for one in registry.versions(market) if one.recipe_id not in others]
    earlier, left_out = load_servable(context.settings, newest(candidates, str(night), LAST_CANDIDATES))
    inputs = _inputs(context, trials, (*rivals, *earlier))
    is_known = lake.inputs(BACKTESTS, market, [night]).get(night) == inputs
    if not is_known:
        rows = _rows(context, trials, rivals, earlier)
        file = write_day_file(lake.root, BACKTESTS, market, night, rows, inputs=inputs)
        lake.commit_days(BACKTESTS, market, {night: file})
    costs = write_costs(context)
    commit = replace(lake.commit_days(BACKTESTS, market, {}), rows=lake.count(BACKTESTS, market, [night]))
    champion = policy_in_force(context.settings, context.market, night).version
    own = write_backtest_evidence(context, registry, trials[0].version, champion, _pairs(context, trials, champion))
    told = (*own, *left_out, *not_there)
    return StepReport(
        rows_in=lake.count(SILVER["parent_orders"], market, [night]),
        rows_out=commit.rows,
        tables=(commit, costs),
        is_unchanged=is_known and costs.is_unchanged,
        notes=told,
    )
