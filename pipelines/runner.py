"""Runs one step as every caller does: lock the day, keep a log, time it, leave a record, turn errors into words."""

from __future__ import annotations

import importlib
import json
import logging
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from infra.errors import FillwiseError
from infra.lake import Lake
from infra.locks import held
from infra.markets import Market
from infra.settings import Settings
from pipelines.step import NO_TERMS, DeliveryTerms, StepContext, StepReport
from pipelines.steps import step_named

log = logging.getLogger("fillwise")


@dataclass(frozen=True)
class Run:
    """The arguments of one command: which market, which sessions, from where.

    unrecorded: sessions of a range that were left out, because the folder of `data` has no file of them.
    """

    settings: Settings
    market: Market
    days: tuple[date, ...]
    data: Path | None = None
    terms: DeliveryTerms = NO_TERMS
    unrecorded: tuple[date, ...] = ()

    @property
    def left_out(self) -> str:
        """The sessions that were left out, in words; '' when there are none."""
        if not self.unrecorded:
            return ""
        count, named = len(self.unrecorded), ", ".join(map(str, self.unrecorded))
        return f"{count} of {count + len(self.days)} sessions were not recorded, no file in {self.data}: {named}"

    @property
    def log_folder(self) -> Path:
        return self.settings.logs / self.market.name / str(self.days[-1])


@contextmanager
def _log_file(path: Path) -> Iterator[None]:
    path.parent.mkdir(parents=True, exist_ok=True)
    handler = logging.FileHandler(path, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    try:
        yield
    finally:
        log.removeHandler(handler)
        handler.close()


def _record(path: Path, record: dict[str, Any]) -> None:
    fresh = path.with_suffix(f".{os.getpid()}")
    fresh.write_text(json.dumps(record, indent=1, default=str) + "\n")
    os.replace(fresh, path)


def _summary(name: str, report: StepReport, seconds: float) -> str:
    tables = ", ".join(f"{commit.table}@{commit.version}" for commit in report.tables)
    state = "unchanged" if report.is_unchanged else "done"
    counts = f"{report.rows_in:,} rows in, {report.rows_out:,} out, {report.rows_refused:,} refused"
    return f"{name}: {state}; {counts}; {tables or 'no table'}; {seconds:.1f} s"


def _tell(name: str, error: Exception) -> None:
    """An expected error in one sentence, an unexpected one with its traceback; both reach the step's log."""
    if isinstance(error, FillwiseError):
        log.error("%s stopped: %s", name, error)
        error.is_told = True
    else:
        log.exception("%s stopped on an error that it does not know", name)


@contextmanager
def market_lock(settings: Settings, market: str, who: str) -> Iterator[None]:
    """Hold the market's lock; waits up to `lock_wait_seconds`, says for whom, then raises BusyError."""
    with held(settings.home / "locks" / f"{market}.lock", who, settings.lock_wait_seconds):
        yield


def run_step(name: str, run: Run) -> StepReport:
    """Run one step under the market's lock and leave `<home>/logs/<market>/<day>/<step>.json` behind.

    The lock is the market's, not the day's, so two nights never interleave half-written history: the second waits
    up to `lock_wait_seconds`, says for whom, and then finds the work done.
    """
    folder = run.log_folder
    folder.mkdir(parents=True, exist_ok=True)
    lock = market_lock(run.settings, run.market.name, f"fillwise {name} {run.days[-1]}")
    with _log_file(folder / f"{name}.log"), lock:
        return _run_locked(name, run)


def _run_locked(name: str, run: Run) -> StepReport:
    path, started, clock = run.log_folder / f"{name}.json", datetime.now(UTC), time.monotonic()
    head = {
        "step": name, "market": run.market.name, "first_day": run.days[0], "last_day": run.days[-1],
        "pid": os.getpid(), "log": str(path.with_suffix(".log")), "started_at": started,
    }  # fmt: skip
    _record(path, {**head, "state": "running"})
    try:
        module = importlib.import_module(step_named(name).module)
        context = StepContext(run.settings, run.market, run.days, Lake(run.settings.lake), run.data, run.terms)
        report: StepReport = module.run(context)
        if run.left_out and step_named(name).takes_delivery:
            report = replace(report, notes=(*report.notes, run.left_out))
    except Exception as error:
        seconds = round(time.monotonic() - clock, 3)
        _record(path, {**head, "state": "failed", "seconds": seconds, **_error_fields(error)})
        _tell(name, error)
        raise
    seconds = round(time.monotonic() - clock, 3)
    _record(path, {**head, **asdict(report), "state": "done", "seconds": seconds})
    for note in report.notes:
        log.info("%s: %s", name, note)
    log.info("%s", _summary(name, report, seconds))
    return report


def _error_fields(error: Exception) -> dict[str, Any]:
    kind, is_expected = type(error).__name__, isinstance(error, FillwiseError)
    return {"error": str(error) or repr(error), "error_kind": kind, "is_expected": is_expected}


def read_records(run: Run, names: Sequence[str]) -> list[dict[str, Any]]:
    """The records that steps left for the run's last day, in the order of `names`; steps without one are left out."""
    paths = [run.log_folder / f"{name}.json" for name in names]
    return [json.loads(path.read_text()) for path in paths if path.exists()]
