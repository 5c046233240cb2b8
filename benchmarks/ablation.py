"""What each gate of the evening keeps out: its planted failure led to its end with the gate and without it.

    python -m benchmarks.ablation [--seeds 10] [--units 104] [--sigma 23.7] [--workers 2]

A gate whose failure fares no better without it is decoration. First the recipe that nothing is wrong with, so that one
sees what the others would have come to.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

from benchmarks.gates_off import GATES, gate_off
from benchmarks.operating import Outcome, asked_for, counts_of, lead
from benchmarks.planted_failures import CHEAP_BPS, FAILURES, Failure
from models.desk_flow import DeskFlow
from models.planted_recipes import PlantedRecipe
from models.rollout.plan import Plan

SOUND = Failure("nothing is wrong", PlantedRecipe("cheap", "constant", CHEAP_BPS))
HEADER = f"{'gate':16}{'planted failure':36}{'with it':>28}{'without':>28}"
LEGEND = f"{'':52}{'promoted/held/asked/back, cost':>56}"


@dataclass(frozen=True)
class Way:
    """One failure, led so many times, with one gate off ('' for none)."""

    failure: str
    off: str
    seeds: int
    plan: Plan
    flow: DeskFlow


def led(way: Way) -> list[Outcome]:
    """What became of it, one outcome a seed."""
    failure = FAILURES.get(way.failure, SOUND)
    with gate_off(way.off):
        return [lead(failure.recipe, way.plan, way.flow, seed, failure.spoil) for seed in range(way.seeds)]


def _said(found: Sequence[Outcome]) -> str:
    return f"{'/'.join(map(str, counts_of(found)))}{sum(one.cost_notional for one in found):>14,.0f}"


def table(names: Sequence[str], found: Sequence[list[Outcome]]) -> str:
    """found: with and without, name after name."""
    pairs = zip(names, found[::2], found[1::2], strict=True)
    rows = [f"{name or 'none':16}{FAILURES.get(name, SOUND).what:36}{_said(on):>28}{_said(off):>28}"
            for name, on, off in pairs]  # fmt: skip
    return "\n".join([HEADER, LEGEND, *rows])


def main() -> int:
    seeds, workers, flow, plan = asked_for(__doc__, "seeds", 10)
    names, started = ("", *GATES), time.monotonic()
    ways = [Way(name, off, seeds, plan, flow) for name in names for off in ("", name)]
    with ProcessPoolExecutor(workers) as pool:
        print(table(names, list(pool.map(led, ways))))
    print(f"{seeds} rollouts each, seeds 0 to {seeds - 1}; {time.monotonic() - started:.0f} s")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
