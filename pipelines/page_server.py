"""Serves the nights' pages on the loopback interface: `python -m pipelines.page_server --port 8090 PAGES`.

The first page lists the markets, where their rollout stands, and their nights, newest first; everything else is a file
below the folder.
Nothing above it can be reached, not even through a symbolic link, folders are not listed, and a request that
names another host is refused, so that no foreign web page can read the pages through the reader's browser.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from http import HTTPStatus
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

LOOPBACK = "127.0.0.1"
ROLLOUT_PAGES = "*/rollout/index.html"
OWN_NAMES = frozenset({"127.0.0.1", "localhost"})


@dataclass(frozen=True)
class NightLink:
    """One night in the list: its session, the verdict in one word and the sentence of its page."""

    day: date
    verdict: str
    headline: str


def _day_of(folder: Path) -> date | None:
    try:
        return date.fromisoformat(folder.name)
    except ValueError:
        return None


def _summary(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def nights(root: Path) -> dict[str, tuple[NightLink, ...]]:
    """Markets in alphabetical order with the nights that have a page, newest first."""
    found: dict[str, tuple[NightLink, ...]] = {}
    for market in sorted(folder for folder in root.glob("*") if folder.is_dir()):
        links = []
        for page in market.glob("*/index.html"):
            if (day := _day_of(page.parent)) is not None:
                told = _summary(page.parent / "summary.json")
                links.append(NightLink(day, str(told.get("verdict", "")), str(told.get("headline", ""))))
        if links:
            found[market.name] = tuple(sorted(links, key=lambda link: link.day, reverse=True))
    return found


def render_list(root: Path) -> str:
    """The first page, as HTML."""
    from pipelines.page_template import FEATURES_PAGE, page_environment

    found = nights(root)
    rollouts = {page.parent.parent.name: _summary(page.parent / "summary.json") for page in root.glob(ROLLOUT_PAGES)}
    markets = {name: found.get(name, ()) for name in sorted({*found, *rollouts})}
    pages = {name: FEATURES_PAGE for name in markets if (root / name / FEATURES_PAGE).is_file()}
    told = {"markets": markets, "feature_pages": pages, "rollouts": rollouts}
    return page_environment().get_template("nights.html").render(told)


class PageHandler(SimpleHTTPRequestHandler):
    """GET and HEAD of files below one folder."""

    server_version = "Fillwise"
    sys_version = ""

    def send_head(self) -> Any:
        host = self.headers.get("Host", "").rpartition(":")[0] or self.headers.get("Host", "")
        if host not in OWN_NAMES:
            return self.send_error(
                HTTPStatus.MISDIRECTED_REQUEST, "this server answers to 127.0.0.1 and localhost only"
            )
        if self.path.split("?")[0] == "/":
            return self._send_list()
        if not self._is_inside():
            return self.send_error(HTTPStatus.NOT_FOUND)
        return super().send_head()

    def _is_inside(self) -> bool:
        try:
            wanted = Path(self.translate_path(self.path)).resolve()
        except ValueError:
            return False
        return wanted.is_relative_to(Path(self.directory).resolve())

    def _send_list(self) -> None:
        body = render_list(Path(self.directory)).encode()
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def list_directory(self, path: Any) -> None:  # noqa: ARG002
        self.send_error(HTTPStatus.NOT_FOUND)

    def end_headers(self) -> None:
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("X-Frame-Options", "DENY")
        self.send_header("Referrer-Policy", "no-referrer")
        self.send_header("Cache-Control", "no-cache")
        super().end_headers()


def page_server(root: Path, port: int) -> ThreadingHTTPServer:
    """A server, not yet running, for the pages below `root`; port 0 takes a free one."""
    return ThreadingHTTPServer((LOOPBACK, port), partial(PageHandler, directory=str(root)))


def main(words: Sequence[str] | None = None) -> int:
    """Serve until told to stop."""
    parser = argparse.ArgumentParser(prog="python -m pipelines.page_server", description=__doc__)
    parser.add_argument("root", type=Path)
    parser.add_argument("--port", type=int, required=True)
    arguments = parser.parse_args(words)
    with page_server(arguments.root, arguments.port) as server:
        server.serve_forever()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
