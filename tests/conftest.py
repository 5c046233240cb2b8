"""Every test runs with homes of its own: nothing is written into the user's home or the project's state folder."""

import os
import tempfile
from pathlib import Path

SCRATCH = Path(tempfile.gettempdir()) / f"fillwise-tests-{os.getuid()}"


def pytest_configure() -> None:
    from infra.environment import airflow_environment, quiet_environment
    from infra.settings import Settings

    settings = Settings(home=SCRATCH)
    for name in [name for name in os.environ if name.startswith("FILLWISE_") and name != "FILLWISE_TEST_DATA"]:
        del os.environ[name]
    given = {**quiet_environment(settings), **airflow_environment(settings)}
    given.pop("FILLWISE_HOME")
    os.environ.update(given)
