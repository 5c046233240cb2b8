"""The ledger's commands, as data. Nothing heavy is imported before one is called."""

from __future__ import annotations

from argparse import ArgumentParser

from pipelines.command import Command, on_words


def market_option(parser: ArgumentParser) -> None:
    """Which market."""
    parser.add_argument("--market", default="sample", help="market (default: sample)")


def ledger_options(parser: ArgumentParser) -> None:
    """What to do with the ledger."""
    parser.add_argument("action", choices=("verify", "export", "show"), help="what to do")
    parser.add_argument(
        "--head", metavar="FILE", help="verify: an exported head (default: every one in the state folder)"
    )
    parser.add_argument("--stream", help="show: only this stream (a market, people, cards, alerts)")
    parser.add_argument("--last", type=int, metavar="N", help="show: the last N entries (default: 20)")


def champion_options(parser: ArgumentParser) -> None:
    """When."""
    parser.add_argument("--at", metavar="TIME", help="ISO 8601 with a zone (default: now)")


def history_options(parser: ArgumentParser) -> None:
    """Which version."""
    parser.add_argument("version", metavar="VERSION", help="as sample.execution/12")


def audit_options(parser: ArgumentParser) -> None:
    """Which period, in which form."""
    parser.add_argument("--from", dest="first", metavar="TIME", help="ISO 8601 with a zone (default: the beginning)")
    parser.add_argument("--to", dest="last", metavar="TIME", help="ISO 8601 with a zone (default: now)")
    parser.add_argument("--format", dest="form", default="text", help="text, csv or json (default: text)")


WORDS = "pipelines.ledger.words"
COMMANDS: tuple[Command, ...] = (
    Command(
        "ledger",
        "verify the chain (exit 1 naming the first bad entry), export its head, or show entries",
        on_words(WORDS, "ledger"),
        (ledger_options,),
    ),
    Command("champion", "who was champion at a time", on_words(WORDS, "champion"), (market_option, champion_options)),
    Command(
        "history",
        "all that ever happened to a version: when, who, why",
        on_words(WORDS, "history"),
        (market_option, history_options),
    ),
    Command(
        "audit",
        "change log (when, who made, who approved, nature, reason) and model inventory",
        on_words(WORDS, "audit"),
        (market_option, audit_options),
    ),
)
