"""What a version in its shadow would have done in a live session: replayed after the close, as on the paper desk.

The version is loaded only then, after the last child order has ended: while the desk trades it is not in hand, so it
cannot send anything. A version that cannot be loaded costs the session its shadow, and the reason is told.
"""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

from features.market_day import symbol_day
from infra.errors import FillwiseError
from infra.routing_files import Snapshot
from models.production import NO_TERMS, Production, WorkingArm
from models.version import PolicyInForce, benchmark_policy
from pipelines.arrow_rows import of_symbol
from pipelines.desk.live_day import LiveDay
from pipelines.desk.live_versions import Load
from pipelines.desk.served import DeskKnowledge
from pipelines.desk.shadow import shadow_rows


def _production(snapshot: Snapshot, shadow: PolicyInForce) -> Production:
    """As much of the routing as a shadow is told by."""
    champion = WorkingArm("champion", benchmark_policy(snapshot.market), 1.0)
    return Production(
        snapshot.market,
        (champion,),
        snapshot.salt,
        snapshot.rollout_id,
        snapshot.phase,
        snapshot.epoch,
        NO_TERMS,
        shadow,
    )


def shadow_tables(
    day: LiveDay, snapshot: Snapshot, load: Load, rows: Mapping[str, pa.Table], knowledge: DeskKnowledge
) -> tuple[dict[str, pa.Table], str | None]:
    """The shadow's nouns of a whole session, none where no version is in its shadow; why there are none, in words.

    rows: the session's other nouns. snapshot: in force at the close.
    """
    routed = snapshot.shadow
    if routed is None:
        return {}, None
    try:
        shadow = load(routed.version, routed.digest)
    except (FillwiseError, ValueError, KeyError, OSError) as error:
        return {}, f"no shadow of {routed.version}: {error}"
    books = {
        symbol: symbol_day(
            symbol, of_symbol(rows["book_snapshots"], symbol), of_symbol(rows["trades"], symbol), day.market.book_levels
        )
        for symbol in day.symbols
    }
    return shadow_rows(day.market, day.share.day, _production(snapshot, shadow), books, rows, knowledge), None
