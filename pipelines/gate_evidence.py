"""What the gate looks at, one row each: `EVIDENCE`. A further kind of evidence is one function and one row here.

A function takes the night's facts and gives its checks. Facts are gathered once (`pipelines/gate_facts.py`), so a
function reads no table and can be tried with a few numbers. Whatever is missing holds, by name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from models.error_budget import Look, stretched
from models.fill_calibration import SessionFills, judge_fills
from models.gates import Check, Verdict, check_at_least, check_at_most, check_cost
from models.rollout.plan import Plan

PESSIMISTIC = "trade_through"
MIN_SESSIONS, BECAUSE_SESSIONS = 20, "a block bootstrap over fewer sessions covers far less than it says"
MIN_ORDERS, BECAUSE_ORDERS = 2_000, "with a spread of tens of bps an order, fewer orders cannot show one bp"
MAX_TAIL_BPS, BECAUSE_TAIL = 5.0, "a cheaper mean must not be paid for by the dearest twentieth of the orders"
MIN_COMPLETION_POINTS, BECAUSE_COMPLETION = -1.0, "an order left open is a cost that the client bears elsewhere"
MOST_PARTICIPATION_PERCENT, BECAUSE_PARTICIPATION = (
    50.0,
    "where one order in twenty is half of the volume, a replay says nothing",
)
MIN_SLOPE, BECAUSE_SLOPE = 0.2, "a signal whose moves hardly come true must not time orders"
MIN_RANK, BECAUSE_RANK = 0.0, "a signal that ranks no better than chance must not time orders"
MARGIN_BPS = 1.5
"""Without a plan: what a rollout of a month can tell apart on a desk of 200 orders a day (a plan states its own)."""
BECAUSE_SKEW = "a desk that computes features differently trades another model than the one judged"
BECAUSE_LEAK = "a feature that reads ahead makes every backtest look good"
BECAUSE_QUALITY = "evidence from a day whose checks failed is no evidence"
BECAUSE_LIMITS = "nothing may trade before its limits are set, for every phase"
BECAUSE_REPORT = "somebody who did not make it must have looked before the first real order; until then a warning"
BECAUSE_BUDGET = "a gate that looks every night promotes anybody in the end, so the looks of a quarter share one alpha"


@dataclass(frozen=True)
class GateFacts:
    """Everything that the gate knows of one version tonight.

    train: its section of the evidence. backtest: the night's. health: the night's rows of `gold.health`. look: how sure
    tonight must be. fills: predicted and realised, tonight; earlier_fills: as earlier nights recorded them. plan: that
    of its rollout, else the market's; None without. report: who validated it and until when, '' where nobody did.
    """

    version: str
    recipe_id: str
    train: Mapping[str, Any]
    backtest: Mapping[str, Any]
    health: pa.Table
    look: Look
    fills: Sequence[SessionFills] = ()
    earlier_fills: Sequence[SessionFills] = ()
    plan: Plan | None = None
    report: str = ""


def comparison(facts: GateFacts, against: str | None = None) -> Mapping[str, Any]:
    """The version against the benchmark, or against another, under the pessimistic bound; empty when there is none.

    A version that is on trial already has tonight's orders beside the walk: the longer comparison is the evidence.
    """
    rows = facts.backtest.get("comparisons" if against is None else "paired", ())
    mine = [one for one in rows if one["policy_version"] == facts.version and one["fill_bound"] == PESSIMISTIC]
    told = [one for one in mine if against is None or one["against"] == against]
    return max(told, key=lambda one: int(one.get("sessions") or 0), default={})


def decision_signal(train: Mapping[str, Any]) -> Mapping[str, Any]:
    """Held-out quality of the horizon that policies read; empty when there is none."""
    from models.signal import DECISION_HORIZON_SECONDS

    found: list[dict[str, Any]] = [
        one for one in train.get("signal", ()) if one["horizon_seconds"] == DECISION_HORIZON_SECONDS
    ]
    return found[0] if found else {}


def _of_step(facts: GateFacts, step: str) -> pa.Table:
    return facts.health.filter(pc.equal(facts.health["step"], step))


def data_quality(facts: GateFacts) -> tuple[Check, ...]:
    """Checks of the night's rows: a failed one fails the gate, none at all holds it."""
    rows = _of_step(facts, "validate")
    if rows.num_rows == 0:
        said = "data_quality: no checks recorded, so hold"
        return (Check("data_quality", "hold", None, 0.0, BECAUSE_QUALITY, said),)
    failed = pc.sum(pc.equal(rows.column("verdict"), "fail")).as_py()
    return (check_at_most("data_quality", float(failed), 0.0, BECAUSE_QUALITY, "fail", " failed checks"),)


def skew(facts: GateFacts) -> tuple[Check, ...]:
    """The night's check of skew, as it was recorded: what failed fails, nothing compared or recorded holds."""
    return (_recorded(facts, "skew", BECAUSE_SKEW),)


def leak(facts: GateFacts) -> tuple[Check, ...]:
    """Whether features are the same without what came later; nothing recomputed or recorded holds."""
    return (_recorded(facts, "leak", BECAUSE_LEAK),)


def _recorded(facts: GateFacts, name: str, because: str) -> Check:
    """A check of the step `skew` as the night recorded it."""
    rows = [row for row in _of_step(facts, "skew").to_pylist() if row["check_name"] == name]
    if not rows:
        return Check(name, "hold", None, 0.0, because, f"{name}: no check recorded, so hold")
    verdict: Verdict = "hold" if rows[0]["verdict"] == "note" else rows[0]["verdict"]
    return Check(name, verdict, rows[0]["figure"], 0.0, because, f"{rows[0]['reason']} ({because})")


