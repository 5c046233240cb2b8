"""`fillwise card`, `approve`, and what `rollout override` and `recipe report` do: what a person types about a card."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from datetime import UTC, date, datetime
from getpass import getpass
from pathlib import Path
from typing import Any

from infra.errors import SourceError, UsageError
from infra.ledger import Ledger, open_ledger
from infra.settings import Settings
from models.approval import Approval
from pipelines.approval.answer import answer_card, answer_from_airflow
from pipelines.approval.card_text import card_markdown, card_text, warnings
from pipelines.approval.cards import CardState, card_named, cards
from pipelines.approval.codes import code_for, written_code
from pipelines.approval.override import give_override
from pipelines.approval.people import authenticate, person_with_role, trusted_people
from pipelines.approval.report import record_report
from pipelines.approval.secrets_file import secret_of, typed_secret

Arguments = argparse.Namespace
MOST_BYTES = 1_000_000


def _ledger(settings: Settings) -> Ledger:
    return open_ledger(settings, settings.ledger_purpose)


def _missing(what: str, allowed: str, command: str) -> UsageError:
    return UsageError(
        f"{what} is missing", which=command, found="nothing", allowed=allowed, next_step=f"fillwise {command} --help"
    )


def _given(arguments: Arguments, name: str, command: str) -> str:
    found = str(getattr(arguments, name) or "").strip()
    if not found:
        raise _missing(f"--{name}", "some words" if name == "reason" else "a value", command)
    return found


def _secret(arguments: Arguments, person: str) -> str:
    return typed_secret(arguments.secret_file, f"secret of {person}: ")


def _line(state: CardState, at: datetime) -> str:
    card = state.card
    warned = len(warnings(card.shown))
    said = f"{card.card_id:<34}{card.from_phase or 'start'} to {card.to_phase}: {state.words(at)}"
    return f"{said}; {warned} warnings" if warned else said


def _newest(states: tuple[CardState, ...]) -> CardState:
    asking = [state for state in states if not state.is_closed]
    if not asking:
        raise _missing("a card", "one that asks: there is none", "card list")
    return asking[-1]


def card(settings: Settings, arguments: Arguments) -> int:
    """The command `card`."""
    at, ledger = datetime.now(UTC), _ledger(settings)
    states = cards(ledger, arguments.market)
    if arguments.action == "list":
        print("\n".join(_line(state, at) for state in states) or f"no cards in market {arguments.market}")
        return 0
    found = card_named(ledger, arguments.card) if arguments.card else _newest(states)
    print(card_markdown(found.card) if arguments.markdown else card_text(found, at))
    return 0


def _details(name: str) -> Mapping[str, Any]:
    """What Airflow's REST interface tells of an answer. Raises SourceError for anything else."""
    try:
        text = sys.stdin.read(MOST_BYTES) if name == "-" else Path(name).read_text(encoding="utf-8")
        found = json.loads(text)
    except (OSError, ValueError) as error:
        raise SourceError(
            "cannot read Airflow's answer", which=name, found=type(error).__name__, allowed="hitlDetails as JSON",
            next_step="fillwise approve CARD --person NAME works without Airflow",
        ) from None  # fmt: skip
    if not isinstance(found, dict):
        raise _missing("an answer", "hitlDetails as a JSON object", "approve")
    return found


def _print_code(settings: Settings, ledger: Ledger, card_id: str, arguments: Arguments, at: datetime) -> int:
    person, decision = _given(arguments, "person", "approve code"), _given(arguments, "decision", "approve code")
    state = card_named(ledger, card_id)
    authenticate(settings, trusted_people(settings, ledger), person, _secret(arguments, person))
    print(card_text(state, at))
    code = code_for(secret_of(settings, person), state.card.digest(), decision)
    print(f"code of {person} to {decision} {card_id}, and for nothing else:\n{written_code(code)}")
    return 0


def _answer(settings: Settings, ledger: Ledger, card_id: str, arguments: Arguments, at: datetime) -> Approval:
    if arguments.airflow:
        return answer_from_airflow(settings, ledger, card_id, _details(arguments.airflow), at)
    person, decision = _given(arguments, "person", "approve"), _given(arguments, "decision", "approve")
    reason = _given(arguments, "reason", "approve")
    code = arguments.code or getpass(f"code of {person} to {decision} {card_id}: ")
    return answer_card(settings, ledger, card_id, person, code, decision, reason, at, "cli")


def approve(settings: Settings, arguments: Arguments) -> int:
    """The command `approve`: `approve code CARD` prints a code, `approve CARD` answers."""
    at, ledger, words = datetime.now(UTC), _ledger(settings), list(arguments.card)
    if len(words) == 2 and words[0] == "code":
        return _print_code(settings, ledger, words[1], arguments, at)
    if len(words) != 1:
        raise UsageError(
            "one card at a time", which="approve", found=" ".join(words), allowed="CARD, or code CARD",
            next_step="fillwise card list",
        )  # fmt: skip
    found = _answer(settings, ledger, words[0], arguments, at)
    print(f"{found.decision}d by {found.person}, recorded as {found.approval_id}; counts until {found.expires_at}")
    print(card_named(ledger, words[0]).words(at))
    return 0


def override(settings: Settings, arguments: Arguments) -> int:
    """`rollout override`: one person's word; the second one's puts it in force."""
    person, reason = _given(arguments, "person", "rollout override"), _given(arguments, "reason", "rollout override")
    secret, at = _secret(arguments, person), datetime.now(UTC)
    found = give_override(
        settings, _ledger(settings), arguments.market, arguments.what, person, secret, reason, at
    )  # fmt: skip
    said = "in force and recorded" if found.is_recorded else "waits for a second person, one of both a risk officer"
    print(f"override of {arguments.what} by {', '.join(found.persons)}: {said} (card {found.card_id})")
    return 0


def _date(raw: str) -> date:
    try:
        return date.fromisoformat(raw)
    except ValueError:
        raise UsageError(
            "cannot read a date", which="--expires", found=repr(raw), allowed="YYYY-MM-DD", next_step="type it again"
        ) from None


def report(settings: Settings, arguments: Arguments) -> int:
    """`recipe report`: record an independent validation report."""
    person, name = _given(arguments, "person", "recipe report"), _given(arguments, "recipe", "recipe report")
    path, summary = Path(_given(arguments, "file", "recipe report")), _given(arguments, "summary", "recipe report")
    expires_on, at = _date(_given(arguments, "expires", "recipe report")), datetime.now(UTC)
    officer = person_with_role(settings, person, "risk", secret=_secret(arguments, person))
    ledger = _ledger(settings)
    digest = record_report(settings, ledger, arguments.market, name, officer, path, expires_on, summary, at)
    print(f"report {digest[:16]} of recipe {name} by {person}, counts until {expires_on}")
    return 0
