"""What state the system is in, read from files alone."""

from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from infra.desk_reports import DeskReport, report_desk
from infra.locks import held
from infra.routing_files import publish, routing_folder
from infra.routing_snapshot import RoutedArm, Snapshot
from infra.settings import Settings
from infra.stop_files import Stop, write_stop
from infra.times import stamp
from pipelines.alerts import raise_alert
from pipelines.production_status import production_lines
from pipelines.status import market_lines, print_status
from pipelines.steps import STEPS
from tests.pipelines.invented_night import invented_context, write_records

AT = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
REFUSED = "more rows refused than allowed: silver.trades; found 9 %; allowed: 5 %; next: ask the sender again"


def lines_of(home: Path) -> str:
    return "\n".join(market_lines(invented_context(home).settings, "sample", AT))


def test_a_whole_night_is_counted(tmp_path: Path) -> None:
    write_records(invented_context(tmp_path))
    assert f"last night 2026-11-20: {len(STEPS)} of {len(STEPS)} steps done" in lines_of(tmp_path)
    assert "nothing is running" in lines_of(tmp_path)


def test_a_stopped_night_says_where_and_why_even_when_later_steps_left_older_records(tmp_path: Path) -> None:
    write_records(invented_context(tmp_path), "validate", REFUSED)
    assert f"last night 2026-11-20: stopped at validate: {REFUSED}" in lines_of(tmp_path)


def test_a_killed_night_is_told_from_a_running_one_by_the_lock_that_the_kernel_frees(tmp_path: Path) -> None:
    write_records(invented_context(tmp_path), "train", state="running")
    assert "last night 2026-11-20: killed in train; run the same command again" in lines_of(tmp_path)
    with held(tmp_path / "locks" / "sample.lock", "fillwise train 2026-11-20", 0):
        assert "running: fillwise train 2026-11-20" in lines_of(tmp_path)
        assert "killed" not in lines_of(tmp_path)


def test_status_needs_nothing_but_the_standard_library_and_cryptography() -> None:
    heavy = ("numpy", "pyarrow", "deltalake", "mlflow", "sqlalchemy", "apprise", "rich", "tenacity")
    code = f"import sys, pipelines.status; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


SNAPSHOT = Snapshot(
    "sample", 7, "sample.r1", "expand_25", "salt",
    (
        RoutedArm("benchmark", "sample.execution/0", "d0", "benchmark", 0.02),
        RoutedArm("challenger", "sample.execution/9", "d9", "r9", 0.25),
        RoutedArm("champion", "sample.execution/5", "d5", "r5", 0.73),
    ),
    {"sample.execution/9": {}}, ("ACCOUNT-01",), stamp(AT), stamp(AT + timedelta(days=1)), 40, "h", "desk",
)  # fmt: skip


def routed(home: Path, snapshot: Snapshot = SNAPSHOT) -> Settings:
    settings = Settings(home=home)
    publish(settings, snapshot)
    return settings


def production(settings: Settings, minutes: float = 1.0) -> str:
    return "\n".join(production_lines(settings, "sample", AT + timedelta(minutes=minutes)))


def report(desk: str, epoch: int, minutes: float, **others: object) -> DeskReport:
    told: dict[str, object] = {
        "versions": {}, "stops": (), "last_child_at": {}, "last_cancel_at": {}, "open_children": {},
        "unacknowledged": {}, "exposure_notional": {}, "in_flight": {},
    }  # fmt: skip
    return DeskReport(
        desk=desk, market="sample", pid=1, epoch=epoch, at=stamp(AT + timedelta(minutes=minutes)), **{**told, **others}
    )


def test_champion_phase_and_shares_are_what_the_desks_obey(tmp_path: Path) -> None:
    found = production(routed(tmp_path))
    assert "production: sample.execution/5, epoch 7, in force" in found
    assert "rollout sample.r1 in expand_25: benchmark sample.execution/0 2% of eligible units; challenger" in found
    assert "challenger sample.execution/9 25% of eligible units" in found


def test_an_expired_snapshot_says_that_the_champion_trades_alone(tmp_path: Path) -> None:
    found = production(routed(tmp_path), minutes=2 * 24 * 60)
    assert "EXPIRED at 2026-11-22T12:00: desks go on with the champion alone" in found


