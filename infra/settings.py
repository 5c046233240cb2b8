"""One frozen settings object, read once from the environment. Unknown `FILLWISE_…` variables are refused.

    >>> read_settings({"FILLWISE_HOME": "/srv/fillwise", "FILLWISE_THREADS": "4"}).threads
    4

Only the standard library is imported here, so that `fillwise status` answers at once.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import date
from pathlib import Path

from infra.errors import SettingsError

PREFIX = "FILLWISE_"
PROJECT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Settings:
    """Everything that can be set. Each field is the environment variable `FILLWISE_<NAME>`.

    home: the one state folder: lake, registry, logs, drops, keys, pages, caches.
    sample_seed: seed of the built-in market. sample_symbols: how many of its eight symbols trade.
    sample_orders: client orders a symbol and session; accounts grow with them, the volume that they ask for does not.
    sample_shift_from: first session (YYYY-MM-DD) of a planted change of regime in the built-in market; empty: never.
    history_sessions: sessions that `bootstrap` brings in before the first night.
    backtest_sessions: sessions at the end of the history on which policies are compared out of sample.
    fold_sessions: sessions between two refits inside the walk-forward backtest.
    threads: cores that one step may use. memory: heap of the Spark driver.
    lock_wait_seconds: how long a step waits for another one that holds the same day.
    superseded_days: age at which a superseded file of the lake may go, unless a version holds it.
    logs_days, pages_days: the same for logs and pages (`fillwise maintain`).
    mlflow_port, airflow_port, pages_port: where `fillwise up` listens on the loopback interface.
    recipe: the recipe that the night puts forward as a candidate (`fillwise recipe list`).
    ledger_purpose: desk, or simulation for a state folder that no desk may trade from.
    ledger_url: SQLAlchemy address of a PostgreSQL ledger, as postgresql+psycopg://…; empty: SQLite in the state folder.
    alert_urls: apprise addresses of alerts, `|` between levels; empty: those of `<home>/keys/alert_urls`.
    alert_minutes: how long a level of addresses has to acknowledge before the next one is told.
    """

    home: Path = PROJECT / ".fillwise"
    sample_seed: int = 7
    sample_symbols: int = 8
    sample_orders: int = 26
    sample_shift_from: str = ""
    history_sessions: int = 60
    backtest_sessions: int = 20
    fold_sessions: int = 5
    threads: int = 2
    spark_memory: str = "1g"
    lock_wait_seconds: float = 600.0
    superseded_days: float = 30.0
    logs_days: float = 90.0
    pages_days: float = 400.0
    mlflow_port: int = 5000
    airflow_port: int = 8080
    pages_port: int = 8090
    ledger_url: str = ""
    ledger_purpose: str = "desk"
    recipe: str = "signal"
    alert_urls: str = ""
    alert_minutes: float = 15.0

    @property
    def lake(self) -> Path:
        return self.home / "lake"

    @property
    def registry(self) -> Path:
        return self.home / "registry"

    @property
    def logs(self) -> Path:
        return self.home / "logs"

    @property
    def drops(self) -> Path:
        return self.home / "drops"

    @property
    def pages(self) -> Path:
        return self.home / "pages"

    @property
    def keys(self) -> Path:
        return self.home / "keys"

    @property
    def cache(self) -> Path:
        return self.home / "cache"

    @property
    def jars(self) -> Path:
        return PROJECT / ".jars"


LIMITS: dict[str, tuple[float, float]] = {
    "sample_symbols": (1, 8),
    "sample_orders": (1, 500),
    "history_sessions": (1, 1000),
    "backtest_sessions": (1, 250),
    "fold_sessions": (1, 60),
    "threads": (1, 256),
    "lock_wait_seconds": (0, 86_400),
    "superseded_days": (0, 36_500),
    "logs_days": (1, 36_500),
    "pages_days": (1, 36_500),
    "alert_minutes": (1, 1_440),
    "mlflow_port": (1, 65_535),
    "airflow_port": (1, 65_535),
    "pages_port": (1, 65_535),
}


DATES = ("sample_shift_from",)


def _date_or_empty(name: str, raw: str) -> str:
    try:
        return raw and str(date.fromisoformat(raw))
    except ValueError:
        raise SettingsError(
            "cannot read a setting", which=PREFIX + name.upper(), found=repr(raw), allowed="YYYY-MM-DD, or nothing",
            next_step="correct or unset the variable",
        ) from None  # fmt: skip


def _parsed(name: str, raw: str, kind: str) -> object:
    if kind == "Path":
        return Path(raw).expanduser().resolve()
    if kind == "str":
        return _date_or_empty(name, raw) if name in DATES else raw
    try:
        value = int(raw) if kind == "int" else float(raw)
    except ValueError:
        raise SettingsError(
            "cannot read a setting",
            which=PREFIX + name.upper(),
            found=repr(raw),
            allowed=f"a number ({kind})",
            next_step="correct or unset the variable",
        ) from None
    low, high = LIMITS.get(name, (-float("inf"), float("inf")))
    if not low <= value <= high:
        raise SettingsError(
            "setting is out of range",
            which=PREFIX + name.upper(),
            found=value,
            allowed=f"{low:g} to {high:g}",
            next_step="correct or unset the variable",
        )
    return value


def read_settings(environment: Mapping[str, str]) -> Settings:
    """Settings from `environment`. Raises SettingsError for an unknown name or a value out of range."""
    kinds = {field.name: str(field.type) for field in fields(Settings)}
    values: dict[str, object] = {}
    for key, raw in environment.items():
        if not key.startswith(PREFIX):
            continue
        name = key[len(PREFIX) :].lower()
        if name in PASSED_ALONG:
            continue
        if name not in kinds:
            near = difflib.get_close_matches(name, kinds, n=1)
            raise SettingsError(
                "unknown setting",
                which=key,
                found=repr(raw),
                allowed=", ".join(PREFIX + known.upper() for known in kinds),
                next_step=f"did you mean {PREFIX}{near[0].upper()}?" if near else "unset the variable",
            )
        values[name] = _parsed(name, raw, kinds[name])
    return Settings(**values)  # type: ignore[arg-type]


PASSED_ALONG = frozenset({"market", "day", "at", "data", "die_with_parent", "secret_file", "test_data"})
"""Names that carry one run's arguments from Airflow to a step, or a test's data; they are no settings."""
