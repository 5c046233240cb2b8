"""`fillwise gate --explain`: the whole verdict as it was recorded: figure, threshold, because. It judges nothing.

What it tells is `gold.health`, the same rows that the rollout, the page and the card read, so nobody sees another
verdict here than the one that counts.
"""

from __future__ import annotations

from typing import Any

import pyarrow.compute as pc

from infra.lake import Lake
from infra.tables import HEALTH
from pipelines.gate_facts import GATE_STEPS, TRIAL
from pipelines.runner import Run

ORDER = ("fail", "hold", "pass", "note")
SUMMARY = "verdict"
TITLES = {"gate": "tonight's candidate", "gate_on_trial": "the recipe on trial"}


def _figure(value: float | None) -> str:
    return "nothing usable" if value is None else f"{round(value, 4):,.12g}"


def _check_lines(row: dict[str, Any]) -> list[str]:
    """What was checked and how it came out; the figure beside what was asked for; why that was asked."""
    asked = "" if row["threshold"] is None else f", asked for {_figure(row['threshold'])}"
    found = "" if row["figure"] is None and row["verdict"] == "note" else f": found {_figure(row['figure'])}{asked}"
    said = str(row["reason"]).removeprefix(f"{row['check_name']}: ").removesuffix(f" ({row['because']})")
    return [
        f"  {row['verdict']:5} {row['check_name']}{found}",
        f"        {said}",
        f"        because {row['because']}",
    ]


def explain_lines(rows: list[dict[str, Any]], step: str) -> list[str]:
    """One version's verdict and its checks, what decided first; nothing where the step recorded none."""
    mine = [row for row in rows if row["step"] == step]
    summary = next((row for row in mine if row["check_name"] == SUMMARY), None)
    if summary is None:
        return []
    checks = [row for row in mine if row["check_name"] != SUMMARY]
    checks.sort(key=lambda row: (row["check_name"] == TRIAL, ORDER.index(row["verdict"]), row["check_name"]))
    counts = ", ".join(f"{sum(row['verdict'] == word for row in checks)} {word}" for word in ORDER)
    head = f"{TITLES[step]} {summary['subject']}: {summary['verdict']} ({counts}); {summary['because']}"
    return [head, *(line for row in checks for line in _check_lines(row))]


def explain(run: Run) -> int:
    """Tell the verdict of the run's last session; exit 1 where none was recorded."""
    market, night = run.market.name, run.days[-1]
    table = Lake(run.settings.lake).read_day(HEALTH, market, night)
    rows = table.filter(pc.is_in(table["step"], pc.cast(list(GATE_STEPS), table["step"].type))).to_pylist()
    lines = [line for step in GATE_STEPS for line in explain_lines(rows, step)]
    if not lines:
        print(f"{market} {night}: the gate recorded nothing; run fillwise gate --market {market} --day {night}")
        return 1
    print(f"{market} {night}")
    print("\n".join(lines))
    return 0
