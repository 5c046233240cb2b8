"""A version in its shadow: it decides on every eligible order of the session, is simulated, and sends nothing.

After the session its orders are replayed on the books that were recorded, what the desk itself moved taken out, under
the pessimistic fill bound, with the vectors that the live path gives at each instant: nothing of the session can change
by it. Its decisions stand beside what the champion's version did at the same instant, its child orders as the replay
filled them. They show what the version does (mix of actions, cancellations, sizes), not what it costs: the market does
not answer it, and an order done by the replay sooner or later than by the champion has instants without a pair.

A child reaches the venue after the stated latency of the replay; latency is assumed here, not measured.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.market_day import SymbolDay
from infra import calendar
from infra.markets import Market
from infra.tables import NOUNS
from models.policy import ACTIONS
from models.production import Production
from models.replay import OrderArrays, ReplayLog, order_arrays, replay, replay_rules
from models.version import PolicyInForce
from pipelines.arrow_rows import of_symbol
from pipelines.desk.noun_rows import noun_rows, utc
from pipelines.desk.recorded_log import REASONS, SIDES, VENUE, named, picked
from pipelines.desk.recorded_work import FILL_BOUND, signal_of
from pipelines.desk.served import DeskKnowledge, Served, serve
from pipelines.desk_day import without_own_impact

DECISIONS, CHILDREN = "shadow_decisions", "shadow_children"
Beside = Mapping[tuple[str, int], tuple[str, str, float]]


def _beside(decisions: pa.Table) -> Beside:
    """(order, instant) -> version, action and shares of what was really decided."""
    names = ("parent_order_id", "event_at_ns", "policy_version", "action", "decided_shares")
    rows = zip(*(decisions[name].to_pylist() for name in names), strict=True)
    return {(parent, at): (version, action, shares) for parent, at, version, action, shares in rows}


def _decision_columns(
    production: Production, policy: PolicyInForce, symbol: str, orders: OrderArrays, log: ReplayLog, beside: Beside
) -> dict[str, Any]:
    parents, count = orders.parent_order_id.tolist(), len(log.decision_ns)
    of_order = picked(parents, log.decision_order)
    pairs = [beside.get(key, (None,) * 3) for key in zip(of_order, log.decision_ns.tolist(), strict=True)]
    version, action, shares = ([pair[place] for pair in pairs] for place in range(3))
    return {
        "shadow_decision_id": named(parents, log.decision_order, "sd", 3),
        "parent_order_id": of_order,
        "symbol": [symbol] * count,
        "event_at_ns": log.decision_ns,
        "policy_version": [policy.version] * count,
        "policy_digest": [policy.digest] * count,
        "rollout_id": [production.rollout_id] * count,
        "phase": [production.phase] * count,
        "epoch": [production.epoch] * count,
        "action": picked(ACTIONS, log.decision_action),
        "decided_shares": log.decision_shares,
        "signal_bps": log.decision_signal_bps if policy.parameters.reads_signal else np.full(count, np.nan),
        "champion_version": version,
        "champion_action": action,
        "champion_shares": shares,
    }


def _child_columns(symbol: str, orders: OrderArrays, log: ReplayLog, latency_ns: int) -> dict[str, Any]:
    parents, count = orders.parent_order_id.tolist(), len(log.child_order)
    sent_ns = log.decision_ns[log.child_decision] + latency_ns
    return {
        "shadow_child_id": named(parents, log.child_order, "sc", 3),
        "shadow_decision_id": picked(named(parents, log.decision_order, "sd", 3), log.child_decision),
        "parent_order_id": picked(parents, log.child_order),
        "symbol": [symbol] * count,
        "side": [SIDES[side] for side in orders.side[log.child_order].tolist()],
        "event_at_ns": sent_ns,
        "ended_at": utc(np.maximum(log.child_ended_ns, sent_ns)),
        "limit_price": log.child_price,
        "child_shares": log.child_shares,
        "filled_shares": np.minimum(log.child_filled_shares, log.child_shares),
        "end_reason": picked(REASONS, log.child_reason),
        "venue": [VENUE] * count,
    }


def _given(
    market: Market, day: date, book: SymbolDay, policy: PolicyInForce, knowledge: DeskKnowledge, given: Served | None
) -> Served | None:
    """Vectors that the version reads: what the desk was given, else what the feed makes of the day's rows."""
    if policy.signal is None or not policy.parameters.reads_signal or given is not None:
        return given
    intervals = calendar.session_intervals_ns(market, day)
    return serve(book, intervals, knowledge.before(book.symbol), np.unique(book.times_ns))


def shadow_rows(
    market: Market,
    day: date,
    production: Production,
    books: Mapping[str, SymbolDay],
    rows: Mapping[str, pa.Table],
    knowledge: DeskKnowledge,
    given: Mapping[str, Served] | None = None,
) -> dict[str, pa.Table]:
    """`shadow_decisions` and `shadow_children` of a session; nothing where no version is in its shadow.

    rows: the session's other nouns. given: vectors at every instant of a decision, by symbol, where the desk had them.
    """
    policy, found = production.shadow, dict[str, list[pa.Table]]()
    if policy is None:
        return {}
    eligible = rows["assignments"].filter(rows["assignments"]["is_eligible"])["parent_order_id"].combine_chunks()
    orders = rows["parent_orders"].filter(pc.is_in(rows["parent_orders"]["parent_order_id"], value_set=eligible))
    rules = replay_rules(market, FILL_BOUND, calendar.session_intervals_ns(market, day))
    beside, latency_ns = _beside(rows["decisions"]), round(rules.latency_seconds * 1e9)
    for symbol in sorted(set(orders["symbol"].to_pylist())):
        book, mine = books[symbol], order_arrays(of_symbol(orders, symbol))
        vectors = _given(market, day, book, policy, knowledge, (given or {}).get(symbol))
        quiet = without_own_impact(book, of_symbol(rows["fills"], symbol).sort_by("event_at_ns"))
        log = replay(quiet, mine, policy.parameters, rules, signal_of(book, policy, vectors)).log
        columns = {
            DECISIONS: _decision_columns(production, policy, symbol, mine, log, beside),
            CHILDREN: _child_columns(symbol, mine, log, latency_ns),
        }
        for noun, made in columns.items():
            found.setdefault(noun, []).append(noun_rows(noun, market, day, made))
    return {
        noun: pa.concat_tables(parts).sort_by([(name, "ascending") for name in NOUNS[noun].sort_by]).combine_chunks()
        for noun, parts in found.items()
    }
