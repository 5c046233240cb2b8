"""Run every benchmark of this folder, one after the other: `make bench`."""

import os
import platform
import subprocess
import sys
from pathlib import Path

from infra.environment import apply
from infra.settings import read_settings


def main() -> int:
    apply(read_settings(os.environ))
    names = sorted(path.stem for path in Path(__file__).parent.glob("bench_*.py"))
    print(f"{platform.platform()}, {os.cpu_count()} cores, Python {platform.python_version()}", flush=True)
    status = 0
    for name in names:
        print(f"\n== {name}", flush=True)
        status |= subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], check=False).returncode
    return status


if __name__ == "__main__":
    sys.exit(main())
