"""`fillwise plan simulate`: a plan for this desk, with the table of what it does, or the reasons why there is none."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from infra.errors import UsageError
from infra.markets import Market
from infra.settings import Settings
from models.desk_flow import TAU_BPS, DeskFlow
from models.plan_simulation import RUNS
from models.rollout.plan import Plan, plan_faults
from models.rollout.plan_draft import FILL_SESSIONS, MarketFacts, draft_plan
from pipelines.arguments import market_named
from pipelines.plan.show import fault_lines, plan_lines, plan_path

STATED_VENUE = "LIT"
UNIT_NOTIONAL, LARGEST_UNITS, CHILDREN_PER_UNIT = 1e6, 10.0, 100.0
"""Where only units and spread are stated: a million a unit, orders of ten units at most, a hundred children each."""


def stated_flow(market: Market, arguments: argparse.Namespace) -> tuple[MarketFacts, DeskFlow]:
    """Facts and flow as they were typed. Raises UsageError for a figure that cannot be."""
    units, sigma, notional = arguments.units, arguments.sigma, arguments.unit_notional or UNIT_NOTIONAL
    if units is None or sigma is None or not (units >= 1.0 and sigma > 0.0 and notional > 0.0):
        raise UsageError(
            "a flow is stated by units and their spread",
            which="--units, --sigma, --unit-notional",
            found=f"{units}, {sigma}, {notional:g}",
            allowed="both, units 1 or more, the others above 0",
            next_step="state both, or neither to use this desk's own history",
        )
    flow = DeskFlow(units, sigma, tau_bps=_tau(arguments), unit_notional=notional)
    value = units * notional
    facts = MarketFacts(
        market.name, market.currency, (), (STATED_VENUE,), LARGEST_UNITS * notional, value, CHILDREN_PER_UNIT * units
    )
    return facts, flow


def _tau(arguments: argparse.Namespace) -> float:
    return TAU_BPS if arguments.tau is None else float(arguments.tau)


def _facts_and_flow(settings: Settings, arguments: argparse.Namespace) -> tuple[MarketFacts, DeskFlow]:
    market = market_named(arguments.market)
    if arguments.units is not None or arguments.sigma is not None:
        return stated_flow(market, arguments)
    from pipelines.plan.history import desk_history

    return desk_history(settings, market, _tau(arguments))


def flow_line(flow: DeskFlow) -> str:
    """The flow in words."""
    origin = f"measured over {flow.sessions} sessions" if flow.sessions else "as stated"
    return (
        f"flow {origin}: {flow.units:.0f} units a session, spread {flow.sigma_bps:.1f} bps, "
        f"{flow.unit_notional:,.0f} a unit, effects scatter by {flow.tau_bps:g} bps between sessions"
    )


def write_plan(path: Path, plan: Plan) -> None:
    """Write the plan as canonical JSON, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    fresh.write_text(plan.to_json() + "\n", encoding="utf-8")
    os.replace(fresh, path)


def simulate(settings: Settings, arguments: argparse.Namespace) -> int:
    """Draft, simulate, print, and write what may be used; exit 1, and nothing written, when it is refused."""
    facts, flow = _facts_and_flow(settings, arguments)
    plan = draft_plan(facts, flow, fill_sessions=arguments.fill_sessions or FILL_SESSIONS, runs=arguments.runs or RUNS)
    print("\n".join([flow_line(flow), *plan_lines(plan), *fault_lines(plan)]))
    if plan_faults(plan):
        return 1
    path = Path(arguments.out) if arguments.out else plan_path(settings, facts.market)
    write_plan(path, plan)
    print(f"written to {path}")
    return 0
