"""The frozen probes of a recipe: made once when its rollout is drafted, kept by digest, read back only unaltered.

A probe is the last row of features before an instant at which a real parent order was being worked, with a state of
that order: its side, urgency and size as they were, progress and lag behind schedule drawn by seed over all that a
policy tells apart. Files lie in `<home>/registry/probes/<market>/<digest>.arrow`: backup and restore take them along.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from features.catalog import FEATURE_NAMES, FEATURES_TABLE
from infra.errors import EvidenceError
from infra.settings import Settings
from infra.tables import SILVER
from models.dataset import matrix
from models.envelope import LEAST_PROBES, STATES, Probes, probes_from
from models.policy import DECISION_SECONDS
from models.replay_orders import order_arrays
from pipelines.arrow_rows import of_symbol
from pipelines.step import StepContext

Float = npt.NDArray[np.float64]
SESSIONS = 20
"""A month: every hour and most regimes of the season are in it."""
A_SESSION = 100
"""2,000 probes in all tell a share of one in ten to seven tenths of a point; few orders are asked about repeatedly."""
SEED = 7
LAG = (-0.05, 0.15)
"""Ahead of schedule, and further behind than the most patient policy lets an order fall."""
NS = 1_000_000_000


def _states(orders: pa.Table, random: np.random.Generator, lot_shares: float) -> tuple[Float, dict[str, Float]]:
    """Instants (ns) and states of some orders, one each."""
    arrays = order_arrays(orders)
    elapsed, lag = random.random(arrays.count), random.uniform(*LAG, arrays.count)
    span_ns = (arrays.end_ns - arrays.start_ns).astype(np.float64)
    lots = np.ceil(arrays.shares * np.clip(1.0 - elapsed + lag, 0.0, 1.0) / lot_shares)
    states = {
        "side": arrays.side.astype(np.float64),
        "urgency": arrays.urgency.astype(np.float64),
        "elapsed": elapsed,
        "step": DECISION_SECONDS * NS / span_ns,
        "order_shares": arrays.shares.astype(np.float64),
        "remaining_shares": np.minimum(arrays.shares, lots * lot_shares),
        "lot_shares": np.full(arrays.count, lot_shares),
    }
    return arrays.start_ns + elapsed * span_ns, states


def _of_session(context: StepContext, day: date, random: np.random.Generator) -> Iterator[Probes]:
    market, lake = context.market, context.lake
    orders = lake.read_day(SILVER["parent_orders"], market.name, day)
    if orders.num_rows == 0:
        return
    orders = orders.take(pa.array(np.linspace(0, orders.num_rows - 1e-9, A_SESSION, endpoint=False).astype(np.int64)))
    rows = lake.read_day(FEATURES_TABLE, market.name, day)
    for symbol in sorted(set(orders.column("symbol").to_pylist())):
        at, states = _states(of_symbol(orders, symbol), random, float(market.lot_shares))
        known = of_symbol(rows, symbol).sort_by("event_at_ns")
        place = np.searchsorted(known.column("event_at_ns").to_numpy(), at, side="right") - 1
        features = matrix(known.take(pa.array(np.maximum(place, 0))), FEATURE_NAMES)
        spread = features[:, FEATURE_NAMES.index("spread_bps")].astype(np.float64)
        kept = (place >= 0) & np.isfinite(spread) & (states["remaining_shares"] > 0.0)
        whole = {**states, "spread_bps": spread}
        yield Probes(FEATURE_NAMES, features[kept], {name: whole[name][kept] for name in STATES})


def probe_set(context: StepContext, days: Sequence[date]) -> Probes:
    """Probes of these sessions; the same rows give the same probes. Raises EvidenceError for too few."""
    random = np.random.default_rng(SEED)
    parts = [part for day in days for part in _of_session(context, day, random)]
    count = sum(part.count for part in parts)
    if count < LEAST_PROBES:
        raise EvidenceError(
            "too few probes to hold refits against", which=f"{context.market.name}, {len(days)} sessions",
            found=f"{count} probes", allowed=f"{LEAST_PROBES} or more",
            next_step="bring in more sessions with parent orders and features",
        )  # fmt: skip
    states = {name: np.concatenate([part.states[name] for part in parts]) for name in STATES}
    return Probes(FEATURE_NAMES, np.concatenate([part.features for part in parts]), states)


def probe_path(settings: Settings, market: str, digest: str) -> Path:
    """Where a probe set lies."""
    return settings.registry / "probes" / market / f"{digest}.arrow"


def write_probes(settings: Settings, market: str, probes: Probes) -> str:
    """Keep the set; its digest, the SHA-256 of the file's bytes."""
    sink, table = pa.BufferOutputStream(), probes.to_table()
    with pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    payload = sink.getvalue().to_pybytes()
    digest = hashlib.sha256(payload).hexdigest()
    path = probe_path(settings, market, digest)
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_name(f".{os.getpid()}.arrow")
        fresh.write_bytes(payload)
        os.replace(fresh, path)
    return digest


def read_probes(settings: Settings, market: str, digest: str) -> Probes | None:
    """The set of that digest; None where it is not there, or its bytes were altered: then nothing is inside."""
    path = probe_path(settings, market, digest)
    if not digest or not path.exists():
        return None
    payload = path.read_bytes()
    if hashlib.sha256(payload).hexdigest() != digest:
        return None
    return probes_from(pa.ipc.open_file(pa.py_buffer(payload)).read_all())


def freeze_probes(context: StepContext) -> str:
    """Make and keep the probe set of the last sessions up to tonight; its digest."""
    market = context.market.name
    worked = set(context.lake.days(SILVER["parent_orders"], market))
    days = [day for day in context.lake.days(FEATURES_TABLE, market) if day <= context.night and day in worked]
    return write_probes(context.settings, market, probe_set(context, days[-SESSIONS:]))
