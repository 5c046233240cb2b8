"""One invented night on disk: what the steps before `report` leave behind, with figures of the usual size."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa

from infra.lake import Lake
from infra.markets import MARKETS
from infra.settings import Settings
from infra.tables import BACKTESTS, COSTS, HEALTH, QUARANTINE
from pipelines.step import StepContext
from pipelines.steps import STEPS
from tests.builders import FRIDAY, plain_rows

SYMBOLS = ("AURA", "BOLT", "CIRQ", "DELT", "EMBR", "FLUX", "GLYF", "HALO")
CANDIDATE, BENCHMARK, OLDER = "sample.execution/3", "sample.execution/0", "sample.execution/2"
ORDERS, SESSIONS = 12, 20
MAIN, TONIGHT = "abc", "def"
NASTY = '<script>alert("row")</script>'


def invented_context(home: Path, days: tuple[date, ...] = (FRIDAY,)) -> StepContext:
    settings = Settings(home=home)
    return StepContext(settings, MARKETS["sample"], days, Lake(settings.lake))


def _orders(context: StepContext, session: date, order_set: str, draw: random.Random) -> Iterator[dict[str, Any]]:
    """The cost of TWAP on one session's orders under trade-through; other policies and bounds are set off from it."""
    day_effect = draw.gauss(0, 1.2)
    for place in range(ORDERS):
        symbol = SYMBOLS[place % len(SYMBOLS)]
        yield {
            "session": session, "parent_order_id": f"{session}-{place}", "symbol": symbol,
            "half_spread_bps": 1.5 + 0.4 * (place % len(SYMBOLS)), "arrival_cost_bps": draw.gauss(6 + day_effect, 9),
            "arrival_hour": 9 + place % 7, "participation_rate": draw.choice((0.012, 0.03, 0.06, 0.15)),
            "arrival_price": 100.0, "order_notional": 25_000.0, "currency": "USD", "order_set_hash": order_set,
            "side": "buy", "market": "sample", "trade_date": context.night, "filled_fraction": 0.94,
            "maker_fraction": 0.61, "participation": 0.048,
        }  # fmt: skip


def write_backtests(context: StepContext, gain_bps: float = 0.4) -> None:
    """Candidate and TWAP on twenty sessions' orders, an earlier candidate and TWAP on tonight's, under both bounds."""
    draw, rows = random.Random(3), list[dict[str, Any]]()
    main = [(context.night - timedelta(days=1 + n), MAIN, CANDIDATE) for n in range(SESSIONS)]
    for session, order_set, version in (*main, (context.night, TONIGHT, OLDER)):
        for order in _orders(context, session, order_set, draw):
            for policy, gain in ((version, gain_bps + draw.gauss(0, 3)), (BENCHMARK, 0.0)):
                for bound, easier in (("touch", draw.gauss(1.9, 1)), ("trade_through", 0.0)):
                    cost = order["arrival_cost_bps"] + gain - easier
                    rows.append({**order, "policy_version": policy, "fill_bound": bound, "arrival_cost_bps": cost})
    table = pa.Table.from_pylist(rows, BACKTESTS.arrow_schema)
    context.lake.replace_days(BACKTESTS, "sample", {context.night: table})


def write_costs(context: StepContext) -> None:
    draw = random.Random(5)
    count = 40
    rows = plain_rows(
        COSTS, count, parent_order_id=[f"p{n}" for n in range(count)], symbol=[SYMBOLS[n % 8] for n in range(count)],
        policy_version=BENCHMARK, currency="USD", order_notional=[draw.uniform(5e3, 9e4) for _ in range(count)],
        arrival_cost_bps=[draw.gauss(5.4, 9) for _ in range(count)], half_spread_bps=2.4, filled_fraction=0.97,
    )  # fmt: skip
    context.lake.replace_days(COSTS, "sample", {context.night: rows})


def write_health(context: StepContext) -> None:
    checks = (
        ("gate", "verdict", "hold", "every reason in one sentence"),
        ("gate", "sessions", "pass", "sessions: 20 is at least 20 (a block bootstrap covers badly below)"),
        ("gate", "cost_against_benchmark", "hold", "cost_against_benchmark: +0.40 bps [-0.90, +1.80]: not told apart"),
        ("gate", "completion", "pass", "completion: 0.94 is at least 0.90 (a client gets what was ordered)"),
        ("monitor", "psi", "note", "microprice_bps: PSI 0.31 above 0.25; uncalibrated, advisory (60 of 125 sessions)"),
        ("monitor", "psi", "pass", "38 of 39 features look like the training window"),
    )
    rows = plain_rows(
        HEALTH, len(checks), step=[one[0] for one in checks], check_name=[one[1] for one in checks],
        verdict=[one[2] for one in checks], reason=[one[3] for one in checks], because="a threshold has a because",
        subject=[f"s{place}" for place in range(len(checks))],
    )  # fmt: skip
    context.lake.replace_days(HEALTH, "sample", {context.night: rows})


