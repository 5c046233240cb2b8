"""A desk's line to a venue over a real socket, the venue as a process, and desks under their manager."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from infra.environment import quiet_environment
from infra.errors import UnreachableError
from infra.settings import PROJECT, Settings
from pipelines.desk.live import Desk
from pipelines.desk.live_day import Share, live_day, live_markets
from pipelines.desk.live_fleet import warm_kernels
from pipelines.desk.live_journal import SENT, journal_path, read_journal
from pipelines.desk.live_versions import disk_loader
from pipelines.desk.served import NO_KNOWLEDGE
from pipelines.desk.venue import VenueTerms
from pipelines.desk.venue_books import VenueBooks
from pipelines.desk.venue_link import LinkTerms, VenueLink, require_venue
from pipelines.desk.venue_messages import AskChild, NewChild
from pipelines.desk.venue_process import LEFT_SECONDS, VenueServer, port_file
from pipelines.sources.drop import read_manifest
from tests.conftest import SCRATCH
from tests.pipelines.desk.live_made import DAY, LocalLink, Wall, registered, routed
from tests.pipelines.desk.live_made_desk import Script

TERMS = LinkTerms(0.0, VenueTerms((0.05, 0.4), 0.1, 7))
SHARE = Share("sample", DAY, 1, 2)
STOP_AT = 1500.0


@pytest.fixture
def home(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path, sample_symbols=2)


@pytest.fixture
def server(home: Settings) -> Iterator[VenueServer]:
    with VenueServer(home, "sample", DAY, time.monotonic) as found:
        threading.Thread(target=found.serve_forever, daemon=True).start()
        yield found
        found.shutdown()


@pytest.fixture
def lines() -> Iterator[list[VenueLink]]:
    """Lines that are hung up when the test is over."""
    found: list[VenueLink] = []
    yield found
    for line in found:
        line.close()


def where(server: VenueServer) -> dict[str, Any]:
    return {"port": server.server_address[1], "word": server.word}


def a_line(server: VenueServer, lines: list[VenueLink], number: int = 1, pace: float = 0.0) -> VenueLink:
    lines.append(VenueLink(replace(SHARE, number=number), replace(TERMS, pace=pace), where(server)))
    return lines[-1]


def sent(home: Settings, link: VenueLink | LocalLink, wall: Wall) -> list[dict[str, Any]]:
    """What a desk sends until it is told to stop."""
    day = live_day(home, SHARE)
    desk = Desk(home, day, link, TERMS, wall.clock(), disk_loader(home, "sample"), NO_KNOWLEDGE, 1)
    desk.run(Script(desk, {}, STOP_AT))
    lines = [line for line in read_journal(journal_path(home, SHARE)) if line["kind"] == SENT]
    return [{name: value for name, value in line.items() if name != "wall"} for line in lines]


def far_bid(server: VenueServer, line: VenueLink) -> NewChild:
    """A child of the first client order that buys, far below the market."""
    buyer = live_day(server.settings, SHARE).orders[0]["side"].to_pylist().index("buy")
    return NewChild("AURA-x-c001", "AURA", buyer, line.opened.news[0].quote.bid - 15, 1, is_immediate=False)


class MachineTime(Wall):
    """The machine's own monotonic clock, which a venue in another process shares."""

    def monotonic(self) -> float:
        return time.monotonic()


def test_over_a_socket_the_same_children_go_out_as_without_one(
    home: Settings, server: VenueServer, lines: list[VenueLink], tmp_path: Path
) -> None:
    other, wall = replace(home, home=tmp_path / "other"), Wall()
    for each in (home, other):
        routed(each, 1, registered(each, 3))
    books = VenueBooks(live_markets(other, live_day(other, SHARE)), TERMS.venue, 0.0, wall.monotonic())
    over_socket = sent(home, a_line(server, lines), MachineTime())
    assert len(over_socket) > 20
    assert over_socket == sent(other, LocalLink(books, wall), wall)


def test_a_second_line_of_a_desk_cuts_the_first_off_and_knows_what_that_one_sent(
    server: VenueServer, lines: list[VenueLink]
) -> None:
    first = a_line(server, lines)
    first.exchange([far_bid(server, first)], 5.0, {}, time.monotonic())
    second = a_line(server, lines)
    assert [(one.child_id, one.state) for one in second.opened.reports] == [("AURA-x-c001", "resting")]
    with pytest.raises(UnreachableError, match="another process speaks for this desk"):
        first.exchange([], 6.0, {}, time.monotonic())
    assert second.exchange([], 6.0, {}, time.monotonic()).now > 5.0


def test_who_does_not_know_the_word_is_not_let_in(server: VenueServer) -> None:
    with pytest.raises(UnreachableError):
        VenueLink(SHARE, TERMS, {**where(server), "word": "guessed"})


def test_a_child_that_waited_too_long_since_the_look_is_refused_and_a_cancel_is_not(
    server: VenueServer, lines: list[VenueLink]
) -> None:
    line = a_line(server, lines)
    line.exchange([far_bid(server, line)], 2.0, {}, time.monotonic() - 1.0)
    (report,) = line.statement({}).reports
    assert str(report.reason).startswith("refused: 1.0 s since the desk looked")
    line.exchange([AskChild("AURA-x-c001")], 3.0, {}, time.monotonic() - 60.0)


