"""`python -m pipelines.alerting`: one round of delivery, as `start_delivery` begins it."""

from __future__ import annotations

import os
from datetime import UTC, datetime

from infra.settings import read_settings
from pipelines.alerting.deliver import escalate

if __name__ == "__main__":
    found = escalate(read_settings(os.environ), datetime.now(UTC))
    print(f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} {found}", flush=True)
