"""`fillwise rollout status`, once and watched, at a terminal and into a file."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from rich.console import Console

from infra.settings import Settings
from pipelines.alerts import raise_alert
from pipelines.rollout_page.terminal import changes, print_rollout
from tests.models.rollout.made import Story, in_phase
from tests.pipelines.approval.made import Desk, desk

FILLWISE = Path(sys.executable).parent / "fillwise"


@pytest.fixture
def story() -> Story:
    return in_phase("expand_25")


@pytest.fixture
def made(tmp_path: Path, story: Story) -> Desk:
    found = desk(tmp_path)
    found.tell(story)
    return found


def printed(settings: Settings, **console: object) -> str:
    out = io.StringIO()
    print_rollout(settings, "sample", console=Console(file=out, width=120, highlight=False, **console))
    return out.getvalue()


def test_one_screen_says_where_it_stands_what_comes_next_and_every_phase(made: Desk) -> None:
    out = printed(made.settings)
    assert "sample.r1, sample.execution/5 in expand_25, 25 % of eligible units" in out
    assert "next: expand_25 goes on: 0 of 5 sessions, 0 of 30 units so far" in out
    for line in ("✓  canary_10", "▶  expand_25", "·  expand_50"):
        assert line in out
    assert "rolls back at 40" in out
    assert "guardrails pass" in out


def test_what_somebody_typed_moves_no_cursor_and_is_no_markup(made: Desk) -> None:
    raise_alert(made.settings, "sample", "x", "page", "\x1b[2J[bold]gone[/bold]", "fillwise desks", datetime.now(UTC))
    out = printed(made.settings)
    assert "\x1b" not in out
    assert "[bold]gone[/bold]; answer: fillwise desks" in out


def test_into_a_file_there_are_no_colours_and_lines_are_not_cut_at_eighty(made: Desk) -> None:
    out = io.StringIO()
    print_rollout(made.settings, "sample", console=Console(file=out))
    assert "\x1b" not in out.getvalue()
    assert max(len(line) for line in out.getvalue().splitlines()) > 80


def test_with_the_ledger_away_the_files_are_shown_and_it_is_said(tmp_path: Path) -> None:
    away = Settings(home=tmp_path, ledger_url="postgresql+psycopg://nobody@127.0.0.1:1/none?connect_timeout=1")
    out = printed(away)
    assert "ledger does not answer" in out
    assert "production: sample.execution/0 (benchmark policy TWAP, nothing was ever routed)" in out


def test_a_watcher_draws_again_only_when_something_has_changed(made: Desk, story: Story) -> None:
    looks = []
    screens = changes(made.settings, "sample", lambda: looks.append(1))
    next(screens)

    def then(change: object) -> None:
        assert callable(change)
        before = len(looks)
        change()
        next(screens)
        assert len(looks) == before + 1

    then(lambda: (story.evening(), made.tell(story)))
    then(lambda: raise_alert(made.settings, "sample", "x", "tell", "w", "c", datetime.now(UTC)))

    def stop_after_three() -> None:
        looks.append(1)
        if len(looks) > 5:
            raise KeyboardInterrupt

    quiet = changes(made.settings, "sample", stop_after_three)
    next(quiet)
    with pytest.raises(KeyboardInterrupt):
        next(quiet)


def test_watched_into_a_pipe_each_change_is_one_more_screen_until_interrupted(made: Desk, story: Story) -> None:
    environment = {**os.environ, "FILLWISE_HOME": str(made.settings.home), "PYTHONUNBUFFERED": "1"}
    out = made.settings.home / "out"
    with out.open("w") as written, subprocess.Popen(
        [FILLWISE, "rollout", "status", "--watch"], env=environment, stdout=written, stderr=subprocess.STDOUT
    ) as watcher:  # fmt: skip
        wait_until(out, "0 of 5 sessions")
        story.evening()
        made.tell(story)
        wait_until(out, "1 of 5 sessions")
        watcher.send_signal(signal.SIGINT)
        assert watcher.wait(timeout=30) == 0
    assert out.read_text().count("sample  as of") == 2
    assert "\x1b" not in out.read_text()


def wait_until(path: Path, words: str) -> None:
    until = time.monotonic() + 60
    while words not in path.read_text():
        assert time.monotonic() < until, path.read_text()
        time.sleep(0.1)
