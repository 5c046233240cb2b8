"""A live desk's session as rows of the nouns, made from its journal and from what its feed published.

The columns are those of the paper desk's log; times of decisions are the market's whole seconds at which the feed
stood, so that `served_features` and `decisions` meet. A child that the venue refused stands as cancelled, unfilled, at
the moment it was sent; one that never arrived stands nowhere, because no venue ever had it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa

from features.costs import BUY, SELL, fee_notional
from infra.markets import Market
from infra.tables import NOUNS
from models.market import OpenMarket
from models.market_parameters import LOT_SHARES
from pipelines.desk.live_children import NEVER_ARRIVED
from pipelines.desk.live_day import NS, LiveDay
from pipelines.desk.live_feed import SymbolFeed
from pipelines.desk.live_journal import ASSIGNED, DECIDED, ENDED, LIMITED, SENT, Line
from pipelines.desk.noun_rows import noun_rows, utc
from pipelines.desk.paper_log import LIQUIDITY, VENUE
from pipelines.desk.paper_log import _numbered as numbered
from pipelines.desk.paper_market import TICKS_PER_UNIT, market_rows, to_ns
from pipelines.desk.served import DeskKnowledge, served_rows

Rows = Sequence[Mapping[str, Any]]
END_REASONS = ("filled", "cancelled", "expired")


def _of_kind(lines: Iterable[Line], kind: str) -> list[Line]:
    return [line for line in lines if line["kind"] == kind]


def _second_ns(day: LiveDay, lines: Rows) -> Any:
    return day.open_ns + np.array([int(line["second"]) for line in lines], np.int64) * NS


def _column(lines: Rows, name: str) -> list[Any]:
    return [line[name] for line in lines]


def assignment_columns(day: LiveDay, lines: Rows, facts: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Columns of `assignments`. facts: account, symbol and side of each parent order."""
    parents = _column(lines, "parent_order_id")
    same = ("unit", "is_eligible", "reason", "stratum", "arm", "propensity", "rollout_id", "phase", "epoch")
    return {
        "parent_order_id": parents,
        **{name: [facts[parent][name] for parent in parents] for name in ("account", "symbol", "side")},
        "event_at_ns": _second_ns(day, lines),
        **{name: _column(lines, name) for name in same},
        "policy_version": _column(lines, "version"),
        "policy_digest": _column(lines, "digest"),
    }


def decision_columns(day: LiveDay, lines: Rows) -> dict[str, Any]:
    """Columns of `decisions`; the versions are deterministic, so each action had propensity one."""
    same = ("decision_id", "parent_order_id", "symbol", "action", "arm", "rollout_id", "phase", "epoch")
    return {
        **{name: _column(lines, name) for name in same},
        "event_at_ns": _second_ns(day, lines),
        "policy_version": _column(lines, "version"),
        "policy_digest": _column(lines, "digest"),
        "decided_shares": [line["lots"] * float(LOT_SHARES) for line in lines],
        "propensity": np.ones(len(lines)),
        "signal_bps": pa.array(_column(lines, "signal_bps"), pa.float64()),
    }


def _ended(lines: Iterable[Line]) -> dict[str, Line]:
    """What became of each child that a venue had."""
    return {line["child_id"]: line for line in _of_kind(lines, ENDED) if line["reason"] != NEVER_ARRIVED}


def _gone_at(sent: Line, end: Line) -> float:
    """When a child ended; one that was refused ended as it was sent, which is how a log tells refusals."""
    return float(sent["at"] if end["reason"].startswith("refused") else end["ended_at"])


def limit_columns(day: LiveDay, lines: Rows) -> dict[str, Any]:
    """Columns of `limit_events`: where a limit held a child back, or a version gave no number."""
    parents = _column(lines, "parent_order_id")
    same = ("parent_order_id", "decision_id", "symbol", "arm", "rollout_id", "phase", "epoch")
    return {
        "limit_event_id": numbered(parents, "-l{:03d}"),
        **{name: _column(lines, name) for name in same},
        "event_at_ns": to_ns(day.open_ns, _column(lines, "at")),
        "policy_version": _column(lines, "version"),
        "policy_digest": _column(lines, "digest"),
        "limit_name": _column(lines, "limit"),
        "figure": pa.array(_column(lines, "figure"), pa.float64()),
        "allowed": pa.array(_column(lines, "most"), pa.float64()),
        "asked_shares": [line["asked"] * float(LOT_SHARES) for line in lines],
        "sent_shares": [line["sent"] * float(LOT_SHARES) for line in lines],
    }


