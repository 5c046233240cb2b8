"""What can go wrong, and whether trying again helps.

    FillwiseError
    ├── StopError            a person must act; a retry gives the same answer        exit 1
    │   ├── UsageError       the command was typed wrongly                           exit 2
    │   ├── SettingsError    an environment variable is unknown or out of range      exit 2
    │   ├── SourceError      a file is missing, truncated or not what it claims      exit 1
    │   ├── ContractError    rows do not fit the declared table                      exit 1
    │   ├── QualityError     more rows were refused than the table allows            exit 1
    │   ├── SessionError     the day is no session, or lies beyond the calendar      exit 1
    │   ├── LakeError        the lake is newer than this program, or damaged         exit 1
    │   ├── EvidenceError    too little data to train or to judge                    exit 1
    │   ├── OtherFeaturesError a version was trained on other features than these     exit 1
    │   ├── RefusedError     an approval, person, snapshot or order is refused       exit 1
    │   ├── LedgerError      the ledger is newer than this program, or damaged       exit 1
    │   └── NightStoppedError a step stopped the night; the page says which and why   exit 1
    └── RetryError           the same command may succeed later                      exit 75
        ├── BusyError        another process holds the lock                          exit 75
        ├── DiskFullError    no room for what is to be written                       exit 75
        ├── ConflictError    another writer of the ledger was first                  exit 75
        └── UnreachableError a database or server does not answer                    exit 75

A message says what happened, to which thing, what was found, what is allowed and what to do next:

    >>> print(SourceError("cannot read parquet", which="trades.parquet", found="no footer",
    ...                   allowed="a complete Parquet file", next_step="deliver the file again"))
    cannot read parquet: trades.parquet; found no footer; allowed: a complete Parquet file; next: deliver the file again
"""

from __future__ import annotations


class FillwiseError(Exception):
    """Base of every error that Fillwise raises on purpose."""

    exit_code = 1
    is_told = False

    def __init__(self, what: str, *, which: object, found: object, allowed: object, next_step: str) -> None:
        self.what, self.which, self.found = what, str(which), str(found)
        self.allowed, self.next_step = str(allowed), next_step
        super().__init__(f"{what}: {which}; found {found}; allowed: {allowed}; next: {next_step}")


class StopError(FillwiseError):
    """A person must act; a retry gives the same answer."""


class UsageError(StopError):
    """The command was typed wrongly."""

    exit_code = 2


class SettingsError(StopError):
    """An environment variable is unknown or out of range."""

    exit_code = 2


class SourceError(StopError):
    """A file is missing, truncated or not what it claims to be."""


class ContractError(StopError):
    """Rows do not fit the declared table."""


class QualityError(StopError):
    """More rows were refused than the table's declaration allows."""


class SessionError(StopError):
    """The day is no session of this market, or lies beyond the calendar."""


class LakeError(StopError):
    """The lake was made by a newer version, or is damaged."""


class EvidenceError(StopError):
    """Too little data to train or to judge."""


class OtherFeaturesError(StopError):
    """A registered version was trained on other features than this checkout computes."""


class RefusedError(StopError):
    """An approval, a person, a snapshot or an order is refused."""


class LedgerError(StopError):
    """The ledger was made by a newer version, or is damaged."""


class NightStoppedError(StopError):
    """A step stopped the night; its page is written and says which and why."""


class RetryError(FillwiseError):
    """The same command may succeed later."""

    exit_code = 75


class BusyError(RetryError):
    """Another process holds the lock."""


class DiskFullError(RetryError):
    """No room for what is to be written; what was there is as it was."""


class ConflictError(RetryError):
    """Another writer of the ledger was first; read again, decide again."""


class UnreachableError(RetryError):
    """A database or a server does not answer in time."""
