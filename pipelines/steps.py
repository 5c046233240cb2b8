"""The steps of a night, in order. A new step is one file and one row here."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Step:
    """One step: its name on the command line, the module that holds `run`, and its help line.

    is_history: `bootstrap` and `backfill` run it. takes_delivery: late files and corrections come in here.
    explains: module whose `explain(run)` tells what the step recorded, for `--explain`.
    """

    name: str
    module: str
    help: str
    is_history: bool = False
    takes_delivery: bool = False
    explains: str = ""


STEPS: tuple[Step, ...] = (
    Step(
        "trade",
        "pipelines.trade",
        "work the day's client orders on a simulated or replayed market, drop the files",
        True,
    ),
    Step("ingest", "pipelines.ingest", "bring files into bronze tables, each exactly once", True, True),
    Step(
        "validate",
        "pipelines.validate",
        "check rows: good ones to silver, refused ones to quarantine with their rule",
        True,
    ),
    Step(
        "fit_features",
        "pipelines.fit_features",
        "fit on the last sessions what features of later sessions read: microprice, regimes",
        True,
    ),
    Step("build_features", "pipelines.build_features", "compute features of every book row", True),
    Step("skew", "pipelines.skew", "recompute every vector that the desk logged with its decisions, bit by bit"),
    Step("build_training_set", "pipelines.build_training_set", "compute labels and name the rows to learn from", True),
    Step("train", "pipelines.train", "refit the recipe on the training window and register the version in MLflow"),
    Step("backtest", "pipelines.backtest", "walk forward: candidate, champion and TWAP on the same orders"),
    Step(
        "gate",
        "pipelines.gate",
        "judge the candidate, fail closed, with reasons in words",
        explains="pipelines.gate_words",
    ),
    Step("monitor", "pipelines.monitor", "compare today's features with the training window"),
    Step("report", "pipelines.report", "write the night's page"),
)


def step_named(name: str) -> Step:
    """The step of that name. Raises StopIteration for a name that is none."""
    return next(step for step in STEPS if step.name == name)
