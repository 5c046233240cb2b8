import subprocess
import sys
import time
from pathlib import Path

import pytest

from infra.errors import BusyError
from infra.locks import held

HOLD = (
    "import sys, time; from pathlib import Path; from infra.locks import held\n"
    "with held(Path(sys.argv[1]), 'fillwise ingest', 0):\n    print('held', flush=True); time.sleep(60)"
)


def test_a_second_holder_is_told_who_holds_the_lock_and_a_dead_holder_holds_nothing(tmp_path: Path) -> None:
    path = tmp_path / "sample.lock"
    holder = subprocess.Popen([sys.executable, "-c", HOLD, str(path)], stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with (
            pytest.raises(BusyError, match=rf"held by fillwise ingest \(process {holder.pid}\)"),
            held(path, "fillwise validate", wait_seconds=0.3),
        ):
            pass
    finally:
        holder.kill()
        holder.communicate()
    started = time.monotonic()
    with held(path, "fillwise validate", wait_seconds=5):
        pass
    assert time.monotonic() - started < 5
