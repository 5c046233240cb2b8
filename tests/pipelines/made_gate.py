"""The facts of a good night, a few visible numbers each, and ways to spoil one of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pyarrow as pa

from infra.tables import HEALTH
from models.error_budget import next_look
from models.fill_calibration import SessionFills
from pipelines.gate_evidence import GateFacts
from tests.builders import plain_rows
from tests.models.rollout.made import plan

VERSION, CHAMPION, BENCHMARK = "sample.execution/5", "sample.execution/3", "sample.execution/0"


def health(*rows: tuple[str, str, str]) -> pa.Table:
    """Rows of (step, check, verdict)."""
    reasons = [f"{check} says {verdict}" for _, check, verdict in rows]
    return plain_rows(
        HEALTH, len(rows), step=[row[0] for row in rows], check_name=[row[1] for row in rows], reason=reasons,
        verdict=[row[2] for row in rows], subject=[str(place) for place in range(len(rows))], figure=0.0,
    )  # fmt: skip


def comparison(difference_bps: float, half_bps: float, **others: Any) -> dict[str, Any]:
    """A comparison of tonight's version under the pessimistic bound."""
    return {
        "policy_version": VERSION, "fill_bound": "trade_through", "order_set_hash": "abc", "orders": 4160,
        "sessions": 20, "difference_bps": difference_bps, "low_bps": difference_bps - half_bps,
        "high_bps": difference_bps + half_bps, "cvar_difference_bps": -2.0, "completion_difference": 0.0,
        "high_participation": 0.15, **others,
    }  # fmt: skip


def a_backtest(*compared: dict[str, Any], paired: tuple[dict[str, Any], ...] | None = None) -> dict[str, Any]:
    with_champion = (comparison(0.1, 0.3, against=CHAMPION),)
    return {
        "candidate": VERSION, "benchmark": BENCHMARK, "champion": CHAMPION,
        "comparisons": list(compared or (comparison(-0.8, 0.3),)),
        "paired": list(with_champion if paired is None else paired),
    }  # fmt: skip


GOOD_HEALTH = (("validate", "spread", "pass"), ("skew", "skew", "pass"), ("skew", "leak", "pass"))
GOOD = GateFacts(
    version=VERSION,
    recipe_id="recipe00001",
    train={"signal": [{"horizon_seconds": 120, "slope": 0.9, "rank_correlation": 0.17}]},
    backtest=a_backtest(),
    health=health(*GOOD_HEALTH),
    look=next_look(0.0),
    fills=(SessionFills("2026-11-20", 208, 0.8, 1.0, 1.5),),
    plan=plan(),
    report="by rita, valid until 2027-01-01",
)


def facts(**others: Any) -> GateFacts:
    """The good night with some facts exchanged."""
    return replace(GOOD, **others)
