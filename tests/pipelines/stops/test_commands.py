"""The commands as a user types them: with servers down, killed half-way, several at once."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from infra.desk_reports import desk_reports
from infra.ledger import Ledger
from infra.settings import Settings
from infra.stop_files import stops, stops_folder
from pipelines.approval.people import embedded_people
from pipelines.rollout.record import record
from pipelines.stops.recording import command_of
from pipelines.stops.standing import unrecorded_stops
from tests.pipelines.stops.made import NOW, ROLLBACK_ID, VERSION, desk, in_force, kinds, reports, residual
from tests.pipelines.stops.typed import fillwise, main
from tests.postgres_server import free_port

STOP_HERE = (
    "import pipelines.stops.stopping as stopping\n"
    "def told(*_):\n"
    "    print(*sorted({name.partition('.')[0] for name in sys.modules} - sys.stdlib_module_names))\n"
    "    sys.exit(0)\n"
    "stopping.wait_for = told\n"
)
DIE_HERE = STOP_HERE.replace("sys.exit(0)", "import os; os.kill(os.getpid(), 9)")
ROLLBACK = ("rollback", "--reason", "it is dear", "--wait", "0")
KILL = ("kill", "--all", "--reason", "a leak", "--wait", "0")
Answered = Callable[..., tuple[int, str, str]]
OURS = {"infra", "pipelines", "tests", "cryptography"}


@pytest.fixture
def home(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path)


@pytest.fixture
def ledger(home: Settings) -> Ledger:
    return in_force(home)


@pytest.fixture
def answered(home: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Answered:
    """Types a command: exit status, output, errors."""
    monkeypatch.setenv("FILLWISE_HOME", str(home.home))

    def typed(*words: str) -> tuple[int, str, str]:
        try:
            code = main(words)
        except SystemExit as error:
            code = int(str(error.code))
        out, err = capsys.readouterr()
        return code, out, err

    return typed


@pytest.mark.parametrize("words", [ROLLBACK, KILL], ids=["rollback", "kill"])
def test_until_the_stop_lies_there_nothing_but_the_standard_library_and_cryptography_is_loaded(
    home: Settings, ledger: Ledger, words: tuple[str, ...]
) -> None:
    process = fillwise(home.home, *words, code=STOP_HERE)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "")
    assert len(stops(home, "sample")) == 1
    loaded = {name for name in out.splitlines()[-1].split() if not name.startswith("_")}
    assert loaded <= OURS | {"sitecustomize"}, f"loaded before the stop: {sorted(loaded - OURS)}"
    assert "rollback_started" not in kinds(ledger)


def test_a_rollback_that_was_killed_after_its_stop_is_recorded_by_the_evening(
    home: Settings, ledger: Ledger, answered: Answered
) -> None:
    process = fillwise(home.home, *ROLLBACK, code=DIE_HERE)
    process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL
    (stop,) = unrecorded_stops(home, "sample", ledger.entries("sample"))
    assert stop.stop_id == ROLLBACK_ID
    record(ledger, "sample", command_of(stop), at=NOW, actor="fillwise")
    assert unrecorded_stops(home, "sample", ledger.entries("sample")) == ()
    code, out, _ = answered(*ROLLBACK)
    assert (code, kinds(ledger).count("rollback_started")) == (0, 1)
    assert "nothing new was written" in out


def test_four_rollbacks_at_once_are_one(home: Settings, ledger: Ledger) -> None:
    started = [fillwise(home.home, *ROLLBACK) for _ in range(4)]
    told = [(process.communicate(timeout=120), process.returncode) for process in started]
    assert [code for _, code in told] == [0, 0, 0, 0], told
    assert [path.name for path in stops_folder(home, "sample").iterdir()] == [f"{ROLLBACK_ID}.json"]
    assert kinds(ledger).count("rollback_started") == 1
    assert sum("nothing new was written" in out for (out, _), _ in told) == 3


def test_four_kills_at_once_are_one(home: Settings, ledger: Ledger) -> None:
    started = [fillwise(home.home, *KILL) for _ in range(4)]
    told = [(process.communicate(timeout=120), process.returncode) for process in started]
    assert [code for _, code in told] == [0, 0, 0, 0], told
    assert len(stops(home, "sample")) == 1
    assert kinds(ledger).count("killed") == 1


def test_with_the_database_down_it_stops_at_once_and_says_that_it_is_not_recorded(
    home: Settings, ledger: Ledger
) -> None:
    began = time.monotonic()
    away = f"postgresql+psycopg://nobody@127.0.0.1:{free_port()}/none"
    process = fillwise(home.home, *ROLLBACK, FILLWISE_LEDGER_URL=away)
    while not stops(home, "sample"):
        assert time.monotonic() - began < 5.0, "no stop within five seconds"
        time.sleep(0.005)
    seconds = time.monotonic() - began
    out, err = process.communicate(timeout=60)
    print(f"stop file {seconds:.2f} s after the command was typed, {time.monotonic() - began:.1f} s for the whole")
    assert (process.returncode, err) == (0, "")
    assert "stopped      yes" in out
    assert "recorded     NOT YET: ledger does not answer" in out
    assert "the next evening run records it" in out
    assert "rollback_started" not in kinds(ledger)


def test_a_whole_story_as_it_is_typed(home: Settings, ledger: Ledger, answered: Answered, tmp_path: Path) -> None:
    secret = embedded_people(home, ledger, NOW)["rita"]
    path = tmp_path / "rita.secret"
    path.touch(mode=0o600)
    path.write_text(secret)
    rita = ("--by", "rita", "--reason", "mended", "--secret-file", str(path))
    assert answered("stops")[:2] == (0, "nothing is stopped in sample\n")
    code, out, _ = answered("kill", "--symbol", "AURA", "--reason", "halted", "--by", "tom", "--wait", "0")
    (stop,) = stops(home, "sample")
    assert (code, stop.subject, stop.person) == (0, "AURA", "tom")
    reports(home, desk(stops=(stop.stop_id,), residuals=(residual(),), is_ended=True))
    code, out, _ = answered("stops")
    assert code == 1
    assert f"{stop.stop_id}: kill of symbol AURA in sample, by tom" in out
    assert "read back  yes, 1 desks" in out
    assert "killed, in force" in out
    assert answered("residuals")[0] == 1
    code, out, err = answered("residuals", "ack", stop.stop_id, *rita)
    assert (code, out) == (0, f"rita has 1 parent orders that {stop.stop_id} left open\n"), err
    assert answered("residuals")[0] == 0
    code, out, err = answered("resume", stop.stop_id, *rita)
    assert (code, out.splitlines()[-1]) == (0, "lifted       yes"), err
    assert kinds(ledger)[-4:] == ["killed", "residual_listed", "residual_acknowledged", "resumed"]
    code, out, err = answered("stops", "forget", "desk-1", *rita)
    assert (code, desk_reports(home, "sample")) == (0, ()), err
    assert ledger.entries("controls")[-1].payload["person"] == "rita"


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("rollback",), 2, "--reason"),
        (("kill", "--reason", "x"), 2, "one of the arguments --version --symbol --all is required"),
        (("kill", "--all", "--symbol", "A", "--reason", "x"), 2, "not allowed with"),
        (("kill", "--symbol", "", "--reason", "x"), 2, "a stop needs a subject"),
        (("rollback", "--reason", "x", "--market", "nowhere"), 2, "unknown market"),
        (("resume", "k1"), 2, "no --by NAME"),
        (("residuals", "ack"), 2, "no STOP"),
        (("stops", "forget"), 2, "no DESK"),
        (("resume", "k1", "--by", "rita", "--reason", "x", "--secret-file", "/nowhere"), 1, "cannot read a secret"),
    ],
)
def test_what_is_typed_wrongly_stops_nothing_and_says_what_is_missing(
    home: Settings, answered: Answered, words: tuple[str, ...], code: int, said: str
) -> None:
    found, _, err = answered(*words)
    assert (found, stops(home, "sample")) == (code, ())
    assert said in err


def test_a_desk_that_is_gone_is_named_and_does_not_hold_the_command_up(home: Settings, answered: Answered) -> None:
    in_force(home)
    reports(home, desk(stops=(), at=(NOW - timedelta(days=1)).isoformat(), open_children={VERSION: 1}))
    code, out, _ = answered(*ROLLBACK)
    assert code == 0
    assert "read back    NOT YET: desk-1 has not reported for" in out
    assert "recorded     yes" in out
