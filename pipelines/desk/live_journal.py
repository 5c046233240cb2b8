"""What one desk did in one session, line by line, on its own disk: the log is made from it, and a restart reads it.

`<home>/desks/<market>/<day>/<desk>.jsonl`. A line is written before what it tells is done, in one call to the
kernel, so that a killed desk has told all that it sent: a child is never sent twice, and an assignment is never drawn
again. Lines survive the death of the process, not that of the machine (nothing is synced: a synced line a child would
cost milliseconds each, and the venue's statement tells what was sent as well).
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from infra.errors import SourceError
from infra.settings import Settings
from pipelines.desk.live_day import Share

ASSIGNED, DECIDED, SENT, ENDED, SERVED, NOTED, LIMITED, HANDED_OVER, CLOSED = (
    "assigned", "decided", "sent", "ended", "served", "noted", "limited", "handed_over", "closed",
)  # fmt: skip
Line = Mapping[str, Any]


def desk_folder(settings: Settings, share: Share) -> Path:
    """Where the desks of a session keep what they did."""
    return settings.home / "desks" / share.market / str(share.day)


def journal_path(settings: Settings, share: Share) -> Path:
    """The journal of one desk."""
    return desk_folder(settings, share) / f"{share.desk}.jsonl"


def _line(text: bytes, path: Path, number: int) -> Line:
    try:
        found = json.loads(text)
        if isinstance(found, dict) and "kind" in found:
            return found
    except ValueError:
        pass
    raise SourceError(
        "a desk's journal is damaged",
        which=f"{path}, line {number}",
        found=ascii(text[:60].decode(errors="replace")),
        allowed="one JSON object a line",
        next_step="keep the file for whoever looks into it, and end this session's desk",
    )


def read_journal(path: Path) -> tuple[Line, ...]:
    """All whole lines of a journal, none when there is none. Raises SourceError for a line that cannot be read.

    What follows the last end of line was cut short by a kill: what it told was not done.
    """
    if not path.exists():
        return ()
    whole = path.read_bytes().rpartition(b"\n")[0]
    return tuple(_line(text, path, number) for number, text in enumerate(whole.split(b"\n"), start=1) if text)


class Journal:
    """Appends lines. `before` is what an earlier process of this desk wrote."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.before = read_journal(path)
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        os.ftruncate(self._file, path.read_bytes().rfind(b"\n") + 1)

    def write(self, kind: str, **told: Any) -> None:
        """One line, handed to the kernel whole."""
        os.write(self._file, _text({"kind": kind, **told}))

    def close(self) -> None:
        os.close(self._file)


def _text(line: Line) -> bytes:
    return json.dumps(dict(line), separators=(",", ":")).encode() + b"\n"
