"""Writes the compiled kernel from the catalog, so that a feature is one function and one row and nothing else.

The text that comes out is plain: for each measure a call, for each sum or mean that some feature asks for a line that
keeps it, for each feature a call that fills its place in the output row. `print(wire(CATALOG).source)` shows it. The
batch loop and the desk run this very function; the tests run the same text uncompiled and compare bits.

Numba's cache does not notice edits in functions that a kernel calls from other files, so the compiled kernel's name
carries a digest of every module that it is made of, and the functions themselves are not cached.

    >>> from features.catalog import CATALOG
    >>> "spread_bps" in wire(CATALOG).source
    True
"""

from __future__ import annotations

import hashlib
import inspect
import re
import sys
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING

from features import fits, kernel_state, measures, outside, regime, windows
from features.measures import (
    BEFORE,
    BEST_INPUTS,
    BOOK_INPUTS,
    CLOCK,
    FILTERED,
    INPUTS,
    MARKS,
    MEASURES,
    OUTSIDE,
    PREVIOUS_INPUTS,
    Function,
    arguments,
)

if TYPE_CHECKING:
    from features.catalog import Feature

WINDOWED = re.compile(r"(?P<measure>\w+)_(?P<kind>sum|mean)(?:_(?P<window>\d+)s)?")
ELAPSED = re.compile(r"elapsed_seconds(?:_(?P<window>\d+)s)?")
STATE_ARGUMENTS = ("books", "sums", "marks", "clock", *FILTERED, *OUTSIDE, *BEFORE, "intervals")
STEP_ARGUMENTS = (*STATE_ARGUMENTS, "time_ns", "traded_shares", "row_notional", "out")
SEE_ROW = ", ".join(("regime_state", "fit", "time_ns", "mid_return_bps", *BOOK_INPUTS))


@dataclass(frozen=True)
class Wiring:
    """The kernel's text, how many float64 slots its sums take, the modules that it calls, and a digest of them all."""

    source: str
    slots: int
    modules: tuple[ModuleType, ...]
    digest: str


class _Slots:
    """Which sums and means are asked for, and where each is kept."""

    def __init__(self) -> None:
        self.used = 0
        self.sums: dict[tuple[str, int], int] = {}
        self.means: dict[tuple[str, int], int] = {}
        self.held = {measure.name: self._take(1) for measure in MEASURES if measure.kind == "held"}

    def _take(self, count: int) -> int:
        self.used += count
        return self.used - count

    def sum_of(self, measure: str, window: int) -> str:
        if (measure, window) not in self.sums:
            self.sums[measure, window] = self._take(1)
        return f"{measure}_sum_{window}s"

    def mean_of(self, measure: str, window: int) -> str:
        if (measure, window) not in self.means:
            self.means[measure, window] = self._take(2)
        return f"{measure}_mean_{window}s"

    @property
    def windows(self) -> list[int]:
        return sorted({window for _, window in (*self.sums, *self.means)})


def _argument(name: str, window: int | None, slots: _Slots) -> str:
    known = {measure.name: measure for measure in MEASURES}
    if name in INPUTS or name in known:
        return name
    if name == "window_seconds" and window is not None:
        return f"{float(window)}"
    elapsed, windowed = ELAPSED.fullmatch(name), WINDOWED.fullmatch(name)
    found = elapsed or windowed
    if found is not None:
        span = int(found["window"] or window or 0)
        if elapsed and span:
            return slots.sum_of("elapsed_seconds", span)
        if windowed and span and windowed["measure"] in known:
            is_mean = windowed["kind"] == "mean"
            if known[windowed["measure"]].kind == ("held" if is_mean else "increment"):
                return (slots.mean_of if is_mean else slots.sum_of)(windowed["measure"], span)
    raise ValueError(f"no input or measure is called {name!r}; measures.py lists the names that a feature may ask for")


def _module(function: Function) -> str:
    return function.__module__.rpartition(".")[2]


def _call(function: Function, window: int | None, slots: _Slots) -> str:
    inputs = ", ".join(_argument(name, window, slots) for name in arguments(function))
    return f"{_module(function)}.{function.__name__}({inputs})"


def _measure_lines(slots: _Slots) -> list[str]:
    lines = []
    for measure in MEASURES:
        if measure.function is not None and measure.kind != "increment":
            lines.append(f"{measure.name} = {_call(measure.function, None, slots)}")
        elif measure.function is not None:
            lines.append(f"{measure.name} = nan")
            lines.append(f"if has_previous: {measure.name} = {_call(measure.function, None, slots)}")
    return lines


def _window_lines(slots: _Slots) -> list[str]:
    lines = [f"decay_{window}s = windows.decay(seconds, {float(window)})" for window in slots.windows]
    for (measure, window), slot in slots.sums.items():
        value = f"windows.hold(sums[{slot}], decay_{window}s, {float(window)}, elapsed)"
        if measure != "elapsed_seconds":
            value = f"windows.add(sums[{slot}], decay_{window}s, {measure})"
        lines.append(f"{measure}_sum_{window}s = sums[{slot}] = {value}")
    for (measure, window), slot in slots.means.items():
        held = f"sums[{slots.held[measure]}]"
        factors = f"decay_{window}s, {float(window)}"
        lines.append(f"sums[{slot}] = windows.hold(sums[{slot}], {factors}, {held})")
        lines.append(f"sums[{slot + 1}] = windows.hold(sums[{slot + 1}], {factors}, windows.one_where_known({held}))")
        lines.append(f"{measure}_mean_{window}s = windows.ratio(sums[{slot}], sums[{slot + 1}])")
    return [*lines, *(f"sums[{slot}] = {name}" for name, slot in slots.held.items())]


def _modules(catalog: tuple[Feature, ...]) -> tuple[ModuleType, ...]:
    functions = [*(feature.function for feature in catalog), *(one.function for one in MEASURES if one.function)]
    names = {function.__module__ for function in functions}
    fixed = (fits, kernel_state, measures, outside, regime, windows)
    return (*fixed, *(sys.modules[name] for name in sorted(names - {module.__name__ for module in fixed})))


def _digest(source: str, modules: tuple[ModuleType, ...]) -> str:
    parts = [source, *(inspect.getsource(module) for module in modules)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def wire(catalog: tuple[Feature, ...]) -> Wiring:
    """The kernel for these features. Raises ValueError for an argument that nothing provides."""
    slots = _Slots()
    out = [
        f"out[{place}] = {_call(feature.function, feature.window_seconds, slots)}"
        for place, feature in enumerate(catalog)
    ]
    body = [
        "kernel_state.begin_row(books, sums, marks, clock, intervals, time_ns, traded_shares, row_notional)",
        *(f"{name} = books[{place}]" for place, name in enumerate((*PREVIOUS_INPUTS, *BOOK_INPUTS))),
        *(f"{name} = books[{place}, 0]" for place, name in enumerate(BEST_INPUTS)),
        *(f"{name} = marks[{place}]" for place, name in enumerate(MARKS)),
        *(f"{name} = clock[{place}]" for place, name in enumerate(CLOCK)),
        "elapsed = 1.0 if has_previous else nan",
        f"if has_previous and interval >= 0: regime.see_row({SEE_ROW})",
        *_measure_lines(slots),
        *_window_lines(slots),
        *out,
        "kernel_state.end_row(books, clock, time_ns)",
    ]
    source = "\n    ".join([f"def step({', '.join(STEP_ARGUMENTS)}):", *body]) + "\n"
    modules = _modules(catalog)
    return Wiring(source, slots.used, modules, _digest(source, modules))