def error_budget(facts: GateFacts) -> tuple[Check, ...]:
    """Whether the recipe may be looked at again this quarter."""
    verdict: Verdict = "hold" if facts.look.level is None else "pass"
    said = f"error_budget: {facts.look.reason} ({BECAUSE_BUDGET})"
    return (Check("error_budget", verdict, facts.look.level, None, BECAUSE_BUDGET, said),)


def sample(facts: GateFacts) -> tuple[Check, ...]:
    """Enough sessions and orders for an interval to mean something."""
    found = comparison(facts)
    return (
        check_at_least("sessions", found.get("sessions"), MIN_SESSIONS, BECAUSE_SESSIONS),
        check_at_least("orders", found.get("orders"), MIN_ORDERS, BECAUSE_ORDERS),
    )


def _cost(facts: GateFacts, found: Mapping[str, Any], name: str, rival: str, margin_bps: float) -> Check:
    mean, low, high = (found.get(key) for key in ("difference_bps", "low_bps", "high_bps"))
    if facts.look.level is None:
        return check_cost(mean, None, None, name=name, rival=rival, margin_bps=margin_bps)
    low, high = stretched(mean, low, high, found.get("sessions"), facts.look.level)
    return check_cost(mean, low, high, name=name, rival=rival, margin_bps=margin_bps)


def cost_against_benchmark(facts: GateFacts) -> tuple[Check, ...]:
    """Cheaper than the benchmark policy on the same orders."""
    return (_cost(facts, comparison(facts), "cost_against_benchmark", "the benchmark policy", 0.0),)


def cost_against_champion(facts: GateFacts) -> tuple[Check, ...]:
    """Not inferior to what works the desk's orders, on the same orders."""
    name, champion = "cost_against_champion", str(facts.backtest.get("champion", ""))
    margin_bps = MARGIN_BPS if facts.plan is None else facts.plan.margin_bps
    if champion and champion == facts.backtest.get("benchmark"):
        because = "the champion is the benchmark policy"
        said = f"{name}: {because}, see cost_against_benchmark"
        return (Check(name, "note", None, margin_bps, because, said),)
    return (_cost(facts, comparison(facts, champion), name, f"the champion {champion or 'unknown'}", margin_bps),)


def _percent(fraction: float | None) -> float | None:
    return None if fraction is None else 100.0 * fraction


def what_the_mean_hides(facts: GateFacts) -> tuple[Check, ...]:
    """Tail, completion and participation."""
    found = comparison(facts)
    return (
        check_at_most("cost_tail", found.get("cvar_difference_bps"), MAX_TAIL_BPS, BECAUSE_TAIL, "fail", " bps"),
        check_at_least(
            "completion", _percent(found.get("completion_difference")), MIN_COMPLETION_POINTS, BECAUSE_COMPLETION,
            "fail", " percentage points",
        ),
        check_at_most(
            "participation", _percent(found.get("high_participation")), MOST_PARTICIPATION_PERCENT,
            BECAUSE_PARTICIPATION, unit=" %",
        ),
    )  # fmt: skip


def signal_calibration(facts: GateFacts) -> tuple[Check, ...]:
    """Whether predicted moves come true on sessions that the fit did not see."""
    signal = decision_signal(facts.train)
    return (
        check_at_least("signal_calibration", signal.get("slope"), MIN_SLOPE, BECAUSE_SLOPE),
        check_at_least("signal_rank_correlation", signal.get("rank_correlation"), MIN_RANK, BECAUSE_RANK),
    )


def fill_calibration(facts: GateFacts) -> tuple[Check, ...]:
    """Whether the replay that judges fills and pays as the desk does."""
    return judge_fills(facts.fills, facts.earlier_fills)


def limits(facts: GateFacts) -> tuple[Check, ...]:
    """A plan with limits for every live phase."""
    name = "limits"
    if facts.plan is None:
        said = f"{name}: no plan with limits, so hold: fillwise plan simulate ({BECAUSE_LIMITS})"
        return (Check(name, "hold", None, None, BECAUSE_LIMITS, said),)
    live = [phase for phase in facts.plan.phases if phase.share > 0.0]
    without = [phase.name for phase in live if not phase.limits.venues or not phase.limits.stop_notional > 0.0]
    figure = float(len(live) - len(without))
    if without or not live:
        said = f"{name}: no venue or no stop in {', '.join(without) or 'any phase'}, so hold ({BECAUSE_LIMITS})"
        return (Check(name, "hold", figure, float(len(live)), BECAUSE_LIMITS, said),)
    said = f"{name}: set in all {len(live)} live phases of plan {facts.plan.plan_id} ({BECAUSE_LIMITS})"
    return (Check(name, "pass", figure, float(len(live)), BECAUSE_LIMITS, said),)


def validation_report(facts: GateFacts) -> tuple[Check, ...]:
    """Told, and decided only where a live phase would begin (`models/rollout/evening.py`)."""
    said = facts.report or "no valid report by somebody who is no author yet: fillwise recipe report"
    reason = f"validation_report: {said} ({BECAUSE_REPORT})"
    return (Check("validation_report", "note", None, None, BECAUSE_REPORT, reason),)


EVIDENCE: tuple[Callable[[GateFacts], tuple[Check, ...]], ...] = (
    data_quality,
    skew,
    leak,
    error_budget,
    sample,
    cost_against_benchmark,
    cost_against_champion,
    what_the_mean_hides,
    signal_calibration,
    fill_calibration,
    limits,
    validation_report,
)


def evidence_checks(facts: GateFacts) -> tuple[Check, ...]:
    """All evidence of the night on one version, judged one by one."""
    return tuple(check for kind in EVIDENCE for check in kind(facts))
