"""FIX messages with right sums, and logs of them."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

from infra.markets import MARKETS
from pipelines.sources.file import SourceFile
from pipelines.sources.fix import read_day

DAY = date(2018, 2, 23)
OWN = MARKETS["own"]
CLOSE = datetime(2018, 2, 23, 21, tzinfo=UTC)
SOH = b"\x01"


def fix(
    kind: str,
    fields: str = "",
    *,
    number: int = 1,
    version: str = "FIX.4.4",
    second: float = 0.0,
    at: str = "20180223-15:00:",
    sent_by: str = "DESK",
    sent_to: str = "VENUE",
    header: str = "",
) -> bytes:
    """One message, fields as `11=A|55=AAA`, sent so many seconds after 15:00 UTC (10:00 in New York)."""
    sent = f"{at}{second:06.3f}"
    head = f"35={kind}|34={number}|49={sent_by}|56={sent_to}|52={sent}|{header}"
    body = f"{head}{fields}|" if fields else head
    return summed(version, body.replace("|", "\x01").encode())


def summed(version: str, body: bytes) -> bytes:
    """BeginString and BodyLength before the body, CheckSum behind it."""
    whole = b"8=%s\x019=%d\x01%s" % (version.encode(), len(body), body)
    return b"%s10=%03d\x01" % (whole, sum(whole) % 256)


def new(order_id: str, shares: int = 100, second: float = 0.0, more: str = "", **given: str | int) -> bytes:
    fields = f"11={order_id}|55=AAA|54=1|38={shares}|40=2|44=10.5{'|' if more else ''}{more}"
    return fix("D", fields, second=second, **given)


def report(fields: str, second: float, **given: str | int) -> bytes:
    return fix("8", fields, second=second, **{"sent_by": "VENUE", "sent_to": "DESK", **given})


def log_of(*messages: bytes, separator: bytes = SOH, prefix: bytes = b"") -> bytes:
    """One message a line."""
    return b"".join(prefix + one.replace(SOH, separator) + b"\n" for one in messages)


def read(folder: Path, *messages: bytes, name: str = "a.log", day: date = DAY) -> dict[str, SourceFile]:
    """The log's files by noun."""
    (folder / name).write_bytes(log_of(*messages))
    return {file.noun: file for file in read_day(folder, OWN, day)}


def refusals(file: SourceFile) -> list[tuple[int, str]]:
    return [(one.source_row, one.rule) for one in file.refused]


def at(second: float) -> datetime:
    return datetime(2018, 2, 23, 15, 0, int(second), tzinfo=UTC)


def columns(file: SourceFile, *names: str) -> list[tuple[object, ...]]:
    return [tuple(row[name] for name in names) for row in file.rows.to_pylist()]


def trade(order_id: str, execution_id: str, shares: int, second: float, more: str = "", kind: str = "F") -> bytes:
    fields = f"11={order_id}|17={execution_id}|150={kind}|32={shares}|31=10.4{'|' if more else ''}{more}"
    return report(fields, second)


def request(kind: str, order_id: str, original: str, second: float, more: str = "") -> bytes:
    return fix(kind, f"11={order_id}|41={original}|55=AAA|54=1{'|' if more else ''}{more}", second=second)


def answer(kind: str, order_id: str, original: str, second: float, more: str = "") -> bytes:
    fields = f"11={order_id}|41={original}|17=A{second}|150={kind}{'|' if more else ''}{more}"
    return report(fields, second)


def end_of(files: dict[str, SourceFile]) -> tuple[object, ...]:
    (found,) = columns(files["child_orders"], "child_shares", "filled_shares", "end_reason", "ended_at")
    return found
