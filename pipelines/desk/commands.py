"""The commands `desk`, `desks` and `venue`, as data. Nothing heavy is imported before one is called."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING

from infra.settings import Settings
from pipelines.command import Command
from pipelines.options import run_options

if TYPE_CHECKING:
    from pipelines.desk.live import Clock

LATENCY_SECONDS = (0.02, 0.25)
"""One way, in market seconds: from a line in the exchange's own building to one across a continent."""
LOST_SHARE = 0.01
ORDERS = 26


def venue_options(parser: ArgumentParser) -> None:
    """How many desks the session has, how fast its market goes, and what its venue is like."""
    parser.add_argument("--of", type=int, default=1, metavar="N", help="desks of the session (default: 1)")
    parser.add_argument(
        "--pace",
        type=float,
        default=1.0,
        metavar="P",
        help="market seconds a wall second; 0: as fast as possible (default: 1)",
    )
    parser.add_argument("--orders", type=int, default=ORDERS, metavar="N", help="client orders a symbol (default: 26)")
    parser.add_argument(
        "--venue-latency",
        type=float,
        nargs=2,
        default=LATENCY_SECONDS,
        metavar=("LOW", "HIGH"),
        help="one way to the venue, in market seconds (default: 0.02 0.25)",
    )
    parser.add_argument(
        "--lost", type=float, default=LOST_SHARE, metavar="SHARE", help="reports that get lost (default: 0.01)"
    )


def desk_options(parser: ArgumentParser) -> None:
    """Which of the desks this is."""
    parser.add_argument("--number", type=int, default=1, metavar="K", help="this desk, from 1 to N (default: 1)")
    parser.add_argument("--stay", action="store_true", help="after the close go on reporting until told to stop")


def desks_options(parser: ArgumentParser) -> None:
    """Only wait: what the manager itself starts beside the desks."""
    parser.add_argument("--wait", action="store_true", help="start nothing, return when every desk has ended")


def _clock() -> Clock:
    import time
    from datetime import UTC, datetime

    from pipelines.desk.live import Clock

    return Clock(lambda: datetime.now(UTC), time.monotonic, time.sleep)


def _desk(settings: Settings, arguments: Namespace) -> int:
    from infra.environment import apply

    apply(settings)
    from pipelines.desk.live_process import main

    return main(settings, arguments, _clock())


def _desks(settings: Settings, arguments: Namespace) -> int:
    from infra.environment import apply

    apply(settings)
    from pipelines.desk.live_fleet import main

    return main(settings, arguments, _clock())


def _venue(settings: Settings, arguments: Namespace) -> int:
    import signal
    import sys

    from infra.environment import apply

    apply(settings)
    from pipelines.arguments import run_from
    from pipelines.desk.venue_process import serve_venue

    run, clock = run_from(settings, arguments), _clock()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    return serve_venue(settings, run.market.name, run.days[0], clock.monotonic, clock.sleep)


COMMANDS: tuple[Command, ...] = (
    Command(
        "desk",
        "trade a share of a session's orders on the built-in market, as a process that obeys routing and stops",
        _desk,
        (run_options, venue_options, desk_options),
    ),
    Command(
        "desks",
        "start all desks of a session side by side, put their parts together as the day's drop; Ctrl-C stops them",
        _desks,
        (run_options, venue_options, desks_options),
    ),
    Command(
        "venue",
        "the built-in market as a venue of its own that outlives its desks; a desk starts one when none answers",
        _venue,
        (run_options,),
    ),
)
