"""The plan of a rollout: its phases, what each asks for, and what the whole may cost clients. Data, checked once.

A plan is refused (`plan_faults`) when its shares do not rise to the end, when a later phase allows less than an earlier
one, or when the harm that it can detect is larger than the harm that it tolerates: such a plan would find out too late.

Shares, minimum sessions and approvals are those of RTS-like practice and of our own measurements: 1 to 10 % find faults
and say nothing about cost, so what they ask for is sessions and units, not an effect.

    >>> [phase.name for phase in PHASES]
    ['shadow', 'canary_1', 'canary_5', 'canary_10', 'expand_25', 'expand_50', 'baking']
"""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

from models.limits import Limits, limits_from

Binding = Literal["faults", "leaning", "not_inferior"]


@dataclass(frozen=True)
class PhaseShape:
    """What a phase is, whatever the desk. share: part of eligible units that the challenger works.

    binding: what cost must show before the phase may be left. faults: that harm is not likely. leaning: that the
    evidence leans to "not inferior". not_inferior: that it is proven at the plan's alpha.
    """

    name: str
    share: float
    sessions: int
    approvals: int
    binding: Binding
    because: str


PHASES = (
    PhaseShape("shadow", 0.0, 3, 0, "faults", "it decides and is simulated, and sends nothing"),
    PhaseShape("canary_1", 0.01, 3, 1, "faults", "first live orders: a person allows it"),
    PhaseShape("canary_5", 0.05, 3, 0, "faults", "finds faults, says nothing about cost"),
    PhaseShape("canary_10", 0.10, 5, 0, "faults", "finds faults, says nothing about cost"),
    PhaseShape("expand_25", 0.25, 5, 1, "leaning", "a quarter of clients' orders: a person allows it"),
    PhaseShape("expand_50", 0.50, 5, 0, "not_inferior", "equal arms see most: the binding comparison"),
    PhaseShape("baking", 0.95, 5, 2, "not_inferior", "nearly all, the champion stays as the control"),
)
MIN_UNITS = 30
"""Challenger units a phase: below thirty a rate of one in ten faults is missed more than one time in twenty."""


@dataclass(frozen=True)
class Phase:
    """One phase of a plan. units: challenger units at least. large_units: of them in the stratum of large orders.

    approvals: persons who must agree before it is entered. limits: of the challenger's version while it lasts.
    """

    name: str
    share: float
    sessions: int
    units: int
    large_units: int
    approvals: int
    binding: Binding
    limits: Limits


