"""Nothing that was started is left behind, in sessions of its own or deaf to signals."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

from infra.children import descendants


def run_in_python(code: str) -> str:
    """Output of a process of its own, because a reaper collects every child of the process it is in."""
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=True)
    return done.stdout


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_an_orphan_in_a_session_of_its_own_is_ended_as_well() -> None:
    told = run_in_python("""
        import subprocess, time
        from infra.children import become_reaper, end_descendants
        become_reaper()
        subprocess.run(["bash", "-c", "setsid sleep 60 & echo $!"], check=True)
        time.sleep(0.2)
        print(end_descendants(5.0))
    """)
    started = int(told.split()[0])
    assert told.split()[1] == f"({started},)"
    assert not is_alive(started)


def test_one_that_is_deaf_to_the_question_is_killed() -> None:
    began = time.monotonic()
    told = run_in_python("""
        import subprocess, time
        from infra.children import become_reaper, end_descendants
        become_reaper()
        deaf = subprocess.Popen(["bash", "-c", "trap '' TERM; while :; do sleep 1; done"])
        time.sleep(0.5)
        end_descendants(0.5)
        print(deaf.pid)
    """)
    assert not is_alive(int(told))
    assert time.monotonic() - began < 20


def test_descendants_are_found_through_several_generations() -> None:
    with subprocess.Popen(["bash", "-c", "bash -c 'sleep 60 & wait' & wait"], start_new_session=True) as first:
        deadline = time.monotonic() + 10
        while len(descendants(first.pid)) < 2 and time.monotonic() < deadline:
            time.sleep(0.05)
        found = descendants(first.pid)
        os.killpg(first.pid, signal.SIGKILL)
    assert len(found) == 2
    assert descendants(first.pid) == ()
