"""`step("ingest", …)`: the one Airflow operator that every DAG uses.

A task is the command that a person would type, started without a shell; its values travel in the environment, so
nothing typed into a form can become a command. The step dies with its parent. Exit status 75 ("try again") is
retried, any other failure is final at once: a broken file does not mend itself in two minutes. What asks a person lives
in `infra/card_operators.py`.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from airflow.providers.standard.hooks.subprocess import SubprocessHook
from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowSkipException

FILLWISE = Path(sys.executable).parent / "fillwise"
EXIT_NO_SESSION, EXIT_TRY_AGAIN = 99, 75
RETRIES, RETRY_DELAY = 2, timedelta(minutes=2)


def run_fillwise(
    hook: SubprocessHook, words: Sequence[str], values: Mapping[str, str], *, may_skip: bool = False
) -> str:
    """The last line that `fillwise words…` printed. Raises as its exit status says."""
    environment = {**os.environ, **values, "FILLWISE_DIE_WITH_PARENT": "1"}
    done = hook.run_command([str(FILLWISE), *words], env=environment, cwd=os.sep)
    if done.exit_code == EXIT_NO_SESSION and may_skip:
        raise AirflowSkipException(done.output)
    if done.exit_code == EXIT_TRY_AGAIN:
        raise AirflowException(done.output)
    if done.exit_code != 0:
        raise AirflowFailException(f"exit status {done.exit_code}: {done.output}")
    return str(done.output)


class StepOperator(BaseOperator):
    """Runs `fillwise <command>` for one market; returns the last line that it printed.

    words: what stands behind the command, fixed in the DAG. Only a task that may skip ends as skipped (exit 99, the
    exchange is closed); for every other step 99 is a failure, since a skipped step would let the night end green
    without it.
    """

    template_fields: Sequence[str] = ("values",)

    def __init__(
        self, *, command: str, values: dict[str, str], may_skip: bool = False, words: Sequence[str] = (), **others: Any
    ) -> None:
        super().__init__(**others)
        self.command, self.values, self.may_skip, self.words = command, values, may_skip, tuple(words)

    def execute(self, context: Any) -> Any:  # noqa: ARG002
        """Raises AirflowFailException with the step's own sentence, or AirflowException where a retry may help."""
        return self.run([self.command, *self.words])

    def run(self, words: Sequence[str]) -> str:
        """Run one command to its end; the last line that it printed."""
        self.hook = SubprocessHook()
        return run_fillwise(self.hook, words, self.values, may_skip=self.may_skip)

    def on_kill(self) -> None:
        """Airflow stops the task: so does the step."""
        self.hook.send_sigterm()


def _values(market: str, day: str) -> dict[str, str]:
    return {"FILLWISE_MARKET": market, "FILLWISE_DAY": day, "FILLWISE_DATA": "{{ params.data or '' }}"}


OF_SESSION = "{{ ti.xcom_pull(task_ids='session') }}"
"""The trade date that the first task found."""
DUE = "{{ dag_run.run_after.isoformat() }}"
"""When the run was due, however late it starts."""


def deadline_task(market: str) -> StepOperator:
    """The one task of a morning: red when the night is not done."""
    return StepOperator(
        task_id="deadline",
        command="deadline",
        values={"FILLWISE_MARKET": market, "FILLWISE_AT": DUE},
        doc_md="Is the night of the latest session done?",
    )


def session_task(market: str) -> StepOperator:
    """First task: returns the trade date; skipped, with everything after it, when there is no session.

    It is told when the run was due, so a night that starts late (a missed Friday on Saturday) still finds its day.
    """
    return StepOperator(
        task_id="session",
        command="session",
        values={**_values(market, "{{ params.day or '' }}"), "FILLWISE_AT": DUE},
        may_skip=True,
        doc_md="Which trade date is tonight's. Skipped: no session today.",
    )


def step(name: str, market: str, help_line: str, *, trigger_rule: str = "all_success") -> StepOperator:
    """One step of the night as a task named like it."""
    return StepOperator(
        task_id=name,
        command=name,
        values=_values(market, OF_SESSION),
        retries=RETRIES,
        retry_delay=RETRY_DELAY,
        trigger_rule=trigger_rule,
        do_xcom_push=False,
        doc_md=f"`fillwise {name} --market {market} --day D`: {help_line}",
    )


def command_task(
    task_id: str, market: str, words: str, help_line: str, *, day: str = OF_SESSION, **others: Any
) -> StepOperator:
    """Any command as a task: `words` as a person would type them, market and day in the environment."""
    command, *rest = words.split()
    return StepOperator(
        task_id=task_id,
        command=command,
        words=tuple(rest),
        values={"FILLWISE_MARKET": market, "FILLWISE_DAY": day, "FILLWISE_AT": DUE},
        doc_md=f"`fillwise {words} --market {market}`: {help_line}",
        **{"retries": RETRIES, "retry_delay": RETRY_DELAY, "do_xcom_push": False, **others},
    )
