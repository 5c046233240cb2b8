"""`fillwise simulate`: every night of a period in one process: trade, learn, gate, approve, roll out, roll back.

It replays the retraining POLICY: the same steps, controller and ledger as the real nights, in a state folder and a
ledger of their own (`<home>/simulations/<name>`, purpose simulation), which the real desk refuses. Recipes go on trial
one after the other, in the order given. Its persons approve every card whose evidence is there, with keys of that
folder alone; what the gate refuses goes on trial only by an override of two of them, which is recorded like any other.

A session whose evening is in the ledger is not worked again, so a run that was killed goes on where it was. Retraining
is done every `--every` sessions, and whenever a recipe is to be proposed.
"""

from __future__ import annotations

import argparse
import hashlib
import logging
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from infra import calendar
from infra.errors import RefusedError, UsageError
from infra.lake import Lake
from infra.ledger import Draft, Ledger, open_ledger
from infra.markets import Market
from infra.settings import Settings
from models.rollout.plan import Plan, plan_faults
from models.rollout.state import MarketState
from pipelines.approval.people import embedded_people
from pipelines.bootstrap import bootstrap
from pipelines.monitor import record_arms
from pipelines.paid import write_costs
from pipelines.rollout.judge import evening, status_lines
from pipelines.rollout.propose import SALT_BYTES, open_market, propose
from pipelines.rollout.record import state_of
from pipelines.runner import Run, run_step
from pipelines.simulated_people import answer_cards, let_through, validate
from pipelines.simulated_story import story_lines
from pipelines.step import StepContext

log = logging.getLogger("fillwise")
DAILY = ("trade", "ingest", "validate", "fit_features", "build_features", "skew")
LEARNING = ("build_training_set", "train", "backtest", "gate")
EVERY_SESSIONS = 10
FILL_SESSIONS = 5
"""Phases that take longer than a week to fill are left out, so that sixty sessions hold a whole rollout."""
HISTORY_SESSIONS = 30
"""Thirty sessions before the first: twenty for the backtest's interval, ten to fit its first fold on."""


@dataclass(frozen=True)
class Simulation:
    """One simulated period. recipes: names, in the order in which they go on trial. history: sessions before it."""

    settings: Settings
    market: Market
    days: tuple[date, ...]
    recipes: tuple[str, ...]
    every: int = EVERY_SESSIONS
    history: int = HISTORY_SESSIONS


@dataclass(frozen=True)
class SimulatedDay:
    """What one session came to."""

    day: date
    seconds: float
    lines: tuple[str, ...]


def _context(simulation: Simulation, day: date, recipe: str) -> StepContext:
    settings = replace(simulation.settings, recipe=recipe)
    return StepContext(settings, simulation.market, (day,), Lake(settings.lake))


def _steps(simulation: Simulation, day: date, recipe: str, names: Sequence[str]) -> None:
    run = Run(replace(simulation.settings, recipe=recipe), simulation.market, (day,))
    for name in names:
        run_step(name, run)


def _at(market: Market, day: date) -> datetime:
    """When the evening is: an hour after the day's data are known."""
    return calendar.known_at(market, day) + timedelta(hours=1)


def next_recipe(state: MarketState, recipes: Sequence[str]) -> str | None:
    """The first recipe that has not been on trial; None when all have, or one is."""
    if state.rollout is not None:
        return None
    proposed = {str(told["name"]) for told in state.recipes.values()}
    return next((name for name in recipes if name not in proposed), None)


def simulated_salt(settings: Settings, market: str, recipe: str) -> str:
    """The salt of a simulated rollout: of the market's seed, so that the same period comes out the same."""
    return hashlib.sha256(f"{settings.sample_seed} {market} {recipe}".encode()).hexdigest()[: 2 * SALT_BYTES]


def _evening(simulation: Simulation, ledger: Ledger, day: date, recipe: str) -> tuple[str, ...]:
    """The evening, its approvals, and the evening again where something was answered."""
    context, at = _context(simulation, day, recipe), _at(simulation.market, day)
    drift = record_arms(context)
    notes = [] if drift is None else [f"drift {drift}"]
    notes += evening(context, at).notes
    overridden = let_through(ledger, simulation.market.name, at)
    given = answer_cards(context.settings, ledger, simulation.market.name, at + timedelta(minutes=30))
    if overridden or given:
        notes += [overridden] if overridden else []
        notes += [f"{given} approvals given"] if given else []
        notes += evening(context, at + timedelta(hours=1)).notes
    return tuple(notes)


def is_judged(ledger: Ledger, market: str, day: date) -> bool:
    """Whether the evening of that day was had: its mark is in the stream of simulations."""
    return any(entry.payload.get("session") == str(day) for entry in ledger.entries(f"simulation {market}"))


