"""The command `plan`, as data. Nothing heavy is imported before it is called."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from infra.settings import Settings
from pipelines.command import Command


def market_option(parser: ArgumentParser) -> None:
    """Which market."""
    parser.add_argument("--market", default="sample", help="market (default: sample)")


def plan_options(parser: ArgumentParser) -> None:
    """What to do with a plan, and what is stated where a desk has no history."""
    parser.add_argument("action", choices=("show", "check", "simulate"), help="what to do")
    parser.add_argument("file", nargs="?", metavar="FILE", help="plan to show or check (default: the market's)")
    parser.add_argument("--units", type=float, help="simulate: units a session (default: as in this desk's history)")
    parser.add_argument("--sigma", type=float, metavar="BPS", help="simulate: spread of a unit's cost (default: same)")
    parser.add_argument("--tau", type=float, metavar="BPS", help="simulate: spread of a true effect between sessions")
    parser.add_argument("--unit-notional", type=float, metavar="MONEY", help="simulate: mean value of a unit")
    parser.add_argument(
        "--fill-sessions",
        type=int,
        metavar="N",
        help="simulate: leave out phases that need more sessions (default: 10)",
    )
    parser.add_argument("--runs", type=int, metavar="N", help="simulate: rollouts drawn for each effect")
    parser.add_argument("--out", metavar="FILE", help="simulate: where the plan goes (default: the market's)")


def _plan(settings: Settings, arguments: Namespace) -> int:
    if arguments.action == "simulate":
        from infra.environment import apply

        apply(settings)
        from pipelines.plan.simulate import simulate

        return simulate(settings, arguments)
    from pipelines.plan.show import check, show

    return show(settings, arguments) if arguments.action == "show" else check(settings, arguments)


COMMANDS: tuple[Command, ...] = (
    Command(
        "plan",
        "simulate draft a rollout's plan on this desk's flow; show it; check whether it is refused, and why",
        _plan,
        (market_option, plan_options),
    ),
)
