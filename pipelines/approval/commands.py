"""The commands `people`, `card` and `approve`, as data. Nothing heavy is imported before one is called.

`rollout override` and `recipe report` are actions of other commands: `override_options`, `report_options` and the
functions `override` and `report` of `words.py` are theirs to call.
"""

from __future__ import annotations

from argparse import ArgumentParser

from pipelines.command import Command, on_words

WORDS = "pipelines.approval.words"
PEOPLE_WORDS = "pipelines.approval.people_words"
FILE_HELP = "file with your secret, readable by you alone; - for standard input (default: typed unseen)"


def market_option(parser: ArgumentParser) -> None:
    """Which market."""
    parser.add_argument("--market", default="sample", help="market (default: sample)")


def secret_option(parser: ArgumentParser) -> None:
    """Where the secret comes from; there is no option for the secret itself."""
    parser.add_argument("--secret-file", metavar="FILE", help=FILE_HELP)


def person_option(parser: ArgumentParser) -> None:
    """Who does it."""
    parser.add_argument("--person", metavar="NAME", help="who you are (fillwise people list)")
    secret_option(parser)


def people_options(parser: ArgumentParser) -> None:
    """What to do with people."""
    actions = ("list", "show", "add", "grant", "revoke", "identify", "rotate")
    parser.add_argument("action", nargs="?", choices=actions, default="list", help="default: list")
    parser.add_argument("name", nargs="?", help="whom it is about")
    parser.add_argument("role", nargs="?", help="grant, revoke: author, approver, risk, trader or operator")
    parser.add_argument("--roles", default="", metavar="A,B", help="add: roles to begin with")
    parser.add_argument("--airflow-user", metavar="ID", help="add: their id in Airflow (default: the name)")
    parser.add_argument("--email", default="", help="add: where they are reached")
    parser.add_argument(
        "--identity", action="append", default=[], metavar="TEXT", help="add, identify: name or address of commits"
    )
    parser.add_argument("--at", metavar="TIME", help="list, show: as of this time, ISO 8601 with a zone")
    parser.add_argument("--by", metavar="NAME", help="who changes it: a risk officer (rotate: or the person)")
    secret_option(parser)


def card_options(parser: ArgumentParser) -> None:
    """What to do with cards."""
    parser.add_argument("action", nargs="?", choices=("list", "show"), default="list", help="default: list")
    parser.add_argument("card", nargs="?", help="show: which card (default: the newest that asks)")
    parser.add_argument("--markdown", action="store_true", help="show: as Airflow shows it")


def approve_options(parser: ArgumentParser) -> None:
    """Which card, what about it, and who says so."""
    parser.add_argument("card", nargs="+", metavar="CARD", help="[code] CARD: print your code, or answer the card")
    parser.add_argument("--decision", choices=("approve", "reject"), help="what you say")
    parser.add_argument("--code", help="your code for this card and answer (default: asked for)")
    parser.add_argument("--reason", default="", metavar="TEXT", help="why, in words; it is recorded")
    parser.add_argument("--airflow", metavar="FILE", help="take the answer that Airflow's hitlDetails (JSON) tell")


def override_options(parser: ArgumentParser) -> None:
    """`rollout override`: what two persons let through; `--reason` is the command's own."""
    parser.add_argument("--what", choices=("gate", "automatic_promotions"), default="gate", help="override: what")


def report_options(parser: ArgumentParser) -> None:
    """`recipe report`: the report, until when it counts, what it says."""
    parser.add_argument("--file", metavar="FILE", help="report: the validation report")
    parser.add_argument("--expires", metavar="YYYY-MM-DD", help="report: last day on which it counts, a year at most")
    parser.add_argument("--summary", default="", metavar="TEXT", help="report: what it says, in a sentence")


COMMANDS: tuple[Command, ...] = (
    Command(
        "people",
        "who may do what: list, show as of a time, add, grant, revoke, identify, rotate a secret",
        on_words(PEOPLE_WORDS, "people"),
        (people_options,),
    ),
    Command(
        "card", "cards that ask for approval: list, show one", on_words(WORDS, "card"), (market_option, card_options)
    ),
    Command(
        "approve",
        "answer a card (approve or reject), or print your code for it",
        on_words(WORDS, "approve"),
        (person_option, approve_options),
    ),
)