def _mark(ledger: Ledger, market: str, day: date, at: datetime) -> None:
    stream = f"simulation {market}"
    ledger.append(stream, ledger.count(stream), [Draft("simulated", {"session": str(day)})], at=at, actor="fillwise")


def work(simulation: Simulation, number: int, ledger: Ledger) -> SimulatedDay:
    """One session from the market's open to the evening."""
    day, market, clock = simulation.days[number], simulation.market.name, time.monotonic()
    state = state_of(ledger, market)
    wished = next_recipe(state, simulation.recipes)
    held = None if state.rollout is None else str(state.recipes[state.rollout.recipe_id]["name"])
    recipe = wished or held or simulation.recipes[0]
    _steps(simulation, day, recipe, DAILY)
    if wished is not None or number % simulation.every == 0:
        _steps(simulation, day, recipe, LEARNING)
    else:
        write_costs(_context(simulation, day, recipe))
    notes: list[str] = []
    at = _at(simulation.market, day)
    if wished is not None:
        salt = simulated_salt(simulation.settings, market, wished)
        rollout_id = propose(_context(simulation, day, recipe), wished, "simulated trial", at, salt)
        trial = state_of(ledger, market).rollout
        validate(ledger, market, trial.recipe_id if trial else "", at)
        notes.append(f"{rollout_id}: recipe {wished} proposed")
    notes += _evening(simulation, ledger, day, recipe)
    _mark(ledger, market, day, at)
    lines = (*dict.fromkeys(notes), *status_lines(state_of(ledger, market)))
    return SimulatedDay(day, time.monotonic() - clock, lines)


def _prepare(simulation: Simulation) -> Ledger:
    """History, plan, people and the market in the simulation's own ledger."""
    from pipelines.plan.show import plan_path
    from pipelines.plan.simulate import write_plan

    settings, market = simulation.settings, simulation.market
    first = Run(replace(settings, history_sessions=simulation.history), market, (simulation.days[0],))
    bootstrap(first)
    path = plan_path(settings, market.name)
    if not path.exists():
        write_plan(path, _plan(simulation))
    ledger = open_ledger(settings, settings.ledger_purpose)
    at = _at(market, simulation.days[0]) - timedelta(days=1)
    embedded_people(settings, ledger, at)
    open_market(settings, ledger, market, at)
    return ledger


def _plan(simulation: Simulation) -> Plan:
    """The plan of this desk by its own history. Raises RefusedError when it cannot see the harm that it tolerates."""
    from models.rollout.plan_draft import draft_plan
    from pipelines.plan.history import desk_history

    settings, market = simulation.settings, simulation.market
    plan = draft_plan(*desk_history(settings, market), fill_sessions=FILL_SESSIONS)
    if faults := plan_faults(plan):
        raise RefusedError(
            "plan of the simulation is refused", which=market.name, found="; ".join(faults),
            allowed="a plan that can see the harm it tolerates", next_step="simulate a desk with more flow",
        )  # fmt: skip
    return plan


def run(simulation: Simulation) -> Iterator[SimulatedDay]:
    """The sessions that are still to be worked, one after the other."""
    ledger = _prepare(simulation)
    for number, day in enumerate(simulation.days):
        if not is_judged(ledger, simulation.market.name, day):
            yield work(simulation, number, ledger)


def simulate(settings: Settings, arguments: argparse.Namespace) -> int:
    """The command: a line or more a session, and what the period came to."""
    from pipelines.arguments import run_from

    run_of = run_from(settings, arguments)
    if len(run_of.days) < 2:
        raise UsageError(
            "a simulation is of a period", which="--from, --to", found=f"{len(run_of.days)} session",
            allowed="two sessions or more", next_step="name both ends",
        )  # fmt: skip
    home = settings.home / "simulations" / arguments.name
    own = replace(settings, home=home, ledger_purpose="simulation", ledger_url="")
    simulation = Simulation(own, run_of.market, run_of.days, tuple(arguments.recipes.split(",")), arguments.every)
    started = time.monotonic()
    for number, found in enumerate(run(simulation), start=1):
        print(f"{found.day}  {found.seconds:5.1f} s", flush=True)
        for line in found.lines:
            print(f"    {line}", flush=True)
        log.info("simulate: %d of %d sessions, %.0f s", number, len(run_of.days), time.monotonic() - started)
    ledger = open_ledger(own, "simulation")
    print("\n".join(["", *story_lines(ledger.entries(run_of.market.name), run_of.market.name)]))
    print(f"\n{ledger.verify().reason}; state folder {home}")
    return 0
