"""The command that works a day again, as it is typed: what a message calls the next step.

>>> from infra.markets import MARKETS
>>> backfill_command(MARKETS["b3"], [date(2025, 4, 7)], Path("/srv/b3 files"))
"fillwise backfill --market b3 --from 2025-04-07 --to 2025-04-07 --data '/srv/b3 files'"
>>> backfill_command(MARKETS["sample"], [date(2026, 11, 19), date(2026, 11, 20)], None)
'fillwise backfill --market sample --from 2026-11-19 --to 2026-11-20'
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from datetime import date
from pathlib import Path

from infra.markets import Market
from pipelines.sources.catalog import needs_folder


def backfill_command(market: Market, days: Sequence[date], data: Path | None) -> str:
    """`fillwise backfill` of sessions, ascending. A market that comes in files needs their folder: else `FOLDER`."""
    folder = f" --data {shlex.quote(str(data)) if data else 'FOLDER'}" if needs_folder(market) else ""
    return f"fillwise backfill --market {market.name} --from {days[0]} --to {days[-1]}{folder}"
