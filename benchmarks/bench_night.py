"""A whole night of the built-in market in an empty state folder, through Airflow: seconds of each step, and the rest.

Floor: the same night's work in one process without Airflow (`fillwise night`, history and kernels already there)."""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

DAY = "2026-11-20"
FILLWISE = Path(sys.executable).parent / "fillwise"
LIMIT_SECONDS = 300.0


def timed(home: Path, *words: str) -> float:
    started = time.monotonic()
    environment = {**os.environ, "FILLWISE_HOME": str(home)}
    done = subprocess.run([FILLWISE, *words], env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        print(done.stdout, done.stderr, file=sys.stderr)
        raise SystemExit(done.returncode)
    return time.monotonic() - started


def seconds_of_steps(home: Path, day: str) -> dict[str, float]:
    records = [json.loads(path.read_text()) for path in (home / "logs" / "sample" / day).glob("*.json")]
    return {record["step"]: record["seconds"] for record in sorted(records, key=lambda one: one["started_at"])}


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        history = timed(home, "bootstrap", "--day", DAY)
        print(f"history of 60 sessions, first compilation included: {history:.1f} s")
        days = sorted(path.name for path in (home / "logs" / "sample").iterdir())
        for step, seconds in seconds_of_steps(home, days[-1]).items():
            print(f"  {step:20}{seconds:8.1f} s")
        night = timed(home, "nightly", "--day", DAY)
        steps = seconds_of_steps(home, DAY)
        for step, seconds in steps.items():
            print(f"  {step:20}{seconds:8.1f} s")
        inside = sum(steps.values())
        share = 1.0 - inside / night
        print(f"night through Airflow: {night:.1f} s, {inside:.1f} s in steps, {share:.0%} orchestration and start-up")
        again = timed(home, "night", "--day", "2026-11-19")
        print(f"floor, another night in one process without Airflow: {again:.1f} s")
        print(f"first night in all: {history + night:.1f} s of {LIMIT_SECONDS:.0f} s allowed")


if __name__ == "__main__":
    main()
