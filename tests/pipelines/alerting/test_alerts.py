"""Alerts on a real folder, a real ledger and a real webhook."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from infra.ledger import open_ledger
from infra.locks import held
from infra.notify import send
from infra.settings import Settings
from pipelines.alerting.addresses import address_file, addresses
from pipelines.alerting.deliver import Round, escalate
from pipelines.alerting.outbox import kept_alerts, outbox
from pipelines.alerting.words import acknowledge, alert_lines, list_alerts, try_addresses
from pipelines.alerts import clear_alert, open_alerts, raise_alert, standing_alerts, start_delivery
from tests.pipelines.alerting.webhook import Webhook, webhook

AT = datetime(2026, 11, 20, 22, 0, tzinfo=UTC)
COMMAND = "fillwise rollout status"
NO_LEDGER = "postgresql+psycopg://nobody@127.0.0.1:1/none?connect_timeout=1"


def later(minutes: float) -> datetime:
    return AT + timedelta(minutes=minutes)


@pytest.fixture
def hook() -> Iterator[Webhook]:
    with webhook() as found:
        yield found


@pytest.fixture
def chief() -> Iterator[Webhook]:
    with webhook() as found:
        yield found


@pytest.fixture
def silent(tmp_path: Path) -> Settings:
    """A desk without addresses: nothing is started in the background."""
    return Settings(home=tmp_path)


@pytest.fixture
def settings(silent: Settings, hook: Webhook, chief: Webhook) -> Settings:
    return replace(silent, alert_urls=f"{hook.address} | {chief.address}")


def raise_quietly(settings: Settings, cause: str = "rollback", minutes: float = 0.0, severity: str = "page") -> bool:
    """Raised, and delivered by nobody yet."""
    away = replace(settings, alert_urls="")
    return raise_alert(away, "sample", cause, severity, f"{cause} is not done", COMMAND, later(minutes))


def kinds(settings: Settings) -> list[str]:
    return [entry.kind for entry in open_ledger(settings).entries("alerts")]


def only(settings: Settings) -> str:
    (kept,) = kept_alerts(settings, "sample")
    return kept.path.stem


def test_an_alert_reaches_the_webhook_with_its_words_and_the_command_that_answers(
    settings: Settings, hook: Webhook, chief: Webhook
) -> None:
    raise_quietly(settings)
    assert escalate(settings, AT) == Round(1, 0, 2, "")
    (message,) = hook.messages
    assert message["title"] == "[page] sample: rollback is not done"
    assert "answer: fillwise rollout status" in message["message"]
    assert f"fillwise alerts ack {only(settings)}" in message["message"]
    assert chief.messages == []
    assert kinds(settings) == ["alert_raised", "alert_delivered"]


def test_ninety_seven_times_the_same_cause_is_one_alert_and_one_message(settings: Settings, hook: Webhook) -> None:
    assert [raise_quietly(settings, minutes=n / 10) for n in range(97)].count(True) == 1
    escalate(settings, later(10))
    (alert,) = standing_alerts(settings, "sample")
    assert (alert.times, len(hook.messages)) == (97, 1)
    assert "97 times" in hook.messages[0]["message"]
    assert escalate(settings, later(10)) == Round(0, 0, 0, "")


def test_what_nobody_acknowledges_goes_to_the_next_address_and_is_reminded_of(
    settings: Settings, hook: Webhook, chief: Webhook
) -> None:
    raise_quietly(settings)
    for minutes in (0, 5, 14, 15, 20, 80):
        escalate(settings, later(minutes))
    assert hook.titles == ["[page] sample: rollback is not done", "[page] sample: still open: rollback is not done"]
    assert chief.titles[0] == "[page] sample: nobody has acknowledged: rollback is not done"
    assert len(chief.titles) == 2


def test_an_acknowledged_alert_is_told_to_nobody_any_more_and_the_ledger_says_who_has_it(
    settings: Settings, chief: Webhook
) -> None:
    raise_quietly(settings)
    escalate(settings, AT)
    acknowledge(settings, only(settings), "ada", "I cancel by hand", later(3))
    escalate(settings, later(30))
    assert chief.messages == []
    assert open_alerts(settings, "sample") == []
    (entry,) = [one for one in open_ledger(settings).entries("alerts") if one.kind == "alert_acknowledged"]
    assert (entry.actor, entry.payload["reason"], entry.at) == (
        "ada",
        "I cancel by hand",
        "2026-11-20T22:03:00.000000Z",
    )


def test_after_a_quiet_night_the_acknowledged_alert_is_over_and_its_file_gone_while_the_ledger_keeps_it(
    settings: Settings,
) -> None:
    raise_quietly(settings)
    acknowledge(settings, only(settings), "ada", "seen", AT)
    escalate(settings, later(12 * 60))
    assert list(outbox(settings, "sample").glob("*.json")) == []
    assert kinds(settings) == ["alert_raised", "alert_acknowledged", "alert_over"]
    assert raise_quietly(settings, minutes=13 * 60)


def test_a_cause_that_is_over_is_told_to_nobody(settings: Settings, hook: Webhook) -> None:
    raise_quietly(settings)
    clear_alert(settings, "sample", "rollback", later(1))
    escalate(settings, later(2))
    assert hook.messages == []
    assert kinds(settings) == ["alert_raised", "alert_over"]


def test_a_refused_message_goes_on_to_the_next_level_at_once_and_is_tried_again(silent: Settings) -> None:
    with webhook(status=500) as broken, webhook() as chief:
        settings = replace(silent, alert_urls=f"{broken.address} | {chief.address}")
        raise_quietly(settings)
        found = escalate(settings, AT)
        assert (found.delivered, found.failed) == (1, 1)
        assert len(chief.messages) == 1
        escalate(settings, later(0.5))
        escalate(settings, later(1))
        assert len(broken.messages) == 2
    (failed, _) = [one for one in open_ledger(settings).entries("alerts") if one.kind == "alert_failed"]
    assert "500" in failed.payload["why"]


def test_no_secret_of_an_address_stands_in_ledger_or_files(settings: Settings) -> None:
    raise_quietly(settings)
    escalate(settings, AT)
    told = "".join(path.read_text() for path in settings.home.rglob("*.json"))
    told += json.dumps([dict(entry.payload) for entry in open_ledger(settings).entries("alerts")])
    assert "127.0.0.1" in told
    assert "a-secret-path" not in told


def test_with_the_ledger_away_people_are_told_all_the_same_and_the_record_follows(
    silent: Settings, hook: Webhook
) -> None:
    away = replace(silent, ledger_url=NO_LEDGER, alert_urls=hook.address)
    raise_quietly(away)
    found = escalate(away, AT)
    assert (found.delivered, found.recorded) == (1, 0)
    assert "told, and not in the ledger yet: ledger does not answer" in found.why
    back = replace(away, ledger_url="")
    assert escalate(back, later(1)) == Round(0, 0, 2, "")
    assert [one.at for one in open_ledger(back).entries("alerts")] == ["2026-11-20T22:00:00.000000Z"] * 2


def test_killed_between_telling_and_recording_nothing_is_lost_and_nothing_doubled(
    settings: Settings, hook: Webhook
) -> None:
    raise_quietly(settings)
    code = (
        "import os, pipelines.alerting.deliver as d\n"
        "from datetime import datetime\n"
        "from pathlib import Path\n"
        "from infra.settings import Settings\n"
        "d.record = lambda *_: os.kill(os.getpid(), 9)\n"
        f"d.escalate(Settings(home=Path({str(settings.home)!r}), alert_urls={hook.address!r}),"
        f" datetime.fromisoformat({AT.isoformat()!r}))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert kinds(settings) == []
    escalate(settings, later(1))
    escalate(settings, later(2))
    assert kinds(settings) == ["alert_raised", "alert_delivered"]
    assert len(hook.messages) == 1


@pytest.mark.parametrize("harm", ["gone", "torn"])
def test_a_file_that_is_gone_or_torn_is_put_back_from_the_ledger(settings: Settings, hook: Webhook, harm: str) -> None:
    raise_quietly(settings)
    escalate(settings, AT)
    (path,) = outbox(settings, "sample").glob("*.json")
    if harm == "gone":
        path.unlink()
    else:
        path.write_text('{"events": [')
        assert "cannot be read" in open_alerts(settings, "sample")[0]
    escalate(settings, later(1))
    assert open_alerts(settings, "sample") == ["rollback is not done"]
    assert len(hook.messages) == 1
    assert kinds(settings) == ["alert_raised", "alert_delivered"]


def test_raising_takes_no_ledger_and_no_network_and_a_hanging_gateway_keeps_nobody(silent: Settings) -> None:
    with webhook(hangs=30) as hanging:
        slow = replace(silent, ledger_url=NO_LEDGER, alert_urls=hanging.address)
        begun = time.monotonic()
        raise_alert(slow, "sample", "rollback", "page", "not done", COMMAND, AT)
        assert time.monotonic() - begun < 1.0
        begun = time.monotonic()
        (told,) = send([hanging.address], "t", "b", is_urgent=True, timeout_seconds=3.0)
        assert (told.is_delivered, told.why) == (False, "no answer within 3 s")
        assert time.monotonic() - begun < 10.0


def test_a_raised_alert_is_delivered_by_a_process_of_its_own(settings: Settings, hook: Webhook) -> None:
    assert raise_alert(settings, "sample", "rollback", "page", "not done", COMMAND, datetime.now(UTC))
    deadline = time.monotonic() + 60
    while not (hook.messages and "recorded=2" in (settings.logs / "alerts.log").read_text()):
        assert time.monotonic() < deadline, (settings.logs / "alerts.log").read_text()
        time.sleep(0.1)
    assert kinds(settings) == ["alert_raised", "alert_delivered"]


def test_a_simulation_tells_nobody(settings: Settings) -> None:
    assert not start_delivery(replace(settings, ledger_purpose="simulation"))


def test_without_addresses_the_alert_stands_and_says_that_nobody_was_told(
    silent: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    raise_quietly(silent)
    found = escalate(silent, AT)
    assert (found.delivered, found.recorded) == (0, 1)
    assert "no address: write apprise addresses into" in found.why
    assert list_alerts(silent, None) == 1
    out = capsys.readouterr().out
    assert "not delivered yet" in out
    assert "alerts are NOT delivered: no address" in out


def test_addresses_come_from_a_file_that_only_its_owner_reads(silent: Settings) -> None:
    path = address_file(silent)
    path.parent.mkdir()
    path.write_text("# the desk\njson://a json://b\njson://c\n")
    path.chmod(0o644)
    assert addresses(silent).levels == ()
    assert addresses(silent).why == f"{path} can be read by others (mode 0644): chmod 600 {path}"
    path.chmod(0o600)
    assert addresses(silent).levels == (("json://a", "json://b"), ("json://c",))


def test_the_addresses_can_be_tried_and_the_test_is_recorded(
    settings: Settings, hook: Webhook, capsys: pytest.CaptureFixture[str]
) -> None:
    assert try_addresses(settings, AT) == 0
    assert hook.titles == ["[test] fillwise"]
    broken = replace(settings, alert_urls=f"{hook.address} nonsense")
    assert try_addresses(broken, AT) == 1
    assert "NOT taken: no address that apprise knows" in capsys.readouterr().out
    results = [one.payload["result"] for one in open_ledger(settings).entries("controls")]
    assert results == ["pass", "fail"]


def test_an_alert_of_an_earlier_version_still_stands(silent: Settings) -> None:
    path = outbox(silent, "sample") / "2026-11-20.json"
    path.parent.mkdir(parents=True)
    told = {"market": "sample", "day": "2026-11-20", "at": AT.isoformat(), "alert": "night is not ready"}
    path.write_text(json.dumps(told))
    assert open_alerts(silent, "sample") == ["night is not ready"]
    clear_alert(silent, "sample", "night 2026-11-20", later(1))
    escalate(silent, later(1))
    assert not path.exists()


def test_a_raiser_that_hangs_with_the_lock_does_not_silence_others(silent: Settings) -> None:
    folder = outbox(silent, "sample")
    folder.mkdir(parents=True)
    with held(folder / ".lock", "a hanging raiser", 0):
        assert raise_quietly(silent)
    assert open_alerts(silent, "sample") == ["rollback is not done"]


def test_two_raisers_at_once_make_one_alert(silent: Settings) -> None:
    code = (
        "import sys\nfrom datetime import UTC, datetime\nfrom pathlib import Path\n"
        "from infra.settings import Settings\nfrom pipelines.alerts import raise_alert\n"
        "s = Settings(home=Path(sys.argv[1]))\n"
        "for n in range(20):\n"
        "    raise_alert(s, 'sample', 'one cause', 'tell', 'words', '', datetime.now(UTC))\n"
    )
    together = [subprocess.Popen([sys.executable, "-c", code, str(silent.home)]) for _ in range(3)]
    assert [one.wait() for one in together] == [0, 0, 0]
    (alert,) = standing_alerts(silent, "sample")
    assert alert.times == 60


def test_raising_needs_nothing_but_the_standard_library() -> None:
    heavy = ("sqlalchemy", "apprise", "numpy", "tenacity", "cryptography")
    code = f"import sys, pipelines.alerts; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_an_alert_file_says_what_it_is_in_two_lines(settings: Settings) -> None:
    raise_quietly(settings)
    escalate(settings, AT)
    (alert,) = standing_alerts(settings, "sample")
    first, second = alert_lines(alert)
    assert first == f"{alert.alert_id}  page  2026-11-20 22:00  sample: rollback is not done; answer: {COMMAND}"
    assert second.strip() == "told at 2026-11-20T22:00 (level 1), nobody has acknowledged"
    assert stat.S_IMODE(os.stat(kept_alerts(settings, "sample")[0].path).st_mode) == 0o644


def test_an_unknown_severity_is_a_fault_of_the_caller(silent: Settings) -> None:
    with pytest.raises(ValueError, match="severity 'loud'; allowed: page, tell"):
        raise_quietly(silent, severity="loud")
