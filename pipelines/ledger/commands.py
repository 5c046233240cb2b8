"""The ledger's commands, as data. Nothing heavy is imported before one is called."""

from __future__ import annotations

from argparse import ArgumentParser

from pipelines.command import Command, on_words


def market_option(parser: ArgumentParser) -> None:
    """Which market."""
    parser.add_argument("--market", default="sample", help="market (default: sample)")


def ledger_options(parser: ArgumentParser) -> None:
    """What to do with the ledger."""
    actions = ("verify", "export", "show", "copy", "guard")
    parser.add_argument("action", choices=actions, help="what to do")
    parser.add_argument(
        "--head", metavar="FILE", help="verify: an exported head (default: every one in the state folder)"
    )
    parser.add_argument("--to", metavar="FILE", help="export: where to (default: a file of the day in <home>/ledger)")
    parser.add_argument("--all", action="store_true", help="export: every entry beside the head, as lines of JSON")
    parser.add_argument("--stream", help="show: only this stream (a market, people, cards, alerts)")
    parser.add_argument("--last", type=int, metavar="N", help="show: the last N entries (default: 20)")
    parser.add_argument("--by", metavar="NAME", help="guard: who puts the triggers back that refuse changes")


def champion_options(parser: ArgumentParser) -> None:
    """When."""
    parser.add_argument("--at", metavar="TIME", help="ISO 8601 with a zone (default: now)")


def history_options(parser: ArgumentParser) -> None:
    """Which version."""
    parser.add_argument("version", metavar="VERSION", help="as sample.execution/12")


def audit_options(parser: ArgumentParser) -> None:
    """Which period, in which form."""
    parser.add_argument("--from", dest="first", metavar="TIME", help="day, or ISO 8601 with a zone (default: all)")
    parser.add_argument("--to", dest="last", metavar="TIME", help="day, or ISO 8601 with a zone (default: now)")
    parser.add_argument("--format", dest="form", default="text", help="text, csv or json (default: text)")


def control_options(parser: ArgumentParser) -> None:
    """Which control was tested, by whom, with what result."""
    parser.add_argument("action", choices=("list", "tested"), help="what to do")
    parser.add_argument("control", nargs="?", help="tested: its name (fillwise control list)")
    parser.add_argument("--result", choices=("pass", "fail"), help="tested: what came out")
    parser.add_argument("--detail", metavar="TEXT", help="tested: what was done, in words; it is recorded")
    parser.add_argument("--by", metavar="NAME", help="tested: who did (fillwise people list)")


WORDS, ANSWERS = "pipelines.ledger.words", "pipelines.ledger.answers"
COMMANDS: tuple[Command, ...] = (
    Command(
        "ledger",
        "verify the chain (exit 1 naming the first bad entry), export its head, show entries, copy them for analysis",
        on_words(WORDS, "ledger"),
        (market_option, ledger_options),
    ),
    Command("champion", "who was champion at a time", on_words(ANSWERS, "champion"), (market_option, champion_options)),
    Command(
        "history",
        "all that ever happened to a version: when, who, why",
        on_words(ANSWERS, "history"),
        (market_option, history_options),
    ),
    Command(
        "audit",
        "change log (when, who made, who approved, nature, reason), model inventory, risk controls",
        on_words(ANSWERS, "audit"),
        (market_option, audit_options),
    ),
    Command(
        "control",
        "list the risk controls with their last test, or record a test of one",
        on_words(ANSWERS, "control"),
        (control_options,),
    ),
)
