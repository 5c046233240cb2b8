"""The night in one process, for people who debug: the same steps, the same records, no Airflow."""

from __future__ import annotations

import logging
from contextlib import suppress

from infra.errors import FillwiseError, NightStoppedError
from pipelines.bootstrap import bootstrap
from pipelines.nightly import print_night
from pipelines.runner import Run, run_step
from pipelines.steps import STEPS

log = logging.getLogger("fillwise")


def night(run: Run) -> int:
    """Run every step; on an error run `report` still, so that the page says where it stopped. Raises that error."""
    bootstrap(run)
    try:
        for step in STEPS:
            run_step(step.name, run)
    except NightStoppedError:
        raise
    except FillwiseError:
        with suppress(NightStoppedError):
            run_step("report", run)
        raise
    finally:
        print_night(run)
    return 0