def write_quarantine(context: StepContext) -> None:
    rules = ["book_not_crossed"] * 7 + ["price is not finite"] * 2
    rows = plain_rows(
        QUARANTINE, len(rules), noun="book_snapshots", rule=rules, source_file="book_snapshots.parquet",
        source_row=list(range(100, 100 + len(rules))),
        row_json=json.dumps({"symbol": NASTY, "bid_price_1": 101.2, "ask_price_1": 101.1}),
    )  # fmt: skip
    context.lake.replace_days(QUARANTINE, "sample", {context.night: rows})


def write_records(context: StepContext, failed: str | None = None, error: str = "", **more: object) -> None:
    """A record a step; from `failed` on the records are those of an earlier run, as on disk after a rerun."""
    folder = context.settings.logs / "sample" / str(context.night)
    folder.mkdir(parents=True, exist_ok=True)
    for place, step in enumerate(STEPS):
        record: dict[str, Any] = {
            "step": step.name, "state": "done", "rows_in": 31_416 * (place + 1), "rows_out": 31_400 * (place + 1),
            "rows_refused": 9 if step.name == "validate" else 0, "seconds": 2.0 + place, "is_unchanged": False,
            "tables": [{"table": f"gold.{step.name}", "version": place + 3, "rows": 1, "is_unchanged": False}],
            "notes": [], "started_at": datetime(2026, 11, 20, 22, 30, tzinfo=UTC),
            "log": str(folder / f"{step.name}.log"),
        }  # fmt: skip
        if step.name == failed:
            record |= {"state": "failed", "error": error, "is_expected": True, **more}
        (folder / f"{step.name}.json").write_text(json.dumps(record, default=str))


def _horizon(seconds: int, reach: float) -> dict[str, Any]:
    bins = [(reach * (place - 4.5) / 4.5, 0.8 * reach * (place - 4.5) / 4.5 + 0.05) for place in range(10)]
    gains = [
        ("imbalance_1", 0.31), ("microprice_bps", 0.22), ("flow_30s", 0.16), ("spread_bps", 0.11),
        ("volatility_300s", 0.08), ("imbalance_5", 0.05), ("order_flow_imbalance_60s", 0.04),
    ]  # fmt: skip
    return {
        "horizon_seconds": seconds, "rows": 61_440, "rank_correlation": 0.11 - seconds / 6000, "slope": 0.83,
        "rank_correlation_by_symbol": [(symbol, 0.09) for symbol in SYMBOLS], "deciles_bps": bins, "importance": gains,
    }  # fmt: skip


def evidence(**comparison: object) -> dict[str, Any]:
    """`evidence.json` as the steps write it; `comparison` overrides the decisive one."""
    decisive = {
        "policy_version": CANDIDATE, "order_set_hash": MAIN, "fill_bound": "trade_through",
        "orders": ORDERS * SESSIONS, "sessions": SESSIONS,
        "difference_bps": 0.4, "low_bps": -0.9, "high_bps": 1.8, "why_no_interval": None, **comparison,
    }  # fmt: skip
    return {
        "train": {
            "version": CANDIDATE, "recipe_id": "9c1d77e0", "run_id": "0123abcd", "experiment_id": "1",
            "digest": "f" * 64,
            "first_day": "2026-08-27", "last_day": "2026-11-19", "rows": 1_920_044, "seed": 7, "python": "3.11.7",
            "xgboost": "3.2.0", "delta_versions": {"gold.features": 12, "gold.labels": 9},
            "revision": {"commit": "1f18ef9", "is_dirty": True, "lock_sha256": "0" * 64},
            "signal": [_horizon(30, 1.1), _horizon(120, 2.4), _horizon(300, 3.9)],
        },
        "backtest": {
            "candidate": CANDIDATE, "benchmark": BENCHMARK, "order_set_hash": MAIN,
            "comparisons": [
                decisive, {**decisive, "fill_bound": "touch", "difference_bps": -0.31, "low_bps": -1.2},
                {**decisive, "policy_version": OLDER, "order_set_hash": TONIGHT, "sessions": 1, "orders": ORDERS,
                 "difference_bps": 0.72, "low_bps": None, "high_bps": None, "why_no_interval": "descriptive: one"},
            ],
        },
    }  # fmt: skip


def write_evidence(context: StepContext, found: object) -> Path:
    folder = context.page_folder(context.night)
    (folder / "evidence.json").write_text(json.dumps(found))
    return folder


def whole_night(home: Path) -> StepContext:
    """A night in which every step was done."""
    context = invented_context(home)
    write_records(context)
    write_backtests(context)
    write_costs(context)
    write_health(context)
    write_quarantine(context)
    folder = write_evidence(context, evidence())
    (folder / "drift.html").write_text("<p>drift</p>")
    return context
