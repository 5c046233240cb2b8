"""Write the night's page: one self-contained HTML file at `<home>/pages/<market>/<day>/index.html`.

Figures first, then plots, then links. The page is made from what other steps left behind (`report_inputs.py`) and
judges nothing itself. It is written for a night that stopped, too: which step stopped it and why, in plain words.
The same inputs give the same bytes; `summary.json` beside it holds the headline for the list of nights.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from infra.errors import NightStoppedError
from infra.tables import HEALTH, QUARANTINE
from pipelines.page_template import FEATURES_PAGE, page_environment
from pipelines.report_inputs import Part, StepLine, part, read_steps, require_finished, stopped_at
from pipelines.report_parts import Judged, Signal, read_judged, read_paid, read_signal
from pipelines.report_tables import CostLine, RefusedLine, refused_lines
from pipelines.report_words import Headline, headline
from pipelines.step import StepContext, StepReport

if TYPE_CHECKING:
    from collections.abc import Callable

GATE, MONITOR = "gate", "monitor"
SUMMARY = "verdict"
"""The gate's own row over all its checks: it repeats them in one sentence."""
VERDICT_ORDER = ("fail", "hold", "ask", "pass", "note")


@dataclass(frozen=True)
class Check:
    """One row of `gold.health`."""

    name: str
    subject: str
    verdict: str
    figure: float | None
    threshold: float | None
    because: str
    reason: str


@dataclass(frozen=True)
class Checks:
    """A step's checks, the worst first, and the verdict over them."""

    verdict: str
    rows: tuple[Check, ...]


@dataclass(frozen=True)
class Link:
    """Where to read on; `href` is empty when there is nothing to open, and `why` says so."""

    title: str
    href: str
    why: str = ""


@dataclass(frozen=True)
class NightPage:
    """Everything that the template shows."""

    market: str
    orders: str
    day: date
    headline: Headline
    steps: tuple[StepLine, ...]
    stopped: StepLine | None
    gate: Part[Checks]
    judged: Part[Judged]
    signal: Part[Signal]
    drift: Part[Checks]
    refused: Part[tuple[RefusedLine, ...]]
    paid: Part[tuple[CostLine, ...]]
    links: tuple[Link, ...]

    @property
    def seconds(self) -> float:
        return sum(step.seconds for step in self.steps)


def _checks(context: StepContext, day: date, steps: tuple[StepLine, ...], step: str) -> Checks:
    require_finished(steps, step)
    found = context.lake.read_day(HEALTH, context.market.name, day).to_pylist()
    names = ("check_name", "subject", "verdict", "figure", "threshold", "because", "reason")
    rows = [Check(*(row[name] for name in names)) for row in found if row["step"] == step]
    if not rows:
        raise ValueError(f"step {step} recorded no check")
    rows.sort(key=lambda row: (VERDICT_ORDER.index(row.verdict), row.name, row.subject))
    return Checks(rows[0].verdict, tuple(row for row in rows if row.name != SUMMARY))


def _links(context: StepContext, folder: Path, signal: Part[Signal]) -> tuple[Link, ...]:
    files = (("drift report (Evidently)", "drift.html"), ("data checks (Great Expectations)", "data_docs/index.html"),
             ("evidence (JSON)", "evidence.json"), ("features", f"../{FEATURES_PAGE}"))  # fmt: skip
    links = [Link(title, name if (folder / name).exists() else "", "not written tonight") for title, name in files]
    run = Link("MLflow run", "", signal.why or "no run was recorded")
    if signal.value is not None and signal.value.training.run_id:
        found = signal.value.training
        address = (
            f"http://127.0.0.1:{context.settings.mlflow_port}/#/experiments/{found.experiment_id}/runs/{found.run_id}"
        )
        run = Link("MLflow run (while `make up` runs)", address)
    return (run, *links)


def read_night(context: StepContext, day: date) -> NightPage:
    """What the page of one night shows; a part that is missing says why in its place."""
    market, folder = context.market.name, context.page_folder(day)
    steps = read_steps(context.settings.logs / market / str(day))
    stopped = stopped_at(steps)
    gate = part(lambda: _checks(context, day, steps, GATE))
    judged = part(lambda: read_judged(context, day, folder, steps))
    signal = part(lambda: read_signal(folder, steps))
    shown = judged.value
    return NightPage(
        market=market,
        orders=context.market.orders,
        day=day,
        headline=headline(
            stopped, shown.candidate if shown else "", shown.decisive if shown else None,
            gate.value.verdict if gate.value else None,
        ),
        steps=steps,
        stopped=stopped,
        gate=gate,
        judged=judged,
        signal=signal,
        drift=part(lambda: _checks(context, day, steps, MONITOR)),
        refused=part(lambda: refused_lines(context.lake.read_day(QUARANTINE, market, day))),
        paid=part(lambda: read_paid(context, day)),
        links=_links(context, folder, signal),
    )  # fmt: skip


def render(page: NightPage) -> str:
    """The page as HTML."""
    return page_environment().get_template("night.html").render(page=page)


def _replace(path: Path, text: str) -> bool:
    """Write atomically; False when the file already held exactly this."""
    if path.exists() and path.read_text(encoding="utf-8") == text:
        return False
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    fresh.write_text(text, encoding="utf-8")
    os.replace(fresh, path)
    return True


def _missing(page: NightPage) -> list[str]:
    parts: dict[str, Part[Any]] = {
        "gate": page.gate, "backtest": page.judged, "signal": page.signal, "drift": page.drift,
        "quarantine": page.refused, "costs": page.paid,
    }  # fmt: skip
    return [f"{name} not available: {found.why}" for name, found in parts.items() if not found.is_there]


def _write(context: StepContext, day: date, draw: Callable[[NightPage], str] = render) -> tuple[bool, list[str]]:
    page, folder = read_night(context, day), context.page_folder(day)
    summary = json.dumps({"verdict": page.headline.verdict, "headline": page.headline.text}, indent=1) + "\n"
    is_new = [_replace(folder / "index.html", draw(page)), _replace(folder / "summary.json", summary)]
    return any(is_new), [page.headline.text, *_missing(page)]


def _refuse_to_end_green(context: StepContext) -> None:
    stopped = stopped_at(read_steps(context.settings.logs / context.market.name / str(context.night)))
    if stopped is not None:
        why = stopped.error_fields
        raise NightStoppedError(
            "the night stopped",
            which=f"{stopped.name} of {context.market.name} {context.night}",
            found=why.get("what") or stopped.state,
            allowed="every step done",
            next_step=why.get("next") or "run the same command again",
        )


def run(context: StepContext) -> StepReport:
    """Write the page of each night in `context.days`.

    Raises NightStoppedError, once the pages are written, when a step stopped the last of them: a night whose page says
    so must not look like one that went through.
    """
    written, notes = 0, list[str]()
    for day in context.progress(context.days, "report"):
        is_new, notes = _write(context, day)
        written += is_new
    notes.append(f"page {context.page_folder(context.night) / 'index.html'}")
    _refuse_to_end_green(context)
    return StepReport(len(context.days), len(context.days), is_unchanged=written == 0, notes=tuple(notes))
