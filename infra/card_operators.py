"""Operators that ask a person, and act on the answer: Airflow's Required Actions as the place where people click.

    CardsOperator    names the cards that ask, for `approval_card` to be triggered with, one run a card
    AskOperator      shows one card and waits for one answer, by entitled people alone, until the card expires
    AnswerOperator   takes the answer to our own approval service, which believes none of it before it has looked itself

Airflow is trusted with nothing. Whoever may edit a DAG's runs can mark a task successful, write an XCom, or clear and
delete a run; so the answer is read from Airflow's own record of who was logged in (REST, `hitlDetails`), and what it
says is worth nothing without a code that only that person's secret makes for this card and this decision. No default
answer is ever set, since Airflow would take it when the time is up. No secret is typed or kept here: the code is
worthless for any other card, and goes neither to XCom nor to a log.
"""

from __future__ import annotations

import json
import os
import re
import tempfile
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from airflow.providers.standard.hooks.subprocess import SubprocessHook
from airflow.providers.standard.operators.hitl import HITLOperator
from airflow.sdk import Param
from airflow.sdk.configuration import conf
from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowSkipException

from infra.operators import RETRIES, RETRY_DELAY, StepOperator, run_fillwise

CARD_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")
OPTIONS = ["Approve", "Reject"]
LONGEST_WAIT = timedelta(hours=24)
"""A card is valid for a day; each asks for what is left of its own."""
REST_SECONDS = 30.0
FORM = {
    "reason": Param("", type="string", title="Reason", description="why; it is recorded", source="task"),
    "code": Param("", type="string", title="Code", description="fillwise approve code CARD …", source="task"),
}
"""What is typed. Of the task itself: what the DAG's run was started with is not asked again."""
SERVICE_USER = "fillwise"
"""The user of Airflow who reads answers: a viewer, who can answer nothing."""


def card_name(raw: str) -> str:
    """The name, when it is one. Raises AirflowFailException: a name becomes a word of a command."""
    if not CARD_NAME.fullmatch(raw):
        raise AirflowFailException(f"no name of a card: {raw[:100]!a}; next: fillwise card list")
    return raw


class CardsOperator(StepOperator):
    """Which cards ask: one set of arguments for each, for the DAG that shows it."""

    def execute(self, context: Any) -> list[dict[str, Any]]:
        names = [card_name(str(name)) for name in json.loads(super().execute(context))]
        day = self.values["FILLWISE_DAY"]
        return [{"trigger_run_id": f"card__{name}", "conf": {"card": name, "day": day}} for name in names]


class AskOperator(HITLOperator):
    """Shows a card and waits. place: the how-maniest answer of it; a card that asks for fewer skips this task.

    Who may answer, the text and the time are read when the task runs, and nothing of them is a template.
    """

    template_fields: Sequence[str] = ("card",)

    def __init__(self, *, card: str, market: str, place: int, **others: Any) -> None:
        super().__init__(
            subject="A card asks for approval",
            options=OPTIONS,
            response_timeout=LONGEST_WAIT,
            do_xcom_push=False,
            **{"retries": RETRIES, "retry_delay": RETRY_DELAY, **others, "params": {**FORM}},
        )
        self.card, self.market, self.place = card, market, place

    def execute(self, context: Any) -> Any:
        """Raises AirflowSkipException when nothing is to be asked, AirflowFailException when nobody may be."""
        words, values = ["required_action", card_name(self.card)], {"FILLWISE_MARKET": self.market}
        told = json.loads(run_fillwise(SubprocessHook(), words, values))
        if self.place > int(told["approvals"]):
            raise AirflowSkipException(f"{self.card} asks for {told['approvals']} answers")
        if told["closed"]:
            raise AirflowSkipException(f"{self.card} asks nobody any more: {told['closed']}")
        if not told["assigned"]:
            raise AirflowFailException(f"{self.card}: nobody may answer, and a card without names is open to everybody")
        self.subject, self.body, self.assigned_users = told["subject"], told["body"], told["assigned"]
        self.response_timeout = timedelta(seconds=float(told["waits_seconds"]))
        return super().execute(context)

    def process_trigger_event_error(self, event: dict[str, Any]) -> None:
        """Out of time is final: the card has expired, and asking again would ask for nothing."""
        if event["error_type"] == "timeout":
            raise AirflowFailException(f"{self.card}: nobody has answered before it expired; nothing was changed")
        super().process_trigger_event_error(event)


class AnswerOperator(StepOperator):
    """Takes what Airflow recorded of one answer to `fillwise approve`, which verifies it and records it, or refuses."""

    template_fields: Sequence[str] = ("values", "card")

    def __init__(self, *, card: str, asked: str, **others: Any) -> None:
        super().__init__(command="approve", do_xcom_push=False, **others)
        self.card, self.asked = card, asked

    def execute(self, context: Any) -> str:
        """Raises AirflowFailException with the service's reason, AirflowException where a retry may help."""
        name, run = card_name(self.card), context["dag_run"]
        details = hitl_details(run.dag_id, run.run_id, self.asked)
        with tempfile.NamedTemporaryFile("w", prefix="answer-", suffix=".json") as file:
            json.dump(details, file)
            file.flush()
            said = self.run(["approve", name, "--airflow", file.name])
        if not details.get("responded_by_user"):
            raise AirflowFailException(f"{name}: nobody has answered, whatever the task says")
        return said


def _opened(request: urllib.request.Request | str) -> Any:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=REST_SECONDS) as reply:
        return json.loads(reply.read())


def _token(base: str) -> str:
    """A token of the service user, whose password lies where the embedded auth manager keeps them."""
    path = Path(os.environ["AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE"])
    told = {"username": SERVICE_USER, "password": json.loads(path.read_text())[SERVICE_USER]}
    body = json.dumps(told).encode()
    request = urllib.request.Request(f"{base}/auth/token", body, {"Content-Type": "application/json"})  # noqa: S310
    return str(_opened(request)["access_token"])


def hitl_details(dag_id: str, run_id: str, task_id: str) -> dict[str, Any]:
    """Airflow's own record of an answer: who was logged in, what they chose and typed.

    Raises AirflowFailException when nobody was ever asked, AirflowException when the server does not answer.
    """
    base = str(conf.get("api", "base_url")).rstrip("/")
    names = [urllib.parse.quote(one, safe="") for one in (dag_id, run_id, task_id)]
    path = "/api/v2/dags/{}/dagRuns/{}/taskInstances/{}/-1/hitlDetails".format(*names)
    try:
        headers = {"Authorization": f"Bearer {_token(base)}"}
        found: dict[str, Any] = _opened(urllib.request.Request(base + path, headers=headers))  # noqa: S310
    except urllib.error.HTTPError as error:
        if error.code == 404:
            raise AirflowFailException(f"{task_id} has asked nobody: there is no answer to act on") from None
        raise AirflowException(f"Airflow does not tell the answer: HTTP {error.code}") from None
    except (OSError, KeyError, ValueError) as error:
        raise AirflowException(f"Airflow does not tell the answer: {type(error).__name__}: {error}") from None
    return found
