"""The inventory of risk controls: what each looks at, whether it is a limit or a trigger, what it does, last tested.

PRA SS5/18 asks for the list with its kinds (limit or trigger, alert or action); ESMA for proof that controls work, so a
test of one is an event, `control_tested`, with the day and the result. Limits and guardrails come from their own
declarations; a control that is not here cannot be recorded as tested.

    >>> CONTROLS["kill"].kind, CONTROLS["kill"].effect
    ('person', 'action')
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from models.guardrails import GUARDRAILS
from models.limits import Limits

LIMIT_WORDS = {
    "symbols": "instruments that a version may trade",
    "venues": "venues that it may send to",
    "price_collar_bps": "price of a child order against the far touch",
    "order_notional": "value of a child order",
    "session_notional": "value sent in a session",
    "session_orders": "child orders sent in a session",
    "position_notional": "value bought less value sold",
    "participation": "own share of the market's volume",
    "repeats": "child orders in a row without a fill; a person lets it go on",
    "stop_notional": "cost above the champion's in a session",
}
"""Fields of `models.limits.Limits`, checked before every child order."""


class Told(Protocol):
    """An entry of the ledger."""

    @property
    def kind(self) -> str: ...

    @property
    def at(self) -> str: ...

    @property
    def payload(self) -> Mapping[str, Any]: ...


@dataclass(frozen=True)
class Control:
    """One control. kind: limit, trigger, or person. effect: action (stops or holds something) or alert."""

    name: str
    what: str
    kind: str
    effect: str
    last_tested_at: str = ""
    result: str = ""


OTHERS = (
    Control("kill", "stops all child orders of a version, a symbol, or everything", "person", "action"),
    Control("rollback", "takes a version out within a second, without approval or gate", "person", "action"),
    Control("approval", "persons who are not the author agree before a phase trades", "person", "action"),
    Control("gate", "evidence on held-out days, before a recipe is asked for", "trigger", "action"),
    Control("envelope", "how far a nightly refit may differ and still trade", "limit", "action"),
    Control("harm_test", "betting test that the challenger costs more than the champion", "trigger", "action"),
    Control("champion_judged", "champion against the benchmark hold-out after completion", "trigger", "action"),
    Control("drift", "training window of each arm against today", "trigger", "action"),
    Control("routing_signature", "desks obey signed snapshots of a growing epoch only", "trigger", "action"),
    Control("read_back", "desks report what they run before a phase counts", "trigger", "alert"),
    Control("aliases", "a registry alias moved by hand is put back", "trigger", "alert"),
    Control("ledger_chain", "an altered, missing or rewritten entry is named", "trigger", "alert"),
    Control("alerts", "a person is told, acknowledges, or the next one is told", "trigger", "alert"),
)
CONTROLS: dict[str, Control] = {
    one.name: one
    for one in (
        *(Control(f"limit_{name}", LIMIT_WORDS[name], "limit", "action") for name in Limits.__dataclass_fields__),
        *(Control(f"guardrail_{row.name}", row.name.replace("_", " "), "trigger", "action") for row in GUARDRAILS),
        *OTHERS,
    )
}


def controls_tested(entries: Sequence[Told]) -> tuple[Control, ...]:
    """Every control with its last test, as the ledger tells it."""
    last = {str(one.payload["control"]): one for one in entries if one.kind == "control_tested"}
    return tuple(
        replace(control, last_tested_at=last[name].at, result=str(last[name].payload["result"]))
        if name in last
        else control
        for name, control in CONTROLS.items()
    )
