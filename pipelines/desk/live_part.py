"""A desk's part of a session's drop, and the parts of all desks put together as the day's drop.

`<home>/desks/<market>/<day>/<desk>/` is a part: written once, when the desk has ended, in the shape of a drop. The
parts of one session hold different symbols, so the day is their rows one after the other, sorted as the nouns are
declared. They are put together only when every desk reached the close: half a session is never taken for a whole one.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa

from infra import calendar
from infra.errors import SessionError
from infra.markets import MARKETS
from infra.routing_files import Snapshot
from infra.settings import Settings
from infra.tables import NOUNS
from pipelines.desk.live_day import LiveDay, Share
from pipelines.desk.live_feed import SymbolFeed
from pipelines.desk.live_journal import CLOSED, desk_folder, journal_path, read_journal
from pipelines.desk.live_log import desk_tables, in_order
from pipelines.desk.live_shadow import shadow_tables
from pipelines.desk.live_versions import Load
from pipelines.desk.served import DeskKnowledge
from pipelines.sources.drop import DropManifest, read_day, read_manifest, write_drop


def part_folder(settings: Settings, share: Share) -> Path:
    """Where one desk's part lies."""
    return desk_folder(settings, share) / share.desk


def drop_folder(settings: Settings, share: Share) -> Path:
    """Where the whole day's drop lies."""
    return settings.drops / share.market / str(share.day)


def require_untraded(settings: Settings, share: Share) -> None:
    """Raises SessionError when the day's drop is there: a day is never traded twice."""
    if not drop_folder(settings, share).exists():
        return
    raise SessionError(
        "the day was traded already",
        which=f"{share.market} {share.day}",
        found=f"a drop at {drop_folder(settings, share)}",
        allowed="one drop a day, which never changes",
        next_step="trade another day",
    )


def write_part(
    settings: Settings,
    day: LiveDay,
    feeds: dict[str, SymbolFeed],
    end: float,
    knowledge: DeskKnowledge,
    snapshot: Snapshot,
    load: Load,
) -> str | None:
    """Write what one desk did until market second `end`; why there is no shadow where there should be one.

    snapshot: in force at the end; its champion stands in the manifest, its shadow is replayed when the day is whole.
    """
    share, champion = day.share, snapshot.champion
    tables = desk_tables(day, read_journal(journal_path(settings, share)), feeds, end, knowledge)
    shadow, why = shadow_tables(day, snapshot, load, tables, knowledge) if end >= day.seconds else ({}, None)
    known_at = calendar.known_at(day.market, share.day)
    manifest = DropManifest(share.market, share.day, known_at, settings.sample_seed, champion.version, champion.digest)
    write_drop(part_folder(settings, share), {**tables, **shadow}, manifest)
    return why


def reached(settings: Settings, share: Share) -> tuple[float, bool] | None:
    """How far a desk came and whether that was the close; None while it has not ended."""
    closed = [line for line in read_journal(journal_path(settings, share)) if line["kind"] == CLOSED]
    return (float(closed[-1]["second"]), bool(closed[-1]["is_complete"])) if closed else None


def unfinished(settings: Settings, shares: Sequence[Share]) -> tuple[str, ...]:
    """The desks that have no whole part, each with the reason; empty when the day can be put together."""
    found = []
    for share in shares:
        told = reached(settings, share)
        if told is None:
            found.append(f"{share.desk} has not ended")
        elif not told[1]:
            found.append(f"{share.desk} was stopped at second {told[0]:.0f}")
        elif not part_folder(settings, share).exists():
            found.append(f"{share.desk} has not written its part")
    return tuple(found)


def joined(settings: Settings, shares: Sequence[Share]) -> DropManifest:
    """Put the parts together as the day's drop. Raises SessionError naming the desks whose part is not whole."""
    first = shares[0]
    if missing := unfinished(settings, shares):
        raise SessionError(
            "the session is not whole", which=f"{first.market} {first.day}", found="; ".join(missing),
            allowed="the part of every desk, up to the close", next_step="keep the parts, and trade another day",
        )  # fmt: skip
    market = MARKETS[first.market]
    parts: dict[str, list[pa.Table]] = {}
    for share in shares:
        for source in read_day(part_folder(settings, share), market, share.day):
            parts.setdefault(source.noun, []).append(source.rows.select(NOUNS[source.noun].arrow_schema.names))
    tables = {noun: in_order(noun, pa.concat_tables(found)) for noun, found in parts.items()}
    return write_drop(drop_folder(settings, first), tables, read_manifest(part_folder(settings, first)))
