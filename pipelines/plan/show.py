"""`fillwise plan show` and `plan check`: a plan as a person reads it, and why it is refused."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from infra.errors import SourceError
from infra.settings import Settings
from models.rollout.plan import Plan, plan_faults, plan_from

Row = Mapping[str, Any]


def plan_path(settings: Settings, market: str) -> Path:
    """Where the plan of a market's next rollout lies."""
    return settings.home / "plans" / f"{market}.json"


def read_plan(path: Path) -> Plan:
    """The plan of a file. Raises SourceError when there is none or it is not one."""
    try:
        return plan_from(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        found, which = "no such file", path
    except (ValueError, TypeError, KeyError) as error:
        found, which = str(error), path
    raise SourceError(
        "cannot read a plan",
        which=which,
        found=found,
        allowed="a file that fillwise plan simulate wrote",
        next_step="run fillwise plan simulate",
    )


def _share(value: float) -> str:
    return f"{100.0 * value:5.1f} %"


def _sessions(value: float | None) -> str:
    return "   –" if value is None else f"{value:4.0f}"


def _row_line(row: Row) -> str:
    ends = "".join(f"{_share(row[name]):>13}" for name in ("promoted", "rolled_back", "asked"))
    waits = "".join(f"{_sessions(row[name]):>9}" for name in ("sessions_promoted", "sessions_rolled_back"))
    money = "".join(f"{row[name]:14,.0f}" for name in ("cost_expected_notional", "cost_worst_notional"))
    return f"{row['effect_bps']:+5.1f} bps{ends}{waits}{row['units']:8.0f}{money}"


def table_lines(plan: Plan) -> list[str]:
    """What was simulated, one line a true effect; sessions until promoted and until rolled back are medians."""
    if not plan.table:
        return ["nothing was simulated"]
    ends = f"{'promoted':>13}{'rolled back':>13}{'asked':>13}"
    head = f"{'effect':>9}{ends}{'sessions until':>18}{'units':>8}{'cost, ' + plan.currency:>14}{'99 %':>14}"
    return [head, *(_row_line(row) for row in plan.table)]


def phase_lines(plan: Plan) -> list[str]:
    """The phases, one line each."""
    return [
        f"{phase.name:<10} {100.0 * phase.share:5.1f} %  {phase.sessions:2d} sessions, {phase.units:3d} units, "
        f"{phase.large_units:2d} large; approvals {phase.approvals}; stop {phase.limits.stop_notional:,.0f} "
        f"{plan.currency} a session; cost must show: {phase.binding}"
        for phase in plan.phases
    ]


def _bps(value: float | None) -> str:
    return "nobody knows" if value is None else f"{value:g} bps"


def plan_lines(plan: Plan) -> list[str]:
    """The whole plan in words."""
    expected, worst = plan.client_cost_expected_notional, plan.client_cost_worst_notional
    cost = "" if expected is None or worst is None else f"{expected:,.0f}, 99 % {worst:,.0f} {plan.currency}"
    return [
        f"plan {plan.plan_id} of market {plan.market}, digest {plan.digest()[:12]}",
        f"alpha {plan.alpha:g}, power {plan.power:g}, margin {plan.margin_bps:g} bps, hold-out {plan.holdout_share:g}",
        f"harm it tolerates {plan.tolerated_harm_bps:g} bps, harm it detects {_bps(plan.detectable_harm_bps)}",
        f"a recipe that is dearer by what it tolerates costs clients {cost or 'nobody knows what'} before it is out",
        *phase_lines(plan),
        *table_lines(plan),
    ]


def fault_lines(plan: Plan) -> list[str]:
    """Whether the plan may be used, and every reason why not."""
    faults = plan_faults(plan)
    return [f"refused: {fault}" for fault in faults] or ["the plan may be used"]


def _named(settings: Settings, arguments: argparse.Namespace) -> Plan:
    return read_plan(Path(arguments.file) if arguments.file else plan_path(settings, arguments.market))


def show(settings: Settings, arguments: argparse.Namespace) -> int:
    """Print the plan."""
    plan = _named(settings, arguments)
    print("\n".join([*plan_lines(plan), *fault_lines(plan)]))
    return 0


def check(settings: Settings, arguments: argparse.Namespace) -> int:
    """Say whether the plan may be used; exit 1 when it is refused."""
    plan = _named(settings, arguments)
    print("\n".join(fault_lines(plan)))
    return 1 if plan_faults(plan) else 0
