"""One book event through the desk's call: microseconds, and what stays allocated.

Every event goes through `FeatureState.on_book` in this process, the clock read around each. Allocation is told in two
ways over the same events: blocks that Python's allocator holds afterwards and did not before, and the most bytes that
tracemalloc saw above the start at any moment (what an event takes for a moment and gives back).
"""

import sys
import time
import tracemalloc
from dataclasses import dataclass

import numpy as np

from features.engine import FeatureState
from pipelines.symbol_days import SymbolRows

EVENTS_TRACED, WARM = 2_100, 100
Intervals = tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Live:
    """`blocks_kept`: over all traced events together. `peak_bytes`: above the start."""

    events: int
    median_us: float
    p99_us: float
    clock_us: float
    blocks_kept: int
    peak_bytes: int


def _events(rows: SymbolRows) -> list[tuple[object, ...]]:
    day = rows.day
    return [
        (int(day.times_ns[row]), day.bid_price[row], day.bid_shares[row], day.ask_price[row], day.ask_shares[row],
         float(day.traded_shares[row]), float(day.traded_notional[row]))
        for row in range(day.rows)
    ]  # fmt: skip


def _microseconds(state: FeatureState, events: list[tuple[object, ...]]) -> list[float]:
    taken, clock, on_book = [0.0] * len(events), time.perf_counter_ns, state.on_book
    for place, event in enumerate(events):
        started = clock()
        on_book(*event)  # type: ignore[arg-type]
        taken[place] = (clock() - started) / 1000.0
    return taken


def _clock_microseconds(count: int) -> float:
    clock, taken = time.perf_counter_ns, [0.0] * count
    for place in range(count):
        started = clock()
        taken[place] = (clock() - started) / 1000.0
    return float(np.median(taken))


def _blocks_kept(state: FeatureState, events: list[tuple[object, ...]]) -> int:
    before = sys.getallocatedblocks()
    for event in events:
        state.on_book(*event)  # type: ignore[arg-type]
    return sys.getallocatedblocks() - before


def _peak_bytes(state: FeatureState, events: list[tuple[object, ...]]) -> int:
    warm, traced = events[:WARM], events[WARM:]
    tracemalloc.start()
    for event in warm:
        state.on_book(*event)  # type: ignore[arg-type]
    tracemalloc.reset_peak()
    before, _ = tracemalloc.get_traced_memory()
    for event in traced:
        state.on_book(*event)  # type: ignore[arg-type]
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak - before


def live(rows: SymbolRows, intervals: Intervals) -> Live:
    """Run the symbol's session through the desk's call, twice: timed, and traced."""
    events = _events(rows)
    levels = rows.day.bid_price.shape[1]
    taken = _microseconds(FeatureState.start(levels, intervals, rows.before), events)
    state = FeatureState.start(levels, intervals, rows.before)
    traced = events[:EVENTS_TRACED]
    _blocks_kept(state, traced[:WARM])
    kept = _blocks_kept(state, traced[WARM:])
    peak = _peak_bytes(FeatureState.start(levels, intervals, rows.before), traced)
    median, p99 = (float(np.percentile(taken, percent)) for percent in (50, 99))
    return Live(len(events), median, p99, _clock_microseconds(len(events)), kept, peak)
