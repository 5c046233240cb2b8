"""A day of one arm is the day that it was before orders were drawn into arms, limits checked and shadows replayed.

The fingerprints were taken from the desk as it was before. They are made of what is counted in ticks, lots and words
alone, so that another processor's last binary digit of a logarithm does not change them.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from infra.markets import MARKETS
from infra.settings import Settings
from models.policy import POST_ONLY, SIGNAL, TWAP, PolicyParameters
from models.production import WorkingArm, benchmark_production
from models.replay import FILL_BOUNDS, FillBound, replay
from pipelines.desk.paper import work_day
from tests.models.replay_days import rules, some_orders, walk_day

MARKET, DAY = MARKETS["sample"], date(2026, 1, 6)
SETTINGS = Settings(home=Path("/nowhere"), sample_symbols=2)
COUNTED = {
    "book_snapshots": ("bid_price_1", "ask_price_1", "bid_shares_1", "ask_shares_10", "traded_shares"),
    "trades": ("price", "shares", "aggressor_side"),
    "parent_orders": ("parent_order_id", "account", "side", "order_shares", "urgency"),
    "decisions": ("decision_id", "action", "decided_shares", "policy_version"),
    "child_orders": ("child_order_id", "limit_price", "child_shares", "filled_shares", "end_reason"),
    "fills": ("fill_id", "price", "shares", "liquidity"),
}
FROZEN = {
    "book_snapshots": "378991d7420066f3",
    "trades": "8ce925d8f74cd271",
    "parent_orders": "b04ef6f37a287dc3",
    "decisions": "f8b346fc32c23cd3",
    "child_orders": "ce3416c06be2f4f0",
    "fills": "81c1133067ee6be1",
}
FROZEN_REPLAYS = {
    ("twap_post_then_cross", "touch"): "d1a1b9fb79028a03",
    ("twap_post_then_cross", "trade_through"): "267d97a41260fd06",
    ("signal_schedule", "touch"): "85b99aafea38afee",
    ("signal_schedule", "trade_through"): "4afd25f8ed3b4724",
    ("post_only", "touch"): "eb18a39ec8b5c39e",
    ("post_only", "trade_through"): "077173aa3e1c3661",
}


def fingerprint(rows: pa.Table, names: tuple[str, ...]) -> str:
    text = repr([[_rounded(value) for value in rows[name].to_pylist()] for name in names])
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _rounded(value: object) -> object:
    return round(value, 6) if isinstance(value, float) else value


def test_the_day_of_one_arm_is_what_it_was() -> None:
    rows = work_day(SETTINGS, MARKET, DAY, benchmark_production("sample"))
    assert {noun: fingerprint(rows[noun], COUNTED[noun]) for noun in COUNTED} == FROZEN


def test_an_arm_that_nobody_is_drawn_into_leaves_the_day_what_it_was() -> None:
    one = benchmark_production("sample")
    both = replace(one, arms=(WorkingArm("challenger", one.champion.policy, 0.0), one.champion))
    rows = work_day(SETTINGS, MARKET, DAY, both)
    assert {noun: fingerprint(rows[noun], COUNTED[noun]) for noun in COUNTED} == FROZEN


@pytest.mark.parametrize("policy", [TWAP, SIGNAL, POST_ONLY], ids=lambda one: one.name)
@pytest.mark.parametrize("bound", FILL_BOUNDS)
def test_a_replay_of_one_policy_is_what_it_was(policy: PolicyParameters, bound: FillBound) -> None:
    day, orders = walk_day(3), some_orders(3, 60)
    log = replay(day, orders, policy, rules(bound), np.random.default_rng(3).normal(0.0, 10.0, day.rows)).log
    found = [
        log.decision_action.tolist(), log.decision_order.tolist(), log.child_shares.tolist(), log.child_reason.tolist(),
        np.round(log.child_price, 6).tolist(), log.fill_shares.tolist(), np.round(log.fill_price, 6).tolist(),
    ]  # fmt: skip
    assert hashlib.sha256(repr(found).encode()).hexdigest()[:16] == FROZEN_REPLAYS[policy.name, bound]
