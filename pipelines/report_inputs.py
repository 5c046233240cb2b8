"""What the night's page is made from: step records, the night's evidence, and a few tables of the lake.

Every part is read by itself. A part that is missing or broken becomes `Part(None, why)`: the page then says why,
in its place, and the rest of the page stands. Times come from the records, never from a clock.

    >>> part(lambda: 1 / 0)
    Part(value=None, why='ZeroDivisionError: division by zero')
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from infra.errors import FillwiseError
from pipelines.steps import STEPS

T = TypeVar("T")
EVIDENCE = "evidence.json"
OWN_STEP = "report"
FIELDS = ("what", "found", "allowed", "next")


class NotThereError(Exception):
    """A part of the page that tonight does not have, with the reason in words."""


@dataclass(frozen=True)
class Part(Generic[T]):
    """A part of the page: its value, or why there is none."""

    value: T | None
    why: str = ""

    @property
    def is_there(self) -> bool:
        return self.value is not None


def part(read: Callable[[], T]) -> Part[T]:
    """What `read` answers, or why it could not."""
    try:
        return Part(read())
    except NotThereError as error:
        return Part(None, str(error))
    except KeyError as error:
        return Part(None, f"the evidence has no {error}")
    except (ArithmeticError, AttributeError, FillwiseError, IndexError, OSError, TypeError, ValueError) as error:
        return Part(None, f"{type(error).__name__}: {error}")


@dataclass(frozen=True)
class StepLine:
    """One step as the page shows it.

    state: done, unchanged, failed, interrupted (killed in the middle), not reached (an earlier step stopped the
    night) or not run. `tables` are name@version.
    """

    name: str
    help: str
    state: str
    rows_in: int = 0
    rows_out: int = 0
    rows_refused: int = 0
    seconds: float = 0.0
    tables: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    error: str = ""
    is_expected: bool = True
    log: str = ""

    @property
    def has_finished(self) -> bool:
        return self.state in ("done", "unchanged")

    @property
    def error_fields(self) -> dict[str, str]:
        """The parts of an error sentence (`infra/errors.py`) by name; everything under "what" when it has none."""
        rest, found = self.error, dict[str, str]()
        for name, mark in (("next", "; next: "), ("allowed", "; allowed: "), ("found", "; found ")):
            head, split, tail = rest.rpartition(mark)
            if split:
                rest, found[name] = head, tail
        return {name: value for name in FIELDS if (value := {**found, "what": rest}.get(name))}


def _read_object(path: Path) -> dict[str, Any]:
    found = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(found, dict):
        raise TypeError(f"{path.name} holds no JSON object")
    return found


def _state(record: Mapping[str, Any]) -> str:
    """The report holds the market's lock, so a record that still says "running" is of a killed step."""
    if record.get("state") == "running":
        return "interrupted"
    return "unchanged" if record.get("is_unchanged") else str(record.get("state", "not run"))


def _line(name: str, help_line: str, record: Mapping[str, Any]) -> StepLine:
    return StepLine(
        name=name,
        help=help_line,
        state=_state(record),
        rows_in=int(record.get("rows_in", 0)),
        rows_out=int(record.get("rows_out", 0)),
        rows_refused=int(record.get("rows_refused", 0)),
        seconds=float(record.get("seconds", 0.0)),
        tables=tuple(f"{one['table']}@{one['version']}" for one in record.get("tables", ())),
        notes=tuple(str(note) for note in record.get("notes", ())),
        error=str(record.get("error", "")),
        is_expected=bool(record.get("is_expected", True)),
        log=str(record.get("log", "")),
    )


def _step(folder: Path, name: str, help_line: str) -> StepLine:
    path = folder / f"{name}.json"
    if not path.exists():
        return StepLine(name, help_line, "not run")
    try:
        return _line(name, help_line, _read_object(path))
    except (KeyError, OSError, TypeError, ValueError) as error:
        return StepLine(
            name, help_line, "failed", error=f"cannot read its record {path.name}: {error}", is_expected=False
        )


def read_steps(log_folder: Path, own: str = OWN_STEP) -> tuple[StepLine, ...]:
    """The night's steps in order, `own` (the one that asks) left out; what lies behind a stop was not reached tonight.

    The report is written after a stop, too, so it is never one of those.
    """
    lines: list[StepLine] = []
    is_stopped = False
    for step in STEPS:
        if step.name == own:
            continue
        found = _step(log_folder, step.name, step.help)
        is_unreached = is_stopped and step.name != OWN_STEP
        lines.append(StepLine(step.name, step.help, "not reached") if is_unreached else found)
        is_stopped = is_stopped or found.state in ("failed", "interrupted")
    return tuple(lines)


def stopped_at(steps: Sequence[StepLine]) -> StepLine | None:
    """The step that stopped the night, if one did."""
    return next((step for step in steps if step.state in ("failed", "interrupted")), None)


def require_finished(steps: Sequence[StepLine], name: str) -> None:
    """Raises NotThereError when tonight's step did not finish; a step without any record is given the benefit."""
    for step in steps:
        if step.name == name and not step.has_finished and step.state != "not run":
            raise NotThereError(
                f"step {name} was not reached" if step.state == "not reached" else f"step {name} did not finish"
            )


def read_evidence(page_folder: Path, section: str) -> dict[str, Any]:
    """One step's section of the night's evidence. Raises NotThereError."""
    path = page_folder / EVIDENCE
    if not path.exists():
        raise NotThereError("no evidence was written tonight")
    found = _read_object(path).get(section)
    if not isinstance(found, dict):
        raise NotThereError(f"step {section} left no evidence")
    return found


def number(found: Mapping[str, Any], name: str) -> float | None:
    """A figure that may be missing."""
    value = found.get(name)
    return None if value is None else float(value)
