"""The commands `alerts`, `night_done`, `watch`, `required_action`. Nothing heavy is imported before one is called."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from infra.settings import Settings
from pipelines.command import Command, on_words
from pipelines.options import run_options


def alert_options(parser: ArgumentParser) -> None:
    """What to do with alerts."""
    actions = ("list", "ack", "test", "escalate")
    parser.add_argument("action", nargs="?", choices=actions, default="list", help="default: list")
    parser.add_argument("alert", nargs="?", metavar="ID", help="ack: which alert")
    parser.add_argument("--market", help="list: only this market (default: all)")
    parser.add_argument("--by", dest="person", metavar="NAME", help="ack: who has it now (fillwise people list)")
    parser.add_argument("--reason", metavar="TEXT", help="ack: what you do about it; it is recorded")
    parser.add_argument("--every", type=float, default=0.0, metavar="SECONDS", help="escalate: again and again")


def required_options(parser: ArgumentParser) -> None:
    """Which card."""
    parser.add_argument("card", nargs="?", help="this card in full (default: names of those that ask)")


def _night_done(settings: Settings, arguments: Namespace) -> int:
    from pipelines.arguments import run_from
    from pipelines.deadline import require_night

    run = run_from(settings, arguments)
    require_night(settings, run.market.name, run.days[-1])
    print(f"night of {run.days[-1]} is done")
    return 0


def watch_options(parser: ArgumentParser) -> None:
    """When to look."""
    parser.add_argument("--always", action="store_true", help="look although the exchange is closed")


RUN_OPTIONS = (run_options,)
COMMANDS: tuple[Command, ...] = (
    Command(
        "alerts",
        "what a person must look at: list, acknowledge, test the addresses, tell whoever must be told now",
        on_words("pipelines.alerting.words", "alerts"),
        (alert_options,),
    ),
    Command(
        "night_done", "is the night of a session done? exit 75, try again, while it is not", _night_done, RUN_OPTIONS
    ),
    Command(
        "watch",
        "what cannot wait for the evening: routing, desks, stops, exposure; exit 1 when something is found, 99 closed",
        on_words("pipelines.watch", "watch"),
        (run_options, watch_options),
    ),
    Command(
        "required_action",
        "what Airflow shows of a card, or which cards ask, as JSON",
        on_words("pipelines.required_action", "print_required_action"),
        (run_options, required_options),
    ),
)
