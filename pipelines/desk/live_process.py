"""One desk as a process: `fillwise desk`. It puts the parts together, and ends in order when it is told to."""

from __future__ import annotations

import argparse
import logging
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from infra.errors import FillwiseError, UsageError
from infra.lake import Lake
from infra.locks import held
from infra.settings import Settings
from pipelines.arguments import run_from
from pipelines.desk.live import Clock, Desk, DeskEnd
from pipelines.desk.live_day import LiveDay, Share, live_day, require_share
from pipelines.desk.live_journal import desk_folder
from pipelines.desk.live_part import require_untraded, write_part
from pipelines.desk.live_versions import disk_loader
from pipelines.desk.served import NO_KNOWLEDGE, DeskKnowledge
from pipelines.desk.venue import VenueTerms
from pipelines.desk.venue_link import LinkTerms, VenueLink, require_venue
from pipelines.symbol_days import desk_knowledge

log = logging.getLogger("fillwise")


@dataclass
class Told:
    """Whether somebody said stop."""

    is_told: bool = False

    def listen(self) -> None:
        """From now on SIGTERM and SIGINT say stop."""
        for which in (signal.SIGTERM, signal.SIGINT):
            signal.signal(which, lambda *_: self.tell())

    def tell(self) -> None:
        self.is_told = True

    def __call__(self) -> bool:
        return self.is_told


def knowledge_of(settings: Settings, day: LiveDay) -> tuple[DeskKnowledge, str | None]:
    """What the lake knows for the session, nothing and the reason where it is away: a desk goes on without."""
    if not Path(settings.lake).exists():
        return NO_KNOWLEDGE, "there is no lake, so no fits of earlier sessions"
    try:
        return desk_knowledge(Lake(settings.lake), day.market, day.share.day), None
    except (FillwiseError, OSError) as error:
        return NO_KNOWLEDGE, f"the lake is away, so no fits of earlier sessions: {error}"


def _worked(
    settings: Settings, share: Share, terms: LinkTerms, clock: Clock, told: Callable[[], bool], *, stays: bool
) -> DeskEnd:
    day = live_day(settings, share)
    link = VenueLink(share, terms, require_venue(settings, share, clock.monotonic, clock.sleep))
    knowledge, why = knowledge_of(settings, day)
    load = disk_loader(settings, share.market)
    desk = Desk(settings, day, link, terms, clock, load, knowledge, os.getpid())
    if why is not None:
        desk.work.note(why, clock.utc())
    end = desk.run(told)
    snapshot = desk.routing.route.snapshot
    untold = write_part(settings, day, desk.work.feeds, end.reached, knowledge, snapshot, load)
    if untold is not None:
        log.error("%s: %s", share.desk, untold)
    link.leave()
    if stays:
        desk.stay(told)
    desk.leave()
    return end


def run_desk(
    settings: Settings, share: Share, terms: LinkTerms, clock: Clock, told: Callable[[], bool], *, stays: bool
) -> DeskEnd:
    """Work a share of a session to its end. Raises BusyError when this desk runs already, SessionError, UsageError."""
    require_untraded(settings, share)
    lock = desk_folder(settings, share) / f"{share.desk}.lock"
    with held(lock, f"fillwise desk {share.desk}", wait_seconds=0):
        return _worked(settings, share, terms, clock, told, stays=stays)


def share_from(settings: Settings, arguments: argparse.Namespace, number: int) -> Share:
    """What was typed, as the share of desk `number`. Raises UsageError for a range, or a desk without symbols."""
    run = run_from(settings, arguments)
    if len(run.days) != 1:
        raise UsageError(
            "a desk trades one session", which="--from/--to", found=f"{len(run.days)} sessions", allowed="one --day",
            next_step="start the desks once a session",
        )  # fmt: skip
    share = Share(run.market.name, run.days[0], number, arguments.of, arguments.orders)
    require_share(share, settings.sample_symbols)
    return share


def terms_from(settings: Settings, arguments: argparse.Namespace) -> LinkTerms:
    """What was typed, as terms of the venue."""
    low, high = arguments.venue_latency
    return LinkTerms(arguments.pace, VenueTerms((low, high), arguments.lost, settings.sample_seed))


def told_end(share: Share, end: DeskEnd) -> str:
    """One paragraph about a desk's session."""
    whole = "to the close" if end.is_complete else f"until second {end.reached:.0f}, before the close"
    left = f"; {end.open_children} children were not acknowledged" if end.open_children else ""
    return (
        f"{share.desk} worked {share.market} {share.day} {whole}: {end.decisions:,} decisions, {end.children:,} child "
        f"orders, {end.filled_lots:,} lots filled, {end.handed_over} parents handed over{left}; "
        f"{end.looks:,} looks at routing, {end.look_microseconds:.0f} µs each"
    )


def main(settings: Settings, arguments: argparse.Namespace, clock: Clock) -> int:
    """The command `fillwise desk`."""
    told, share = Told(), share_from(settings, arguments, arguments.number)
    told.listen()
    end = run_desk(settings, share, terms_from(settings, arguments), clock, told, stays=arguments.stay)
    print(told_end(share, end), flush=True)
    return 0 if end.open_children == 0 else 1
