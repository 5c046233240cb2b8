"""Desks of one session side by side: `fillwise desks`. One manager starts them, waits, puts their parts together.

Each desk owns symbols of its own and trades them on its own copy of their market (`live_day`), so the desks share a
session and its routing, and no book. They stay after the close, reporting, until the slowest has ended; then all are
stopped together and the day's drop is written. Ctrl-C stops all of them: each takes its children off, waits for the
acknowledgements and writes its part, and no drop is made of half a session.
"""

from __future__ import annotations

import argparse
import os
import shlex
import sys
import threading
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from infra.desk_reports import desk_reports
from infra.environment import quiet_environment
from infra.parent import die_with_parent
from infra.settings import Settings
from pipelines.desk.live import Clock
from pipelines.desk.live_day import Share, live_day, live_markets
from pipelines.desk.live_decide import warm_rule
from pipelines.desk.live_feed import feeds
from pipelines.desk.live_part import drop_folder, joined, require_untraded, unfinished
from pipelines.desk.live_process import share_from
from pipelines.desk.venue_books import Seen, book_news
from pipelines.up_manager import run_together

WAITER = "session"
WAIT_SECONDS, TOLD_SECONDS = 0.5, 15.0
WARM_SECOND = 65.0


def warm_kernels(settings: Settings, share: Share) -> int:
    """Compile what desks and venue need, once, so that they find it; the second that the market was warmed to."""
    day = live_day(settings, share)
    symbol, market = next(iter(live_markets(settings, day).items()))
    market.advance(WARM_SECOND)
    market.cancel(market.place(0, market.quote().bid, 1, is_immediate=False))
    feed = feeds(day)[symbol]
    feed.hear(book_news(symbol, market, Seen(0, 0)))
    feed.vector()
    warm_rule()
    return int(market.now)


def _desk_words(arguments: argparse.Namespace, share: Share) -> list[str]:
    low, high = arguments.venue_latency
    return [
        sys.executable, "-m", "pipelines", "desk", "--market", share.market, "--day", str(share.day),
        "--number", str(share.number), "--of", str(share.of), "--pace", str(arguments.pace),
        "--orders", str(share.orders_per_symbol), "--venue-latency", str(low), str(high),
        "--lost", str(arguments.lost), "--stay",
    ]  # fmt: skip


def _wait_words(arguments: argparse.Namespace, share: Share) -> list[str]:
    return [
        sys.executable, "-m", "pipelines", "desks", "--market", share.market, "--day", str(share.day),
        "--of", str(share.of), "--orders", str(arguments.orders), "--wait",
    ]  # fmt: skip


def wait(settings: Settings, shares: Sequence[Share], clock: Clock) -> int:
    """Return when every desk has ended and written its part."""
    while unfinished(settings, shares):
        clock.sleep(WAIT_SECONDS)
    return 0


def _tell(settings: Settings, market: str, stopped: threading.Event) -> None:
    """Say from time to time what the desks report."""
    while not stopped.wait(TOLD_SECONDS):
        found = [report for report in desk_reports(settings, market) if not report.is_ended]
        epochs = ", ".join(sorted({str(report.epoch) for report in found})) or "none"
        children = sum(sum(report.open_children.values()) for report in found)
        print(f"  {len(found)} desks report; epoch {epochs}; {children} child orders open", flush=True)


def _warmed(settings: Settings, share: Share) -> None:
    with ProcessPoolExecutor(1, mp_context=get_context("spawn"), initializer=die_with_parent) as pool:
        pool.submit(warm_kernels, settings, share).result()


def run_desks(settings: Settings, arguments: argparse.Namespace, shares: Sequence[Share]) -> str | None:
    """Start the desks and wait; the name of what ended by itself, None when all were told to stop."""
    first, stopped = shares[0], threading.Event()
    commands = {share.desk: shlex.join(_desk_words(arguments, share)) for share in shares}
    commands[WAITER] = shlex.join(_wait_words(arguments, first))
    logs = settings.logs / "desks" / first.market / str(first.day)
    teller = threading.Thread(target=_tell, args=(settings, first.market, stopped), daemon=True)
    print(f"starting {len(shares)} desks on {first.market} {first.day}; logs: {logs}   stop: Ctrl-C", flush=True)
    try:
        return run_together(commands, {**os.environ, **quiet_environment(settings)}, logs, on_started=teller.start)
    finally:
        stopped.set()


def main(settings: Settings, arguments: argparse.Namespace, clock: Clock) -> int:
    """The command `fillwise desks`: 0 when the day was traded, 1 when it was not, or a desk ended by itself."""
    shares = [share_from(settings, arguments, number) for number in range(1, arguments.of + 1)]
    if arguments.wait:
        return wait(settings, shares, clock)
    require_untraded(settings, shares[0])
    _warmed(settings, shares[0])
    ended = run_desks(settings, arguments, shares)
    if missing := unfinished(settings, shares):
        named = "" if ended in (None, WAITER) else f"{ended} ended by itself, so all were stopped; "
        print(f"{named}no drop of {shares[0].market} {shares[0].day}: {'; '.join(missing)}", file=sys.stderr)
        return 1
    manifest = joined(settings, shares)
    rows = {name: found.rows for name, found in manifest.files.items()}
    print(f"{rows.get('fills.parquet', 0):,} fills of {len(shares)} desks in {drop_folder(settings, shares[0])}")
    return 0
