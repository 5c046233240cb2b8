"""Step `trade`: work the day's client orders once and drop the files. Simulated and replayed markets only.

A day is a function of seed, symbols, session and the policy in force; a drop that is there is never traded again, so
a later run of the night reads what happened and does not change it.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from datetime import date
from multiprocessing import get_context
from pathlib import Path

import pyarrow as pa

from infra import calendar
from infra.markets import Market
from infra.parent import die_with_parent
from pipelines.desk.limit_log import MOST_SENSELESS_SHARE, NOUN, senseless_shares
from pipelines.policy_in_force import production_of
from pipelines.sources.drop import MANIFEST, DropManifest, read_manifest, write_drop
from pipelines.step import StepContext, StepReport
from pipelines.symbol_days import desk_knowledge

log = logging.getLogger("fillwise")


def is_complete(folder: Path) -> bool:
    """Whether the day was dropped: the manifest comes with the rename, so its presence says so."""
    return (folder / MANIFEST).is_file()


def _worked(context: StepContext, day: date) -> Mapping[str, pa.Table]:
    if context.market.name == "sample":
        from pipelines.desk.paper import work_day

        knowledge = desk_knowledge(context.lake, context.market, day)
        production = production_of(context.settings, context.market, day)
        return work_day(context.settings, context.market, day, production, knowledge)
    from pipelines.desk.recorded import work_day as replay_day

    return replay_day(context, day)


def _manifest(context: StepContext, day: date) -> DropManifest:
    market: Market = context.market
    production = production_of(context.settings, market, day)
    known_at, seed = calendar.known_at(market, day), context.settings.sample_seed
    return DropManifest(market.name, day, known_at, seed, production.champion.policy.version, production.digest())


def tell_senseless(day: date, rows: Mapping[str, pa.Table]) -> None:
    """An error in the step's log for each version that gave no number too often."""
    if NOUN not in rows:
        return
    for version, share in senseless_shares(rows[NOUN], rows["decisions"]).items():
        if share > MOST_SENSELESS_SHARE:
            told = f"{share:.2%} of the outputs of {version} are no numbers, allowed: {MOST_SENSELESS_SHARE:.2%}"
            log.error("%s: %s; next: fillwise rollback, then look at what its model was given", day, told)


def trade_day(context: StepContext, day: date) -> DropManifest:
    """Work one day and drop it."""
    folder = context.drop_root / str(day)
    if is_complete(folder):
        return read_manifest(folder)
    rows = _worked(context, day)
    tell_senseless(day, rows)
    return write_drop(folder, rows, _manifest(context, day))


def _trade_days(context: StepContext, days: list[date]) -> Iterator[DropManifest]:
    workers = min(context.settings.threads, len(days))
    if workers <= 1:
        yield from (trade_day(context, day) for day in days)
        return
    yield trade_day(context, days[0])
    pool = ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=die_with_parent)
    with pool:
        yield from pool.map(trade_day, [context] * (len(days) - 1), days[1:])


def run(context: StepContext) -> StepReport:
    """Work the days that have no drop yet. The first is worked alone, so that the others find compiled kernels."""
    if not context.market.is_traded_by_desk:
        return StepReport(0, 0, is_unchanged=True, notes=(f"the desk does not trade market {context.market.name}",))
    missing = [day for day in context.days if not is_complete(context.drop_root / str(day))]
    for _ in context.progress(_trade_days(context, missing), f"trade {len(missing)} sessions"):
        pass
    manifests = [read_manifest(context.drop_root / str(day)) for day in context.days]
    orders = sum(manifest.rows_of("parent_orders") for manifest in manifests)
    rows = sum(file.rows for manifest in manifests for file in manifest.files.values())
    versions = sorted({manifest.policy_version for manifest in manifests})
    note = f"{orders:,} parent orders worked by {', '.join(versions)}, {len(missing)} of {len(manifests)} sessions new"
    held = sum(manifest.rows_of(NOUN) for manifest in manifests)
    notes = (note, f"{held:,} child orders cut or stopped by limits, or decided by somebody else") if held else (note,)
    return StepReport(rows_in=orders, rows_out=rows, is_unchanged=not missing, notes=notes)
