"""What the desk paid: its own fills settled with the same algebra as a replay, one row of `gold.costs` an order."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from infra import calendar
from infra.lake import Commit
from infra.lake_files import DayFile, input_digest, write_day_file
from infra.revision import source_digest
from infra.tables import COSTS, SILVER
from models.impact import StatedImpact
from models.replay import replay_rules, score_fills
from pipelines.desk_day import REAL_FILLS, DeskDay, own_fills, read_desk_day
from pipelines.order_rows import cost_rows
from pipelines.policy_in_force import policy_in_force
from pipelines.step import StepContext

NOUNS = ("book_snapshots", "parent_orders", "fills", "assignments")


def _impact(fills: pa.Table) -> StatedImpact:
    """A market that made the fills itself carries our impact in its path; on a recording it is overlaid.

    Either way the forced completion is a block that nobody traded, and pays the block's impact.
    """
    is_in_path = pc.all(pc.equal(fills.column("fill_model"), REAL_FILLS), min_count=0).as_py()
    return StatedImpact(linear_coefficient=0.0) if is_in_path else StatedImpact()


def versions_of_day(context: StepContext, day: date) -> dict[str, str]:
    """Parent order -> version of the arm it was assigned to; empty where nobody logged assignments."""
    rows = context.lake.read_day(SILVER["assignments"], context.market.name, day)
    return dict(zip(rows["parent_order_id"].to_pylist(), rows["policy_version"].to_pylist(), strict=True))


def settled(context: StepContext, desk: DeskDay, versions: Mapping[str, str]) -> pa.Table:
    """Rows of `gold.costs` of one symbol-day, against the book as it was recorded."""
    place = {name: number for number, name in enumerate(desk.orders.parent_order_id.tolist())}
    rows = desk.fill_rows
    orders = np.array([place[name] for name in rows.column("parent_order_id").to_pylist()], np.int64)
    is_maker = np.asarray(pc.equal(rows.column("liquidity"), "maker").to_numpy(zero_copy_only=False), np.bool_)
    intervals = calendar.session_intervals_ns(context.market, desk.day)
    rules = replay_rules(context.market, "trade_through", intervals, _impact(rows))
    outcome = score_fills(desk.recorded, desk.orders, orders, own_fills(rows), is_maker, rules)
    champion = policy_in_force(context.settings, context.market, desk.day).version
    names = [versions.get(name, champion) for name in desk.orders.parent_order_id.tolist()]
    return cost_rows(desk, outcome, context.market, names)


def _inputs(context: StepContext, day: date) -> str:
    files = [context.lake.day_files(SILVER[noun], context.market.name, [day]).get(day, ()) for noun in NOUNS]
    code = source_digest(("features", "models"))
    return input_digest(*(path.stem for paths in files for path in paths), code)


def write_costs(context: StepContext) -> Commit:
    """Settle the days whose inputs changed."""
    market, lake = context.market.name, context.lake
    known, made = lake.inputs(COSTS, market, context.days), dict[date, DayFile]()
    for day in context.days:
        inputs = _inputs(context, day)
        if known.get(day) != inputs:
            versions = versions_of_day(context, day)
            parts = [settled(context, desk, versions) for desk in read_desk_day(context, day)]
            rows = pa.concat_tables(
                [COSTS.arrow_schema.empty_table(), *(part.cast(COSTS.arrow_schema) for part in parts)]
            )
            made[day] = write_day_file(lake.root, COSTS, market, day, rows, inputs=inputs)
    return lake.commit_days(COSTS, market, made)
