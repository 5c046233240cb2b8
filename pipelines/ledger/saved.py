"""The ledger in a backup: the embedded file as it is, a server's entries as lines, either put back into either."""

from __future__ import annotations

from pathlib import Path

from infra.errors import LedgerError, UsageError
from infra.ledger import Verification, is_embedded, ledger_file, open_ledger
from infra.ledger_transfer import fill_ledger, is_empty, read_lines, rows_of_file, write_lines
from infra.settings import Settings
from pipelines.ledger.heads import exported_heads

ENTRIES = "ledger/entries.jsonl"
"""Where a server's entries lie in a backup, and where they stay when they cannot be put back."""


def _verified(settings: Settings) -> Verification:
    return open_ledger(settings, settings.ledger_purpose).verify(*exported_heads(settings))


def _is_used(settings: Settings) -> bool:
    purpose = settings.ledger_purpose
    return not is_embedded(settings, purpose) or ledger_file(settings, purpose).exists()


def save_entries(settings: Settings, folder: Path) -> tuple[Path, ...]:
    """Write a server's entries below a backup's folder; names of the files made, none for the embedded ledger."""
    purpose = settings.ledger_purpose
    if is_embedded(settings, purpose):
        return ()
    write_lines(open_ledger(settings, purpose).rows(), folder / ENTRIES)
    return (Path(ENTRIES),)


def require_empty_server(settings: Settings) -> None:
    """Raises UsageError where a restore would meet entries on the server."""
    purpose = settings.ledger_purpose
    if not is_embedded(settings, purpose) and not is_empty(settings, purpose):
        raise UsageError(
            "restore would overwrite a ledger", which="FILLWISE_LEDGER_URL", found="a ledger with entries",
            allowed="a database without one", next_step="set FILLWISE_LEDGER_URL to another database",
        )  # fmt: skip


def put_back(settings: Settings) -> None:
    """After the files of a backup: its entries into the ledger of these settings. Raises LedgerError for unsound ones,
    which stay where they are.
    """
    purpose, lines = settings.ledger_purpose, settings.home / ENTRIES
    embedded = ledger_file(settings, purpose)
    if lines.exists():
        fill_ledger(settings, purpose, read_lines(lines))
        lines.unlink()
    elif not is_embedded(settings, purpose) and embedded.exists():
        fill_ledger(settings, purpose, rows_of_file(embedded))
        embedded.rename(embedded.with_suffix(".db.moved"))


def soundness(settings: Settings) -> tuple[bool, str]:
    """Whether the ledger is what it was by every head that was given out, in a line; nothing of one never used."""
    if not _is_used(settings):
        return True, ""
    try:
        found = _verified(settings)
    except LedgerError as error:
        return False, f"ledger NOT SOUND: {error}"
    return found.is_sound, f"ledger {'sound' if found.is_sound else 'NOT SOUND'}: {found.reason}"