@dataclass(frozen=True)
class Plan:
    """A whole rollout. Costs in bps of arrival price, money in `currency`.

    alpha: chance of a wrong promotion at the margin, and of a wrong rollback over all tests together.
    margin_bps: how much dearer than the champion still counts as not inferior.
    tolerated_harm_bps: harm that must be found. detectable_harm_bps: harm that this desk's flow finds with `power`
    within `sessions_most`, from `plan simulate`; None where that was not run, and then the plan is refused.
    winsor_bps: session scores are cut there, either way; the uncut tail is a guardrail of its own.
    harm_share, guardrail_share: parts of alpha that the cost test and the guardrails together spend.
    hold_sessions: a hold that lasts longer goes to a person. sessions_most: then a person is asked too.
    holdout_share: benchmark-policy hold-out, during and after. champion_share is what is left.
    refit_sessions: at most so many sessions between two refits. table: what `plan simulate` found, as rows.
    """

    plan_id: str
    market: str
    currency: str
    phases: tuple[Phase, ...]
    alpha: float
    margin_bps: float
    tolerated_harm_bps: float
    detectable_harm_bps: float | None
    power: float
    winsor_bps: float
    harm_share: float
    guardrail_share: float
    hold_sessions: int
    sessions_most: int
    holdout_share: float
    client_cost_expected_notional: float | None = None
    client_cost_worst_notional: float | None = None
    table: tuple[Mapping[str, Any], ...] = field(default=())

    def to_json(self) -> str:
        """Canonical JSON: sorted keys, no spaces."""
        return json.dumps(asdict(self), sort_keys=True, separators=(",", ":"), default=dict)

    def digest(self) -> str:
        """SHA-256 of the canonical JSON."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()

    def asking(self, persons: int) -> Plan:
        """The plan in which so many persons must agree wherever anybody must: the change is that grave."""
        phases = tuple(replace(one, approvals=max(one.approvals, persons)) if one.approvals else one
                       for one in self.phases)  # fmt: skip
        return replace(self, phases=phases)

    def phase_cost(self, name: str) -> tuple[float | None, float | None]:
        """What a phase costs clients before a rollback: expected at the harm that is tolerated, and the largest 99 %
        quantile over all effects of the table; None where the table does not say.
        """
        found = {float(row["effect_bps"]): row.get("phase_costs", {}).get(name) for row in self.table}
        worst = max((float(pair[1]) for pair in found.values() if pair is not None), default=None)
        expected = found.get(self.tolerated_harm_bps)
        return None if expected is None else max(0.0, float(expected[0])), None if worst is None else max(0.0, worst)

    def phase(self, name: str) -> Phase:
        """The phase of that name. Raises KeyError."""
        found = {one.name: one for one in self.phases}
        return found[name]

    def after(self, name: str) -> Phase | None:
        """The phase that follows, None after the last."""
        names = [one.name for one in self.phases]
        place = names.index(name) + 1
        return self.phases[place] if place < len(names) else None


def plan_from(told: Mapping[str, Any]) -> Plan:
    """The plan that its JSON told. Raises TypeError for a missing or unknown field."""
    phases = tuple(Phase(**{**one, "limits": limits_from(one["limits"])}) for one in told["phases"])
    return Plan(**{**told, "phases": phases, "table": tuple(told.get("table", ()))})


def _share_faults(phases: Sequence[Phase]) -> list[str]:
    shares = [phase.share for phase in phases]
    found = []
    if not phases or shares[0] != 0.0:
        found.append("the first phase must be the shadow, with share 0")
    if any(later <= earlier for earlier, later in itertools.pairwise(shares)):
        found.append(f"shares must rise from phase to phase; found {', '.join(f'{share:g}' for share in shares)}")
    if any(not 0.0 <= share < 1.0 for share in shares):
        found.append("a share lies outside 0 to below 1")
    if shares and shares[-1] < 0.9:
        found.append(f"shares must rise to the end: the last is {shares[-1]:g}, allowed: 0.9 or more")
    return found


def _limit_faults(phases: Sequence[Phase]) -> list[str]:
    return [
        f"limits of {later.name} are narrower than those of {earlier.name}"
        for earlier, later in itertools.pairwise(phases)
        if not earlier.limits.grows_to(later.limits)
    ]


def _approval_faults(phases: Sequence[Phase]) -> list[str]:
    live = [phase for phase in phases if phase.share > 0.0]
    found = [f"{live[0].name} is the first live phase and asks for nobody's approval"] if live else []
    return [] if not live or live[0].approvals >= 1 else found


def _shape_faults(phase: Phase) -> list[str]:
    shape = next((one for one in PHASES if one.name == phase.name), None)
    if shape is None:
        return [f"unknown phase {phase.name}; allowed: {', '.join(one.name for one in PHASES)}"]
    found = []
    if phase.share > shape.share:
        found.append(f"{phase.name} gives {phase.share:g} of units, most {shape.share:g}")
    if phase.sessions < shape.sessions or phase.units < (MIN_UNITS if phase.share > 0.0 else 0):
        asked = f"{shape.sessions} sessions and {MIN_UNITS} units"
        found.append(f"{phase.name} asks for {phase.sessions} sessions and {phase.units} units, least {asked}")
    return found


def plan_faults(plan: Plan) -> tuple[str, ...]:
    """Why the plan is refused, in words; empty when it is not."""
    found = [*_share_faults(plan.phases), *_limit_faults(plan.phases), *_approval_faults(plan.phases)]
    found += [words for phase in plan.phases for words in _shape_faults(phase)]
    if plan.detectable_harm_bps is None:
        found.append("nobody knows what harm it can detect: run fillwise plan simulate")
    elif not plan.detectable_harm_bps <= plan.tolerated_harm_bps:
        figures = f"{plan.detectable_harm_bps:g} bps, tolerated {plan.tolerated_harm_bps:g} bps"
        found.append(f"it cannot see the harm that it tolerates: detectable {figures}")
    if not 0.0 < plan.alpha <= 0.1 or plan.harm_share + plan.guardrail_share > 1.0 + 1e-12:
        found.append("the error budget is not one: alpha in (0, 0.1], parts that add up to 1 at most")
    if not 0.0 < plan.holdout_share <= 0.1:
        found.append(f"the benchmark hold-out is {plan.holdout_share:g} of units, allowed: above 0, at most 0.1")
    return tuple(found)
