"""Tonight's refits as commands for the ledger: `JudgeRefit`. The verdicts are made in `pipelines/recipes/refit.py`."""

from __future__ import annotations

from collections.abc import Sequence

from infra import calendar
from models.rollout.commands import JudgeRefit
from models.rollout.fold import Recorded, fold
from pipelines.recipes.active import active_in
from pipelines.recipes.probes import freeze_probes
from pipelines.recipes.refit import JudgedRefit, judge_refits
from pipelines.step import StepContext

__all__ = ["freeze_probes", "tonights_refits"]


def _command(context: StepContext, judged: JudgedRefit) -> JudgeRefit:
    session = str(calendar.session_after(context.market, context.night))
    verdict = judged.verdict
    return JudgeRefit(
        judged.arm.arm, judged.refit, str(context.night), session, verdict.is_inside, verdict.reasons,
        verdict.change_from_approved,
    )  # fmt: skip


def tonights_refits(context: StepContext, entries: Sequence[Recorded]) -> tuple[JudgeRefit, ...]:
    """Verdicts on tonight's refits of challenger and champion; nothing where tonight made none."""
    active = active_in(context.settings, fold(context.market.name, entries), entries)
    return tuple(_command(context, one) for one in judge_refits(context, active))
