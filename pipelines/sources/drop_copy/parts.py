"""Rows of the chains' nouns on their way to Arrow: where each one's message stands, packed a few thousand at a time."""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from infra.tables import NOUNS
from pipelines.sources.drop_copy.orders import Event

BATCH_ROWS = 10_000
"""Because as Python's objects a row takes five times what it takes as Arrow's."""
Row = Mapping[str, object]


@dataclass(frozen=True)
class Placed:
    """A row and where its message stands."""

    noun: str
    event: Event
    row: Row


class Part:
    """Rows of one noun that stand in one log, and where; as Arrow, but for the last few."""

    def __init__(self, noun: str) -> None:
        self._schema = pa.schema([pa.field(column.name, column.arrow_type) for column in NOUNS[noun].columns])
        self._rows, self._batches, self._numbers = list[Row](), list[pa.RecordBatch](), array("q")

    def add(self, one: Placed) -> None:
        self._rows.append(one.row)
        self._numbers.append(one.event.message.number)
        if len(self._rows) >= BATCH_ROWS:
            self._pack()

    def _pack(self) -> None:
        self._batches.append(pa.RecordBatch.from_pylist(self._rows, schema=self._schema))
        self._rows.clear()

    def in_order(self) -> tuple[pa.Table, npt.NDArray[np.int64]]:
        """Rows in the order of their messages in the log, and the numbers of these."""
        self._pack()
        numbers = np.frombuffer(self._numbers, np.int64)
        order = np.argsort(numbers, kind="stable")
        return pa.Table.from_batches(self._batches, self._schema).take(order), numbers[order]
