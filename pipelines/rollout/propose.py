"""`fillwise rollout propose NAME`: put a recipe on trial, on the plan of this desk. Nothing trades by it yet.

The proposal says who made it, from which revision, and what kind of change it is; the rollout begins as a draft, and
the night's gate, a validation report and approvals lead it on. The first proposal of a market opens it in the ledger,
with the benchmark policy as champion and, on the built-in market, with its synthetic clients opted in.
"""

from __future__ import annotations

import argparse
import getpass
import secrets
from datetime import UTC, datetime

from infra.errors import EvidenceError
from infra.ledger import Ledger, open_ledger
from infra.markets import Market
from infra.registry import Registry
from infra.revision import current_revision
from infra.settings import Settings
from models.catalog import RECIPES
from models.rollout.commands import Draft, OpenMarket, OptIn
from models.rollout.leave import present
from models.rollout.state import Arm, MarketState
from models.version import benchmark_policy
from pipelines.approval.authors import DIRTY, Authors, approvals_needed, authors_since
from pipelines.approval.people import embedded_people, trusted_people
from pipelines.current_recipe import recipe_named
from pipelines.plan.show import plan_path, read_plan
from pipelines.recipes.change import change_of
from pipelines.rollout.record import record, state_of
from pipelines.rollout.refits import freeze_probes
from pipelines.step import StepContext

SALT_BYTES = 16


def open_market(settings: Settings, ledger: Ledger, market: Market, at: datetime) -> MarketState:
    """The market in the ledger, opened with the benchmark policy as champion where it is new."""
    bench = benchmark_policy(market.name)
    arm = Arm(bench.version, bench.digest, "benchmark")
    state, _ = record(
        ledger, market.name, OpenMarket(market.currency, arm, settings.ledger_purpose), at=at, actor="fillwise"
    )
    if not state.accounts and market.is_traded_by_desk:
        from pipelines.desk.client_orders import accounts_of

        wish = OptIn(accounts_of(settings.sample_orders), "fillwise", "synthetic clients of the paper desk")
        state, _ = record(ledger, market.name, wish, at=at, actor="fillwise")
    return state


def authors_of(settings: Settings, ledger: Ledger, state: MarketState) -> tuple[Authors, str]:
    """Who made the recipe: authors of what its code changed since the champion's, and whoever is logged in; and its
    revision, marked where it was not committed.
    """
    found = current_revision()
    revision = found.commit + (DIRTY if found.is_dirty else "")
    before = state.recipes.get(state.champion.recipe_id, {}).get("revision")
    people = trusted_people(settings, ledger)
    return authors_since(before, revision, people, others=(getpass.getuser(),)), revision


def newest_version(settings: Settings, market: Market, recipe_id: str) -> Arm:
    """The last refit of a recipe. Raises EvidenceError when there is none."""
    found = [one for one in Registry(settings).versions(market.name) if one.recipe_id == recipe_id]
    if not found:
        raise EvidenceError(
            "recipe has no version",
            which=f"{market.name} recipe {recipe_id}",
            found="none in the registry",
            allowed="a refit by the night",
            next_step="run a night with FILLWISE_RECIPE set to its name",
        )
    return Arm(found[0].name, found[0].digest, recipe_id)


def propose(context: StepContext, name: str, reason: str, at: datetime, salt: str) -> str:
    """Draft a rollout of the recipe; its name. salt: what its units are drawn into arms by; nobody may foresee it.

    Raises RefusedError when it may not be.
    """
    settings, market, probes = context.settings, context.market, freeze_probes(context)
    ledger = open_ledger(settings, settings.ledger_purpose)
    state = open_market(settings, ledger, market, at)
    recipe, plan = recipe_named(name), read_plan(plan_path(settings, market.name))
    arm = newest_version(settings, market, recipe.recipe_id)
    authors, revision = authors_of(settings, ledger, state)
    change = change_of(settings, market, state, recipe)
    proposal = {
        "recipe_id": recipe.recipe_id, "name": name, "authors": list(authors.all_names), "revision": revision,
        "change_class": change.change.name, "approvals": approvals_needed(authors, change.approvals),
        "reason": reason or RECIPES[name].summary,
    }  # fmt: skip
    draft = Draft(proposal, arm, plan, salt, probes)
    after, _ = record(ledger, market.name, draft, at=at, actor=authors.all_names[0])
    return present(after).rollout_id


def run_propose(context: StepContext, arguments: argparse.Namespace) -> int:
    """The command."""
    settings, market, at = context.settings, context.market, datetime.now(UTC)
    ledger = open_ledger(settings, settings.ledger_purpose)
    for name, secret in embedded_people(settings, ledger, at).items():
        print(f"person {name}: secret {secret}   (shown once; keep it, or fillwise people rotate {name})")
    rollout_id = propose(context, arguments.recipe, arguments.reason or "", at, secrets.token_hex(SALT_BYTES))
    state = state_of(ledger, market.name)
    print(f"{rollout_id}: recipe {arguments.recipe} is a draft; the next night's gate judges it")
    print(f"next: fillwise recipe report {state.rollout.recipe_id if state.rollout else ''} (by somebody else)")
    return 0
