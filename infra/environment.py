"""The environment of every process that Fillwise starts: homes inside the state folder, telemetry off.

Every part that likes to write into the user's home (MLflow, Matplotlib, Great Expectations, Numba, Airflow) is
pointed at a folder of its own below `FILLWISE_HOME`. Standard library only.
"""

from __future__ import annotations

import os
import secrets
import shutil
from pathlib import Path

from infra.revision import source_digest
from infra.settings import PROJECT, Settings

SQLITE_WAIT_SECONDS = 60
"""Scheduler, API server and triggerer share one file; five seconds, the default, are not enough on two busy cores."""
FIRST_USERS = "admin:op,fillwise:viewer"
"""The operator, and our own service, which reads answers to cards; people come from the ledger."""
COMPILED = ("features", "models")
KERNELS_KEPT_SECONDS = 30 * 86_400.0
"""A month: whoever goes back to an older checkout within it finds its kernels compiled."""


def _kept_secret(settings: Settings, name: str) -> str:
    """A secret made once and kept with mode 0600 under `keys/`."""
    path = settings.keys / name
    settings.keys.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not path.exists():
        fresh = path.with_suffix(f".{os.getpid()}")
        fresh.touch(mode=0o600)
        fresh.write_text(secrets.token_urlsafe(32))
        try:
            os.link(fresh, path)
        except FileExistsError:
            pass
        finally:
            fresh.unlink()
    return path.read_text().strip()


def kernels_folder(settings: Settings) -> Path:
    """Where compiled kernels are kept: one folder a state of the code.

    Numba looks only at the file of the outermost function, so after an edit of a kernel that it calls it would go on
    with the old one; a name made from all of the compiled packages cannot.
    """
    return settings.cache / "numba" / source_digest(COMPILED)[:16]


def _forget_old_kernels(folder: Path) -> None:
    """Remove what other states of the code left and nobody has used for a month."""
    if folder.exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    newest = folder.stat().st_mtime
    for other in folder.parent.iterdir():
        if other.is_dir() and newest - other.stat().st_mtime > KERNELS_KEPT_SECONDS:
            shutil.rmtree(other, ignore_errors=True)


def quiet_environment(settings: Settings) -> dict[str, str]:
    """Homes and telemetry of the libraries that a step uses."""
    cache, java = settings.cache, settings.jars / "java_home"
    return {
        **({"JAVA_HOME": str(java)} if java.exists() else {}),
        "FILLWISE_HOME": str(settings.home),
        "NUMBA_CACHE_DIR": str(kernels_folder(settings)),
        "MPLCONFIGDIR": str(cache / "matplotlib"),
        "XDG_CACHE_HOME": str(cache),
        "XDG_CONFIG_HOME": str(cache / "config"),
        "GX_HOME": str(cache / "great_expectations"),
        "GX_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "true",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_TRACKING_URI": f"sqlite:///{settings.registry / 'mlflow.db'}",
        "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "GIT_PYTHON_REFRESH": "quiet",
        "SPARK_LOCAL_IP": "127.0.0.1",
        "OMP_NUM_THREADS": str(settings.threads),
        "NUMBA_NUM_THREADS": str(settings.threads),
    }


def airflow_users_file(settings: Settings) -> Path:
    """Who may log in to Airflow, as `user:role,…`; `fillwise up` writes it from the people of the ledger."""
    return settings.keys / "airflow_users"


def _airflow_users(settings: Settings) -> str:
    try:
        return airflow_users_file(settings).read_text().strip() or FIRST_USERS
    except OSError:
        return FIRST_USERS


def airflow_environment(settings: Settings) -> dict[str, str]:
    """Airflow on SQLite below the state folder; keys are made once and kept."""
    airflow = settings.home / "airflow"
    return {
        "AIRFLOW_HOME": str(airflow),
        "AIRFLOW__CORE__DAGS_FOLDER": str(PROJECT / "dags"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__PARALLELISM": "4",
        "AIRFLOW__CORE__FERNET_KEY": "",
        "AIRFLOW__CORE__DEFAULT_TIMEZONE": "utc",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": _airflow_users(settings),
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(settings.keys / "airflow_passwords.json"),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{airflow / 'airflow.db'}?timeout={SQLITE_WAIT_SECONDS}",
        "AIRFLOW__API__WORKERS": "1",
        "AIRFLOW__API__PORT": str(settings.airflow_port),
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__API__BASE_URL": f"http://127.0.0.1:{settings.airflow_port}",
        "AIRFLOW__API__SECRET_KEY": _kept_secret(settings, "airflow_api_secret"),
        "AIRFLOW__API_AUTH__JWT_SECRET": _kept_secret(settings, "airflow_jwt_secret"),
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"http://127.0.0.1:{settings.airflow_port}/execution/",
        "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "30",
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
        "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(settings.logs / "airflow"),
        "AIRFLOW__LOGGING__DAG_PROCESSOR_CHILD_PROCESS_LOG_DIRECTORY": str(settings.logs / "airflow" / "dag_processor"),
    }


def process_environment(settings: Settings) -> dict[str, str]:
    """Everything that a child process needs, on top of its parent's environment."""
    for folder in (settings.home, settings.cache, settings.logs, settings.registry, settings.pages):
        Path(folder).mkdir(parents=True, exist_ok=True)
    return {**os.environ, **quiet_environment(settings), **airflow_environment(settings)}


def apply(settings: Settings) -> None:
    """Set the quiet environment in this process, before any library is imported. Values already set stay."""
    for folder in (settings.home, settings.cache):
        Path(folder).mkdir(parents=True, exist_ok=True)
    _forget_old_kernels(kernels_folder(settings))
    for key, value in quiet_environment(settings).items():
        os.environ[key] = value
