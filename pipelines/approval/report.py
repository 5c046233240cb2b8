"""An independent validation report of a recipe: by a risk officer who is not its author, with an end.

The file is kept below `<home>/validation/<market>` by its digest, so that years later what was read is what was signed
off; the ledger holds digest, person, end and a summary. A report counts for a year at most, because models are
validated anew every year (RTS 6, article 9).
"""

from __future__ import annotations

import hashlib
from datetime import date, datetime, timedelta
from pathlib import Path

from infra.errors import RefusedError, SourceError
from infra.ledger import Ledger
from infra.settings import Settings
from infra.whole_files import write_new
from models.rollout.commands import RecordReport
from pipelines.approval.authors import is_among
from pipelines.approval.people import Person, require_role
from pipelines.rollout.record import record, state_of

MOST_DAYS = 366
MOST_BYTES = 50_000_000
MOST_LETTERS = 2_000
SUFFIXES = frozenset({".pdf", ".md", ".html", ".txt", ".docx"})


def _content(path: Path) -> bytes:
    try:
        size = path.stat().st_size
        found = path.read_bytes() if size <= MOST_BYTES else b""
    except OSError as error:
        raise SourceError(
            "cannot read a report", which=path, found=error.strerror, allowed="a file", next_step="name another"
        ) from None
    if not found:
        raise SourceError(
            "report is empty or too large", which=path, found=f"{size} bytes", allowed=f"1 to {MOST_BYTES}",
            next_step="name the report itself",
        )  # fmt: skip
    return found


def _refused(what: str, which: str, found: object, allowed: str) -> RefusedError:
    return RefusedError(what, which=which, found=found, allowed=allowed, next_step="fillwise recipe report --help")


def _require(recipe_id: str, summary: str, expires_on: date, at: datetime) -> None:
    if not 0 < len(summary.strip()) <= MOST_LETTERS:
        raise _refused("summary is missing or too long", recipe_id, f"{len(summary)} letters", f"1 to {MOST_LETTERS}")
    today = at.date()
    if not today < expires_on <= today + timedelta(days=MOST_DAYS):
        raise _refused("report ends too soon or too late", recipe_id, expires_on, f"within {MOST_DAYS} days of {today}")


def record_report(
    settings: Settings, ledger: Ledger, market: str, recipe_id: str, person: Person, path: Path, expires_on: date,
    summary: str, at: datetime,
) -> str:  # fmt: skip
    """Record a report by a person who was authenticated; its digest. Raises RefusedError or SourceError."""
    require_role(person, "risk")
    _require(recipe_id, summary, expires_on, at)
    authors = state_of(ledger, market).recipes.get(recipe_id, {}).get("authors", ())
    if is_among(person, authors):
        raise _refused("report is not independent", recipe_id, f"{person.name} is an author", "somebody who is not")
    content = _content(path)
    digest = hashlib.sha256(content).hexdigest()
    told = RecordReport(recipe_id, person.name, digest, str(expires_on), summary.strip())
    suffix = path.suffix.lower() if path.suffix.lower() in SUFFIXES else ".bin"
    kept = settings.home / "validation" / market / f"{digest}{suffix}"
    kept.parent.mkdir(parents=True, exist_ok=True)
    write_new(kept, content)
    record(ledger, market, told, at=at, actor=person.name)
    return digest
