"""Tonight in one sentence: what happened and the verdict, in words that need no explanation.

>>> found = Comparison("sample.execution/3", "trade_through", "order set", 4000, 20, 0.4, -0.9, 1.8, "")
>>> of_comparison("sample.execution/3", found)
'Candidate sample.execution/3 was not better than TWAP: +0.40 bps [−0.90, +1.80] over 20 sessions'
"""

from __future__ import annotations

from dataclasses import dataclass

from pipelines.page_template import signed
from pipelines.report_evidence import Comparison
from pipelines.report_inputs import StepLine

BENCHMARK_VERSION = "0"
WORDS = {
    "cheaper": "was cheaper than TWAP",
    "dearer": "was dearer than TWAP",
    "not told apart": "was not better than TWAP",
}
VERDICTS = {
    "pass": "gate: pass, a person may be asked",
    "hold": "gate: hold, nobody is promoted",
    "fail": "gate: fail, nobody is promoted",
}


@dataclass(frozen=True)
class Headline:
    """`verdict`: pass, hold, fail, stopped, or none (no gate tonight)."""

    verdict: str
    text: str


def policy_label(version: str) -> str:
    """Version 0 of every market is the benchmark policy."""
    return f"TWAP ({version})" if version.rpartition("/")[2] == BENCHMARK_VERSION else version


def interval(found: Comparison) -> str:
    """`[−0.90, +1.80]`, or why there is none."""
    if found.low_bps is None or found.high_bps is None:
        return found.why_no_interval
    return f"[{signed(found.low_bps)}, {signed(found.high_bps)}]"


def of_comparison(candidate: str, found: Comparison) -> str:
    """The candidate against TWAP under the pessimistic fill bound."""
    sessions = f"over {found.sessions} session{'' if found.sessions == 1 else 's'}"
    if found.verdict == "descriptive":
        return (
            f"Candidate {candidate} cost {signed(found.difference_bps)} bps against TWAP {sessions} ({interval(found)})"
        )
    return (
        f"Candidate {candidate} {WORDS[found.verdict]}: {signed(found.difference_bps)} bps {interval(found)} {sessions}"
    )


def of_stop(step: StepLine) -> str:
    """Why the night ended early."""
    if step.state == "interrupted":
        return f"The night was interrupted in {step.name}: the process was killed. Run the same command again."
    what = step.error_fields.get("what") or "no reason was recorded"
    return f"The night stopped at {step.name}: {what}. The version in production is untouched."


def headline(stopped: StepLine | None, candidate: str, found: Comparison | None, gate: str | None) -> Headline:
    """The sentence and the one word that colours it."""
    if stopped is not None:
        return Headline("stopped", of_stop(stopped))
    sentence = of_comparison(candidate, found) if found else "No candidate was compared with TWAP tonight"
    if gate is None:
        return Headline("none", f"{sentence}; the gate gave no verdict.")
    return Headline(gate, f"{sentence}; {VERDICTS.get(gate, gate)}.")