def test_a_paced_market_goes_on_by_itself_between_two_exchanges(server: VenueServer, lines: list[VenueLink]) -> None:
    line = a_line(server, lines, pace=50.0)
    started, before = time.monotonic(), line.exchange([], 0.0, {}, time.monotonic()).now
    time.sleep(0.4)
    after = line.exchange([], 0.0, {}, time.monotonic()).now
    assert after - before == pytest.approx(50.0 * (time.monotonic() - started), abs=10.0)


def test_a_venue_is_over_when_every_desk_has_left_and_not_while_one_was_only_lost(
    server: VenueServer, lines: list[VenueLink]
) -> None:
    line, other = a_line(server, lines), a_line(server, lines, number=2)
    line.leave()
    other.close()
    deadline = time.monotonic() + LEFT_SECONDS + 1.0
    while time.monotonic() < deadline:
        assert not server.is_over()
        time.sleep(0.1)
    a_line(server, lines, number=2).leave()
    while not server.is_over():
        assert time.monotonic() < deadline + LEFT_SECONDS + 5.0
        time.sleep(0.1)


def environment(home: Settings) -> dict[str, str]:
    """What a command needs, with kernels that are compiled already."""
    warm_kernels(home, SHARE)
    compiled, own = Path(quiet_environment(Settings(home=SCRATCH))["NUMBA_CACHE_DIR"]).parent, home.cache / "numba"
    own.parent.mkdir(parents=True, exist_ok=True)
    own.symlink_to(compiled)
    return {
        "PATH": os.environ["PATH"], "HOME": str(home.home / "empty"), "FILLWISE_HOME": str(home.home),
        "FILLWISE_SAMPLE_SYMBOLS": "2",
    }  # fmt: skip


@contextmanager
def desks(home: Settings, *words: str) -> Iterator[subprocess.Popen[str]]:
    """The command `desks` for two of them."""
    command = [sys.executable, "-m", "pipelines", "desks", "--day", str(DAY), "--of", "2", *words]
    with subprocess.Popen(
        command, env=environment(home), cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        try:
            yield process
        finally:
            process.terminate()


def test_two_desks_under_their_manager_trade_a_day_and_leave_one_drop_and_nothing_running(home: Settings) -> None:
    with desks(home, "--pace", "0", "--orders", "5") as process:
        said = process.communicate(timeout=500)[0]
    assert process.returncode == 0, said
    assert "fills of 2 desks in" in said
    manifest = read_manifest(home.drops / "sample" / str(DAY))
    assert manifest.rows_of("parent_orders") == 10
    assert manifest.rows_of("fills") > 50
    deadline = time.monotonic() + LEFT_SECONDS + 28.0
    while port_file(home, "sample", DAY).exists():
        assert time.monotonic() < deadline, "the venue goes on without desks"
        time.sleep(0.1)


def test_ctrl_c_stops_all_desks_in_order_and_no_drop_is_made_of_half_a_day(home: Settings) -> None:
    journals = [journal_path(home, replace(SHARE, number=number)) for number in (1, 2)]
    with desks(home, "--pace", "20", "--orders", "100") as process:
        deadline = time.monotonic() + 300.0
        while not all(path.exists() and f'"kind":"{SENT}"' in path.read_text() for path in journals):
            assert time.monotonic() < deadline, "no child within 300 s"
            time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        said = process.communicate(timeout=90)[0]
    assert process.returncode == 1, said
    assert "no drop of sample 2026-11-20: desk-1 was stopped at second" in said
    for path in journals:
        lines = read_journal(path)
        assert lines[-1]["kind"] == "closed"
        assert lines[-1]["open"] == 0
    assert not (home.drops / "sample" / str(DAY)).exists()


def test_a_venue_that_is_too_busy_to_answer_is_not_taken_for_gone(home: Settings) -> None:
    """It hears, but takes nobody in: a second one beside it would split the session's books."""
    path = port_file(home, "sample", DAY)
    path.parent.mkdir(parents=True)
    with socket.create_server(("127.0.0.1", 0), backlog=0) as busy, ExitStack() as waiting:
        address = busy.getsockname()
        for _ in range(3):
            caller = waiting.enter_context(socket.socket())
            caller.setblocking(False)
            caller.connect_ex(address)
        told = {"port": address[1], "word": "w", "pid": os.getpid()}
        path.write_text(json.dumps(told))
        with pytest.raises(TimeoutError):
            socket.create_connection(address, timeout=1.0)
        assert require_venue(home, SHARE, time.monotonic, time.sleep) == told
    assert not (home.logs / "venue").exists()


def test_a_desk_finds_the_venue_that_is_there_and_starts_none_beside_it(home: Settings) -> None:
    environment(home)
    told = require_venue(home, SHARE, time.monotonic, time.sleep)
    try:
        assert require_venue(home, replace(SHARE, number=2), time.monotonic, time.sleep) == told
        assert port_file(home, "sample", DAY).stat().st_mode & 0o777 == 0o600
    finally:
        os.kill(told["pid"], signal.SIGTERM)
