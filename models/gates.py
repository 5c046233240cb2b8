"""The gate: evidence in, verdict out. Fail closed, with the figure, the threshold and its "because" in words.

Verdicts are ordered: fail beats hold beats pass; a note is told and never decides. Missing, NaN or too little evidence
is a hold, never a pass. A further kind of evidence is one function that makes a `Check`, and one row in the catalogue
of `pipelines/gate_evidence.py`.

    >>> judge((check_at_least("sessions", 12, 20, "a block bootstrap covers badly below"),)).verdict
    'hold'

Nothing here promotes anybody: a pass means that a person may be asked (design §9).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Verdict = Literal["pass", "hold", "fail", "note"]
ORDER: dict[Verdict, int] = {"note": -1, "pass": 0, "hold": 1, "fail": 2}


@dataclass(frozen=True)
class Check:
    """One piece of evidence, judged. `reason` is a sentence that holds figure, threshold and verdict."""

    name: str
    verdict: Verdict
    figure: float | None
    threshold: float | None
    because: str
    reason: str


@dataclass(frozen=True)
class GateVerdict:
    """The worst of its checks; no checks at all is a hold."""

    verdict: Verdict
    checks: tuple[Check, ...]

    @property
    def reasons(self) -> tuple[str, ...]:
        """Reasons of the checks that decided, worst first; all of them when everything passed."""
        deciding = [check for check in self.checks if check.verdict == self.verdict]
        return tuple(check.reason for check in deciding)


def _figure(value: float) -> str:
    """Three decimals at most, none that are nought, thousands apart."""
    return f"{round(value, 3):,.12g}"


def _missing(name: str, threshold: float | None, because: str, found: float | None) -> Check:
    return Check(name, "hold", None, threshold, because, f"{name}: no usable figure (found {found}), so hold")


def check_at_least(
    name: str, figure: float | None, threshold: float, because: str, otherwise: Verdict = "hold", unit: str = ""
) -> Check:
    """Pass when figure >= threshold, else `otherwise`; a missing or not-finite figure is a hold."""
    if figure is None or not math.isfinite(figure):
        return _missing(name, threshold, because, figure)
    verdict: Verdict = "pass" if figure >= threshold else otherwise
    relation = "at least" if verdict == "pass" else "below"
    return Check(
        name,
        verdict,
        figure,
        threshold,
        because,
        f"{name}: {_figure(figure)}{unit} is {relation} {_figure(threshold)}{unit} ({because})",
    )


def check_at_most(
    name: str, figure: float | None, threshold: float, because: str, otherwise: Verdict = "hold", unit: str = ""
) -> Check:
    """Pass when figure <= threshold, else `otherwise`; a missing or not-finite figure is a hold."""
    if figure is None or not math.isfinite(figure):
        return _missing(name, threshold, because, figure)
    verdict: Verdict = "pass" if figure <= threshold else otherwise
    relation = "at most" if verdict == "pass" else "above"
    return Check(
        name,
        verdict,
        figure,
        threshold,
        because,
        f"{name}: {_figure(figure)}{unit} is {relation} {_figure(threshold)}{unit} ({because})",
    )


def check_cost(
    mean_bps: float | None, low_bps: float | None, high_bps: float | None, *, name: str = "cost_against_benchmark",
    rival: str = "the benchmark policy", margin_bps: float = 0.0,
) -> Check:  # fmt: skip
    """Paired cost difference (candidate minus rival) and its interval, both under the pessimistic fill bound.

    margin_bps: 0 asks for cheaper; above 0 asks for not inferior by that margin.
    """
    because = "cheaper only counts when the whole interval says so"
    if margin_bps > 0.0:
        because = f"not inferior only counts when the whole interval lies below {_figure(margin_bps)} bps"
    if (
        mean_bps is None
        or low_bps is None
        or high_bps is None
        or not all(map(math.isfinite, (mean_bps, low_bps, high_bps)))
    ):
        said = f"{name}: no interval (fewer than 20 sessions), so hold"
        return Check(name, "hold", mean_bps, margin_bps, because, said)
    text = f"{mean_bps:+.2f} bps [{low_bps:+.2f}, {high_bps:+.2f}] against {rival}"
    if high_bps < margin_bps:
        word = "cheaper" if high_bps < 0.0 else f"not inferior by {_figure(margin_bps)} bps"
        return Check(name, "pass", mean_bps, margin_bps, because, f"{name}: {text}: {word}")
    if low_bps > margin_bps:
        return Check(name, "fail", mean_bps, margin_bps, because, f"{name}: {text}: dearer")
    return Check(name, "hold", mean_bps, margin_bps, because, f"{name}: {text}: not told apart")


def judge(checks: Sequence[Check]) -> GateVerdict:
    """The verdict over all checks; notes alone are no evidence."""
    deciding = [check for check in checks if check.verdict != "note"]
    if not deciding:
        missing = Check("evidence", "hold", 0.0, 1.0, "no evidence is no pass", "evidence: none at all, so hold")
        return GateVerdict("hold", (missing, *checks))
    worst = max((check.verdict for check in deciding), key=lambda verdict: ORDER[verdict])
    return GateVerdict(worst, tuple(checks))
