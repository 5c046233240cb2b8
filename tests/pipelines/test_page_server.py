"""The page server, asked over a real socket."""

import http.client
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines.page_server import nights, page_server
from tests.builders import FRIDAY, THURSDAY

OUTSIDE = "nobody may read this"


def write_page(root: Path, market: str, day: object, headline: str = "", verdict: str = "hold") -> None:
    folder = root / market / str(day)
    folder.mkdir(parents=True)
    (folder / "index.html").write_text(f"page of {market} {day}")
    (folder / "summary.json").write_text(json.dumps({"verdict": verdict, "headline": headline}))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    pages = tmp_path / "pages"
    write_page(pages, "sample", THURSDAY, "one & <b>first</b>")
    write_page(pages, "sample", FRIDAY, "the second", "pass")
    write_page(pages, "ashare", FRIDAY)
    (tmp_path / "secret").write_text(OUTSIDE)
    (pages / "sample" / "way_out").symlink_to(tmp_path)
    return pages


@pytest.fixture
def port(root: Path) -> Iterator[int]:
    with page_server(root, 0) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield int(server.server_address[1])
        server.shutdown()
        thread.join()


def ask(port: int, path: str, host: str | None = None, method: str = "GET") -> tuple[int, str, dict[str, str]]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request(method, path, headers={"Host": host or f"127.0.0.1:{port}"})
    reply = connection.getresponse()
    answer = reply.status, reply.read().decode(), {name.lower(): value for name, value in reply.getheaders()}
    connection.close()
    return answer


def test_the_first_page_lists_markets_and_nights_newest_first(port: int) -> None:
    status, body, headers = ask(port, "/")
    assert status == 200
    assert headers["content-type"] == "text/html; charset=utf-8"
    places = [body.index(f"/sample/{FRIDAY}/"), body.index(f"/sample/{THURSDAY}/")]
    assert body.index("/ashare/") < places[0] < places[1]
    assert "one &amp; &lt;b&gt;first&lt;/b&gt;" in body


def test_a_night_is_opened_by_its_folder(port: int) -> None:
    assert ask(port, f"/sample/{FRIDAY}/")[:2] == (200, f"page of sample {FRIDAY}")
    assert ask(port, f"/sample/{FRIDAY}/", host="localhost")[0] == 200


@pytest.mark.parametrize(
    "path",
    [
        "/../secret", "/..%2fsecret", "/%2e%2e/secret", "/sample/../../secret", "/sample/way_out/secret",
        "/sample/way_out/", "/sample/", "/sample/%00", "//etc/passwd", "/nothing",
    ],
)  # fmt: skip
def test_nothing_outside_can_be_reached_and_folders_are_not_listed(port: int, path: str) -> None:
    status, body, _ = ask(port, path)
    assert status == 404
    assert OUTSIDE not in body
    assert str(THURSDAY) not in body


def test_another_hosts_name_is_refused(port: int) -> None:
    status, body, _ = ask(port, f"/sample/{FRIDAY}/", host="evil.example:80")
    assert status == 421
    assert "page of" not in body


def test_nothing_but_reading_is_possible(port: int) -> None:
    assert ask(port, f"/sample/{FRIDAY}/", method="POST")[0] == 501
    status, body, headers = ask(port, "/", method="HEAD")
    assert (status, body) == (200, "")
    assert int(headers["content-length"]) > 100


def test_every_answer_forbids_guessing_and_framing(port: int) -> None:
    for path in ("/", f"/sample/{FRIDAY}/", "/nothing"):
        headers = ask(port, path)[2]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"


def test_a_broken_summary_costs_its_own_words_only(root: Path) -> None:
    (root / "sample" / str(FRIDAY) / "summary.json").write_text("{")
    (root / "sample" / "not-a-day").mkdir()
    (root / "sample" / "not-a-day" / "index.html").write_text("x")
    assert [(link.day, link.headline) for link in nights(root)["sample"]] == [
        (FRIDAY, ""),
        (THURSDAY, "one & <b>first</b>"),
    ]


def test_no_night_yet_says_what_to_do(tmp_path: Path) -> None:
    from pipelines.page_server import render_list

    assert "make nightly" in render_list(tmp_path / "not there")
