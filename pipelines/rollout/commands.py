"""The commands of the rollout, as data. Nothing heavy is imported before one is called."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from infra.settings import Settings
from pipelines.approval.commands import override_options, person_option
from pipelines.command import Command
from pipelines.options import run_options


def rollout_options(parser: ArgumentParser) -> None:
    """What to do with the rollout of a market."""
    actions = ("propose", "judge", "reconcile", "override", "status", "page")
    parser.add_argument("action", choices=actions, help="what to do")
    parser.add_argument("recipe", nargs="?", help="propose: name of the recipe (fillwise recipe list)")
    parser.add_argument("--reason", metavar="TEXT", help="propose, override: why, in words; recorded")
    parser.add_argument("--watch", action="store_true", help="status: again after every change, until Ctrl-C")


def _rollout(settings: Settings, arguments: Namespace) -> int:
    from datetime import UTC, datetime

    from infra.environment import apply

    apply(settings)
    from infra.errors import UsageError
    from infra.lake import Lake
    from pipelines.arguments import run_from
    from pipelines.runner import market_lock
    from pipelines.step import StepContext

    if arguments.action == "override":
        from pipelines.approval.words import override

        return override(settings, arguments)
    if arguments.action == "status":
        from pipelines.arguments import market_named
        from pipelines.rollout_page.terminal import print_rollout

        return print_rollout(settings, market_named(arguments.market).name, is_watched=arguments.watch)
    run = run_from(settings, arguments)
    context = StepContext(settings, run.market, run.days, Lake(settings.lake), run.data)
    if arguments.action == "page":
        from pipelines.rollout_page.page import print_page

        return print_page(context, datetime.now(UTC))
    with market_lock(settings, run.market.name, f"fillwise rollout {arguments.action}"):
        if arguments.action == "propose":
            from pipelines.rollout.propose import run_propose

            if not arguments.recipe:
                raise UsageError(
                    "a recipe is missing", which="rollout propose", found="nothing", allowed="its name",
                    next_step="fillwise recipe list",
                )  # fmt: skip
            return run_propose(context, arguments)
        from pipelines.rollout.judge import print_evening

        return print_evening(context, datetime.now(UTC), judge=arguments.action == "judge")


def simulate_options(parser: ArgumentParser) -> None:
    """Which recipes, how often they are refitted, and under which name the simulation lies."""
    parser.add_argument("--recipes", default="signal", metavar="A,B,C", help="on trial, one after the other")
    parser.add_argument("--every", type=int, default=10, metavar="N", help="retrain every N sessions (default: 10)")
    parser.add_argument("--name", default="default", help="folder below <home>/simulations (default: default)")


def _simulate(settings: Settings, arguments: Namespace) -> int:
    from infra.environment import apply

    apply(settings)
    from pipelines.simulate import simulate

    return simulate(settings, arguments)


COMMANDS: tuple[Command, ...] = (
    Command(
        "rollout",
        "propose a recipe, judge an evening, repair projections, override a gate (two persons), say how it stands",
        _rollout,
        (run_options, person_option, rollout_options, override_options),
    ),
    Command(
        "simulate",
        "replay every night of a period: trade, learn, gate, approve, roll out; resumable",
        _simulate,
        (run_options, simulate_options),
    ),
)
