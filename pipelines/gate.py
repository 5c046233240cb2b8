"""Judge tonight's candidate, and the recipe on trial where it is another one: a verdict with reasons, fail closed.

The evidence is in `gate_evidence.py`, a row a kind. The verdict goes to `gold.health`, to the MLflow run and to the
page; `fillwise gate --explain` tells it in words. It promotes nobody. Beside the checks it records what the look cost
of the recipe's error budget (`recipe_trial`), and how the replay's fills stood to the desk's today (`session_fills`),
from which later nights draw their line.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from infra.lake import Commit
from infra.registry import RegisteredVersion, Registry
from infra.tables import HEALTH
from models.gates import Check, GateVerdict, judge
from pipelines.backtest import on_trial
from pipelines.fill_rows import DIFFERENCE, RATIO, of_session
from pipelines.gate_evidence import BECAUSE_BUDGET, GateFacts, evidence_checks
from pipelines.gate_facts import GATE_STEPS, TRIAL, gate_facts
from pipelines.health import HealthRow, Verdict, record_health
from pipelines.step import StepContext, StepReport

STEP, STEP_ON_TRIAL = GATE_STEPS
BECAUSE_ROWS = "later nights draw their line from it"


@dataclass(frozen=True)
class Judged:
    """One version's facts and verdict."""

    version: RegisteredVersion
    facts: GateFacts
    verdict: GateVerdict


def judge_version(context: StepContext, version: RegisteredVersion) -> Judged:
    """The gate's word on one of tonight's versions."""
    facts = gate_facts(context, version)
    return Judged(version, facts, judge(evidence_checks(facts)))


def _trial_row(judged: Judged) -> HealthRow:
    """What the look cost: figure = spent, threshold = level, and whether the cost passed at it."""
    look, costs = judged.facts.look, [one for one in judged.verdict.checks if one.name.startswith("cost_against")]
    word: Verdict = "pass" if all(one.verdict in ("pass", "note") for one in costs) and costs else "hold"
    verdict: Verdict = "hold" if look.level is None else word
    return HealthRow(TRIAL, judged.facts.recipe_id, verdict, look.spends, look.level, BECAUSE_BUDGET, look.reason)


def _fill_rows(context: StepContext, judged: Judged) -> list[HealthRow]:
    own = of_session(judged.facts.fills, context.night)
    if own is None:
        return []
    found = (
        (RATIO, own.ratio if math.isfinite(own.ratio) else None, "resting fills of the replay over the desk's"),
        (DIFFERENCE, own.difference_bps, "cost of the replay less the desk's, bps"),
    )
    name = context.market.name
    return [
        HealthRow(row, name, "note", figure, None, BECAUSE_ROWS, f"{words}, {own.orders} orders")
        for row, figure, words in found
    ]


def _check_row(check: Check, subject: str) -> HealthRow:
    return HealthRow(check.name, subject, check.verdict, check.figure, check.threshold, check.because, check.reason)


def health_rows(context: StepContext, judged: Judged) -> list[HealthRow]:
    """Rows of `gold.health`: the verdict itself, one a check, and what later nights need."""
    verdict, subject = judged.verdict, judged.version.name
    because = "the worst of all checks; missing evidence holds"
    summary = HealthRow("verdict", subject, verdict.verdict, None, None, because, "; ".join(verdict.reasons))
    checks = [_check_row(check, subject) for check in verdict.checks]
    return [summary, *checks, _trial_row(judged), *_fill_rows(context, judged)]


def _log(registry: Registry, judged: Judged) -> None:
    """The verdict on the MLflow run and version, once."""
    reasons = "; ".join(judged.verdict.reasons)
    if registry.tag_of(judged.version.run_id, "fillwise.gate_reasons") != reasons:
        tags = {"fillwise.gate": judged.verdict.verdict, "fillwise.gate_reasons": reasons}
        registry.log(judged.version.run_id, tags=tags)
        registry.tag_version(judged.version, tags)


def _record(context: StepContext, registry: Registry, step: str, judged: Judged) -> tuple[Commit, int]:
    rows = health_rows(context, judged)
    commit = record_health(context, step, context.night, rows)
    _log(registry, judged)
    return commit, len(rows)


def run(context: StepContext) -> StepReport:
    """Record the verdict on tonight's candidate, and on the recipe on trial where it is another one."""
    registry = Registry(context.settings)
    trials = on_trial(context, registry)
    health = context.lake.read_day(HEALTH, context.market.name, context.night)
    found = [(STEP, judge_version(context, trials[0].version))]
    found += [(STEP_ON_TRIAL, judge_version(context, one.version)) for one in trials if one.active.role == "challenger"]
    written = [_record(context, registry, step, judged) for step, judged in found]
    notes = [note for _, one in found for note in (f"{one.version.name}: {one.verdict.verdict}", *one.verdict.reasons)]
    return StepReport(
        rows_in=health.num_rows,
        rows_out=sum(count for _, count in written),
        tables=tuple(commit for commit, _ in written),
        is_unchanged=all(commit.is_unchanged for commit, _ in written),
        notes=tuple(notes),
    )
