"""What may be typed behind a command, group by group. Standard library only, so that help is quick."""

from __future__ import annotations

import os
from argparse import REMAINDER, ArgumentParser


def run_options(parser: ArgumentParser) -> None:
    """Which market, which sessions, from where. The environment carries them from Airflow to a step."""
    given = os.environ
    parser.add_argument("--market", default=given.get("FILLWISE_MARKET") or "sample", help="market (default: sample)")
    parser.add_argument(
        "--day",
        default=given.get("FILLWISE_DAY") or None,
        metavar="YYYY-MM-DD",
        help="session (default: the latest one that has closed)",
    )
    parser.add_argument(
        "--from",
        dest="first",
        metavar="YYYY-MM-DD",
        help="first session of a range; a step, or backfill, leaves out sessions of which the folder of --data has no "
        "file, names them at the end and exits 0, and exits 1 where it has none at all or one cannot be taken",
    )
    parser.add_argument("--to", dest="last", metavar="YYYY-MM-DD", help="last session of a range")
    parser.add_argument(
        "--data",
        default=given.get("FILLWISE_DATA") or None,
        metavar="FOLDER",
        help="folder of recorded or delivered files",
    )


def due_option(parser: ArgumentParser) -> None:
    """When a night was due."""
    parser.add_argument(
        "--at",
        default=os.environ.get("FILLWISE_AT") or None,
        metavar="TIME",
        help="when the night was due, ISO 8601 with a zone (default: now); ignored when --day is given",
    )


def _who_and_why(parser: ArgumentParser) -> None:
    parser.add_argument("--reason", metavar="TEXT", help="why, in words; it is recorded")
    parser.add_argument("--by", dest="person", metavar="NAME", help="who takes it in (default: the user logged in)")


def delivery_options(parser: ArgumentParser) -> None:
    """How `ingest` takes files in that are late or correct earlier ones."""
    parser.add_argument(
        "--restate", action="store_true", help="files that came before with other content are corrections"
    )
    parser.add_argument(
        "--known-at", metavar="TIME", help="since when the files are known, ISO 8601 with a zone (default: as they say)"
    )
    _who_and_why(parser)


def explain_option(parser: ArgumentParser) -> None:
    """Tell instead of doing."""
    parser.add_argument(
        "--explain", action="store_true", help="judge nothing; tell in words what was recorded, figure by figure"
    )


def known_options(parser: ArgumentParser) -> None:
    """`known`: the time asked about, and where the rows go."""
    parser.add_argument("--at", metavar="TIME", help="as known at this time, ISO 8601 with a zone (default: by now)")
    parser.add_argument("--noun", help="only this noun")
    parser.add_argument("--out", metavar="FILE", help="write the rows of --noun as Parquet")


def quarantine_options(parser: ArgumentParser) -> None:
    """`quarantine`: list rows by rule, or take some back in."""
    parser.add_argument("action", nargs="?", choices=("list", "release"), default="list", help="default: list")
    parser.add_argument("--rule", help="only rows that this rule refused")
    parser.add_argument("--noun", help="only rows of this noun")
    parser.add_argument("--file", dest="source_file", metavar="NAME", help="only rows of this file")
    parser.add_argument("--row", dest="source_row", type=int, metavar="N", help="only this row of the file")
    _who_and_why(parser)


def maintain_options(parser: ArgumentParser) -> None:
    """`maintain`: say what would go, or remove it."""
    parser.add_argument("--apply", action="store_true", help="remove what is listed (default: only say it)")


def backup_options(parser: ArgumentParser) -> None:
    """`backup`: where to."""
    parser.add_argument("--to", dest="target", required=True, metavar="FOLDER", help="a folder that is not there yet")


def restore_options(parser: ArgumentParser) -> None:
    """`restore`: from where."""
    parser.add_argument("--from", dest="origin", required=True, metavar="FOLDER", help="a folder made by backup")


def word_options(parser: ArgumentParser) -> None:
    """`airflow`: whatever stands behind it is Airflow's."""
    parser.add_argument("words", nargs=REMAINDER, help="what Airflow shall do")


def training_set_options(parser: ArgumentParser) -> None:
    """`training_set`: which one, what of it, and where to."""
    parser.add_argument("training_set", nargs="?", metavar="ID", help="make this one again (default: list them)")
    parser.add_argument("--decisions", action="store_true", help="the desk's decisions of these sessions, as of then")
    parser.add_argument("--out", metavar="FILE", help="write the rows as Parquet")


def table_option(parser: ArgumentParser) -> None:
    """`tables`: one of them."""
    parser.add_argument("table", nargs="?", help="one noun or table (default: all)")


def feature_options(parser: ArgumentParser) -> None:
    """`features`: one of them, or the page."""
    parser.add_argument("feature", nargs="?", help="one feature in full (default: all)")
    parser.add_argument("--page", action="store_true", help="write the market's features page and say where it lies")