def child_columns(
    day: LiveDay,
    sent: Rows,
    ended: Mapping[str, Line],
    facts: Mapping[str, Mapping[str, Any]],
    origins: Mapping[str, int],
) -> dict[str, Any]:
    """Columns of `child_orders`: those of which the end is known."""
    ends = [ended[line["order"]["child_id"]] for line in sent]
    symbols = [line["order"]["symbol"] for line in sent]
    places = zip(ends, symbols, strict=True)
    return {
        "child_order_id": [line["order"]["child_id"] for line in sent],
        "parent_order_id": _column(sent, "parent_id"),
        "decision_id": _column(sent, "decision_id"),
        "symbol": symbols,
        "side": [facts[line["parent_id"]]["side"] for line in sent],
        "event_at_ns": to_ns(day.open_ns, [line["at"] for line in sent]),
        "ended_at": utc(to_ns(day.open_ns, [_gone_at(line, end) for line, end in zip(sent, ends, strict=True)])),
        "order_type": ["limit"] * len(sent),
        "limit_price": [(end["place"] + origins[symbol]) / TICKS_PER_UNIT for end, symbol in places],
        "child_shares": [line["order"]["lots"] * float(LOT_SHARES) for line in sent],
        "filled_shares": [sum(fill["lots"] for fill in end["fills"]) * float(LOT_SHARES) for end in ends],
        "end_reason": [end["reason"] if end["reason"] in END_REASONS else "cancelled" for end in ends],
        "venue": [VENUE] * len(sent),
    }


def fill_columns(
    market: Market, day: LiveDay, sent: Rows, ended: Mapping[str, Line], facts: Mapping[str, Mapping[str, Any]],
    origins: Mapping[str, int],
) -> dict[str, Any]:  # fmt: skip
    """Columns of `fills`, with fees of the market."""
    rates = (market.fees.maker_bps, market.fees.taker_bps, market.fees.sell_tax_bps)
    rows: dict[str, list[Any]] = {name: [] for name in FILL_NAMES}
    for line in sent:
        child_id, symbol, side = line["order"]["child_id"], line["order"]["symbol"], facts[line["parent_id"]]["side"]
        for number, fill in enumerate(ended[child_id]["fills"], start=1):
            price, shares = (fill["place"] + origins[symbol]) / TICKS_PER_UNIT, fill["lots"] * float(LOT_SHARES)
            sign = BUY if side == "buy" else SELL
            fee = float(fee_notional(sign, fill["is_maker"], price * shares, *rates))
            liquidity = LIQUIDITY[int(fill["is_maker"])]
            told = (f"{child_id}-f{number:03d}", child_id, line["parent_id"], symbol, side, fill["at"], price, shares,
                    liquidity, fee, "market")  # fmt: skip
            for name, value in zip(FILL_NAMES, told, strict=True):
                rows[name].append(value)
    return {**rows, "event_at_ns": to_ns(day.open_ns, rows["event_at_ns"])}


FILL_NAMES = (
    "fill_id", "child_order_id", "parent_order_id", "symbol", "side", "event_at_ns", "price", "shares", "liquidity",
    "fee_notional", "fill_model",
)  # fmt: skip


def _mirrors(feeds: Iterable[SymbolFeed], reached: float) -> list[OpenMarket]:
    """The published markets, as far as the session came."""
    return [replace(feed.mirror, session=replace(feed.mirror.session, seconds=int(reached))) for feed in feeds]


def desk_tables(
    day: LiveDay, lines: Sequence[Line], feeds: Mapping[str, SymbolFeed], reached: float, knowledge: DeskKnowledge
) -> dict[str, pa.Table]:
    """Noun -> rows of what one desk did until market second `reached`."""
    market, session = day.market, day.share.day
    orders = pa.concat_tables(day.orders).combine_chunks()
    facts = {row["parent_order_id"]: row for row in orders.select(FACTS).to_pylist()}
    ended, origins = _ended(lines), {symbol: int(feed.mirror.state.origin) for symbol, feed in feeds.items()}
    sent = [line for line in _of_kind(lines, SENT) if line["order"]["child_id"] in ended]
    columns = {
        "assignments": assignment_columns(day, _of_kind(lines, ASSIGNED), facts),
        "decisions": decision_columns(day, _of_kind(lines, DECIDED)),
        "child_orders": child_columns(day, sent, ended, facts, origins),
        "fills": fill_columns(market, day, sent, ended, facts, origins),
    }
    if limited := _of_kind(lines, LIMITED):
        columns["limit_events"] = limit_columns(day, limited)
    served = [feed.served(day.open_ns) for feed in feeds.values()]
    return {
        **market_rows(market, session, _mirrors(feeds.values(), reached), day.open_ns),
        "parent_orders": orders,
        **{noun: in_order(noun, noun_rows(noun, market, session, made)) for noun, made in columns.items()},
        "served_features": served_rows(market, session, served, knowledge),
    }


FACTS = ["parent_order_id", "account", "symbol", "side"]


def in_order(noun: str, rows: pa.Table) -> pa.Table:
    """Rows as the noun is declared to be sorted."""
    return rows.sort_by([(name, "ascending") for name in NOUNS[noun].sort_by]).combine_chunks()