def test_a_forged_snapshot_is_refused(tmp_path: Path) -> None:
    settings = routed(tmp_path)
    path = routing_folder(settings, "sample") / "snapshot.json"
    path.write_text(path.read_text().replace("0.25", "0.95"))
    assert "production: the routing snapshot is REFUSED (a forged or changed payload)" in production(settings)


def test_stops_in_force_are_shown_and_one_that_nobody_signed_counts_as_a_kill_of_everything(tmp_path: Path) -> None:
    settings = routed(tmp_path)
    told = ("kill", "symbol", "AURA", "paul", "halted\x1b[2J", stamp(AT))
    write_stop(settings, Stop("stop-1", "sample", *told))
    (routing_folder(settings, "sample") / "stops" / "forged.json").write_text("{}")
    found = production(settings)
    assert "STOP kill of symbol AURA by paul: halted [2J (fillwise stops --market sample)" in found
    assert "STOP kill of everything by unknown: stop file forged cannot be verified" in found


def test_a_desk_that_is_silent_or_goes_on_alone_is_named(tmp_path: Path) -> None:
    settings = routed(tmp_path)
    report_desk(settings, report("desk-1", 7, 1.0))
    report_desk(settings, report("desk-2", 6, 0.5, why="snapshot expired"))
    report_desk(settings, report("desk-3", 7, 0.0, is_ended=True))
    assert "desks: 2 run, epoch 6, 7\n  desk-2 is SILENT\n  desk-2: snapshot expired" in production(settings)


def test_cards_that_wait_come_from_the_pages_summary_until_they_expire(tmp_path: Path) -> None:
    settings = routed(tmp_path)
    folder = settings.pages / "sample" / "rollout"
    folder.mkdir(parents=True)
    until = stamp(AT + timedelta(hours=1))
    card = f'{{"card_id": "c1", "to_phase": "expand_50", "given": 1, "approvals": 2, "expires_at": "{until}"}}'
    (folder / "summary.json").write_text(f'{{"at": "{stamp(AT)}", "next_step": "a person", "cards": [{card}]}}')
    asks = "card c1 asks for expand_50, 1 of 2 approvals, until 2026-11-21T13:00 (fillwise card show c1)"
    assert asks in production(settings)
    assert "rollout as of 2026-11-21T12:00: a person" in production(settings)
    assert asks not in production(settings, minutes=61)
    (folder / "summary.json").write_text('{"next_step": "x", "cards": 3}')
    assert "the summary of the rollout's page cannot be read" in production(settings)


def test_an_open_alert_stands_with_the_command_that_answers_and_whether_anybody_was_told(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    raise_alert(settings, "sample", "desk 3", "page", "desk 3 is silent", "fillwise desks", AT)
    found = production(settings)
    assert "alert: desk 3 is silent; answer: fillwise desks [" in found
    assert "alerts are NOT delivered: no address: write apprise addresses into" in found
    assert "NOT delivered: no" not in production(replace(settings, alert_urls="json://127.0.0.1"))


def test_markets_that_nobody_uses_share_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_records(invented_context(tmp_path))
    print_status(Settings(home=tmp_path))
    out = capsys.readouterr().out
    assert "nothing yet in ashare, b3, lobster, own: production there is the benchmark policy" in out
    assert out.count("last night") == 1


def test_status_answers_in_three_tenths_of_a_second_of_work(tmp_path: Path) -> None:
    settings = routed(tmp_path)
    for n in range(40):
        raise_alert(settings, "sample", f"cause {n}", "tell", "words", "command", AT)
        report_desk(settings, report(f"desk-{n}", 7, 1.0))
    write_records(invented_context(tmp_path))
    code = (
        "import resource, sys; from pathlib import Path; from infra.settings import Settings;"
        "from pipelines.status import print_status; print_status(Settings(home=Path(sys.argv[1])));"
        "used = resource.getrusage(resource.RUSAGE_SELF); print(used.ru_utime + used.ru_stime, file=sys.stderr)"
    )
    seconds = []
    for _ in range(3):
        done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True)
        seconds.append(float(done.stderr))
    assert "sample.execution/5, epoch 7" in done.stdout
    assert min(seconds) < 0.3, seconds


def test_a_home_too_large_to_measure_in_a_moment_is_said_to_be_larger(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "logs").mkdir()
    monkeypatch.setattr("pipelines.status.MEASURE_SECONDS", -1.0)
    begun = time.monotonic()
    print_status(Settings(home=tmp_path))
    assert time.monotonic() - begun < 5
    assert "more than 0.0 GB used" in capsys.readouterr().out
