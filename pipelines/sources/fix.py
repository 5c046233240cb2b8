"""Drop copy: logs of FIX 4.2, 4.4 and FIXT.1.1/5.0 sessions, as messages and as orders.

A folder's logs are the files named `*.log`, `*.fix` and `*.messages`. Each brings the noun `order_messages`: one row
a message of the trade date (`drop_copy/log.py` says which that is), logons and heartbeats included; lines that are no
sound message are refused by the rules of `infra/fix.py`, and possible duplicates that came before are set aside: rows +
refused + duplicates is every line of the day. Then the orders in all of them together: `parent_orders`,
`child_orders`, `fills` and `order_changes` under the log's name and `#chains`, each row at the message that brought it
(`drop_copy/chains.py`: what happens to an order; `family.py`: parents; `nouns.py`: columns).

Any date may be asked for: what was sent on a day without a session is in the log all the same. A log with nothing of
the day brings no file. Passwords in logons are not taken along (`***`). `execution_kind` is ExecType(150); where
ExecTransType(20) says other than new, `20=1` and so on. A log may have 2 GiB and is never held whole; the day's part of
all logs of a folder may have 1,500,000 messages and 512 MiB, with which step `ingest` stays below 4 GiB.

    >>> import tempfile
    >>> from infra.markets import MARKETS
    >>> read_day(Path(tempfile.mkdtemp()), MARKETS["own"], date(2018, 2, 23))
    []
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa

from infra import calendar
from infra.errors import SourceError
from infra.fix import Message
from infra.markets import Market
from infra.tables import NOUNS
from pipelines.sources.drop_copy.log import LogDay, Room, log_days, read_log
from pipelines.sources.drop_copy.nouns import chain_files
from pipelines.sources.drop_copy.values import event_ns, received_ns
from pipelines.sources.file import SourceFile

SUFFIXES = (".log", ".fix", ".messages")
SCHEMA = pa.schema([pa.field(column.name, column.arrow_type) for column in NOUNS["order_messages"].columns])
BATCH_MESSAGES = 10_000
"""Because as Python's objects a message's row takes five times what it takes as Arrow's."""
TAGS = {
    "symbol": 55,
    "protocol": 8,
    "sender": 49,
    "target": 56,
    "kind": 35,
    "order_id": 11,
    "original_order_id": 41,
    "execution_id": 17,
    "order_status": 39,
}


def _refuse_name(path: Path) -> None:
    if path.name.isprintable() and not path.is_symlink():
        return
    raise SourceError(
        "log is not taken",
        which=ascii(str(path))[1:-1],
        found="a symbolic link" if path.is_symlink() else "a name that does not print",
        allowed="a regular file in the folder itself, with a printable name",
        next_step="deliver the log itself",
    )


def _logs(data: Path) -> list[Path]:
    if not data.is_dir():
        raise SourceError(
            "folder is missing",
            which=data,
            found="no such folder",
            allowed="a folder of FIX logs",
            next_step="name the folder with --data",
        )
    named = sorted(path for path in data.iterdir() if path.name.endswith(SUFFIXES))
    for path in named:
        _refuse_name(path)
    return [path for path in named if path.is_file()]


def _execution_kind(message: Message) -> str | None:
    transaction = message.get(20)
    return f"20={transaction}" if transaction not in (None, "0") else message.get(150)


def _message_id(name: str, message: Message) -> str:
    return f"{message.get(49)}>{message.get(56)}/{message.get(34)}@{name}:{message.number}"


def _batch(name: str, messages: Sequence[Message], market: Market, day: date) -> pa.RecordBatch:
    times = [event_ns(message) or 0 for message in messages]
    received = [received_ns(message.prefix, message.get(52)) for message in messages]
    columns: dict[str, list[object]] = {
        "market": [market.name] * len(messages),
        "trade_date": [day] * len(messages),
        "message_id": [_message_id(name, message) for message in messages],
        "event_at": [at // 1000 for at in times],
        "event_at_ns": list(times),
        "received_at": [None if at is None else at // 1000 for at in received],
        "sequence": [int(message.get(34) or 0) for message in messages],
        "is_possible_duplicate": [message.get(43) == "Y" for message in messages],
        "execution_kind": [_execution_kind(message) for message in messages],
        "text": [message.text for message in messages],
    }
    for column, tag in TAGS.items():
        columns[column] = [message.get(tag) for message in messages]
    return pa.record_batch([pa.array(columns[field.name], field.type) for field in SCHEMA], schema=SCHEMA)


def _message_rows(log: LogDay, market: Market, day: date) -> pa.Table:
    starts = range(0, len(log.messages), BATCH_MESSAGES)
    batches = (_batch(log.name, log.messages[start : start + BATCH_MESSAGES], market, day) for start in starts)
    return pa.Table.from_batches(batches, SCHEMA)


def _message_file(log: LogDay, market: Market, day: date) -> SourceFile:
    return SourceFile(
        "order_messages",
        log.name,
        log.sha256,
        log.known_at,
        _message_rows(log, market, day),
        np.array([message.number for message in log.messages], np.int64),
        log.refused,
        log.duplicates,
    )


def read_day(data: Path, market: Market, day: date) -> list[SourceFile]:
    """The day's messages of every log, then the orders that they make; [] where the folder has no log.

    Raises SourceError (folder missing; a log empty, too large, a symbolic link, or without a single date).
    """
    room = Room()
    found = [read_log(path, market, day, room) for path in _logs(data)]
    messages = [_message_file(log, market, day) for log in found if log.has_rows]
    return [*messages, *chain_files([log for log in found if log.has_rows or log.earlier], market, day)]


def market_days(data: Path, market: Market) -> tuple[date, ...]:
    """Trade dates on which any log has a message, ascending; dates without a session are left out."""
    days = {day for path in _logs(data) for day in log_days(path, market)}
    return tuple(sorted(day for day in days if calendar.is_session(market, day)))
